//! What a CA has said of a whole account or domain, and not of one run: that something is too much,
//! or that it refuses the account. Pure; `quota::desk` does the reading and writing.
//!
//! ```text
//!            429 of the account or domain                    until has passed
//! (nothing) ──────────────────────────────▶ limited ───────────────────────────▶ one run tries ──the order is placed──▶ (nothing)
//!     │                                        ▲ a rung higher │ 429 again             │
//!     │ the account is refused                 └───────────────┴───────────────────────┘
//!     └──────────────▶ refused: one run asks a person; when it asks no more, one run tries
//! ```
//!
//! In: runs that would place an order, and what became of their orders. Out: whether they may, and
//! the rows that changed. Never: an order that is open at the CA is held.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::Timestamp;
use domain::limit::{self, Bucket};
use domain::run::Because;
use store::{CaHold, LoadedRun};

use crate::decide::acts::asks_about_account;
use crate::decide::at_ca::{Wait, current_ca, places_order};

/// A try has ended by then, one way or another: an order of Issue has 180 s, and waits for a place
/// before.
const TRIAL: Duration = Duration::from_secs(240);
/// So long runs that could go elsewhere leave a CA alone that refuses their account.
const REFUSED_FOR: Duration = Duration::from_secs(3_600);
/// It is not known how long a person takes: longer than any certificate can wait.
const FAR: Duration = Duration::from_secs(30 * 86_400);

/// What a CA limits when it answers 429.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limited {
    Account,
    Domains(Vec<String>),
    /// Something that concerns this run alone.
    Run,
}

#[derive(Default)]
pub(crate) struct Holds {
    all: HashMap<Bucket, CaHold>,
    changed: BTreeSet<Bucket>,
    lifted: BTreeSet<Bucket>,
}

/// What may hold the next order of this run.
fn buckets(run: &LoadedRun) -> Vec<Bucket> {
    let names = run.plan.names.iter();
    let domains: BTreeSet<&str> = names.map(limit::registered_domain).collect();
    let domains = domains
        .into_iter()
        .map(|domain| Bucket::hold_of_domain(current_ca(run), domain));
    std::iter::once(account(run)).chain(domains).collect()
}

fn account(run: &LoadedRun) -> Bucket {
    Bucket::hold_of_account(current_ca(run), &run.head.workspace)
}

/// A hold that an answer of the CA asks for.
struct WantedHold {
    bucket: Bucket,
    until: Timestamp,
    what: String,
}

impl Holds {
    pub(crate) fn learn(&mut self, rows: Vec<CaHold>) {
        for row in rows {
            if !self.lifted.contains(&row.bucket) {
                self.all.entry(row.bucket.clone()).or_insert(row);
            }
        }
    }

    pub(crate) fn changed(&self) -> impl Iterator<Item = &CaHold> {
        self.changed.iter().filter_map(|bucket| self.all.get(bucket))
    }

    pub(crate) fn lifted(&self) -> impl Iterator<Item = &Bucket> {
        self.lifted.iter().filter(|bucket| !self.all.contains_key(bucket))
    }

    pub(crate) fn any_changed(&self) -> bool {
        !self.changed.is_empty() || !self.lifted.is_empty()
    }

    /// How many of those that wait because of it may come out; nothing when it does not stand any
    /// more.
    pub(crate) fn room(&self, bucket: &Bucket, now: Timestamp) -> Option<u32> {
        let hold = self.all.get(bucket)?;
        let closed = if hold.refused { hold.asking } else { hold.until > now };
        let tried = hold.trial.is_some_and(|(_, until)| until > now);
        Some(u32::from(!closed && !tried))
    }

    /// Whether the order of this run may be placed, or for what it must wait.
    pub(crate) fn check(&self, run: &LoadedRun, now: Timestamp) -> Result<(), Wait> {
        let of_run = buckets(run);
        let mut standing = of_run.iter().filter_map(|bucket| self.all.get(bucket));
        match standing.find(|hold| keeps(hold, run, now)) {
            Some(hold) => Err(wait(hold, run, now)),
            None => Ok(()),
        }
    }

    /// The run's order goes out: of what it is held by no more, it finds out whether that still
    /// stands.
    pub(crate) fn begin_trial(&mut self, run: &LoadedRun, now: Timestamp) {
        for bucket in buckets(run) {
            if let Some(hold) = self.all.get_mut(&bucket) {
                hold.trial = Some((run.head.id, now.plus(TRIAL)));
                self.changed.insert(bucket);
            }
        }
    }

    /// The CA has taken an order of this run: what it has found out holds for all.
    pub(crate) fn lift(&mut self, run: &LoadedRun) {
        let id = run.head.id;
        for bucket in buckets(run) {
            let found_out = self
                .all
                .get(&bucket)
                .is_some_and(|hold| hold.trial.is_some_and(|(trial, _)| trial == id) || hold.asker == Some(id));
            if found_out {
                self.all.remove(&bucket);
                self.changed.remove(&bucket);
                self.lifted.insert(bucket);
            }
        }
    }

    /// Something else went wrong: another run finds out.
    pub(crate) fn end_trial(&mut self, run: &LoadedRun) {
        for bucket in buckets(run) {
            if let Some(hold) = self.all.get_mut(&bucket)
                && hold.trial.is_some_and(|(trial, _)| trial == run.head.id)
            {
                hold.trial = None;
                self.changed.insert(bucket);
            }
        }
    }

    /// The CA has said that it is too much: `until` is when this run comes back. The pause grows
    /// with each try in vain, not with each run that was out already.
    pub(crate) fn limit(&mut self, run: &LoadedRun, limited: &Limited, until: Timestamp, now: Timestamp) {
        let ca = current_ca(run);
        let of = match limited {
            Limited::Account => vec![(account(run), format!("the CA's limit for this account at {ca}"))],
            Limited::Domains(domains) => {
                let each = domains.iter().map(|domain| {
                    let what = format!("the CA's limit for {domain} at {ca}");
                    (Bucket::hold_of_domain(ca, domain), what)
                });
                each.collect()
            }
            Limited::Run => Vec::new(),
        };
        for (bucket, what) in of {
            self.limit_one(run, WantedHold { bucket, until, what }, now);
        }
    }

    fn limit_one(&mut self, run: &LoadedRun, wanted: WantedHold, now: Timestamp) {
        let WantedHold { bucket, until, what } = wanted;
        let ladder = &run.plan.ladder;
        // Shorter than this run's own wait: the CA has named it.
        let own = ladder.wait(run.state.failures.saturating_sub(1));
        let named = until < now.plus(own.mul_f64(0.9));
        let climbs = match self.all.get_mut(&bucket) {
            Some(hold) if hold.refused => return self.end_trial(run),
            Some(hold) if hold.until > now && hold.trial.is_none_or(|(trial, _)| trial != run.head.id) => {
                if until > hold.until && until > now.plus(own.mul_f64(1.2)) {
                    hold.until = until;
                    self.changed.insert(bucket);
                }
                return;
            }
            Some(hold) => hold.climbs.saturating_add(1),
            None => 0,
        };
        let until = if named {
            until
        } else {
            until.max(now.plus(ladder.wait(climbs)))
        };
        let hold = CaHold {
            bucket: bucket.clone(),
            until,
            climbs,
            refused: false,
            asker: None,
            asking: false,
            trial: None,
            what,
        };
        self.put(hold);
    }

    /// The CA refuses the account; `after` is where that has put the run. Says whether its question
    /// is one too many: another run asks it already.
    pub(crate) fn refuse(&mut self, before: &LoadedRun, after: &LoadedRun, now: Timestamp) -> bool {
        let bucket = account(before);
        let asks = asks_about_account(after).is_some();
        let others = |hold: &CaHold| hold.refused && hold.asking && hold.asker != Some(after.head.id);
        if self.all.get(&bucket).is_some_and(others) {
            self.end_trial(before);
            return asks && places_order(after);
        }
        let ca = current_ca(before);
        let asker = asks.then_some(after.head.id);
        let who = asker.map_or_else(String::new, |id| format!("; run {id} asks about it"));
        let hold = CaHold {
            bucket,
            until: now.plus(REFUSED_FOR),
            climbs: 0,
            refused: true,
            asker,
            asking: asks,
            trial: None,
            what: format!("the account at {ca}, which the CA refuses{who}"),
        };
        self.put(hold);
        false
    }

    fn put(&mut self, hold: CaHold) {
        self.lifted.remove(&hold.bucket);
        self.changed.insert(hold.bucket.clone());
        self.all.insert(hold.bucket.clone(), hold);
    }
}

fn keeps(hold: &CaHold, run: &LoadedRun, now: Timestamp) -> bool {
    let id = run.head.id;
    let tried = hold.trial.is_some_and(|(trial, until)| trial != id && until > now);
    if !hold.refused {
        return hold.until > now || tried;
    }
    let asked_for = hold.asking && hold.asker != Some(id);
    let elsewhere = run.plan.has_next_ca(&run.state.progress) && hold.until > now && hold.asker != Some(id);
    asked_for || tried || elsewhere
}

fn wait(hold: &CaHold, run: &LoadedRun, now: Timestamp) -> Wait {
    // What ends by itself is due then; for the rest their queue has no room before.
    let until = if hold.refused { now } else { hold.until.max(now) };
    Wait {
        until,
        because: Because::Limit {
            name: hold.what.clone(),
            bucket: hold.bucket.clone(),
            shared: true,
        },
        // Who has nowhere else to go waits for the one who asks: a second question would say
        // nothing new.
        expected_at: match hold.refused && run.plan.has_next_ca(&run.state.progress) {
            true => now.plus(FAR),
            false => until,
        },
    }
}

#[cfg(test)]
mod tests;
