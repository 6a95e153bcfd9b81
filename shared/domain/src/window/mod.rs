//! Maintenance windows: when a host may be touched, in the time of the place where its people live. Pure.
//!
//! In: windows, an instant. Out: open or not, and when next. Never: the machine's own time zone or its zone files; the
//! zones are bundled.
//!
//! A window opens at every instant that its cron line names and stays open for its minutes. In the hour that a clock
//! skips in spring it opens as the hour is over, in the hour that comes twice in autumn the first time only.

mod cron;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::invalid::Invalid;
use cron::Cron;

/// An interval of years has more openings than anybody needs.
const MOST_OPENINGS: usize = 300;
/// Longer than a week is no window.
const LONGEST_MINUTES: u32 = 7 * 24 * 60;
/// 29 February comes once in eight years at worst.
const LONGEST_SEARCH_DAYS: i32 = 8 * 366;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written", rename = "Window")]
pub struct Window {
    cron: Cron,
    minutes: u32,
    zone: TimeZone,
}

/// As people write it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Window")]
struct Written {
    /// When it opens: minute, hour, day, month, weekday.
    cron: String,
    /// How long it stays open.
    minutes: u32,
    /// An IANA name such as `Europe/Berlin`.
    #[serde(default = "utc")]
    zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl TryFrom<Written> for Window {
    type Error = Invalid;

    fn try_from(written: Written) -> Result<Self, Invalid> {
        Self::new(&written.cron, written.minutes, &written.zone)
    }
}

impl From<Window> for Written {
    fn from(window: Window) -> Self {
        Self {
            cron: window.cron().to_owned(),
            minutes: window.minutes,
            zone: window.zone().to_owned(),
        }
    }
}

impl Window {
    pub fn new(cron: &str, minutes: u32, zone: &str) -> Result<Self, Invalid> {
        let cron = Cron::parse(cron)?;
        if !(1..=LONGEST_MINUTES).contains(&minutes) {
            let problem = format!("{minutes} minutes are out of range");
            let remedy = "give 1 to 10080 (a week); leave the window out when it is always open";
            return Err(Invalid::new("minutes", problem, remedy));
        }
        let zone = TimeZone::get(zone).map_err(|_| {
            let remedy = "give an IANA name such as Europe/Berlin or UTC";
            Invalid::new("zone", format!("{zone:?} is no time zone"), remedy)
        })?;
        Ok(Self { cron, minutes, zone })
    }

    /// When it opens, as people write it.
    pub fn cron(&self) -> &str {
        self.cron.as_str()
    }

    pub const fn minutes(&self) -> u32 {
        self.minutes
    }

    /// The name of its zone in the IANA database.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closes_at(now).is_some()
    }

    /// When it closes, if it is open.
    pub fn closes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let open = Duration::from_secs(u64::from(self.minutes) * 60);
        let opened = self.last_opening(now)?;
        let closes = opened.plus(open);
        (closes > now).then_some(closes)
    }

    /// The first opening after `from`.
    pub fn next_opening(&self, from: Timestamp) -> Option<Timestamp> {
        let mut day = self.day_of(from)?;
        for _ in 0..LONGEST_SEARCH_DAYS {
            if self.cron.names_day(day)
                && let Some(found) = self.openings(day).find(|at| *at > from)
            {
                return Some(found);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn last_opening(&self, now: Timestamp) -> Option<Timestamp> {
        let mut day = self.day_of(now)?;
        for _ in 0..=self.minutes.div_ceil(24 * 60) + 1 {
            if self.cron.names_day(day)
                && let Some(found) = self.openings(day).filter(|at| *at <= now).last()
            {
                return Some(found);
            }
            day = day.yesterday().ok()?;
        }
        None
    }

    fn openings(&self, day: Date) -> impl Iterator<Item = Timestamp> {
        let times = self.cron.times();
        times.filter_map(move |(hour, minute)| {
            let local = day.at(hour, minute, 0, 0);
            let instant = local.to_zoned(self.zone.clone()).ok()?.timestamp();
            Timestamp::from_unix(instant.as_second())
        })
    }

    fn day_of(&self, at: Timestamp) -> Option<Date> {
        let instant = jiff::Timestamp::from_second(at.get().unix_timestamp()).ok()?;
        Some(instant.to_zoned(self.zone.clone()).date())
    }
}

/// Whether one of them is open; without any there is nothing to wait for.
pub fn is_open(windows: &[Window], now: Timestamp) -> bool {
    windows.is_empty() || windows.iter().any(|window| window.is_open(now))
}

/// `from` itself when one of them is open then, else the next opening of any. None only when no window ever opens.
pub fn next_open(windows: &[Window], from: Timestamp) -> Option<Timestamp> {
    if is_open(windows, from) {
        return Some(from);
    }
    windows.iter().filter_map(|window| window.next_opening(from)).min()
}

/// The first instant, not before `from`, at which both have one that is open. None when they never meet, as far as it is looked.
pub fn both_open(some: &[Window], others: &[Window], from: Timestamp) -> Option<Timestamp> {
    let mut at = from;
    for _ in 0..MOST_OPENINGS {
        let opens = next_open(some, at)?;
        at = next_open(others, opens)?;
        if at == opens {
            return Some(at);
        }
    }
    None
}

/// When any of them is open between two instants: from and until, in the order of time, no two of them touching. The first
/// few hundred; without windows there is no such time, because it is always.
pub fn openings(windows: &[Window], from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let (mut found, mut at): (Vec<(Timestamp, Timestamp)>, Timestamp) = (Vec::new(), from);
    while !windows.is_empty() && found.len() < MOST_OPENINGS {
        let Some(opens) = next_open(windows, at).filter(|opens| *opens < until) else {
            break;
        };
        let closes = windows.iter().filter_map(|window| window.closes_at(opens)).max();
        let closes = closes.unwrap_or(until).min(until);
        match found.last_mut() {
            Some((_, end)) if *end == opens => *end = closes,
            Some(_) | None => found.push((opens, closes)),
        }
        at = closes;
        if at >= until {
            break;
        }
    }
    found
}

/// Refused when it never opens.
pub fn check(windows: &[Window]) -> Result<(), Invalid> {
    for (index, window) in windows.iter().enumerate() {
        if window.next_opening(Timestamp::EPOCH).is_none() {
            let problem = format!("{:?} names no day of the calendar", window.cron.as_str());
            let remedy = "give a day and month that go together";
            return Err(Invalid::new(format!("windows[{index}].cron"), problem, remedy));
        }
    }
    Ok(())
}
