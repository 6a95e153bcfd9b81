//! What people may do to a run, and the plain word why not. Pure.

use domain::ca::CaRef;
use domain::cause::Cause;
use domain::chain::Key;
use domain::disposition::{FurtherAnswer, Question};
use domain::policy::PolicyFacts;
use domain::run::{Amended, Because, Ending, Event, IssuedCertificate, Mode, Position, Step, Today};
use domain::{Hostname, Invalid, Timestamp};
use protocol::request::{Amendment, ResolveRequest, Verb};
use store::LoadedRun;

use crate::decide::orders::Material;

/// What a person says of a run as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActKind {
    Resume,
    /// With a new account at the CA that refuses the present one.
    ResumeAnew,
    Retry,
    Cancel,
}

/// A word, who said it, and why.
#[derive(Debug, Clone)]
pub(crate) struct RunAct {
    pub kind: ActKind,
    pub by: String,
    /// Empty when none was given.
    pub note: String,
}

impl RunAct {
    pub(crate) fn event(&self) -> Event {
        match self.kind {
            ActKind::Resume | ActKind::ResumeAnew => Event::Resumed,
            ActKind::Retry => Event::Retried,
            ActKind::Cancel => Event::CancelRequested { by: self.by.clone() },
        }
    }
}

impl ActKind {
    pub(crate) const fn verb(self) -> Verb {
        match self {
            Self::Resume | Self::ResumeAnew => Verb::Resume,
            Self::Retry => Verb::Retry,
            Self::Cancel => Verb::Cancel,
        }
    }
}

/// Says where the run stands instead, and what can be done with it there.
pub(crate) fn out_of_place(run: &LoadedRun, verb: Verb) -> Invalid {
    let problem = format!("it cannot {} now: {}", verb.as_str(), describe_position(run));
    let remedy = match possible(run).as_slice() {
        [] => "nothing more can be done with it; start a new renewal if one is needed".to_owned(),
        answers => format!("what can be done with it now: {}", answers.join(", ")),
    };
    Invalid::new("run_id", problem, remedy)
}

fn describe_position(run: &LoadedRun) -> String {
    match &run.state.position {
        Position::Waiting { step, .. } => format!("it is {} and waits for {step}", run.state.status().as_str()),
        Position::Out { step, .. } => format!("it is running, {step} is being carried out"),
        Position::Asking { step, question, .. } => format!("it needs a person at {step} ({})", question.code),
        Position::Ended { ending } => match ending {
            Ending::Succeeded => "it has succeeded".to_owned(),
            Ending::Failed { failure, .. } => format!("it has failed ({})", failure.code),
            Ending::Cancelled { by, .. } => format!("it was cancelled by {by}"),
        },
    }
}

fn possible(run: &LoadedRun) -> Vec<&'static str> {
    match &run.state.position {
        Position::Waiting {
            because: Because::Retry { .. },
            ..
        } => vec!["resume", "cancel"],
        Position::Waiting { .. } | Position::Out { .. } => vec!["cancel"],
        Position::Asking { step: Step::Tidy, .. } => vec!["resume", "cancel"],
        Position::Asking { .. } => vec!["resume", "resolve", "cancel"],
        Position::Ended {
            ending: Ending::Failed { .. },
        } if run.head.mode == Mode::Live => vec!["retry"],
        Position::Ended { .. } => Vec::new(),
    }
}

/// Whether the run would go on from here with this word: then it goes on by today's policy.
fn goes_on(run: &LoadedRun, kind: ActKind) -> bool {
    let stands = matches!(
        &run.state.position,
        Position::Asking { .. }
            | Position::Waiting {
                because: Because::Retry { .. },
                ..
            }
            | Position::Ended {
                ending: Ending::Failed { .. }
            }
    );
    stands && run.head.mode == Mode::Live && matches!(kind, ActKind::Resume | ActKind::ResumeAnew | ActKind::Retry)
}

/// What the run takes from today's policy, and what is to be said of it; nothing when the two
/// agree. A policy that cannot work is not taken.
pub(crate) fn today(run: &LoadedRun, facts: &PolicyFacts, kind: ActKind) -> (Option<Amended>, Amendment) {
    if !goes_on(run, kind) || facts.policy.spec.check().is_err() {
        return (None, Amendment::default());
    }
    let amended = domain::run::amend(&run.plan, &run.state, Today::of(facts));
    let next = domain::run::of_the_next(&run.plan, facts);
    let amendment = Amendment {
        changed: amended.as_ref().map_or_else(Vec::new, |amended| amended.said.clone()),
        not_taken: next.into_iter().map(str::to_owned).collect(),
    };
    (amended, amendment)
}

/// An amendment in the words of the run's history.
pub(crate) fn recorded(amendment: &Amendment, hostname: &Hostname) -> String {
    let Amendment { changed, not_taken } = amendment;
    let mut said: Vec<String> = Vec::new();
    if !changed.is_empty() {
        said.push(format!("taken from today's policy: {}", changed.join("; ")));
    }
    if !not_taken.is_empty() {
        said.push(format!(
            "not taken, because it needs a new certificate: {}. It is of the next run: vigilo renew {hostname}",
            not_taken.join(", ")
        ));
    }
    said.join(". ")
}

/// Whether the run would go on with what was issued: then that must still be of use.
pub(crate) fn goes_on_with_certificate(run: &LoadedRun, kind: ActKind) -> bool {
    let step = match (&run.state.position, kind) {
        (Position::Asking { step, .. }, ActKind::Resume | ActKind::ResumeAnew) => Some(*step),
        (
            Position::Waiting {
                step,
                because: Because::Retry { .. },
                ..
            },
            ActKind::Resume | ActKind::Retry,
        ) => Some(*step),
        (
            Position::Ended {
                ending: Ending::Failed { at, .. },
            },
            ActKind::Retry,
        ) => *at,
        (_, ActKind::Resume | ActKind::ResumeAnew | ActKind::Retry | ActKind::Cancel) => None,
    };
    matches!(step, Some(Step::Deploy(_) | Step::Verify))
}

fn is_about_account(question: &Question) -> bool {
    let of_account = question.cause.as_ref().is_some_and(Cause::is_of_account);
    // What an earlier version has saved says no cause.
    of_account || question.further.contains(&FurtherAnswer::NewAccount)
}

/// The CA whose account the run asks about.
pub(crate) fn asks_about_account(run: &LoadedRun) -> Option<&CaRef> {
    match &run.state.position {
        Position::Asking {
            step: Step::Issue,
            question,
            ..
        } if is_about_account(question) => Some(&run.plan.current_ca(&run.state.progress).ca),
        Position::Asking { .. } | Position::Waiting { .. } | Position::Out { .. } | Position::Ended { .. } => None,
    }
}

/// A new account is begun where the present one is refused, and nowhere else.
pub(crate) fn may_begin_account(run: &LoadedRun, kind: ActKind) -> Result<(), Invalid> {
    if kind != ActKind::ResumeAnew || asks_about_account(run).is_some() {
        return Ok(());
    }
    let problem = format!(
        "it does not ask about its account at the CA: {}",
        describe_position(run)
    );
    Err(Invalid::new("new_account", problem, "leave --new-account out"))
}

/// A certificate that has expired while no person answered is not installed.
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
    use domain::provider::Catalogue;
    use domain::run::RunState;
    use serde_json::json;

    use super::*;
    use crate::decide::compose::new_run;
    use crate::decide::judge::Start;
    use crate::decide::wish::Wish;

    fn run(mode: Mode, position: Position) -> LoadedRun {
        let facts: PolicyFacts = facts();
        let wish = Wish {
            mode,
            trigger: domain::run::Trigger::Operator,
            by: "ann".to_owned(),
            strategy: Strategy::PolicyDefault,
            ladder: domain::backoff::Ladder::default(),
            reasons: Vec::new(),
            at_once: false,
            cooldown: domain::job::Cooldown::LeaveOut,
            windows_of_job: Vec::new(),
        };
        let new = new_run(&facts, &wish, &Catalogue::default(), Start::at(Timestamp::EPOCH)).expect("a run");
        LoadedRun {
            head: new.head,
            plan: new.plan,
            state: RunState { position, ..new.state },
            queue_position: new.queue_position,
        }
    }

    fn facts() -> PolicyFacts {
        samples::policy_facts(json!({}))
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one case for each word and place")]
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
                Position::Waiting {
                    step,
                    until,
                    because: Because::Retry {
                        failure: failure.clone(),
                    },
                },
                "waits for issue",
                "now: resume, cancel",
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
                    ending: Ending::Cancelled {
                        by: "bob".into(),
                        stays: Vec::new(),
                    },
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
    #[test]
    fn a_run_that_goes_on_takes_the_targets_of_today_and_says_what_it_does_not_take() {
        let failure = Failure::new("DEP-0008", "what", "hint");
        let asking = Position::Asking {
            step: Step::Deploy(0),
            question: failure.clone().ask(),
            retry_at: None,
        };
        let stuck = run(Mode::Live, asking.clone());
        let mut facts = facts();
        let as_before = (None, Amendment::default());
        assert_eq!(today(&stuck, &facts, ActKind::Resume), as_before);

        let spec = &mut facts.policy.spec;
        spec.sans = vec!["other.example.org".parse().expect("a name")];
        let (amended, said) = today(&stuck, &facts, ActKind::Resume);
        assert_eq!(amended, None, "names never change in a run");
        assert_eq!(
            (said.changed.len(), said.not_taken.as_slice()),
            (0, &["names".to_owned()][..])
        );
        let recorded = recorded(&said, &stuck.head.hostname);
        assert!(recorded.contains("needs a new certificate: names"), "{recorded}");

        let activated = json!({"activate": "nginx", "activate_timeout_seconds": 90});
        facts.policy.spec.targets = vec![samples::file_target_with("www.example.org", activated)];
        let (amended, said) = today(&stuck, &facts, ActKind::Resume);
        let amended = amended.expect("an amendment");
        assert_eq!(amended.plan.targets, facts.policy.spec.targets);
        assert_eq!(amended.plan.names, stuck.plan.names);
        assert!(said.changed[0].contains("activate_timeout_seconds 30 → 90"), "{said:?}");

        assert_eq!(today(&stuck, &facts, ActKind::Cancel), as_before);
        let rehearsed = run(Mode::DryRun, asking);
        assert_eq!(today(&rehearsed, &facts, ActKind::Resume), as_before);
    }
}
