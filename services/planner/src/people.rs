//! What people may do to a run, and the plain word why not. Pure.

use domain::Invalid;
use domain::Timestamp;
use domain::chain::Key;
use domain::run::{Ending, Event, IssuedCertificate, Mode, Position, Step};
use protocol::request::{ResolveRequest, Verb};
use store::LoadedRun;

use crate::compose::Material;

/// What a person says of a run as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Resume,
    Retry,
    Cancel,
}

/// A word, who said it, and why.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub word: Word,
    pub by: String,
    /// Empty when none was given.
    pub note: String,
}

impl Deed {
    pub(crate) fn event(&self) -> Event {
        match self.word {
            Word::Resume => Event::Resumed,
            Word::Retry => Event::Retried,
            Word::Cancel => Event::CancelRequested { by: self.by.clone() },
        }
    }
}

impl Word {
    pub(crate) const fn verb(self) -> Verb {
        match self {
            Self::Resume => Verb::Resume,
            Self::Retry => Verb::Retry,
            Self::Cancel => Verb::Cancel,
        }
    }
}

/// Says where the run stands instead, and what can be done with it there.
pub(crate) fn out_of_place(run: &LoadedRun, verb: Verb) -> Invalid {
    let problem = format!("it cannot {} now: {}", verb.as_str(), stands(run));
    let remedy = match possible(run).as_slice() {
        [] => "nothing more can be done with it; start a new renewal if one is needed".to_owned(),
        answers => format!("what can be done with it now: {}", answers.join(", ")),
    };
    Invalid::new("run_id", problem, remedy)
}

fn stands(run: &LoadedRun) -> String {
    match &run.state.position {
        Position::Waiting { step, .. } => format!("it is {} and waits for {step}", run.state.status().as_str()),
        Position::Out { step, .. } => format!("it is running, {step} is being carried out"),
        Position::Asking { step, question, .. } => format!("it needs a person at {step} ({})", question.code),
        Position::Ended { ending } => match ending {
            Ending::Succeeded => "it has succeeded".to_owned(),
            Ending::Failed { failure, .. } => format!("it has failed ({})", failure.code),
            Ending::Cancelled { by } => format!("it was cancelled by {by}"),
        },
    }
}

fn possible(run: &LoadedRun) -> Vec<&'static str> {
    match &run.state.position {
        Position::Waiting { .. } | Position::Out { .. } => vec!["cancel"],
        Position::Asking { step: Step::Tidy, .. } => vec!["resume", "cancel"],
        Position::Asking { .. } => vec!["resume", "resolve", "cancel"],
        Position::Ended {
            ending: Ending::Failed { .. },
        } if run.head.mode == Mode::Live => vec!["retry"],
        Position::Ended { .. } => Vec::new(),
    }
}

/// Whether the run would go on with what was issued: then that must still be of use.
pub(crate) fn goes_on_with_certificate(run: &LoadedRun, word: Word) -> bool {
    let step = match (&run.state.position, word) {
        (Position::Asking { step, .. }, Word::Resume) => Some(*step),
        (
            Position::Ended {
                ending: Ending::Failed { at, .. },
            },
            Word::Retry,
        ) => *at,
        (_, Word::Resume | Word::Retry | Word::Cancel) => None,
    };
    matches!(step, Some(Step::Deploy(_) | Step::Verify))
}

/// A certificate that has expired while nobody answered is not put anywhere.
pub(crate) fn of_use(issued: &IssuedCertificate, now: Timestamp) -> Result<(), Invalid> {
    let end = issued.leaf.not_after;
    if now < end {
        return Ok(());
    }
    let remedy = "resolve it with a newer certificate, or cancel it and start a new renewal";
    Err(Invalid::new(
        "run_id",
        format!("the certificate of this run expired at {end}"),
        remedy,
    ))
}

/// Which key the certificate that a person brings must have.
pub(crate) fn wanted_key<'a>(request: &ResolveRequest, has: &'a Material) -> Key<'a> {
    if request.sealed_key.is_some() || request.already_installed {
        // The key-signer's envelope stays shut here: console and deployer compare the two.
        return Key::Unseen;
    }
    has.key().map_or(Key::Missing, |key| Key::Prepared(&key.csr_pem))
}

#[cfg(test)]
mod tests {
    use domain::disposition::Failure;
    use domain::plan::Strategy;
    use domain::policy::Charge;
    use domain::provider::Catalogue;
    use domain::run::{Because, RunState};
    use serde_json::json;

    use super::*;
    use crate::compose::{Asked, new_run};

    fn run(mode: Mode, position: Position) -> LoadedRun {
        let charge: Charge = charge();
        let asked = Asked {
            mode,
            trigger: domain::run::Trigger::Operator,
            by: "ann".to_owned(),
            strategy: Strategy::PolicyDefault,
            ladder: domain::backoff::Ladder::default(),
            why: None,
            at_once: false,
            cooled_at: None,
        };
        let new = new_run(&charge, &asked, &Catalogue::default(), Timestamp::EPOCH).expect("a run");
        LoadedRun {
            head: new.head,
            plan: new.plan,
            state: RunState { position, ..new.state },
            turn: new.turn,
        }
    }

    fn charge() -> Charge {
        let says = serde_json::from_value(json!({
            "hostname": "www.example.org", "targets": [{"kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key"}],
        }));
        let policy = domain::policy::Policy {
            id: domain::PolicyId::new(),
            workspace: domain::WorkspaceId::default_workspace(),
            host_id: domain::HostId::new(),
            says: says.expect("a policy"),
            created_at: Timestamp::EPOCH,
        };
        Charge {
            policy,
            port: 443,
            addresses: Vec::new(),
            criticality: Default::default(),
            last_live_at: None,
            served_until: None,
            tag_windows: Vec::new(),
            renewal: None,
        }
    }

    #[test]
    fn a_refusal_says_where_the_run_stands_and_what_can_be_done() {
        let (step, until) = (Step::Issue, Timestamp::EPOCH);
        let failure = Failure::new("ISS-0007", "what", "hint");
        let failed = |at| Ending::Failed {
            failure: failure.clone(),
            at,
        };
        let asking = |step| Position::Asking {
            step,
            question: failure.clone().ask(),
            retry_at: None,
        };
        let because = Because::Turn;
        for (position, stands, can) in [
            (
                Position::Waiting { step, until, because },
                "waits for issue",
                "now: cancel",
            ),
            (
                Position::Out { step, deadline: until },
                "issue is being carried out",
                "now: cancel",
            ),
            (asking(Step::Issue), "issue (ISS-0007)", "now: resume, resolve, cancel"),
            (asking(Step::Tidy), "tidy (ISS-0007)", "now: resume, cancel"),
            (
                Position::Ended { ending: failed(None) },
                "failed (ISS-0007)",
                "now: retry",
            ),
            (
                Position::Ended {
                    ending: Ending::Succeeded,
                },
                "succeeded",
                "new renewal",
            ),
            (
                Position::Ended {
                    ending: Ending::Cancelled { by: "bob".into() },
                },
                "cancelled by bob",
                "new renewal",
            ),
        ] {
            let said = out_of_place(&run(Mode::Live, position), Verb::Retry);
            assert_eq!(said.field, "run_id");
            assert!(said.problem.contains("cannot retry now"), "{said}");
            assert!(said.problem.contains(stands) && said.remedy.contains(can), "{said}");
        }
        let rehearsed = run(Mode::DryRun, Position::Ended { ending: failed(None) });
        assert!(out_of_place(&rehearsed, Verb::Retry).remedy.contains("new renewal"));
    }
}
