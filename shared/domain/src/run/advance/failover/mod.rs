//! To the next CA, when the one that is asked is down or out of quota for longer than the
//! certificate in service can wait.
//!
//! Never while an order that may have been finalized is open at the present CA: two CAs would both
//! issue. An order that is known to be of no use is not open any more, and one of which the record
//! says that no issuer has finalized it is left: the issuer asks for the certificate only under an
//! order whose checkpoint says otherwise, and none was ever sent.

use std::time::Duration;

use super::{asking, begun, waiting};
use crate::asked_wait;
use crate::cause::Cause;
use crate::clock::Timestamp;
use crate::disposition::Failure;
use crate::limit::Bucket;
use crate::plan::Plan;
use crate::run::progress::Failover;
use crate::run::{Because, Checkpoint, Outcome, Position, RunState, Step};

/// Failures in a row at one CA before the next is asked.
const TRIES: u32 = 3;
/// So long a CA may hold up a host whose certificate was never seen.
const UNSEEN: Duration = Duration::from_secs(3_600);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(86_400);
const NO_CA_LEFT: &str =
    "give the policy a fallback at another CA for its next run, or bring a certificate and resolve the run";

/// A limit of a CA that has no room now, and when it may have some.
pub(super) struct FullLimit<'a> {
    name: &'a str,
    bucket: &'a Bucket,
    expected_at: Timestamp,
}

impl<'a> FullLimit<'a> {
    /// Nothing when the run waits for anything else.
    pub(super) fn of(because: &'a Because, expected_at: Timestamp) -> Option<Self> {
        let Because::Limit { name, bucket, .. } = because else {
            return None;
        };
        Some(Self {
            name,
            bucket,
            expected_at,
        })
    }

    fn failure(&self, hint: &str) -> Failure {
        let Self { name, expected_at, .. } = self;
        let what = if self.bucket.is_hold() {
            format!("{name}: that is longer than the certificate in service can wait")
        } else {
            format!("{name}: no room before {expected_at}, which is longer than the certificate in service can wait")
        };
        Failure::new("RUN-0004", what, hint)
    }
}

/// The run at the next CA of its plan, when it should not wait for this one; nothing when it should
/// or must.
pub(super) fn fail_over(run: &RunState, plan: &Plan, outcome: &Outcome, now: Timestamp) -> Option<RunState> {
    if !outcome.cause().is_some_and(Cause::is_of_this_ca_alone) {
        return None;
    }
    let (failure, too_long) = match outcome {
        Outcome::Retry { until, failure, .. } => {
            let too_long = run.failures + 1 >= TRIES || *until > now.plus(bearable(plan, now));
            (failure.clone(), too_long)
        }
        // It is not known how long a person takes.
        Outcome::Stuck { question, .. } => (question.as_failure(), true),
        Outcome::Done { .. } | Outcome::Resting { .. } | Outcome::Failed { .. } => return None,
    };
    (too_long && may_fail_over(run, plan)).then(|| next(run, failure, now))
}

/// Fails over a run whose order was not sent, because a limit of the CA has no room: its turn there
/// may come at `expected_at`. After the last CA it is a question.
pub(super) fn outwaited(run: &RunState, plan: &Plan, limit: &FullLimit<'_>, now: Timestamp) -> Option<RunState> {
    let expected_at = limit.expected_at;
    if may_fail_over(run, plan) {
        let too_long = expected_at > now.plus(bearable(plan, now));
        return too_long.then(|| next(run, limit.failure("nothing to do: the next CA is asked"), now));
    }
    asked_wait::is_too_long(expected_at, plan.expires_at, now).then(|| {
        let tried_at = expected_at.min(now.plus(LONGEST));
        asking(run, Step::Issue, limit.failure(NO_CA_LEFT).ask(), Some(tried_at))
    })
}

/// When a run that waits for a limit of its CA since then has waited too long, whatever its turn
/// was thought to be; nothing for one that waits for nothing of the kind.
pub fn outwaits_at(run: &RunState, plan: &Plan, since: Timestamp) -> Option<Timestamp> {
    let Position::Waiting {
        step: Step::Issue,
        because: Because::Limit { .. },
        ..
    } = &run.position
    else {
        return None;
    };
    let longest = if may_fail_over(run, plan) {
        bearable(plan, since)
    } else {
        asked_wait::longest(plan.expires_at, since)
    };
    Some(since.plus(longest))
}

/// That instant has come: the next CA is asked, or a person.
pub(super) fn has_outwaited(run: &RunState, plan: &Plan, limit: &str, now: Timestamp) -> RunState {
    let what = format!("{limit}: no room so far, and the certificate in service can wait no longer");
    let failure = |hint| Failure::new("RUN-0004", what, hint);
    if may_fail_over(run, plan) {
        return next(run, failure("nothing to do: the next CA is asked"), now);
    }
    let retry_at = now.plus(bearable(plan, now));
    asking(run, Step::Issue, failure(NO_CA_LEFT).ask(), Some(retry_at))
}

/// Whether another CA stands by, and none will have issued before it.
fn may_fail_over(run: &RunState, plan: &Plan) -> bool {
    let bound = run.checkpoint.as_ref().is_some_and(Checkpoint::is_binding);
    !bound && plan.has_next_ca(&run.progress)
}

fn next(run: &RunState, failure: Failure, now: Timestamp) -> RunState {
    let mut next = begun(run, Step::Issue);
    next.progress.failovers.push(Failover {
        attempt: run.attempt,
        at: now,
        failure,
    });
    next
}

/// A tenth of the life that is left, but a minute at least and a day at most.
fn bearable(plan: &Plan, now: Timestamp) -> Duration {
    match plan.expires_at {
        Some(end) => (end.since(now) / 10).clamp(SHORTEST, LONGEST),
        None => UNSEEN,
    }
}

/// A person has mended something: the plan's own choice is asked again, unless an order is open
/// elsewhere.
pub(super) fn back_to_first(run: &RunState) -> RunState {
    let mut first = run.clone();
    if !run.checkpoint.as_ref().is_some_and(Checkpoint::is_open) {
        first.progress.failovers.clear();
    }
    first
}

/// Issue from the start, at the plan's own choice as far as that is possible.
pub(super) fn resumed(run: &RunState) -> RunState {
    waiting(&back_to_first(run), Step::Issue, Timestamp::EPOCH, Because::Turn)
}

#[cfg(test)]
mod tests;
