//! The counters of limits, in memory: looked at and drawn from, all buckets of an order at once or none.

use std::collections::{BTreeSet, HashMap};

use super::{Bucket, Need};
use crate::clock::Timestamp;
use crate::gcra::{self, Rate};

/// What is not in it has never been used: its bucket is full.
#[derive(Debug, Clone, Default)]
pub struct Book {
    tats: HashMap<Bucket, Timestamp>,
    changed: BTreeSet<Bucket>,
}

/// Why an order must wait: the bucket that allows it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal<'a> {
    pub need: &'a Need,
    pub allowed_at: Timestamp,
}

impl Book {
    pub fn of(tats: impl IntoIterator<Item = (Bucket, Timestamp)>) -> Self {
        Self {
            tats: tats.into_iter().collect(),
            changed: BTreeSet::new(),
        }
    }

    /// A counter as it was found; one that was drawn from in memory stays as it is.
    pub fn learn(&mut self, bucket: Bucket, tat: Timestamp) {
        self.tats.entry(bucket).or_insert(tat);
    }

    fn tat(&self, bucket: &Bucket) -> Timestamp {
        self.tats.get(bucket).copied().unwrap_or(Timestamp::EPOCH)
    }

    /// Tokens that are left.
    pub fn available(&self, bucket: &Bucket, rate: Rate, now: Timestamp) -> u32 {
        rate.available(self.tat(bucket), now)
    }

    /// Which of the buckets allows it last, if that is after `now`.
    pub fn refusal<'a>(&self, needs: &'a [Need], now: Timestamp) -> Option<Refusal<'a>> {
        let times = needs.iter().map(|need| Refusal {
            need,
            allowed_at: need.rate.allowed_at(self.tat(&need.bucket)),
        });
        times
            .filter(|one| one.allowed_at > now)
            .max_by_key(|one| one.allowed_at)
    }

    /// Takes a token from every bucket, or none when one of them refuses.
    pub fn take<'a>(&mut self, needs: &'a [Need], now: Timestamp) -> Result<(), Refusal<'a>> {
        if let Some(refusal) = self.refusal(needs, now) {
            return Err(refusal);
        }
        for need in needs.iter().filter(|need| need.takes) {
            self.spend(&need.bucket, need.rate, now);
        }
        Ok(())
    }

    /// A token is gone, whether one was there or not.
    pub fn spend(&mut self, bucket: &Bucket, rate: Rate, now: Timestamp) {
        let tat = self.tat(bucket).max(now).plus(rate.period);
        self.put(bucket, tat);
    }

    pub fn give_back(&mut self, bucket: &Bucket, rate: Rate) {
        let tat = gcra::refund(self.tat(bucket), rate);
        self.put(bucket, tat);
    }

    /// The CA has forgotten what was drawn: the bucket is full.
    pub fn refill(&mut self, bucket: &Bucket, now: Timestamp) {
        if self.tat(bucket) > now {
            self.put(bucket, now);
        }
    }

    /// The CA says that nothing is allowed before `until`.
    pub fn push_to(&mut self, bucket: &Bucket, rate: Rate, until: Timestamp) {
        let tat = gcra::push_to(self.tat(bucket), until, rate);
        self.put(bucket, tat);
    }

    fn put(&mut self, bucket: &Bucket, tat: Timestamp) {
        self.tats.insert(bucket.clone(), tat);
        self.changed.insert(bucket.clone());
    }

    /// What must be written down, in order.
    pub fn changes(&self) -> impl Iterator<Item = (&Bucket, Timestamp)> {
        self.changed.iter().map(|bucket| (bucket, self.tat(bucket)))
    }
}
