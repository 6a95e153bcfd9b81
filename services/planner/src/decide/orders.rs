//! The orders that carry out the plan of a run. Pure.
//!
//! In: a run that is out, what its earlier steps left. Out: its order, or what is missing for one. Never: a change of the plan.

use std::net::SocketAddr;

use domain::certificate::Fingerprint;
use domain::ids::RunId;
use domain::plan::Plan;
use domain::run;
use domain::run::{
    Intent, IssuedCertificate, Position, PreparedKey, Product, Receipt, RunHead, RunProgress, RunState, Step,
    TargetState,
};
use domain::secret::Envelope;
use domain::solver;
use domain::target::Target;
use protocol::SCHEMA;
use protocol::order::{
    ChannelsSpec, ConfirmSpec, DeploySpec, DeployedCertificate, ExpectedCertificate, IssueSpec, Order, PrepareKeySpec,
    RollbackSpec, Spec, TidySpec, VerifySpec,
};

/// What earlier steps left, and what the workspace has at the CA.
#[derive(Debug, Default)]
pub(crate) struct Material {
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
pub(crate) struct Missing {
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
pub(crate) fn order(
    head: &RunHead,
    plan: &Plan,
    state: &RunState,
    has: &Material,
) -> Result<Option<Order<Spec>>, Missing> {
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
