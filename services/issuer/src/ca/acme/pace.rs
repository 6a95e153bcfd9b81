//! How often the state of an order is asked for within one step, and when the step stops asking.
//!
//! In: the CA's `Retry-After`, what the configuration says. Out: a pause, or that the ledger is to wait. Never: a look that
//! comes sooner than our own wait, which grows, whatever the CA says; a pause beyond the step's patience.

use std::time::{Duration, Instant};

use domain::Timestamp;
use instant_acme::OrderStatus;

use super::recorder;
use crate::ca::CaError;
use crate::config::PollConfig;

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    first: Duration,
    factor: f64,
    longest: Duration,
    patience: Duration,
}

/// One order's waiting.
pub struct Waits {
    pace: Pace,
    next: Duration,
    begun: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Pause {
    For(Duration),
    /// Longer than this step waits: the ledger does, as long as the CA said.
    Later(Duration),
    /// The CA named no time that is worth waiting for, and the order has not moved.
    TooLong,
}

impl Pace {
    pub fn of(config: &PollConfig, fast: bool) -> Self {
        let (first, factor, longest) = if fast {
            (config.fast_first_ms, 1.5, config.fast_longest_ms)
        } else {
            (config.first_ms, 1.2, config.longest_ms)
        };
        Self {
            first: Duration::from_millis(first),
            factor,
            longest: Duration::from_millis(longest.max(first)),
            patience: Duration::from_secs(config.patience_seconds),
        }
    }

    pub fn begin(self) -> Waits {
        Waits {
            pace: self,
            next: self.first,
            begun: Instant::now(),
        }
    }
}

impl Waits {
    /// Waits before the next look. An error when that would be beyond this step's patience, with the CA's own time where it
    /// has named one.
    #[expect(
        clippy::disallowed_methods,
        reason = "within the patience of its step, which a hard stop ends"
    )]
    pub async fn pause(&mut self, status: OrderStatus) -> Result<(), CaError> {
        let now = recorder::now();
        let said = recorder::retry_after().map(|at| at.since(now));
        let status = word(status);
        match self.decide(said) {
            Pause::For(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Pause::Later(wait) => Err(put_off(now.plus(wait), status)),
            Pause::TooLong => Err(CaError::Unavailable {
                until: None,
                what: format!(
                    "the order was still {status} after {} s",
                    self.begun.elapsed().as_secs()
                ),
            }),
        }
    }

    /// The order has moved: the next state may come soon.
    pub fn quicken(&mut self) {
        self.next = self.pace.first;
    }

    fn decide(&mut self, said: Option<Duration>) -> Pause {
        let left = self.pace.patience.saturating_sub(self.begun.elapsed());
        let own = self.next;
        self.next = own.mul_f64(self.pace.factor).min(self.pace.longest);
        let wait = said.unwrap_or_default().max(own);
        if wait <= left {
            Pause::For(wait)
        } else if wait > own {
            Pause::Later(wait)
        } else {
            Pause::TooLong
        }
    }
}

fn put_off(until: Timestamp, status: &str) -> CaError {
    CaError::Unavailable {
        until: Some(until),
        what: format!("the order is still {status}, and the CA asks for more time"),
    }
}

fn word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Ready => "ready",
        OrderStatus::Processing => "processing",
        OrderStatus::Valid => "valid",
        OrderStatus::Invalid => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(patience_seconds: u64) -> Waits {
        Pace::of(
            &PollConfig {
                patience_seconds,
                ..PollConfig::default()
            },
            true,
        )
        .begin()
    }

    #[test]
    fn waits_grow_to_a_bound_and_start_again_when_the_order_moves() {
        let mut waits = waits(60);
        let Pause::For(first) = waits.decide(None) else {
            panic!("it must wait")
        };
        let Pause::For(second) = waits.decide(None) else {
            panic!("it must wait")
        };
        assert!(second > first);
        for _ in 0..20 {
            waits.decide(None);
        }
        assert_eq!(waits.decide(None), Pause::For(Duration::from_millis(250)));
        waits.quicken();
        assert_eq!(waits.decide(None), Pause::For(first));
    }

    #[test]
    fn what_the_ca_said_is_kept_and_left_to_the_ledger_when_it_is_long() {
        let said = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(waits(60).decide(said(3)), Pause::For(Duration::from_secs(3)));
        assert_eq!(waits(60).decide(said(61)), Pause::Later(Duration::from_secs(61)));
        assert_eq!(waits(0).decide(None), Pause::TooLong);
    }

    #[test]
    fn a_ca_that_says_at_once_for_ever_meets_waits_that_grow_and_an_end() {
        let mut waits = waits(60);
        let at_once = Some(Duration::ZERO);
        let first = waits.decide(at_once);
        for _ in 0..20 {
            waits.decide(at_once);
        }
        assert!(matches!(first, Pause::For(wait) if wait < Duration::from_millis(250)));
        assert_eq!(waits.decide(at_once), Pause::For(Duration::from_millis(250)));
        let impatient = Pace {
            patience: Duration::ZERO,
            ..waits.pace
        };
        assert_eq!(impatient.begin().decide(at_once), Pause::TooLong);
    }
}
