//! What the CAs' limits say of orders that are to go out, and what becomes of what was drawn. Pure; `desk` does the reading
//! and writing.
//!
//! In: runs, counters, reports. Out: yes, or which limit says no and until when; counters and reservations that changed.
//! A run that will place a new order at the CA draws from all its buckets at once or from none. What it drew is *settled* once
//! the CA has counted it, given back when the step ended without it, and corrected when the CA says that it is too much.

mod blame;
mod desk;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::ari;
use domain::cause::{Cause, OfCa};
use domain::limit::{self, Ask, Book, Bucket, Need, Renewal, Scope};
use domain::run::{Because, Checkpoint, Mode, Outcome, Position, Product};
use domain::{RunId, Timestamp};
use store::{BucketRow, LoadedRun, Reservation};

use self::blame::Said;
use crate::decide::at_ca::{Wait, current_ca, places_order};
use crate::decide::holds::Holds;
use crate::ledger::rules::Rules;

/// A set of names counts as a renewal when the CA issued for it within the longest life of a certificate.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(398 * 24 * 3600);

pub(crate) struct Quota {
    rules: Arc<Rules>,
    book: Book,
    /// What CAs have said of whole accounts and domains.
    holds: Holds,
    holds_known: bool,
    /// Runs whose question about their account another run asks already.
    surplus: Vec<RunId>,
    /// What was looked up in this transaction, whether there was a row or not.
    known: HashSet<Bucket>,
    issued_at: HashMap<Bucket, Timestamp>,
    reserved: HashMap<RunId, Vec<Bucket>>,
    taken: Vec<Reservation>,
    settled: Vec<Reservation>,
    issued: Vec<Bucket>,
    /// How many wait for a bucket, where it matters.
    queued: HashMap<Bucket, u32>,
    /// The lock is held.
    held: bool,
}

/// What a report of Issue says of the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QuotaEffect {
    /// The CA has the order, and has counted it.
    Ordered,
    /// The step rests before it has asked for anything.
    NotAsked,
    Issued,
    /// An order was opened and given up, at the CA's staging where there is one: no limit of ours.
    Rehearsed,
    Trouble {
        cause: Option<Cause>,
        /// When it is tried again by itself.
        until: Option<Timestamp>,
    },
}

impl QuotaEffect {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let trouble = |until| Self::Trouble {
            cause: outcome.cause().cloned(),
            until,
        };
        match outcome {
            Outcome::Done {
                product: Product::Rehearsed(_),
            } => Self::Rehearsed,
            Outcome::Done { .. } => Self::Issued,
            Outcome::Resting { checkpoint, .. } if checkpoint.is_open() => Self::Ordered,
            Outcome::Resting { .. } => Self::NotAsked,
            Outcome::Retry { until, .. } => trouble(Some(*until)),
            Outcome::Failed { .. } | Outcome::Stuck { .. } => trouble(None),
        }
    }
}

impl Quota {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            book: Book::default(),
            holds: Holds::default(),
            holds_known: false,
            surplus: Vec::new(),
            known: HashSet::new(),
            issued_at: HashMap::new(),
            reserved: HashMap::new(),
            taken: Vec::new(),
            settled: Vec::new(),
            issued: Vec::new(),
            queued: HashMap::new(),
            held: false,
        }
    }

    fn learn(&mut self, asked: &[Bucket], rows: Vec<BucketRow>) {
        for row in rows {
            if let Some(at) = row.issued_at {
                self.issued_at.insert(row.bucket.clone(), at);
            }
            self.book.learn(row.bucket, row.tat);
        }
        self.known.extend(asked.iter().cloned());
    }

    fn remember(&mut self, rows: Vec<Reservation>) {
        for row in rows {
            self.reserved.entry(row.run_id).or_default().push(row.bucket);
        }
    }

    /// Whether the next order of this run would place a new order at a CA whose limits are known. A rehearsal never
    /// waits and takes nothing from live runs: when its order is too much, the CA says so, and that is a cross.
    fn concerns(&self, run: &LoadedRun) -> bool {
        places_order(run) && self.rules.limits_of(current_ca(run))
    }

    fn needs(&self, run: &LoadedRun, renewal: Renewal) -> Vec<Need> {
        limit::needs(self.rules.limits(), &ask(run, renewal))
    }

    /// The one place that says which exemption an order has.
    fn renewal(&self, run: &LoadedRun, now: Timestamp) -> Renewal {
        if ari::exempt(run.plan.replaces.as_ref(), &run.plan.names, now) {
            return Renewal::Ari;
        }
        let needs = self.needs(run, Renewal::No);
        let set = needs.iter().find(|need| need.scope == Scope::ExactSet);
        let issued_at = set.and_then(|need| self.issued_at.get(&need.bucket));
        match issued_at {
            Some(at) if now < at.plus(REMEMBERED) => Renewal::SameSet,
            Some(_) | None => Renewal::No,
        }
    }

    /// Whether the order may go out now, or for what it must wait and until when.
    pub(crate) fn admit(&mut self, run: &LoadedRun, now: Timestamp) -> Result<(), Wait> {
        if !places_order(run) {
            return Ok(());
        }
        self.holds.check(run, now)?;
        self.draw(run, now)?;
        self.holds.begin_trial(run, now);
        Ok(())
    }

    /// Draws what the order needs, or says for which limit it must wait.
    fn draw(&mut self, run: &LoadedRun, now: Timestamp) -> Result<(), Wait> {
        // An order that was out before has its share.
        if !self.concerns(run) || self.reserved.contains_key(&run.head.id) {
            return Ok(());
        }
        let needs = self.needs(run, self.renewal(run, now));
        if let Err(refusal) = self.book.take(&needs, now) {
            let need = refusal.need;
            let because = Because::Limit {
                name: need.title.clone(),
                bucket: need.bucket.clone(),
                shared: need.scope.is_shared(),
            };
            let before = self.queued.get(&need.bucket).copied().unwrap_or(0);
            return Err(Wait {
                until: refusal.allowed_at,
                because,
                expected_at: refusal.allowed_at.plus(need.rate.period.saturating_mul(before)),
            });
        }
        let taken = needs.into_iter().filter(|need| need.takes);
        let buckets: Vec<Bucket> = taken.map(|need| need.bucket).collect();
        self.taken.extend(buckets.iter().map(|bucket| Reservation {
            run_id: run.head.id,
            bucket: bucket.clone(),
        }));
        self.reserved.insert(run.head.id, buckets);
        Ok(())
    }

    /// What a report makes of what its run drew; `run` stands where the report has put it.
    fn account_for(&mut self, run: &LoadedRun, answer: &QuotaEffect, now: Timestamp) {
        if run.head.mode == Mode::DryRun {
            return;
        }
        let needs = self.needs(run, Renewal::No);
        let open = run.state.checkpoint.as_ref().is_some_and(Checkpoint::is_open);
        match answer {
            QuotaEffect::Ordered => self.close(run, &needs, |need| fate(need, Fate::Settle, Fate::Keep)),
            QuotaEffect::NotAsked => self.close(run, &needs, |_| Fate::GiveBack),
            QuotaEffect::Issued => {
                self.close(run, &needs, |_| Fate::Settle);
                // A success ends the row of failures.
                for need in needs.iter().filter(|need| need.scope == Scope::ConsecutiveFailure) {
                    self.book.refill(&need.bucket, now);
                }
                let sets = needs.iter().filter(|need| need.scope == Scope::ExactSet);
                self.issued.extend(sets.map(|need| need.bucket.clone()));
            }
            QuotaEffect::Rehearsed => {}
            QuotaEffect::Trouble { .. } if open => {}
            // The answer to newOrder may have been lost: it may have been counted.
            QuotaEffect::Trouble {
                cause: Some(Cause::Ca(OfCa::Down { .. } | OfCa::OrderLost)),
                ..
            } => {
                self.close(run, &needs, |need| fate(need, Fate::Settle, Fate::GiveBack));
            }
            QuotaEffect::Trouble { .. } => {
                self.close(run, &needs, |_| Fate::GiveBack);
                self.learn_from(&needs, answer, now);
            }
        }
    }

    /// What an answer says of the whole account or domain; `after` is where it has put the run.
    fn learn_of_all(&mut self, before: &LoadedRun, after: &LoadedRun, answer: &QuotaEffect, now: Timestamp) {
        if before.head.mode == Mode::DryRun {
            return;
        }
        match answer {
            QuotaEffect::Ordered | QuotaEffect::Issued => self.holds.lift(before),
            QuotaEffect::Rehearsed | QuotaEffect::NotAsked => {}
            QuotaEffect::Trouble {
                cause: Some(Cause::Ca(OfCa::AccountRefused | OfCa::AccountIncomplete)),
                ..
            } => {
                if self.holds.refuse(before, after, now) {
                    self.surplus.push(after.head.id);
                }
            }
            QuotaEffect::Trouble {
                cause: Some(Cause::Ca(OfCa::Limited { scope, of })),
                until: Some(until),
            } => {
                let said = Said { scope: *scope, of };
                let needs = self.needs(before, self.renewal(before, now));
                // A limit that is known counts for itself, and lets through what it has room for.
                match said.blamed(&needs) {
                    Some(_) => self.holds.end_trial(before),
                    None => self.holds.limit(before, &said.limited(before), *until, now),
                }
            }
            QuotaEffect::Trouble { .. } => self.holds.end_trial(before),
        }
    }

    /// Those of them that wait now instead of asking.
    pub(crate) fn surplus(&mut self) -> Vec<RunId> {
        std::mem::take(&mut self.surplus)
    }

    fn learn_from(&mut self, needs: &[Need], answer: &QuotaEffect, now: Timestamp) {
        let QuotaEffect::Trouble {
            cause: Some(Cause::Ca(of_ca)),
            until,
        } = answer
        else {
            return;
        };
        if let OfCa::NotProven { .. } = of_ca {
            // Of the other names of the order the CA may have looked at some, and seen nothing either: all are counted.
            for need in needs.iter().filter(|need| need.scope.is_of_failures()) {
                self.book.spend(&need.bucket, need.rate, now);
            }
        }
        if let (OfCa::Limited { scope, of }, Some(until)) = (of_ca, *until)
            && let Some(need) = (Said { scope: *scope, of }).blamed(needs)
        {
            self.book.push_to(&need.bucket, need.rate, until);
        }
    }

    /// Ends what the run has drawn from each of these buckets as it is told.
    fn close(&mut self, run: &LoadedRun, needs: &[Need], tell: impl Fn(&Need) -> Fate) {
        let id = run.head.id;
        for bucket in self.reserved.remove(&id).unwrap_or_default() {
            let need = needs.iter().find(|need| need.bucket == bucket);
            match need.map_or(Fate::Settle, &tell) {
                Fate::Keep => {
                    self.reserved.entry(id).or_default().push(bucket);
                    continue;
                }
                Fate::GiveBack => {
                    if let Some(need) = need {
                        self.book.give_back(&bucket, need.rate);
                    }
                }
                Fate::Settle => {}
            }
            self.settled.push(Reservation { run_id: id, bucket });
        }
    }

    /// Tokens of the bucket for which such a lane waits.
    fn tokens(&self, bucket: &Bucket, now: Timestamp) -> Option<u32> {
        let rate = self.rules.limit(&bucket.limit)?.rate();
        Some(self.book.available(bucket, rate, now))
    }
}

/// What becomes of a token that was drawn.
#[derive(Clone, Copy)]
enum Fate {
    /// The CA has counted it.
    Settle,
    GiveBack,
    /// The order is open: it is not decided yet.
    Keep,
}

/// New orders are counted when they are placed, certificates when they are issued.
fn fate(need: &Need, order: Fate, certificate: Fate) -> Fate {
    match need.scope {
        Scope::Account => order,
        Scope::RegisteredDomain | Scope::ExactSet | Scope::FailedAuthorization | Scope::ConsecutiveFailure => {
            certificate
        }
    }
}

/// As it was when it was answered: what it has turned to since has counted nothing yet.
fn before_failover(run: &LoadedRun) -> Cow<'_, LoadedRun> {
    let last = run.state.progress.failovers.last();
    if last.is_none_or(|last| last.attempt != run.state.attempt) {
        return Cow::Borrowed(run);
    }
    let mut before = run.clone();
    before.state.progress.failovers.pop();
    Cow::Owned(before)
}

fn ask(run: &LoadedRun, renewal: Renewal) -> Ask<'_> {
    Ask {
        workspace: &run.head.workspace,
        ca: current_ca(run),
        names: &run.plan.names,
        renewal,
    }
}

/// A run that waits for this bucket already need not be written again.
pub(crate) fn waits_for(run: &LoadedRun, because: &Because) -> bool {
    match (&run.state.position, because) {
        (
            Position::Waiting {
                because: Because::Limit {
                    bucket, shared: true, ..
                },
                ..
            },
            Because::Limit { bucket: other, .. },
        ) => bucket == other,
        _ => false,
    }
}
