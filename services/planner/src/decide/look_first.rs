//! Nothing is begun of itself on an old view: a run that the schedule made places no order at a CA
//! before its host was looked at. What is served may be newer than the record, which may have been
//! restored from a backup. Pure.
//!
//! In: a run whose turn it is, the newest look at its host. Out: it goes on, waits for a look, or
//! is not needed any more. Never: a wait without end: a host that cannot be reached was looked at,
//! and a look that no verifier makes is not waited for.

use std::collections::HashMap;
use std::time::Duration;

use domain::run::{Checkpoint, Mode, Step, Trigger};
use domain::{HostId, Timestamp};
use store::{HostLook, LoadedRun};

use crate::sweeps::survey::LOST_AFTER;

/// So old a look may be.
const FRESH: Duration = Duration::from_secs(300);
/// A look that no verifier has made by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between asking for a look and seeing what came of it.
pub(crate) const MEANWHILE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Looked {
    GoesOn,
    Waits {
        /// Since when it waits for this look.
        since: Timestamp,
        /// No verifier has been asked to look.
        ask: bool,
    },
    /// The host serves another certificate now, which ends then.
    NotNeeded {
        until: Timestamp,
    },
}

/// The looks at the hosts of one transaction.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Looks from before do not count: the record may have been another one.
    pub since: Timestamp,
    pub of: HashMap<HostId, HostLook>,
    /// Further looks that may be asked for.
    pub room: i64,
}

/// Whether the next order of this run begins something at a CA of itself.
pub(crate) fn is_needed(run: &LoadedRun) -> bool {
    let begins = match run.state.step() {
        Some(Step::PrepareKey) => true,
        Some(Step::Issue) => !run.state.checkpoint.as_ref().is_some_and(Checkpoint::is_open),
        Some(Step::Deploy(_) | Step::Verify | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy)
        | None => false,
    };
    begins && run.head.trigger == Trigger::Schedule && run.head.mode == Mode::Live
}

impl Looks {
    /// None is needed.
    pub(crate) fn none(since: Timestamp) -> Self {
        Self {
            since,
            of: HashMap::new(),
            room: 0,
        }
    }

    pub(crate) fn judge(&self, run: &LoadedRun, now: Timestamp) -> Looked {
        let look = self.of.get(&run.head.host_id);
        let seen_at = look.and_then(|look| look.answered_at);
        if seen_at.is_some_and(|at| at >= self.oldest(run, now)) {
            return newer(run, look).map_or(Looked::GoesOn, |until| Looked::NotNeeded { until });
        }
        let waiting = run.state.progress.look_since.filter(|since| *since >= self.since);
        let patience = |since: Timestamp| since.plus(PATIENCE);
        match waiting {
            Some(since) if now < patience(since) => Looked::Waits {
                since,
                ask: !is_out(look, now),
            },
            // As long as a look would have counted.
            Some(since) if now < patience(since).plus(FRESH) => Looked::GoesOn,
            Some(_) | None => Looked::Waits {
                since: now,
                ask: !is_out(look, now),
            },
        }
    }

    fn oldest(&self, run: &LoadedRun, now: Timestamp) -> Timestamp {
        now.minus(FRESH).max(self.since).max(run.head.created_at)
    }
}

fn is_out(look: Option<&HostLook>, now: Timestamp) -> bool {
    let asked_at = look.and_then(|look| look.asked_at);
    asked_at.is_some_and(|at| at > now.minus(LOST_AFTER))
}

/// The end of what is served, when that is later than it was when the run was planned.
fn newer(run: &LoadedRun, look: Option<&HostLook>) -> Option<Timestamp> {
    let (planned, served) = (run.plan.expires_at?, look?.served_until?);
    (served > planned).then_some(served)
}

#[cfg(test)]
mod tests {
    use domain::run::AcmeOrder;
    use domain::solver;

    use super::*;
    use crate::decide::quota::tests::{at, run as waits_for_issue};

    /// Made by the schedule at 100 s for a certificate that ends at 50,000 s.
    fn run() -> LoadedRun {
        let mut run = waits_for_issue("www.example.org");
        run.head.trigger = Trigger::Schedule;
        run.head.created_at = at(100);
        run.plan.expires_at = Some(at(50_000));
        run
    }

    fn looks(run: &LoadedRun, answered: Option<u64>, asked: Option<u64>, served: Option<u64>) -> Looks {
        let look = HostLook {
            asked_at: asked.map(at),
            answered_at: answered.map(at),
            served_until: served.map(at),
        };
        Looks {
            since: at(0),
            of: HashMap::from([(run.head.host_id, look)]),
            room: 1,
        }
    }

    fn waits(since: u64, ask: bool) -> Looked {
        let since = at(since);
        Looked::Waits { since, ask }
    }

    #[test]
    fn only_what_begins_of_itself_needs_a_look() {
        assert!(is_needed(&run()));
        let mut asked_for = run();
        asked_for.head.trigger = Trigger::Operator;
        let mut rehearsal = run();
        rehearsal.head.mode = Mode::DryRun;
        let mut ordered = run();
        ordered.state.checkpoint = Some(Checkpoint::AcmeOrder(AcmeOrder {
            url: "https://ca.example.org/order/1".parse().expect("a URL"),
            expires: None,
            placed: solver::Receipt::default(),
            unfinalized: false,
        }));
        for other in [asked_for, rehearsal, ordered] {
            assert!(!is_needed(&other), "{other:?}");
        }
    }

    #[test]
    fn a_look_from_before_the_run_or_of_long_ago_does_not_count() {
        let run = run();
        let judged = |answered, now| looks(&run, Some(answered), None, Some(50_000)).judge(&run, at(now));
        assert_eq!(judged(100, 101), Looked::GoesOn);
        assert_eq!(judged(99, 101), waits(101, true));
        assert_eq!(judged(200, 500), Looked::GoesOn);
        assert_eq!(judged(200, 501), waits(501, true));
        let restored = Looks {
            since: at(150),
            ..looks(&run, Some(120), None, Some(50_000))
        };
        assert_eq!(
            restored.judge(&run, at(160)),
            waits(160, true),
            "it is of another record"
        );
    }

    #[test]
    fn what_serves_a_newer_certificate_needs_no_run() {
        let run = run();
        let judged = |served| looks(&run, Some(110), None, served).judge(&run, at(120));
        let until = at(90_000);
        assert_eq!(judged(Some(90_000)), Looked::NotNeeded { until });
        assert_eq!(judged(Some(50_000)), Looked::GoesOn, "the same");
        assert_eq!(judged(Some(40_000)), Looked::GoesOn, "an older one was put back");
        assert_eq!(judged(None), Looked::GoesOn, "it cannot be reached");
    }

    #[test]
    fn a_look_that_nobody_makes_is_asked_for_again_and_not_waited_for_without_end() {
        let mut run = run();
        assert_eq!(looks(&run, None, None, None).judge(&run, at(101)), waits(101, true));
        run.state.progress.look_since = Some(at(101));
        let judged = |asked, now| looks(&run, None, asked, None).judge(&run, at(now));
        assert_eq!(judged(Some(101), 110), waits(101, false));
        assert_eq!(judged(Some(101), 162), waits(101, true), "it was lost");
        assert_eq!(judged(Some(162), 221), Looked::GoesOn);
        assert_eq!(judged(Some(162), 520), Looked::GoesOn, "for the next step too");
        assert_eq!(judged(Some(162), 521), waits(521, true), "hours later anew");
    }
}
