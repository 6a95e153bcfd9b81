//! The zone of whoever reads: instants in a text, told as people there say them.
//!
//! In: texts with instants of UTC. Out: the same in a zone, which is named. Never: the machine's own zone or its zone files; the zones
//! are bundled.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// Written by its name in the IANA database, for example `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl From<TimeZone> for Zone {
    fn from(zone: TimeZone) -> Self {
        Self(zone)
    }
}

impl TryFrom<String> for Zone {
    type Error = Invalid;

    fn try_from(name: String) -> Result<Self, Invalid> {
        Self::named(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.iana_name().unwrap_or("UTC").to_owned()
    }
}

impl Zone {
    pub fn named(name: &str) -> Result<Self, Invalid> {
        TimeZone::get(name).map(Self).map_err(|_| {
            let remedy = "give a name of the IANA database, such as Europe/Berlin, or UTC";
            Invalid::new("zone", format!("{name:?} is no time zone"), remedy)
        })
    }

    /// A text with every instant in it (RFC 3339, UTC) in this zone, which is named, without parts of a second.
    pub fn tell(&self, text: &str) -> String {
        let (mut out, mut rest, mut inside) = (String::with_capacity(text.len()), text, false);
        while let Some(first) = rest.chars().next() {
            let found = (!inside).then(|| instant(rest)).flatten();
            let length = match found {
                Some((length, at)) => {
                    out.push_str(&at.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string());
                    length
                }
                None => {
                    out.push(first);
                    first.len_utf8()
                }
            };
            inside = found.is_none() && first.is_ascii_alphanumeric();
            rest = &rest[length..];
        }
        out
    }
}

/// An instant at the beginning of a text, with its length.
fn instant(text: &str) -> Option<(usize, Timestamp)> {
    let seconds = text.get(..19)?;
    let fits = seconds.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let after = text.get(19..).filter(|_| fits)?;
    let fraction = after
        .strip_prefix('.')
        .map_or(0, |digits| 1 + digits.bytes().take_while(u8::is_ascii_digit).count());
    after.get(fraction..)?.starts_with('Z').then_some(())?;
    Some((20 + fraction, format!("{seconds}Z").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_in_the_readers_zone_and_it_is_named() {
        let berlin = Zone::named("Europe/Berlin").expect("a zone");
        let said = berlin.tell("due 2026-12-01T00:00:00.123456Z; was 2026-07-01T22:30:00Z");
        assert_eq!(said, "due 2026-12-01 01:00:00 CET; was 2026-07-02 00:30:00 CEST");
        assert_eq!(
            Zone::default().tell("at 2026-12-01T00:00:00Z."),
            "at 2026-12-01 00:00:00 UTC."
        );
        for other in [
            "2026-13-01T00:00:00Z",
            "x2026-12-01T00:00:00Z",
            "2026-12-01T00:00:00+01:00",
            "2026-12-01",
        ] {
            assert_eq!(berlin.tell(other), other);
        }
    }

    #[test]
    fn a_zone_is_written_by_its_name() {
        let refused = serde_json::from_str::<Zone>("\"Europe/Entenhausen\"").expect_err("no zone");
        assert!(refused.to_string().contains("Europe/Berlin"), "{refused}");
        let berlin = Zone::named("Europe/Berlin").expect("a zone");
        assert_eq!(serde_json::to_string(&berlin).expect("JSON"), "\"Europe/Berlin\"");
    }
}
