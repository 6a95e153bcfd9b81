//! The plan of a run, and the orders that carry it out. Pure.

use domain::Timestamp;
use domain::ids::RunId;
use domain::plan::{Choice, Plan};
use domain::policy::{Charge, Provider};
use domain::run::{IssuedCertificate, Mode, Position, PreparedKey, Product, RunHead, RunState, Step, Trigger};
use domain::secret::Envelope;
use domain::{Invalid, run};
use protocol::SCHEMA;
use protocol::order::{
    DeploySpec, DeployedCertificate, ExpectedCertificate, IssueSpec, Order, PrepareKeySpec, Spec, TidySpec, VerifySpec,
};
use store::NewRun;

/// Who asked for a run, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    pub mode: Mode,
    pub trigger: Trigger,
    pub by: String,
}

/// A queued run with everything decided.
pub fn new_run(charge: &Charge, asked: &Asked, now: Timestamp) -> Result<NewRun, Invalid> {
    let policy = &charge.policy;
    let plan = plan(charge)?;
    let head = RunHead {
        id: RunId::new(),
        workspace: policy.workspace.clone(),
        host_id: policy.host_id,
        policy_id: policy.id,
        hostname: policy.says.hostname.clone(),
        criticality: charge.criticality,
        mode: asked.mode,
        trigger: asked.trigger,
        operator: asked.by.clone(),
        created_at: now,
    };
    let state = RunState::queued(&plan, now);
    Ok(NewRun { head, plan, state })
}

fn plan(charge: &Charge) -> Result<Plan, Invalid> {
    let says = &charge.policy.says;
    Ok(Plan {
        hostname: says.hostname.clone(),
        port: charge.port,
        addresses: charge.addresses.clone(),
        criticality: charge.criticality,
        names: says.names(),
        choice: choice(charge)?,
        key_backend: says.key_backend,
        key_algorithm: says.key_algorithm,
        key_rotation: says.key_rotation,
        challenge: says.challenge,
        targets: says.targets.clone(),
    })
}

/// The policy's own provider: the only strategy so far.
fn choice(charge: &Charge) -> Result<Choice, Invalid> {
    let says = &charge.policy.says;
    let directory_url = says.directory()?;
    let why = match says.provider {
        Provider::Letsencrypt => "the policy names Let's Encrypt, which charges nothing".to_owned(),
        Provider::Acme => format!("the policy names the ACME directory {directory_url}"),
        Provider::AwsAcm | Provider::GcpCm | Provider::VaultPki | Provider::Manual => {
            return Err(Invalid::new(
                "provider",
                "this provider is not served by this version",
                "use letsencrypt or acme",
            ));
        }
    };
    Ok(Choice {
        provider: says.provider,
        directory_url,
        why,
        cost_micro_usd: 0,
    })
}

/// What earlier steps left, and what the workspace has at the CA.
#[derive(Debug, Default)]
pub struct Material {
    pub products: Vec<(Step, Product)>,
    pub account_key: Option<Envelope>,
}

impl Material {
    fn key(&self) -> Option<&PreparedKey> {
        self.products.iter().find_map(|(_, product)| match product {
            Product::PreparedKey(key) => Some(key),
            _ => None,
        })
    }

    fn certificate(&self) -> Option<&IssuedCertificate> {
        self.products.iter().find_map(|(_, product)| match product {
            Product::Issued(issued) => Some(issued.as_ref()),
            _ => None,
        })
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

/// The order of a run that is `Out`; nothing for any other.
pub fn order(head: &RunHead, plan: &Plan, state: &RunState, has: &Material) -> Result<Option<Order<Spec>>, Missing> {
    let Position::Out { step, deadline } = &state.position else {
        return Ok(None);
    };
    let spec = spec(head, plan, *step, has).map_err(|missing| Missing {
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
        deadline: *deadline,
        checkpoint: state.checkpoint.clone(),
        spec,
    }))
}

fn spec(head: &RunHead, plan: &Plan, step: Step, has: &Material) -> Result<Spec, &'static str> {
    let live = head.mode == run::Mode::Live;
    Ok(match step {
        Step::PrepareKey => Spec::PrepareKey(PrepareKeySpec {
            names: plan.names.clone(),
            backend: plan.key_backend,
            algorithm: plan.key_algorithm,
            keep: None,
        }),
        Step::Issue => Spec::Issue(Box::new(IssueSpec {
            directory_url: plan.choice.directory_url.clone(),
            account_key: has.account_key.clone(),
            names: plan.names.clone(),
            csr_pem: if live {
                Some(has.key().ok_or("the CSR")?.csr_pem.clone())
            } else {
                None
            },
            challenge: plan.challenge,
        })),
        Step::Deploy(index) => Spec::Deploy(Box::new(DeploySpec {
            target: plan.targets.get(usize::from(index)).ok_or("the target")?.clone(),
            certificate: if live { Some(deployed(has)?) } else { None },
        })),
        Step::Verify => Spec::Verify(Box::new(VerifySpec {
            port: plan.port,
            addresses: plan.addresses.clone(),
            names: plan.names.clone(),
            expected: if live { Some(expected(has)?) } else { None },
        })),
        Step::Tidy => Spec::Tidy(TidySpec {
            tokens: has.certificate().ok_or("the certificate")?.tokens.clone(),
        }),
    })
}

fn deployed(has: &Material) -> Result<DeployedCertificate, &'static str> {
    let issued = has.certificate().ok_or("the certificate")?;
    Ok(DeployedCertificate {
        chain_pem: issued.chain_pem.clone(),
        leaf: issued.leaf.fingerprint.clone(),
        sealed_key: has.key().ok_or("the key")?.sealed_key.clone(),
    })
}

fn expected(has: &Material) -> Result<ExpectedCertificate, &'static str> {
    let issued = has.certificate().ok_or("the certificate")?;
    Ok(ExpectedCertificate {
        leaf: issued.leaf.fingerprint.clone(),
        chain_pem: issued.chain_pem.clone(),
    })
}
