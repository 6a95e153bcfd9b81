//! The five fields of cron: minute, hour, day of the month, month, day of the week.
//!
//! As Vixie cron reads them: lists, ranges and steps; names of months and weekdays; 0 and 7 are Sunday; when day and weekday are
//! both given, either is enough.

use jiff::civil::Date;

use crate::counted::counted;
use crate::invalid::Invalid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Day and weekday are both narrowed: one of them is enough.
    either: bool,
}

/// What a field may hold.
struct Field {
    name: &'static str,
    from: u8,
    to: u8,
    words: &'static [&'static str],
}

const MINUTE: Field = field("minute", 0, 59, &[]);
const HOUR: Field = field("hour", 0, 23, &[]);
const DAY: Field = field("day", 1, 31, &[]);
const MONTH: Field = field(
    "month",
    1,
    12,
    &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
);
const WEEKDAY: Field = field("weekday", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]);

const fn field(name: &'static str, from: u8, to: u8, words: &'static [&'static str]) -> Field {
    Field { name, from, to, words }
}

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            let problem = format!("{text:?} has {}", counted(fields.len(), "field"));
            let remedy = "give five: minute, hour, day, month, weekday, such as \"0 22 * * 1-5\"";
            return Err(Invalid::new("cron", problem, remedy));
        };
        let weekdays = WEEKDAY.bits(weekday)?;
        Ok(Self {
            text: fields.join(" "),
            minutes: MINUTE.bits(minute)?,
            hours: HOUR.bits(hour)?,
            days: DAY.bits(day)?,
            months: MONTH.bits(month)?,
            // 7 is Sunday too.
            weekdays: weekdays | (weekdays >> 7),
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn names_day(&self, day: Date) -> bool {
        let of_month = has(self.days, day.day());
        let of_week = has(self.weekdays, day.weekday().to_sunday_zero_offset());
        let named = if self.either {
            of_month || of_week
        } else {
            of_month && of_week
        };
        has(self.months, day.month()) && named
    }

    /// Hours and minutes of a day, in order.
    pub(super) fn times(&self) -> impl Iterator<Item = (i8, i8)> {
        let (hours, minutes) = (self.hours, self.minutes);
        let hours = (0..24).filter(move |hour| has(hours, *hour));
        hours.flat_map(move |hour| {
            let of_hour = (0..60).filter(move |minute| has(minutes, *minute));
            of_hour.map(move |minute| (hour, minute))
        })
    }
}

fn has(bits: u64, index: i8) -> bool {
    u32::try_from(index).is_ok_and(|index| bits >> index & 1 == 1)
}

impl Field {
    /// A bit for every value that the text names.
    fn bits(&self, text: &str) -> Result<u64, Invalid> {
        text.split(',').try_fold(0, |bits, part| Ok(bits | self.part(part)?))
    }

    fn part(&self, text: &str) -> Result<u64, Invalid> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)),
            None => (text, Some(1)),
        };
        let step: u8 = step.ok_or_else(|| self.wrong(text))?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.from, self.to),
            Some((from, to)) => (self.value(from, text)?, self.value(to, text)?),
            // `5/10` is 5, 15, 25 and so on.
            None if text.contains('/') => (self.value(range, text)?, self.to),
            None => (self.value(range, text)?, self.value(range, text)?),
        };
        if from > to {
            return Err(self.wrong(text));
        }
        Ok((from..=to)
            .step_by(usize::from(step))
            .fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, word: &str, text: &str) -> Result<u8, Invalid> {
        let named = self.words.iter().position(|known| word.eq_ignore_ascii_case(known));
        let value = match named {
            Some(index) => u8::try_from(index).ok().map(|index| index + self.from),
            None => word.parse().ok(),
        };
        value
            .filter(|value| (self.from..=self.to).contains(value))
            .ok_or_else(|| self.wrong(text))
    }

    fn wrong(&self, text: &str) -> Invalid {
        let problem = format!("{text:?} is no {}", self.name);
        let remedy = format!(
            "give {} to {}, lists (1,3), ranges (1-5), steps (*/2) or *",
            self.from, self.to
        );
        Invalid::new("cron", problem, remedy)
    }
}
