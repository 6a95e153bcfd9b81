//! What the CAs' limits say of orders that are to go out, and what becomes of what was drawn. Pure; `desk` does the reading
//! and writing.
//!
//! In: runs, counters, reports. Out: yes, or which limit says no and until when; counters and reservations that changed.
//! A run that will place a new order at the CA draws from all its buckets at once or from none. What it drew is *settled* once
//! the CA has counted it, given back when the step ended without it, and corrected when the CA says that it is too much.

mod desk;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::ari;
use domain::limit::{self, Ask, Book, Bucket, Need, Renewal, Scope};
use domain::run::{Because, Checkpoint, Mode, Outcome, Position, Product, Step};
use domain::{RunId, Timestamp};
use store::{BucketRow, LoadedRun, Reservation};

use crate::rules::Rules;

/// The issuer's codes (ERRORS.md) that say something of limits.
const CA_UNAVAILABLE: &str = "ISS-0005";
const RATE_LIMITED: &str = "ISS-0006";
const NOT_PROVEN: &str = "ISS-0007";
/// A set of names counts as a renewal when the CA issued for it within the longest life of a certificate.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(398 * 24 * 3600);

pub(crate) struct Quota {
    rules: Arc<Rules>,
    book: Book,
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

/// Why an order must wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    /// When it is looked at again.
    pub until: Timestamp,
    pub because: Because,
    /// When all that wait for the same have gone before it.
    pub expected_at: Timestamp,
}

impl Wait {
    pub(crate) fn until(until: Timestamp, because: Because) -> Self {
        Self {
            until,
            because,
            expected_at: until,
        }
    }
}

/// What a report of Issue says of the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The CA has the order, and has counted it.
    Ordered,
    /// The step rests before it has asked for anything.
    NotAsked,
    Issued,
    /// An order was opened and given up, at the CA's staging where there is one: no limit of ours.
    Rehearsed,
    Trouble {
        code: String,
        what: String,
        until: Option<Timestamp>,
    },
}

impl Answer {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let trouble = |code: &str, what: &str, until| Self::Trouble {
            code: code.to_owned(),
            what: what.to_owned(),
            until,
        };
        match outcome {
            Outcome::Done {
                product: Product::Rehearsed(_),
            } => Self::Rehearsed,
            Outcome::Done { .. } => Self::Issued,
            Outcome::Resting {
                checkpoint: Checkpoint::AcmeOrder { .. },
                ..
            } => Self::Ordered,
            Outcome::Resting {
                checkpoint: Checkpoint::AcmeAccountKey { .. },
                ..
            } => Self::NotAsked,
            Outcome::Retry { failure, until, .. } => trouble(failure.code.as_str(), &failure.what, Some(*until)),
            Outcome::Failed { failure } => trouble(failure.code.as_str(), &failure.what, None),
            Outcome::Stuck { question, .. } => trouble(question.code.as_str(), &question.what, None),
        }
    }
}

impl Quota {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            book: Book::default(),
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
        run.head.mode == Mode::Live
            && run.state.step() == Some(Step::Issue)
            && !matches!(run.state.checkpoint, Some(Checkpoint::AcmeOrder { .. }))
            && self.rules.limits_of(asked(run).as_str())
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

    /// Draws what the order needs, or says for which limit it must wait and until when.
    pub(crate) fn admit(&mut self, run: &LoadedRun, now: Timestamp) -> Result<(), Wait> {
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
    fn account_for(&mut self, run: &LoadedRun, answer: &Answer, now: Timestamp) {
        if run.head.mode == Mode::DryRun {
            return;
        }
        let needs = self.needs(run, Renewal::No);
        let open = matches!(run.state.checkpoint, Some(Checkpoint::AcmeOrder { .. }));
        match answer {
            Answer::Ordered => self.close(run, &needs, |need| fate(need, Fate::Settle, Fate::Keep)),
            Answer::NotAsked => self.close(run, &needs, |_| Fate::GiveBack),
            Answer::Issued => {
                self.close(run, &needs, |_| Fate::Settle);
                // A success ends the row of failures.
                for need in needs.iter().filter(|need| need.scope == Scope::ConsecutiveFailure) {
                    self.book.refill(&need.bucket, now);
                }
                let sets = needs.iter().filter(|need| need.scope == Scope::ExactSet);
                self.issued.extend(sets.map(|need| need.bucket.clone()));
            }
            Answer::Rehearsed => {}
            Answer::Trouble { .. } if open => {}
            // The answer to newOrder may have been lost: it may have been counted.
            Answer::Trouble { code, .. } if code == CA_UNAVAILABLE => {
                self.close(run, &needs, |need| fate(need, Fate::Settle, Fate::GiveBack));
            }
            Answer::Trouble { code, what, until } => {
                self.close(run, &needs, |_| Fate::GiveBack);
                self.learn_from(&needs, (code, what, *until), now);
            }
        }
    }

    fn learn_from(&mut self, needs: &[Need], (code, what, until): (&str, &str, Option<Timestamp>), now: Timestamp) {
        if code == NOT_PROVEN {
            // Which of the names failed is said in prose only: all are counted.
            for need in needs.iter().filter(|need| need.scope.is_of_failures()) {
                self.book.spend(&need.bucket, need.rate, now);
            }
        }
        if let (RATE_LIMITED, Some(until)) = (code, until)
            && let Some(need) = blamed(needs, what)
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

/// The CA that the next order of this run goes to, or the one that has it.
fn asked(run: &LoadedRun) -> &url::Url {
    &run.plan.asked(&run.state.course).directory_url
}

/// As it was when it was answered: what it has turned to since has counted nothing yet.
fn before_turning(run: &LoadedRun) -> Cow<'_, LoadedRun> {
    let turned = run.state.course.turned.last();
    if turned.is_none_or(|turned| turned.attempt != run.state.attempt) {
        return Cow::Borrowed(run);
    }
    let mut before = run.clone();
    before.state.course.turned.pop();
    Cow::Owned(before)
}

fn ask(run: &LoadedRun, renewal: Renewal) -> Ask<'_> {
    Ask {
        workspace: &run.head.workspace,
        directory_url: asked(run),
        names: &run.plan.names,
        renewal,
    }
}

/// Which limit the CA means, by the words that Boulder uses; the account's when it does not say.
fn blamed<'a>(needs: &'a [Need], what: &str) -> Option<&'a Need> {
    let said = |words: &str| what.contains(words);
    let scope = if said("exact set") {
        Scope::ExactSet
    } else if said("failed authorizations") {
        Scope::FailedAuthorization
    } else if said("temporarily prevented from requesting") {
        Scope::ConsecutiveFailure
    } else if said("already issued for") {
        Scope::RegisteredDomain
    } else {
        Scope::Account
    };
    let of_scope = || needs.iter().filter(|need| need.scope == scope);
    // The message names the domain or the name.
    let named = of_scope().find(|need| need.bucket.key.split(' ').next_back().is_some_and(said));
    named.or_else(|| of_scope().next())
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
