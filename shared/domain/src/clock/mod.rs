//! Instants. `now` is always handed in: this room never reads a clock.
//!
//! RFC 3339 knows the years 0 to 9999, in UTC, and so does a [`Timestamp`]: nothing outside can be
//! made, neither from what others send nor by arithmetic, which ends at the borders. So every
//! instant can be written, shown and kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

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
    pub const FIRST: Self = Self(datetime!(0000-01-01 0:00 UTC));
    pub const LAST: Self = Self(datetime!(9999-12-31 23:59:59.999_999 UTC));

    /// Cut to microseconds, so that what was saved equals what is read back. None outside the years
    /// 0 to 9999 in UTC, where an instant that is written with an offset may lie.
    pub fn new(at: OffsetDateTime) -> Option<Self> {
        let at = at.checked_to_offset(time::UtcOffset::UTC)?;
        let micros = at.microsecond();
        let at = Self(at.replace_microsecond(micros).unwrap_or(at));
        (Self::FIRST..=Self::LAST).contains(&at).then_some(at)
    }

    /// The nearest instant that can be held: what lies outside becomes the first or the last one.
    /// For clocks and columns, never for what others send.
    pub fn nearest(at: OffsetDateTime) -> Self {
        let border = if at < Self::FIRST.0 { Self::FIRST } else { Self::LAST };
        Self::new(at).unwrap_or(border)
    }

    pub fn from_unix(seconds: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(Self::new)
    }

    /// Microseconds since 1970.
    pub fn unix_micros(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
    }

    pub fn get(self) -> OffsetDateTime {
        self.0
    }

    /// At most the last instant.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let wait = time::Duration::try_from(wait).unwrap_or(time::Duration::MAX);
        Self::nearest(self.0.saturating_add(wait))
    }

    /// At least the first instant.
    #[must_use]
    pub fn minus(self, wait: Duration) -> Self {
        let wait = time::Duration::try_from(wait).unwrap_or(time::Duration::MAX);
        Self::nearest(self.0.saturating_sub(wait))
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
/// Of a text that is no instant.
const LONGEST_SHOWN: usize = 60;

impl Visitor<'_> for Written {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXAMPLE)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

/// Why a text is no instant. The remedy stands behind ", expected ", where every refusal of serde
/// has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoInstant {
    #[error("{0:?} is no instant, expected {EXAMPLE}")]
    Malformed(String),
    #[error("{0:?} lies outside the years 0 to 9999 in UTC, expected {EXAMPLE}")]
    OutOfRange(String),
}

/// RFC 3339, with any offset.
impl FromStr for Timestamp {
    type Err = NoInstant;

    fn from_str(text: &str) -> Result<Self, NoInstant> {
        let shown = || text.chars().take(LONGEST_SHOWN).collect();
        let read = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NoInstant::Malformed(shown()))?;
        Self::new(read).ok_or_else(|| NoInstant::OutOfRange(shown()))
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
mod tests;
