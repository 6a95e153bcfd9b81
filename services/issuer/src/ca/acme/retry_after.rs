//! `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date in any of its three forms.

use std::time::{Duration, UNIX_EPOCH};

use domain::Timestamp;

/// When the other side wants to be asked again; nothing if the header makes no sense.
pub fn parse(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok().map(|seconds| now.plus(Duration::from_secs(seconds)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(Timestamp::EPOCH.plus(date.duration_since(UNIX_EPOCH).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        let now = Timestamp::from_unix(784_111_700).expect("an instant");
        let at = |seconds| Timestamp::from_unix(seconds);
        assert_eq!(parse("120", now), at(784_111_820));
        assert_eq!(parse(" 0 ", now), Some(now));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(date, now), at(784_111_777), "{date}");
        }
        for nonsense in ["", "-5", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(parse(nonsense, now), None, "{nonsense:?}");
        }
    }
}
