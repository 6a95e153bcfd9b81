//! `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date in any of its three forms.

use std::time::{Duration, SystemTime};

use domain::Timestamp;

/// No CA means a longer wait; what becomes of it is `domain::asked_wait`'s to say.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// When the other side wants to be asked again, by our clock; nothing if the header makes no sense.
/// A date is by the clock of who wrote it: where its answer has a `Date`, the time between the two
/// is what is waited.
pub fn parse(value: &str, date: Option<&str>, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(value.parse().ok()?)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let theirs = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        let theirs = theirs.unwrap_or_else(|| SystemTime::from(now.get()));
        until.duration_since(theirs).unwrap_or_default()
    };
    Some(now.plus(wait.min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    /// Sun, 06 Nov 1994 08:48:20 GMT
    fn now() -> Timestamp {
        at(784_111_700)
    }

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        assert_eq!(parse("120", None, now()), Some(at(784_111_820)));
        assert_eq!(parse(" 0 ", None, now()), Some(now()));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(date, None, now()), Some(at(784_111_777)), "{date}");
        }
        for last in ["18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert!(
                parse(last, None, now()).is_some_and(|at| at <= Timestamp::LAST),
                "{last}"
            );
        }
        for nonsense in ["", "-5", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(parse(nonsense, None, now()), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_date_is_by_the_clock_of_the_ca_that_names_it() {
        let until = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (theirs, wait) in [
            ("Sun, 06 Nov 1994 08:49:27 GMT", 10),
            ("Sat, 05 Nov 1994 08:49:37 GMT", 86_400),
            ("Sun, 06 Nov 1994 09:00:00 GMT", 0),
            ("no date at all", 77),
        ] {
            assert_eq!(
                parse(until, Some(theirs), now()),
                Some(at(784_111_700 + wait)),
                "{theirs}"
            );
        }
        let seconds = parse("120", Some("Sat, 05 Nov 1994 08:49:37 GMT"), now());
        assert_eq!(seconds, Some(at(784_111_820)), "seconds are seconds");
    }

    #[test]
    fn a_wait_of_ages_is_cut() {
        let longest = Some(now().plus(LONGEST));
        for ages in ["18446744073709551615", "3000000000", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(parse(ages, None, now()), longest, "{ages}");
        }
    }
}
