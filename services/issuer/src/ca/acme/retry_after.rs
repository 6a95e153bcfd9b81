//! `Retry-After` (RFC 9110 §10.2.3): seconds or an HTTP date.

use std::time::Duration;

use domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// When the other side wants to be asked again; nothing if the header makes no sense.
pub fn parse(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok().map(|seconds| now.plus(Duration::from_secs(seconds)));
    }
    OffsetDateTime::parse(value, &Rfc2822).ok().map(Timestamp::new)
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
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", now), at(784_111_777));
        for nonsense in ["", "-5", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(parse(nonsense, now), None, "{nonsense:?}");
        }
    }
}
