//! The plan of a run, and the orders that carry it out. Pure.

use std::net::SocketAddr;

use domain::Timestamp;
use domain::ari::Predecessor;
use domain::backoff::Ladder;
use domain::certificate::Fingerprint;
use domain::ids::RunId;
use domain::plan::{Candidate, Choice, Plan, Strategy};
use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::run::{
    Because, Intent, IssuedCertificate, Mode, Position, PreparedKey, Product, Receipt, RunHead, RunProgress, RunState,
    Step, TargetState, Trigger,
};
use domain::secret::Envelope;
use domain::solver::{self, Solver};
use domain::target::Target;
use domain::window::{self, Window};
use domain::{Invalid, run};
use protocol::SCHEMA;
use protocol::order::{
    ChannelsSpec, ConfirmSpec, DeploySpec, DeployedCertificate, ExpectedCertificate, IssueSpec, Order, PrepareKeySpec,
    RollbackSpec, Spec, TidySpec, VerifySpec,
};
use store::NewRun;

use crate::decide::choose;

/// Who asked for a run, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    pub mode: Mode,
    pub trigger: Trigger,
    pub by: String,
    /// What made it due, when nobody asked.
    pub why: Option<String>,
    pub strategy: Strategy,
    /// How failures are tried again.
    pub ladder: Ladder,
    /// Somebody wants it now, whatever the windows say.
    pub at_once: bool,
    /// The policy's cooldown ends then, and it shall wait for that.
    pub cooled_at: Option<Timestamp>,
}

/// Which provider issues, and who instead of it.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub choice: Choice,
    pub fallbacks: Vec<Choice>,
}

impl Chosen {
    /// When no provider will do: everyone, with the reason of each.
    pub fn of(facts: &PolicyFacts, catalogue: &Catalogue, strategy: Strategy) -> Result<Self, Vec<Candidate>> {
        let choice = choose::choose(facts, catalogue, strategy)?;
        let fallbacks = choose::fallbacks(facts, catalogue, &choice);
        Ok(Self { choice, fallbacks })
    }
}

/// A queued run with everything decided.
pub fn new_run(facts: &PolicyFacts, asked: &Asked, catalogue: &Catalogue, now: Timestamp) -> Result<NewRun, Invalid> {
    let chosen = Chosen::of(facts, catalogue, asked.strategy).map_err(|all| choose::refusal(&all))?;
    Ok(run_with(facts, asked, chosen, now))
}

/// The same with a choice that was made before.
pub fn run_with(facts: &PolicyFacts, asked: &Asked, chosen: Chosen, now: Timestamp) -> NewRun {
    let policy = &facts.policy;
    let plan = plan(facts, asked, chosen, now);
    let head = RunHead {
        id: RunId::new(),
        workspace: policy.workspace.clone(),
        host_id: policy.host_id,
        policy_id: policy.id,
        hostname: policy.spec.hostname.clone(),
        criticality: facts.criticality,
        mode: asked.mode,
        trigger: asked.trigger,
        operator: asked.by.clone(),
        job: None,
        created_at: now,
    };
    let state = beginning(&plan, asked, now);
    NewRun {
        head,
        plan,
        state,
        // `turns` gives it its place among the others.
        queue_position: now.unix_micros(),
        held: None,
    }
}

/// Not before the cooldown has ended and a window is open.
fn beginning(plan: &Plan, asked: &Asked, now: Timestamp) -> RunState {
    let cooled = asked.cooled_at.filter(|at| *at > now);
    let from = cooled.unwrap_or(now);
    let opens = match asked.mode {
        run::Mode::Live => window::next_open(&plan.windows, from).filter(|opens| *opens > from),
        run::Mode::DryRun => None,
    };
    match (opens, cooled) {
        (Some(opens), _) => RunState::queued_until(plan, opens, Because::Window),
        (None, Some(cooled)) => RunState::queued_until(plan, cooled, Because::Cooldown),
        (None, None) => RunState::queued(plan, now),
    }
}

/// The windows that the run keeps, and why none when it does not keep those of its host.
fn windows(facts: &PolicyFacts, asked: &Asked, now: Timestamp) -> (Vec<Window>, Option<String>) {
    let windows = facts.windows();
    let from = asked.cooled_at.unwrap_or(now).max(now);
    let opens = window::next_open(windows, from).filter(|opens| *opens > from);
    if asked.at_once {
        let why = |opens| {
            format!(
                "asked for at once by {}, outside the window that opens at {opens}",
                asked.by
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

fn plan(facts: &PolicyFacts, asked: &Asked, chosen: Chosen, now: Timestamp) -> Plan {
    let spec = &facts.policy.spec;
    let (windows, outside) = windows(facts, asked, now);
    let why: Vec<String> = asked.why.iter().cloned().chain(outside).collect();
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
        ladder: asked.ladder.clone(),
        expires_at: facts.served_until,
        windows,
        windows_of_job: Vec::new(),
    }
}

/// What the new certificate replaces: only what the same account got, at the CA that is asked now.
fn replaced(facts: &PolicyFacts, choice: &Choice) -> Option<Predecessor> {
    let renewal = facts.renewal.as_ref()?;
    let names = facts.policy.spec.names();
    (renewal.issued_at == choice.ca && renewal.predecessor.shares_a_name(&names)).then(|| renewal.predecessor.clone())
}

/// What earlier steps left, and what the workspace has at the CA.
#[derive(Debug, Default)]
pub struct Material {
    pub products: Vec<(Step, Product)>,
    pub account_key: Option<Envelope>,
    /// The host serves several certificates by turns: a look wants more.
    pub was_mixed: bool,
}

impl Material {
    pub(crate) fn key(&self) -> Option<&PreparedKey> {
        self.products.iter().find_map(|(_, product)| product.as_prepared_key())
    }

    fn receipt(&self, target: u16) -> Option<&Receipt> {
        let of_target = |(step, _): &&(Step, Product)| *step == Step::Deploy(target);
        let mut products = self.products.iter().filter(of_target);
        products.find_map(|(_, product)| product.as_receipt())
    }

    pub(crate) fn certificate(&self) -> Option<&IssuedCertificate> {
        self.products.iter().find_map(|(_, product)| product.as_issued())
    }
}

/// A run whose record lacks what its step needs: a defect, reported with the step's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("run {run}: {step} cannot be ordered: {missing} is missing in the record")]
pub struct Missing {
    pub run: RunId,
    pub step: Step,
    pub missing: &'static str,
}

/// The earlier steps whose products go into the order of this one.
pub(crate) fn needs(step: Step) -> Vec<Step> {
    match step {
        Step::PrepareKey | Step::Confirm | Step::Channels => Vec::new(),
        Step::Issue => vec![Step::PrepareKey],
        Step::Deploy(_) => vec![Step::PrepareKey, Step::Issue],
        Step::Verify | Step::Tidy => vec![Step::Issue],
        Step::Rollback(index) => vec![Step::Deploy(index)],
    }
}

/// The order of a run that is `Out`; nothing for any other.
pub fn order(head: &RunHead, plan: &Plan, state: &RunState, has: &Material) -> Result<Option<Order<Spec>>, Missing> {
    let Position::Out { step, deadline } = &state.position else {
        return Ok(None);
    };
    let mode = head.mode;
    let spec = spec(Intent { plan, mode }, state, *step, has).map_err(|missing| Missing {
        run: head.id,
        step: *step,
        missing,
    })?;
    Ok(Some(Order {
        schema: SCHEMA,
        run_id: head.id,
        workspace: head.workspace.clone(),
        hostname: head.hostname.clone(),
        step: *step,
        attempt: state.attempt,
        mode: head.mode,
        failures: state.failures,
        wait_seconds: plan.ladder.wait(state.failures).as_secs(),
        deadline: *deadline,
        checkpoint: state.checkpoint.clone(),
        spec,
    }))
}

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
fn spec(intent: Intent<'_>, state: &RunState, step: Step, has: &Material) -> Result<Spec, &'static str> {
    let (plan, live) = (intent.plan, intent.mode == run::Mode::Live);
    Ok(match step {
        Step::PrepareKey => Spec::PrepareKey(PrepareKeySpec {
            names: plan.names.clone(),
            key_source: plan.key_source.clone(),
            algorithm: plan.key_algorithm,
            keep: None,
            bind_to_run: true,
        }),
        Step::Issue => Spec::Issue(Box::new(IssueSpec {
            ca: plan.current_ca(&state.progress).ca.clone(),
            account_key: has.account_key.clone(),
            names: plan.names.clone(),
            csr_pem: if live {
                Some(has.key().ok_or("the CSR")?.csr_pem.clone())
            } else {
                None
            },
            challenge: plan.challenge,
            solver: plan.solver.clone(),
            profile: plan.profile.clone(),
            // A rehearsal replaces nothing, and another CA knows nothing of what this one issued.
            replaces: plan
                .replaces
                .as_ref()
                .filter(|_| live && state.progress.failovers.is_empty())
                .map(|one| one.cert_id.clone()),
            save_before_finalize: live && plan.has_next_ca(&state.progress),
        })),
        Step::Deploy(index) => Spec::Deploy(Box::new(DeploySpec {
            certificate: if live {
                Some(deployed(has, target(plan, index)?.body().imports_key())?)
            } else {
                None
            },
            target: target(plan, index)?,
            // The hostname is the first of them.
            sans: plan.names.iter().skip(1).filter(|_| !live).cloned().collect(),
        })),
        Step::Verify => Spec::Verify(Box::new(VerifySpec {
            port: plan.port,
            addresses: plan.addresses.clone(),
            names: plan.names.clone(),
            expected: if live { Some(expected(has)?) } else { None },
            // A rehearsal installs nothing, and looks everywhere.
            endpoints: endpoints(plan, &state.progress, |one| !live || RunProgress::is_installed(one)),
            partial: live && state.progress.is_partial(),
            was_mixed: has.was_mixed,
        })),
        Step::Rollback(index) => Spec::Rollback(Box::new(RollbackSpec {
            target: target(plan, index)?,
            receipt: receipt(&state.progress, index, has).ok_or("the receipt")?.clone(),
        })),
        Step::Confirm => Spec::Confirm(Box::new(confirmation(plan, &state.progress))),
        Step::Channels => Spec::Channels(ChannelsSpec {
            notify: plan.notify.clone(),
        }),
        Step::Tidy => Spec::Tidy(TidySpec {
            ca: Some(plan.current_ca(&state.progress).ca.clone()),
            solver: plan.solver.clone(),
            left: leftovers(state, has),
        }),
    })
}

/// Of what is in place now: an installation that did not end well is younger than one that did.
fn receipt<'a>(progress: &'a RunProgress, index: u16, has: &'a Material) -> Option<&'a Receipt> {
    progress.unproven(index).or_else(|| has.receipt(index))
}

fn target(plan: &Plan, index: u16) -> Result<Target, &'static str> {
    plan.targets.get(usize::from(index)).cloned().ok_or("the target")
}

/// Where the targets that are in such a state answer for themselves.
fn endpoints(plan: &Plan, progress: &RunProgress, is: impl Fn(&TargetState) -> bool) -> Vec<SocketAddr> {
    let with_state = plan.targets.iter().zip(&progress.targets);
    let chosen = with_state.filter(|(_, state)| is(state));
    chosen
        .flat_map(|(target, _)| target.body().common().serves_at.to_vec())
        .collect()
}

/// What was put back is looked for at its own addresses, or at the host's when it has none.
fn confirmation(plan: &Plan, progress: &RunProgress) -> ConfirmSpec {
    let back = |state: &TargetState| matches!(state, TargetState::RolledBack { .. });
    let with_state = plan.targets.iter().zip(&progress.targets);
    let at_host = with_state
        .filter(|(_, state)| back(state))
        .any(|(target, _)| target.body().common().serves_at.is_empty());
    let leaves: Vec<Fingerprint> = progress.targets.iter().filter_map(former_leaf).collect();
    ConfirmSpec {
        port: plan.port,
        addresses: plan.addresses.clone(),
        at_host,
        endpoints: endpoints(plan, progress, back),
        except: endpoints(plan, progress, |state| !back(state)),
        leaves,
    }
}

fn former_leaf(state: &TargetState) -> Option<Fingerprint> {
    match state {
        TargetState::RolledBack { to } => Some(to.clone()),
        TargetState::Pending
        | TargetState::Aside { .. }
        | TargetState::Stuck { .. }
        | TargetState::Broken { .. }
        | TargetState::Installed { .. }
        | TargetState::Returning { .. }
        | TargetState::Removed { .. } => None,
    }
}

/// Of the certificate, or of the order that was given up.
pub(crate) fn leftovers(state: &RunState, has: &Material) -> solver::Receipt {
    match (state.checkpoint.as_ref().filter(|one| one.is_open()), has.certificate()) {
        (Some(given_up), _) => given_up.leftovers(),
        (None, Some(issued)) => issued.left.clone(),
        (None, None) => solver::Receipt::default(),
    }
}

/// The key goes only where it is needed.
fn deployed(has: &Material, with_key: bool) -> Result<DeployedCertificate, &'static str> {
    let issued = has.certificate().ok_or("the certificate")?;
    let prepared = || has.key().and_then(|key| key.sealed_key.clone());
    if issued.sealed_key.is_none() && has.key().is_none() {
        return Err("the key");
    }
    Ok(DeployedCertificate {
        chain_pem: issued.chain_pem.clone(),
        leaf: issued.leaf.fingerprint.clone(),
        sealed_key: issued.sealed_key.clone().or_else(prepared).filter(|_| with_key),
    })
}

fn expected(has: &Material) -> Result<ExpectedCertificate, &'static str> {
    let issued = has.certificate().ok_or("the certificate")?;
    Ok(ExpectedCertificate {
        leaf: issued.leaf.fingerprint.clone(),
        chain_pem: issued.chain_pem.clone(),
    })
}
