//! What came of sending a notice, and how an HTTP answer is judged.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};

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
    /// Never: a repetition would end the same way.
    Refused {
        /// What happened, for people. Holds no path and no query of the address.
        why: String,
    },
}

/// The verdict on a full HTTP answer.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap) -> Sent {
    let why = format!("the receiver answered {status}");
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Sent::Again { after: retry_after(headers), why }
        }
        _ if status.is_success() => Sent::Delivered { status: status.as_u16() },
        _ if status.is_server_error() => Sent::Again { after: retry_after(headers), why },
        _ if status.is_redirection() => {
            Sent::Refused { why: why + ", and redirects are not followed" }
        }
        _ => Sent::Refused { why },
    }
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
        for status in 200..600 {
            let sent = judge(StatusCode::from_u16(status).unwrap(), &none);
            let is_right = match status {
                200..=299 => sent == Sent::Delivered { status },
                408 | 425 | 429 | 500..=599 => {
                    matches!(&sent, Sent::Again { after: None, why } if why.contains(&status.to_string()))
                }
                _ => matches!(&sent, Sent::Refused { why } if why.contains(&status.to_string())),
            };
            assert!(is_right, "{status}: {sent:?}");
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
