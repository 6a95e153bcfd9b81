//! How often the state of an order is asked for, and when to stop asking.

use std::time::{Duration, Instant};

use domain::Timestamp;

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
    /// Longer than this step waits: the ledger does.
    Until(Timestamp),
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
    /// Waits before the next look: as long as the CA said, else a little longer than last time. Gives the instant
    /// instead when that is beyond this step's patience.
    pub async fn pause(&mut self) -> Result<Option<Timestamp>, CaError> {
        let said = recorder::retry_after();
        match self.decide(said.map(|at| (at, at.since(recorder::now())))) {
            Pause::For(wait) => {
                tokio::time::sleep(wait).await;
                Ok(None)
            }
            Pause::Until(at) => Ok(Some(at)),
            Pause::TooLong => Err(CaError::Unavailable {
                until: None,
                what: format!("the order did not move for {} s", self.pace.patience.as_secs()),
            }),
        }
    }

    /// The order has moved: the next state may come soon.
    pub fn quicken(&mut self) {
        self.next = self.pace.first;
    }

    fn decide(&mut self, said: Option<(Timestamp, Duration)>) -> Pause {
        let left = self.pace.patience.saturating_sub(self.begun.elapsed());
        if let Some((at, wait)) = said {
            return if wait > left {
                Pause::Until(at)
            } else {
                Pause::For(wait.max(self.pace.first))
            };
        }
        let wait = self.next;
        self.next = wait.mul_f64(self.pace.factor).min(self.pace.longest);
        if wait > left { Pause::TooLong } else { Pause::For(wait) }
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
        let at = Timestamp::EPOCH.plus(Duration::from_secs(3600));
        assert_eq!(
            waits(60).decide(Some((at, Duration::from_secs(3)))),
            Pause::For(Duration::from_secs(3))
        );
        assert_eq!(waits(60).decide(Some((at, Duration::from_secs(61)))), Pause::Until(at));
        assert_eq!(waits(0).decide(None), Pause::TooLong);
    }
}
