//! Answers whether targets could take a certificate, before one is ordered: directory, permission, mount, owner, activation.
//!
//! In: the targets of several runs. Out: those that could not, each with the question that its deployment would ask. Never: a
//! write, a hook that is run, an answer that a later try may see differently.

use std::sync::Arc;

use bus::{Bus, BusError, SystemClock};
use domain::Timestamp;
use domain::backoff::NextTry;
use domain::clock::Clock;
use domain::disposition::{Disposition, Question};
use domain::target::Target;
use protocol::subjects;
use protocol::target_check::{TargetCheckAsk, TargetCheckTold, TargetsOf, Unready};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::targets::{Installation, Job, TargetError, Targets};
use crate::verdict::judge;

/// Replicas share the questions.
const GROUP: &str = "deployer";

/// Until `stop`.
pub async fn answer(bus: &Bus, targets: Arc<Targets>, stop: &CancellationToken) -> Result<(), BusError> {
    let tell = move |_, question: Vec<u8>| {
        let targets = Arc::clone(&targets);
        async move { told(&targets, &question).await }
    };
    bus.answer(subjects::TARGET_CHECK, GROUP, stop, tell).await
}

async fn told(targets: &Targets, question: &[u8]) -> TargetCheckTold {
    let (mut unready, mut partly) = (Vec::new(), Vec::new());
    match serde_json::from_slice::<TargetCheckAsk>(question) {
        Ok(ask) => {
            let now = SystemClock.now();
            for run in &ask.runs {
                let of = |question| Unready {
                    run_id: run.run_id,
                    question,
                };
                match check(targets, run, now).await {
                    Found::Ready => {}
                    Found::Partly(question) => partly.push(of(question)),
                    Found::Unready(question) => unready.push(of(question)),
                }
            }
        }
        Err(error) => warn!(%error, "a question about targets does not parse, and they count as ready"),
    }
    TargetCheckTold { unready, partly }
}

/// What the targets of one run come to, with the question about the first that could not take a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Ready,
    /// One of several could: a certificate is of use.
    Partly(Question),
    /// Each has something that only a person can mend.
    Unready(Question),
}

pub async fn check(targets: &Targets, run: &TargetsOf, now: Timestamp) -> Found {
    let (mut first, mut faults) = (None, 0);
    for target in &run.targets {
        if let Some(fault) = fault(targets, run, target, now).await {
            faults += 1;
            first.get_or_insert(fault);
        }
    }
    match first {
        None => Found::Ready,
        Some(question) if faults < run.targets.len() => Found::Partly(question),
        Some(question) => Found::Unready(Question {
            what: format!("{}; no certificate has been ordered yet", question.what),
            ..question
        }),
    }
}

/// The activation first: what is not allowed and a program that is missing cost the least to find.
async fn ready(target: &dyn Installation, job: &Job<'_>) -> Result<(), TargetError> {
    if let Some(activation) = target.activation(job)? {
        activation.check()?;
    }
    target.look(job, None).await.map(|_| ())
}

async fn fault(targets: &Targets, run: &TargetsOf, target: &Target, now: Timestamp) -> Option<Question> {
    let job = Job {
        run: run.run_id,
        workspace: &run.workspace,
        hostname: &run.hostname,
        sans: &run.sans,
        now,
    };
    let looked = ready(&*targets.at(target), &job).await;
    let at = NextTry {
        now,
        failures: 0,
        wait: std::time::Duration::ZERO,
        jitter: 0.0,
    };
    match judge(looked.err()?.into(), at).disposition {
        Disposition::NeedsHuman(question) => Some(question),
        Disposition::RetryAt(..) | Disposition::Fail(_) => None,
    }
}
