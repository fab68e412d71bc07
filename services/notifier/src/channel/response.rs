//! Result of a delivery attempt, and how HTTP responses are classified.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};

use super::hosts::breaker::Health;

/// Longest `Retry-After` that is respected.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// Result of a delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The receiver accepted the notification.
    Delivered {
        /// Its HTTP status, 200 to 299.
        status: u16,
    },
    /// Failed; to be tried again.
    Failed {
        /// The receiver's `Retry-After`, above zero and at most [`RETRY_AFTER_MAX`].
        after: Option<Duration>,
        /// What happened. Contains no address.
        why: String,
    },
    /// The host is unreachable or busy: to be tried later, without spending an attempt.
    Postponed {
        /// Delay until the next try.
        after: Duration,
        /// Why. Contains no path and no query of the address.
        why: String,
        /// Whether the receiver may have got it: true for the breaker's probe.
        attempted: bool,
    },
    /// Refused for good: 410, or a redirect.
    Refused {
        /// What happened. Contains no path and no query of the address.
        why: String,
    },
    /// Refused for good: the address is not allowed.
    NotAllowed {
        /// Why. Contains no path and no query of the address.
        why: String,
    },
}

/// Classifies an HTTP response: the result of the attempt, and the health of the host.
///
/// By Standard Webhooks, everything but 2xx is a failure that is tried again, and 410 is final. A redirect is final,
/// too: it is not followed, and the job's address does not change.
pub(super) fn classify(status: StatusCode, headers: &HeaderMap) -> (Sent, Health) {
    let why = format!("the receiver responded {status}");
    if status.is_success() {
        return (Sent::Delivered { status: status.as_u16() }, Health::Healthy);
    }
    if status.is_redirection() {
        return (Sent::Refused { why: why + ", and redirects are not followed" }, Health::Healthy);
    }
    if status == StatusCode::GONE {
        return (Sent::Refused { why }, Health::Healthy);
    }
    let after = retry_after(headers);
    let is_unhealthy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let health = if is_unhealthy { Health::Unhealthy { least: after } } else { Health::Healthy };
    (Sent::Failed { after, why }, health)
}

/// Seconds, or a date. A date is relative to the receiver's `Date`, so that the local clock does not matter.
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
    fn every_status_is_classified() {
        let none = HeaderMap::new();
        let unhealthy = Health::Unhealthy { least: None };
        for status in 200..600 {
            let (sent, health) = classify(StatusCode::from_u16(status).unwrap(), &none);
            let says = |why: &String| why.contains(&status.to_string());
            let is_right = match (&sent, status) {
                (Sent::Delivered { status: said }, 200..=299) => *said == status,
                (Sent::Refused { why }, 300..=399 | 410)
                | (Sent::Failed { after: None, why }, 400..=409 | 411..=599) => says(why),
                _ => false,
            };
            assert!(is_right, "{status}: {sent:?}");
            assert_eq!(
                health == unhealthy,
                matches!(status, 429 | 500..=599),
                "{status}: {health:?}"
            );
        }
    }

    #[test]
    fn an_overloaded_host_is_not_tried_before_its_retry_after() {
        let wait = headers(&[(RETRY_AFTER, "7")]);
        let least = Some(Duration::from_secs(7));
        for (status, expected) in [
            (429, Health::Unhealthy { least }),
            (503, Health::Unhealthy { least }),
            (404, Health::Healthy),
        ] {
            let (sent, health) = classify(StatusCode::from_u16(status).unwrap(), &wait);
            assert!(matches!(sent, Sent::Failed { after, .. } if after == least), "{sent:?}");
            assert_eq!(health, expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_respected_within_limits() {
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
