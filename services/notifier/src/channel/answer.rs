//! What came of sending a notice, and how an HTTP answer is judged.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};

use super::hosts::breaker::Health;

/// The longest a receiver can put off the next try.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The receiver took it.
    Delivered {
        /// Its HTTP status, 200 to 299.
        status: u16,
    },
    /// Not now, perhaps later.
    Again {
        /// What the receiver asked for, above zero and at most [`RETRY_AFTER_MAX`].
        after: Option<Duration>,
        /// What happened, for people. Holds no address.
        why: String,
    },
    /// Its host is away or busy: to be tried then, and no attempt is spent.
    PutOff {
        /// When.
        after: Duration,
        /// Why, for people. Holds no path and no query of the address.
        why: String,
        /// Whether the receiver may have seen it: this was the one try that asked whether it is back.
        tried: bool,
    },
    /// Never: the receiver does not want it, or sends it elsewhere.
    Refused {
        /// What happened, for people. Holds no path and no query of the address.
        why: String,
    },
    /// Never: the address is none that may be told.
    NotAllowed {
        /// Why not, for people. Holds no path and no query of the address.
        why: String,
    },
}

/// The verdict on a full HTTP answer, about the notice and about its host.
///
/// As Standard Webhooks has it, everything but 2xx is a failure that is tried again, and 410 is final.
/// So is a redirect: it is not followed, and the job's address does not change.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap) -> (Sent, Health) {
    let why = format!("the receiver answered {status}");
    if status.is_success() {
        return (Sent::Delivered { status: status.as_u16() }, Health::Well);
    }
    if status.is_redirection() {
        return (Sent::Refused { why: why + ", and redirects are not followed" }, Health::Well);
    }
    if status == StatusCode::GONE {
        return (Sent::Refused { why }, Health::Well);
    }
    let after = retry_after(headers);
    let is_ill = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let health = if is_ill { Health::Ill { least: after } } else { Health::Well };
    (Sent::Again { after, why }, health)
}

/// Seconds, or a date. A date counts from the receiver's own `Date`, so that no clock of ours is in it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wanted = text(headers, RETRY_AFTER)?;
    let after = wanted.parse().map(Duration::from_secs).ok().or_else(|| {
        let until = httpdate::parse_http_date(wanted).ok()?;
        let now = httpdate::parse_http_date(text(headers, DATE)?).ok()?;
        until.duration_since(now).ok()
    })?;
    (!after.is_zero()).then(|| after.min(RETRY_AFTER_MAX))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn every_status_has_its_verdict() {
        let none = HeaderMap::new();
        let ill = Health::Ill { least: None };
        for status in 200..600 {
            let (sent, health) = judge(StatusCode::from_u16(status).unwrap(), &none);
            let says = |why: &String| why.contains(&status.to_string());
            let is_right = match (&sent, status) {
                (Sent::Delivered { status: said }, 200..=299) => *said == status,
                (Sent::Refused { why }, 300..=399 | 410)
                | (Sent::Again { after: None, why }, 400..=409 | 411..=599) => says(why),
                _ => false,
            };
            assert!(is_right, "{status}: {sent:?}");
            assert_eq!(health == ill, matches!(status, 429 | 500..=599), "{status}: {health:?}");
        }
    }

    #[test]
    fn an_overloaded_host_is_left_alone_for_as_long_as_it_asks() {
        let wait = headers(&[(RETRY_AFTER, "7")]);
        let least = Some(Duration::from_secs(7));
        for (status, expected) in
            [(429, Health::Ill { least }), (503, Health::Ill { least }), (404, Health::Well)]
        {
            let (sent, health) = judge(StatusCode::from_u16(status).unwrap(), &wait);
            assert!(matches!(sent, Sent::Again { after, .. } if after == least), "{sent:?}");
            assert_eq!(health, expected, "{status}");
        }
    }

    #[test]
    fn a_receiver_may_put_us_off_within_limits() {
        let date = (DATE, "Sat, 21 Nov 2026 09:00:00 GMT");
        for (value, seconds) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("0", None),
            ("86400", Some(300)),
            ("18446744073709551615", Some(300)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sat, 21 Nov 2026 09:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(300)),
            ("Sat, 21 Nov 2026 08:59:30 GMT", None),
        ] {
            let after = retry_after(&headers(&[(RETRY_AFTER, value), date.clone()]));
            assert_eq!(after, seconds.map(Duration::from_secs), "{value}");
        }
        let undated = headers(&[(RETRY_AFTER, "Sat, 21 Nov 2026 09:00:30 GMT")]);
        assert_eq!(retry_after(&undated), None);
    }
}
