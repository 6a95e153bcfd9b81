//! What becomes of a run that is due by the clock when the month's budget speaks against it. Pure.
//!
//! In: the budget, the price, the certificate that is served, now. Out: created, held with its reason, or created all the
//! same. Never: a host whose certificate expires for money. Whoever set the budget meant to bound what is spent, not to
//! take hosts down: near its end a certificate is renewed beyond the budget, and the run says so. What a CA has called for
//! is not held either: it may be revoked at any hour.

use std::time::Duration;

use domain::Timestamp;
use domain::budget::Budget;
use domain::price::shown;

/// So long before its end a certificate is renewed whatever it costs, or in the last quarter of a shorter life.
const PRESSING: Duration = Duration::from_secs(48 * 3600);

/// The certificate that is served and due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pressed {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Its CA wants it gone.
    pub called: bool,
}

impl Pressed {
    /// From when on it is not held for money.
    fn at(&self) -> Timestamp {
        self.until.minus(PRESSING.min(self.until.since(self.from) / 4))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fits,
    /// It is created, and this is said of it.
    Beyond {
        why: String,
    },
    Waits {
        why: String,
        /// When more is known: the month has turned, or it is pressing.
        until: Timestamp,
    },
}

/// Takes the price from the budget unless the run must wait.
pub(crate) fn judge(budget: &mut Budget, price: Option<u64>, served: Option<Pressed>, now: Timestamp) -> Verdict {
    let verdict = verdict(budget, price, served, now);
    match verdict {
        Verdict::Fits | Verdict::Beyond { .. } => budget.take(price),
        Verdict::Waits { .. } => {}
    }
    verdict
}

fn verdict(budget: &Budget, price: Option<u64>, served: Option<Pressed>, now: Timestamp) -> Verdict {
    if budget.allows(price) {
        return Verdict::Fits;
    }
    let cost = match price {
        Some(_) => format!("this one costs {}", shown(price)),
        None => {
            "the price of this one is not known, and fits into no budget (vigilo provider set --price-usd)".to_owned()
        }
    };
    let why = format!("budget: {budget}; {cost}");
    let turns = budget.month.ends_at();
    match served {
        Some(served) if served.called => Verdict::Beyond {
            why: format!("{why}; it goes beyond, as its CA wants the certificate in service renewed at once"),
        },
        Some(served) if served.at() <= now => Verdict::Beyond {
            why: format!(
                "{why}; it goes beyond, as the certificate in service ends at {}",
                served.until
            ),
        },
        served => {
            let until = served.map_or(turns, |served| served.at().min(turns));
            let pressing = served.map(|served| format!(", at the latest at {}", served.at().max(now)));
            let pressing = pressing.unwrap_or_default();
            let why = format!(
                "{why}; it goes on when the month turns, at {turns}, or the budget is raised (vigilo budget set){pressing}"
            );
            Verdict::Waits { why, until }
        }
    }
}

/// What a person is told whose runs go beyond the budget.
pub(crate) fn warning(budget: &Budget, prices: &[Option<u64>]) -> Option<String> {
    let mut after = *budget;
    let too_many = prices.iter().any(|price| {
        let beyond = !after.allows(*price);
        after.take(*price);
        beyond
    });
    too_many.then(|| {
        let over = match after.over_micro_usd() {
            0 => String::new(),
            over => format!(", {} too much", shown(Some(over))),
        };
        format!("the month's budget does not allow all of this: with it {after}{over}")
    })
}

#[cfg(test)]
mod tests {
    use domain::budget::{Month, Sum};

    use super::*;

    const HOUR: u64 = 3_600;

    /// 10 November 2026.
    fn now() -> Timestamp {
        Timestamp::from_unix(1_794_268_800).expect("an instant")
    }

    fn budget(limit: u64, spent: u64) -> Budget {
        Budget {
            month: Month::of(now()),
            limit_micro_usd: Some(limit * 1_000_000),
            spent: Sum {
                micro_usd: spent * 1_000_000,
                price_unknown: 0,
            },
            active: Sum::default(),
        }
    }

    /// Lives 90 days, of which so many hours are left.
    fn ends_in(hours: u64) -> Option<Pressed> {
        let until = now().plus(Duration::from_secs(hours * HOUR));
        let from = until.minus(Duration::from_secs(90 * 24 * HOUR));
        let called = false;
        Some(Pressed { from, until, called })
    }

    const SEVEN: Option<u64> = Some(7_000_000);

    #[test]
    fn what_fits_goes_and_is_counted() {
        let mut budget = budget(20, 5);
        assert_eq!(judge(&mut budget, SEVEN, ends_in(500), now()), Verdict::Fits);
        assert_eq!(judge(&mut budget, SEVEN, ends_in(500), now()), Verdict::Fits);
        let third = judge(&mut budget, SEVEN, ends_in(500), now());
        let Verdict::Waits { why, until } = third else {
            panic!("{third:?}")
        };
        assert!(
            why.starts_with(
                "budget: 19.00 USD of the 20.00 USD of 2026-11 are spent or under way; this one costs 7.00 USD; "
            ),
            "{why}"
        );
        assert!(
            why.contains("when the month turns, at 2026-12-01T00:00:00Z, or the budget is raised"),
            "{why}"
        );
        assert_eq!(
            until,
            now().plus(Duration::from_secs(452 * HOUR)),
            "48 hours before the end"
        );
        assert_eq!(budget.left_micro_usd(), Some(1_000_000), "one that waits takes nothing");
    }

    #[test]
    fn no_certificate_expires_for_money() {
        for (served, goes) in [(ends_in(49), false), (ends_in(48), true), (ends_in(0), true)] {
            let verdict = judge(&mut budget(5, 5), SEVEN, served, now());
            assert_eq!(matches!(verdict, Verdict::Beyond { .. }), goes, "{verdict:?}");
        }
        let short = ends_in(2).map(|served| Pressed {
            from: now().minus(Duration::from_secs(4 * HOUR)),
            ..served
        });
        assert!(matches!(
            judge(&mut budget(5, 5), SEVEN, short, now()),
            Verdict::Waits { .. }
        ));
        let called = ends_in(500).map(|served| Pressed { called: true, ..served });
        assert!(matches!(
            judge(&mut budget(5, 5), SEVEN, called, now()),
            Verdict::Beyond { .. }
        ));
    }

    #[test]
    fn a_price_that_nobody_knows_waits_and_says_what_to_do() {
        let Verdict::Waits { why, .. } = judge(&mut budget(5, 0), None, ends_in(500), now()) else {
            panic!("it fits")
        };
        assert!(
            why.contains("not known") && why.contains("vigilo provider set"),
            "{why}"
        );
    }

    #[test]
    fn a_person_is_warned_of_what_goes_beyond() {
        assert_eq!(warning(&budget(20, 5), &[SEVEN, SEVEN]), None);
        assert_eq!(warning(&budget(0, 5), &[Some(0)]), None, "what is free costs nothing");
        let warned = warning(&budget(20, 5), &[SEVEN, SEVEN, SEVEN]).expect("a warning");
        assert!(
            warned.contains("26.00 USD of the 20.00 USD") && warned.ends_with("6.00 USD too much"),
            "{warned}"
        );
        assert!(
            warning(&budget(20, 5), &[None])
                .expect("a warning")
                .contains("not known")
        );
    }
}
