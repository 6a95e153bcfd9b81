//! The plan of a run, made once. Pure.
//!
//! In: the facts of a policy, what is wished, which provider issues. Out: a run with everything
//! decided. Never: a plan that changes later; what a person has it take from today's policy is an
//! amendment, and recorded (`domain::run::amend`).

use domain::Invalid;
use domain::ari::Predecessor;
use domain::ids::RunId;
use domain::plan::{Candidate, Choice, Plan, Strategy};
use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::run::{Because, Mode, RunHead, RunState};
use domain::solver::Solver;
use domain::window::{self, Window};
use store::NewRun;

use crate::decide::choose;
use crate::decide::judge::{Start, passed_over};
use crate::decide::wish::Wish;

/// Which provider issues, and who instead of it.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub choice: Choice,
    pub fallbacks: Vec<Choice>,
}

impl Chosen {
    /// When no provider will do: everyone, with the reason of each.
    pub(crate) fn of(facts: &PolicyFacts, catalogue: &Catalogue, strategy: Strategy) -> Result<Self, Vec<Candidate>> {
        let choice = choose::choose(facts, catalogue, strategy)?;
        let fallbacks = choose::fallbacks(facts, catalogue, &choice);
        Ok(Self { choice, fallbacks })
    }
}

/// A run that is still being composed: more may be said of why it is made now. Once it is queued
/// its plan stays as it is.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    head: RunHead,
    plan: Plan,
    start: Start,
}

impl Draft {
    /// Everything but the provider is decided by the wish and the policy.
    pub(crate) fn of(facts: &PolicyFacts, wish: &Wish, chosen: Chosen, start: Start) -> Self {
        let policy = &facts.policy;
        let head = RunHead {
            id: RunId::new(),
            workspace: policy.workspace.clone(),
            host_id: policy.host_id,
            policy_id: policy.id,
            hostname: policy.spec.hostname.clone(),
            criticality: facts.criticality,
            mode: wish.mode,
            trigger: wish.trigger,
            operator: wish.by.clone(),
            job: None,
            created_at: start.asked_at,
        };
        let plan = plan(facts, wish, chosen, start);
        Self { head, plan, start }
    }

    pub(crate) fn head(&self) -> &RunHead {
        &self.head
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// One more reason why it is made now, or why so.
    #[must_use]
    pub(crate) fn with_reason(mut self, reason: &str) -> Self {
        self.plan.why_now = Some(match self.plan.why_now {
            Some(before) => format!("{before}; {reason}"),
            None => reason.to_owned(),
        });
        self
    }

    /// It begins as soon as the cooldown has ended and a window is open.
    pub(crate) fn queue(self) -> NewRun {
        let state = beginning(&self.plan, self.head.mode, self.start);
        self.queue_as(state)
    }

    /// It begins at the instant that its sender has given.
    pub(crate) fn queue_as(self, state: RunState) -> NewRun {
        NewRun {
            head: self.head,
            plan: self.plan,
            state,
            // `positions` gives it its place among the others.
            queue_position: self.start.asked_at.unix_micros(),
            held: None,
        }
    }
}

/// A queued run with everything decided.
pub(crate) fn new_run(
    facts: &PolicyFacts,
    wish: &Wish,
    catalogue: &Catalogue,
    start: Start,
) -> Result<NewRun, Invalid> {
    let chosen = Chosen::of(facts, catalogue, wish.strategy).map_err(|all| choose::refusal(&all))?;
    Ok(Draft::of(facts, wish, chosen, start).queue())
}

/// Not before the cooldown has ended and a window is open.
fn beginning(plan: &Plan, mode: Mode, start: Start) -> RunState {
    let from = start.begins_at();
    let opens = match mode {
        Mode::Live => window::next_open(&plan.windows, from).filter(|opens| *opens > from),
        Mode::DryRun => None,
    };
    match (opens, start.cooled_at) {
        (Some(opens), _) => RunState::queued_until(plan, opens, Because::Window),
        (None, Some(cooled)) => RunState::queued_until(plan, cooled, Because::Cooldown),
        (None, None) => RunState::queued(plan, start.asked_at),
    }
}

/// The windows that the run keeps, and why none when it does not keep those of its host.
fn windows(facts: &PolicyFacts, wish: &Wish, start: Start) -> (Vec<Window>, Option<String>) {
    let windows = facts.windows();
    let from = start.begins_at();
    let opens = window::next_open(windows, from).filter(|opens| *opens > from);
    if wish.at_once {
        let why = |opens| {
            format!(
                "asked for at once by {}, outside the window that opens at {opens}",
                wish.by
            )
        };
        return (Vec::new(), opens.map(why));
    }
    let Some(opens) = opens else {
        return (windows.to_vec(), None);
    };
    match facts.served_until {
        Some(end) if end <= opens => {
            let why = format!(
                "the certificate in service ends at {end}, before the window opens at {opens}: it is not waited for"
            );
            (Vec::new(), Some(why))
        }
        Some(_) | None => (windows.to_vec(), None),
    }
}

fn plan(facts: &PolicyFacts, wish: &Wish, chosen: Chosen, start: Start) -> Plan {
    let spec = &facts.policy.spec;
    let (windows, outside) = windows(facts, wish, start);
    let despite = start.despite.map(passed_over);
    let why: Vec<String> = wish.reasons.iter().cloned().chain(despite).chain(outside).collect();
    Plan {
        hostname: spec.hostname.clone(),
        port: facts.port,
        addresses: facts.addresses.clone(),
        criticality: facts.criticality,
        why_now: (!why.is_empty()).then(|| why.join("; ")),
        names: spec.names(),
        replaces: replaced(facts, &chosen.choice),
        choice: chosen.choice,
        fallbacks: chosen.fallbacks,
        key_source: spec.key_source.clone(),
        key_algorithm: spec.key_algorithm,
        key_rotation: spec.key_rotation,
        challenge: spec.challenge,
        solver: Solver::default(),
        profile: spec.profile.clone(),
        targets: spec.targets.clone(),
        notify: spec.notify_on_failure.clone(),
        ladder: wish.ladder.clone(),
        expires_at: facts.served_until,
        windows,
        windows_of_job: wish.windows_of_job.clone(),
    }
}

/// What the new certificate replaces: only what the same account got, at the CA that is asked now.
fn replaced(facts: &PolicyFacts, choice: &Choice) -> Option<Predecessor> {
    let renewal = facts.renewal.as_ref()?;
    let names = facts.policy.spec.names();
    (renewal.issued_at == choice.ca && renewal.predecessor.shares_a_name(&names)).then(|| renewal.predecessor.clone())
}
