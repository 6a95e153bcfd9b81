//! The generic cell rate algorithm: a token bucket that is one instant. Pure.
//!
//! In: the theoretical arrival time (TAT) of a bucket, a rate, now. Out: the next TAT, or when it will be allowed. Never: a
//! memory of its own; who keeps the TAT must keep it under a lock.
//!
//! A bucket of `burst` tokens that gains one every `period` is full when its TAT has passed, and every token that is
//! taken moves the TAT on by one period. It is empty when the TAT lies further ahead than the burst reaches.

use std::time::Duration;

use crate::clock::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub burst: u32,
    /// From one token to the next; not zero.
    pub period: Duration,
}

impl Rate {
    /// How far the TAT may lie ahead when a token is taken.
    fn reach(self) -> Duration {
        self.period.saturating_mul(self.burst.saturating_sub(1))
    }

    /// When the next token can be taken; an instant of the past means now.
    pub fn allowed_at(self, tat: Timestamp) -> Timestamp {
        tat.minus(self.reach())
    }

    /// Tokens that could be taken at `now`.
    pub fn available(self, tat: Timestamp, now: Timestamp) -> u32 {
        let ahead = tat.since(now);
        let Some(left) = self.reach().checked_sub(ahead) else {
            return 0;
        };
        let tokens = left.as_nanos() / self.period.as_nanos().max(1);
        u32::try_from(tokens).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// Takes a token: the bucket's next TAT, or when a token will be there.
pub fn reserve(tat: Timestamp, now: Timestamp, rate: Rate) -> Result<Timestamp, Timestamp> {
    let allowed_at = rate.allowed_at(tat);
    if allowed_at > now {
        return Err(allowed_at);
    }
    Ok(tat.max(now).plus(rate.period))
}

/// Puts a token back that was not used.
pub fn refund(tat: Timestamp, rate: Rate) -> Timestamp {
    tat.minus(rate.period)
}

/// The other side knows better: nothing is allowed before `until`, and one token from then on. Never earlier than the
/// bucket says itself.
pub fn push_to(tat: Timestamp, until: Timestamp, rate: Rate) -> Timestamp {
    tat.max(until.plus(rate.reach()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain thing: a number of tokens that grows with time, in whole milliseconds.
    struct Bucket {
        rate: Rate,
        milli_tokens: u128,
        at: Timestamp,
    }

    impl Bucket {
        fn full(rate: Rate, at: Timestamp) -> Self {
            let milli_tokens = u128::from(rate.burst) * rate.period.as_millis();
            Self { rate, milli_tokens, at }
        }

        fn take(&mut self, now: Timestamp) -> bool {
            let full = u128::from(self.rate.burst) * self.rate.period.as_millis();
            self.milli_tokens = (self.milli_tokens + now.since(self.at).as_millis()).min(full);
            self.at = now;
            let enough = self.milli_tokens >= self.rate.period.as_millis();
            if enough {
                self.milli_tokens -= self.rate.period.as_millis();
            }
            enough
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(1_000_000) + Duration::from_millis(millis))
    }

    fn rate(burst: u32, millis: u64) -> Rate {
        let period = Duration::from_millis(millis);
        Rate { burst, period }
    }

    proptest! {
        /// Asked at any instants, it says yes exactly where a bucket that counts its tokens does.
        #[test]
        fn it_is_a_token_bucket(burst in 1_u32..8, period in 1_u64..500, waits in prop::collection::vec(0_u64..400, 1..200)) {
            let rate = rate(burst, period);
            let (mut plain, mut tat, mut now) = (Bucket::full(rate, at(0)), Timestamp::EPOCH, 0);
            for wait in waits {
                now += wait;
                let available = rate.available(tat, at(now));
                let taken = reserve(tat, at(now), rate);
                prop_assert_eq!(taken.is_ok(), plain.take(at(now)));
                prop_assert_eq!(taken.is_ok(), available > 0);
                tat = taken.unwrap_or(tat);
            }
        }

        /// The instant that a refusal names is the first at which it is allowed.
        #[test]
        fn a_refusal_names_the_first_instant(burst in 1_u32..8, period in 1_u64..500, taken in 0_u32..40) {
            let rate = rate(burst, period);
            let tat = at(0).plus(rate.period * taken);
            match reserve(tat, at(0), rate) {
                Ok(next) => prop_assert_eq!(next, tat.plus(rate.period)),
                Err(allowed) => {
                    prop_assert!(reserve(tat, allowed, rate).is_ok());
                    prop_assert!(reserve(tat, allowed.minus(Duration::from_micros(1)), rate).is_err());
                }
            }
        }

        /// What was taken and given back was never taken.
        #[test]
        fn a_refund_undoes_a_reservation(burst in 1_u32..8, period in 1_u64..500, taken in 0_u32..8) {
            let rate = rate(burst, period);
            let tat = at(0).plus(rate.period * taken);
            if let Ok(next) = reserve(tat, at(0), rate) {
                prop_assert_eq!(refund(next, rate), tat);
            }
        }
    }

    #[test]
    fn the_other_side_is_believed_when_it_asks_for_more_patience() {
        let rate = rate(5, 1_000);
        let pushed = push_to(Timestamp::EPOCH, at(90_000), rate);
        assert_eq!(reserve(pushed, at(89_999), rate), Err(at(90_000)));
        assert_eq!(rate.available(pushed, at(90_000)), 1);
        assert_eq!(push_to(pushed, at(10), rate), pushed, "and never when it asks for less");
    }
}
