//! What a workspace may spend in a calendar month, and what is left of it. Pure.
//!
//! In: the limit, what certificates have cost and what runs under way will cost, a price, now. Out:
//! what is left, and whether that price fits. Never: a guess: certificates whose price is not known
//! are counted apart, and fit into no budget.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, Time};

use crate::clock::Timestamp;
use crate::counted::counted;
use crate::price::usd;

/// A calendar month, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    begins: Date,
}

impl Month {
    pub fn of(at: Timestamp) -> Self {
        let date = at.get().date();
        Self {
            begins: date.replace_day(1).unwrap_or(date),
        }
    }

    pub fn begins_at(self) -> Timestamp {
        Timestamp::nearest(OffsetDateTime::new_utc(self.begins, Time::MIDNIGHT))
    }

    /// The first instant of the next one.
    pub fn ends_at(self) -> Timestamp {
        let days = self.begins.month().length(self.begins.year());
        self.begins_at().plus(Duration::from_secs(u64::from(days) * 86_400))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.begins.year(), u8::from(self.begins.month()))
    }
}

/// What certificates cost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    pub micro_usd: u64,
    /// Certificates whose price is not known: the sum is without them.
    pub price_unknown: u32,
}

impl Sum {
    pub fn add(&mut self, price: Option<u64>) {
        match price {
            Some(price) => self.micro_usd = self.micro_usd.saturating_add(price),
            None => self.price_unknown += 1,
        }
    }
}

/// The money of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub month: Month,
    /// Nothing: any amount may be spent.
    pub limit_micro_usd: Option<u64>,
    /// For certificates that were issued in the month.
    pub spent: Sum,
    /// For those of runs that have not got theirs yet.
    pub active: Sum,
}

impl Budget {
    fn gone(&self) -> u64 {
        self.spent.micro_usd.saturating_add(self.active.micro_usd)
    }

    /// Nothing when there is no limit.
    pub fn left_micro_usd(&self) -> Option<u64> {
        Some(self.limit_micro_usd?.saturating_sub(self.gone()))
    }

    /// What was spent, and is being spent, beyond the limit.
    pub fn over_micro_usd(&self) -> u64 {
        self.limit_micro_usd
            .map_or(0, |limit| self.gone().saturating_sub(limit))
    }

    /// What is free always fits; what has no known price never does.
    pub fn allows(&self, price: Option<u64>) -> bool {
        match (self.left_micro_usd(), price) {
            (None, _) | (_, Some(0)) => true,
            (Some(left), Some(price)) => price <= left,
            (Some(_), None) => false,
        }
    }

    /// Counts a run that is created now.
    pub fn take(&mut self, price: Option<u64>) {
        self.active.add(price);
    }
}

/// `7.00 USD of 10.00 USD of 2026-11 are spent or under way, …`
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gone, month) = (usd(self.gone()), self.month);
        match self.limit_micro_usd {
            Some(limit) => write!(f, "{gone} of the {} of {month} are spent or under way", usd(limit))?,
            None => write!(f, "{gone} are spent or under way in {month}")?,
        }
        match self.spent.price_unknown + self.active.price_unknown {
            0 => Ok(()),
            some => write!(f, ", and {} at a price that is not known", counted(some, "certificate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    fn budget(limit: Option<u64>, spent: u64) -> Budget {
        let mut budget = Budget {
            month: Month::of(at(0)),
            limit_micro_usd: limit,
            spent: Sum::default(),
            active: Sum::default(),
        };
        budget.spent.add(Some(spent));
        budget
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        // The last second of February 2028, a leap year.
        let month = Month::of(at(1_835_481_599));
        assert_eq!(month.to_string(), "2028-02");
        assert_eq!(month.begins_at().to_string(), "2028-02-01T00:00:00Z");
        assert_eq!(month.ends_at().to_string(), "2028-03-01T00:00:00Z");
        assert_eq!(Month::of(month.ends_at()).to_string(), "2028-03");
    }

    #[test]
    fn what_is_free_always_fits_and_what_nobody_knows_never_does() {
        let spent = budget(Some(5), 9);
        assert_eq!((spent.left_micro_usd(), spent.over_micro_usd()), (Some(0), 4));
        assert!(spent.allows(Some(0)) && !spent.allows(Some(1)) && !spent.allows(None));
        let open = budget(None, 9);
        assert!(open.allows(None) && open.allows(Some(u64::MAX)));
    }

    #[test]
    fn it_says_what_is_known_and_what_is_not() {
        let mut budget = budget(Some(10_000_000), 6_000_000);
        budget.take(Some(500_000));
        budget.take(None);
        let said = "6.50 USD of the 10.00 USD of 1970-01 are spent or under way, and 1 certificate at a price that is not known";
        assert_eq!(budget.to_string(), said);
    }

    proptest! {
        /// Whoever takes only what fits never spends more than the limit.
        #[test]
        fn what_fits_is_never_too_much(limit in 0_u64..1_000, prices in prop::collection::vec(prop::option::of(0_u64..400), 0..40)) {
            let mut budget = budget(Some(limit), 0);
            for price in prices {
                if budget.allows(price) {
                    budget.take(price);
                }
            }
            prop_assert_eq!(budget.over_micro_usd(), 0);
            prop_assert_eq!(budget.active.price_unknown, 0);
        }
    }
}
