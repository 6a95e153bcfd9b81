//! Instants. `now` is always handed in: this room never reads a clock.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An instant in UTC with the microsecond precision of Postgres; RFC 3339 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("format" = "date-time"))]
pub struct Timestamp(
    #[serde(serialize_with = "time::serde::rfc3339::serialize")]
    #[schemars(with = "String")]
    OffsetDateTime,
);

impl Timestamp {
    pub const EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// Cut to microseconds, so that what was saved equals what is read back.
    pub fn new(at: OffsetDateTime) -> Self {
        let at = at.to_offset(time::UtcOffset::UTC);
        let micros = at.microsecond();
        Self(at.replace_microsecond(micros).unwrap_or(at))
    }

    pub fn from_unix(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self)
    }

    /// Microseconds since 1970.
    pub fn unix_micros(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
    }

    pub fn get(self) -> OffsetDateTime {
        self.0
    }

    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(time::Duration::try_from(wait).unwrap_or(time::Duration::MAX)),
        )
    }

    #[must_use]
    pub fn minus(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(time::Duration::try_from(wait).unwrap_or(time::Duration::MAX)),
        )
    }

    /// The time from `earlier` until this instant; zero when it lies the other way round.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0 - earlier.0).unwrap_or_default()
    }

    /// Whole days from `now` until this instant, negative once it has passed.
    pub fn days_from(self, now: Self) -> i64 {
        (self.0 - now.0).whole_seconds().div_euclid(86_400)
    }
}

/// Whatever offset it is written with, it is kept in UTC.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

struct Written;

const EXAMPLE: &str = "an instant such as 2026-01-31T18:00:00Z";

impl Visitor<'_> for Written {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXAMPLE)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        let read = OffsetDateTime::parse(text, &Rfc3339);
        // The remedy stands behind ", expected ", where every refusal of serde has it.
        read.map(Timestamp::new)
            .map_err(|_| E::custom(format_args!("{text:?} is no instant, expected {EXAMPLE}")))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .replace_nanosecond(0)
            .unwrap_or(self.0)
            .format(&Rfc3339)
            .map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// Where the shell's code gets `now` from, so that tests can hold it still.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Timestamp, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn an_instant_is_kept_in_utc_however_it_was_written() {
        let at = read("2026-12-01T22:00:00+01:00").expect("an instant");
        assert_eq!(serde_json::to_string(&at).expect("JSON"), "\"2026-12-01T21:00:00Z\"");
        let fine = read("2026-12-01T21:00:00.123456789Z").expect("an instant");
        assert_eq!(fine.get().nanosecond(), 123_456_000);
    }

    #[test]
    fn what_is_no_instant_is_told_an_instant() {
        for wrong in ["tomorrow", "", "2026-12-01", "2026-13-01T00:00:00Z"] {
            let said = read(wrong).expect_err(wrong).to_string();
            assert!(said.contains(wrong) && said.contains("2026-01-31T18:00:00Z"), "{said}");
        }
    }
}
