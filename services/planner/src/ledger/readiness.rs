//! Whether the targets of runs could take a certificate, known before one is ordered: 20
//! certificates are not bought for 20 directories that do not exist.
//!
//! In: runs whose key is being prepared. Out: go on, or what a person must mend first. Touches:
//! deployers, by core NATS, many runs in one question, beside the key-signer's work: mostly the
//! answer is there first. Never: a row; what a restart forgets is asked again. A run does not wait
//! when no deployer answers in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Bus;
use domain::disposition::Question;
use domain::run::{Mode, Step, TargetsFound};
use domain::{RunId, Timestamp};
use protocol::SCHEMA;
use protocol::subjects;
use protocol::target_check::{TargetCheckAsk, TargetCheckTold, TargetsOf, Unready};
use store::LoadedRun;
use tokio::sync::Notify;
use tracing::debug;

/// For one question.
const WITHIN: Duration = Duration::from_secs(2);
/// Runs of one question.
const AT_ONCE: usize = 64;
/// What was seen longer ago is looked at again.
const GOOD_FOR: Duration = Duration::from_secs(900);
/// So many are remembered at least before old ones are looked for.
const MANY: usize = 10_000;

/// What a run may do that is to ask for its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Ready {
        found: TargetsFound,
        at: Timestamp,
    },
    /// A deployer is being asked; the bell rings when it has answered.
    Pending,
    /// No deployer was asked, or too long ago.
    Unknown,
    Unready(Question),
}

#[derive(Debug)]
struct Known {
    at: Timestamp,
    is: Is,
}

#[derive(Debug)]
enum Is {
    /// And whether a run waits for it already.
    Asked {
        waited_for: bool,
    },
    Ready(TargetsFound),
    Unready(Question),
}

/// What deployers have said of runs.
#[derive(Debug, Default)]
struct Memory {
    runs: HashMap<RunId, Known>,
    /// With so many the old ones are looked for: seldom enough, however many there are.
    full_at: usize,
}

impl Memory {
    fn standing(&mut self, run: RunId, now: Timestamp) -> Standing {
        let Some(known) = self.runs.get_mut(&run).filter(|known| now.since(known.at) <= GOOD_FOR) else {
            return Standing::Unknown;
        };
        match &mut known.is {
            Is::Asked { waited_for } => {
                *waited_for = true;
                Standing::Pending
            }
            Is::Ready(found) => Standing::Ready {
                found: found.clone(),
                at: known.at,
            },
            Is::Unready(question) => Standing::Unready(question.clone()),
        }
    }

    fn note_asked(&mut self, runs: &[TargetsOf], now: Timestamp) {
        if self.runs.len() > self.full_at {
            self.runs.retain(|_, known| now.since(known.at) <= GOOD_FOR);
            self.full_at = MANY.max(self.runs.len() * 2);
        }
        let asked = |run: &TargetsOf| {
            let is = Is::Asked { waited_for: false };
            (run.run_id, Known { at: now, is })
        };
        self.runs.extend(runs.iter().map(asked));
    }

    /// Says whether a run waits for this.
    fn note_answers(&mut self, asked: &[RunId], told: Option<TargetCheckTold>, now: Timestamp) -> bool {
        let found = match &told {
            Some(_) => TargetsFound::Ready,
            None => TargetsFound::Unanswered,
        };
        let (mut unready, mut partly) = told
            .map(|told| (by_run(told.unready), by_run(told.partly)))
            .unwrap_or_default();
        let mut waited = false;
        for run in asked {
            let is = match (unready.remove(run), partly.remove(run)) {
                (Some(question), _) => Is::Unready(question),
                (None, Some(question)) => Is::Ready(TargetsFound::Partly { question }),
                (None, None) => Is::Ready(found.clone()),
            };
            if let Some(known) = self.runs.get_mut(run) {
                waited |= matches!(known.is, Is::Asked { waited_for: true });
                *known = Known { at: now, is };
            }
        }
        waited
    }
}

fn by_run(all: Vec<Unready>) -> HashMap<RunId, Question> {
    all.into_iter().map(|one| (one.run_id, one.question)).collect()
}

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Memory>>);

impl Answers {
    /// Only a live run that has nothing at the CA yet is held up.
    pub(crate) fn are_needed(run: &LoadedRun) -> bool {
        let nothing_yet = run.state.step() == Some(Step::Issue) && run.state.checkpoint.is_none();
        nothing_yet && run.head.mode == Mode::Live && !run.plan.targets.is_empty()
    }

    pub(crate) fn standing(&self, run: RunId, now: Timestamp) -> Standing {
        self.memory().standing(run, now)
    }

    /// It has gone on, or a person is asked: the next time it is looked at anew.
    pub(crate) fn forget(&self, run: RunId) {
        self.memory().runs.remove(&run);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub(crate) struct Readiness {
    bus: Bus,
    answers: Answers,
    bell: Arc<Notify>,
}

impl Readiness {
    /// `bell` is rung when runs that had to wait may go on.
    pub(crate) fn new(bus: Bus, bell: Arc<Notify>) -> Self {
        Self {
            bus,
            answers: Answers::default(),
            bell,
        }
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Asks about these runs, and does not wait.
    #[expect(
        clippy::disallowed_methods,
        reason = "a hint that may be lost: whoever needs the answer asks again"
    )]
    pub(crate) fn ask(&self, runs: Vec<TargetsOf>, now: Timestamp) {
        self.answers.memory().note_asked(&runs, now);
        let mut runs = runs.into_iter().peekable();
        while runs.peek().is_some() {
            let some: Vec<TargetsOf> = runs.by_ref().take(AT_ONCE).collect();
            let this = self.clone();
            tokio::spawn(async move { this.ask_about(some, now).await });
        }
    }

    async fn ask_about(&self, runs: Vec<TargetsOf>, now: Timestamp) {
        let ids: Vec<RunId> = runs.iter().map(|run| run.run_id).collect();
        let ask = TargetCheckAsk { schema: SCHEMA, runs };
        let told = self.bus.ask_for_hint(subjects::TARGET_CHECK, &ask, WITHIN).await;
        let told = told.inspect_err(|error| {
            debug!(%error, runs = ids.len(), "targets could not be looked at before issuing; their runs go on");
        });
        let told = told.ok();
        if self.answers.memory().note_answers(&ids, told, now) {
            self.bell.notify_one();
        }
    }
}

/// What a deployer is asked of a run.
pub(crate) fn targets_of(run: &LoadedRun) -> TargetsOf {
    TargetsOf {
        run_id: run.head.id,
        workspace: run.head.workspace.clone(),
        hostname: run.head.hostname.clone(),
        // The hostname is the first of them.
        sans: run.plan.names.iter().skip(1).cloned().collect(),
        targets: run.plan.targets.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::quota::tests::{at, run};
    use domain::disposition::Failure;

    fn nothing_wrong() -> Option<TargetCheckTold> {
        Some(TargetCheckTold {
            unready: Vec::new(),
            partly: Vec::new(),
        })
    }

    fn ready(found: TargetsFound, seconds: u64) -> Standing {
        Standing::Ready { found, at: at(seconds) }
    }

    #[test]
    fn a_run_waits_for_its_answer_only_and_the_bell_rings_for_it() {
        let (mut memory, run) = (Memory::default(), run("www.example.org"));
        let id = run.head.id;
        assert_eq!(memory.standing(id, at(0)), Standing::Unknown);

        memory.note_asked(&[targets_of(&run)], at(0));
        assert!(
            !memory.note_answers(&[id], nothing_wrong(), at(0)),
            "nobody waits: the answer came first"
        );
        assert_eq!(memory.standing(id, at(1)), ready(TargetsFound::Ready, 0));

        memory.note_asked(&[targets_of(&run)], at(2));
        assert_eq!(memory.standing(id, at(2)), Standing::Pending);
        assert!(memory.note_answers(&[id], nothing_wrong(), at(2)));
        assert_eq!(memory.standing(id, at(2).plus(GOOD_FOR)), ready(TargetsFound::Ready, 2));
        let later = at(3).plus(GOOD_FOR);
        assert_eq!(
            memory.standing(id, later),
            Standing::Unknown,
            "much can happen to a directory"
        );
    }

    #[test]
    fn each_run_hears_its_own_answer() {
        let (mut memory, good, bad) = (Memory::default(), run("a.example.org"), run("b.example.org"));
        let half = run("c.example.org");
        let question = Failure::new("DEP-0005", "no directory", "create it").ask();
        let of = |run: &LoadedRun| Unready {
            run_id: run.head.id,
            question: question.clone(),
        };
        let told = TargetCheckTold {
            unready: vec![of(&bad)],
            partly: vec![of(&half)],
        };
        let ids = [good.head.id, bad.head.id, half.head.id];
        memory.note_asked(&[targets_of(&good), targets_of(&bad), targets_of(&half)], at(0));
        memory.note_answers(&ids, Some(told), at(0));
        let [good, bad, half] = ids.map(|run| memory.standing(run, at(1)));
        assert_eq!(good, ready(TargetsFound::Ready, 0));
        assert_eq!(bad, Standing::Unready(question.clone()));
        assert_eq!(half, ready(TargetsFound::Partly { question }, 0));
    }

    #[test]
    fn a_run_of_which_nobody_has_said_anything_goes_on_and_it_is_known() {
        let (mut memory, run) = (Memory::default(), run("www.example.org"));
        memory.note_asked(&[targets_of(&run)], at(0));
        memory.note_answers(&[run.head.id], None, at(2));
        let standing = memory.standing(run.head.id, at(3));
        assert_eq!(standing, ready(TargetsFound::Unanswered, 2));
    }
}
