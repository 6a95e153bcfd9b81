//! What a report leaves in the record beside the run's own place.

use std::collections::{BTreeSet, HashMap};

use domain::ca::CaRef;
use domain::certificate::{self, Fingerprint, LookResult, Snapshot};
use domain::disposition::{Failure, Question};
use domain::run::{Because, Check, Checkpoint, Ending, Mode, Outcome, Position, Product, Step, Verified};
use domain::{HostId, RunId, Timestamp};
use protocol::SCHEMA;
use protocol::event::RunEvent;
use protocol::report::Report;
use serde::Serialize;
use serde_json::Value;
use store::{AccountKey, LedgerTx, LoadedRun, Paid, SnapshotRow, StepRecord, StoreError};

use crate::decide::at_ca::current_ca;
use crate::decide::orders::{self, Material};

#[derive(Default)]
pub(super) struct Record {
    steps: Vec<StepRecord>,
    products: Vec<store::Product>,
    snapshots: Vec<SnapshotRow>,
    accounts: Vec<AccountKey>,
    /// The leaves that runs have got, by host.
    got: Vec<(HostId, Fingerprint)>,
    /// Those that were not free.
    paid: Vec<Paid>,
}

impl Record {
    /// `before`: what was checked before its order went out.
    pub(super) fn add(&mut self, report: &Report, run: &LoadedRun, before: Vec<Check>) -> Result<(), StoreError> {
        let (outcome, mut summary) = summary(&report.outcome);
        if run
            .state
            .progress
            .failovers
            .last()
            .is_some_and(|last| last.attempt == report.attempt)
        {
            let next = &run.plan.current_ca(&run.state.progress).ca;
            summary.push_str(&format!("; turned to the next CA instead: {next}"));
        }
        self.steps.push(StepRecord {
            run_id: report.run_id,
            attempt: report.attempt,
            step: report.step.to_string(),
            outcome,
            summary,
            worker: report.worker.clone(),
            started_at: report.started_at,
            ended_at: report.ended_at,
            checks: value(&[before, checks(report, run.head.mode)].concat())?,
            log: value(&report.notes.log)?,
            exchange: value(&report.notes.exchange)?,
        });
        self.keep_snapshots(run, &report.notes.snapshots);
        match &report.outcome {
            Outcome::Done { product } => self.keep_product(report, run, product),
            Outcome::Resting { checkpoint, .. } => self.keep_account(run, checkpoint),
            Outcome::Retry { .. } | Outcome::Failed { .. } | Outcome::Stuck { .. } => {}
        }
        Ok(())
    }

    /// A certificate that a person brought, and the record of it.
    pub(super) fn add_resolved(&mut self, record: StepRecord, product: store::Product) {
        self.steps.push(record);
        self.products.push(product);
    }

    fn keep_product(&mut self, report: &Report, run: &LoadedRun, product: &Product) {
        let snapshots = match product {
            Product::Verified(verified) => verified.snapshots.as_slice(),
            Product::Rehearsed(rehearsal) => rehearsal.snapshots.as_slice(),
            Product::Confirmed(verified) => verified.snapshots.as_slice(),
            Product::PreparedKey(_)
            | Product::Issued(_)
            | Product::Deployed(_)
            | Product::RolledBack(_)
            | Product::Tidied => &[],
        };
        self.keep_snapshots(run, snapshots);
        if let Product::Issued(issued) = product {
            self.got.push((run.head.host_id, issued.leaf.fingerprint.clone()));
            self.paid.extend(paid(report, run));
        }
        self.products.push(store::Product {
            run_id: report.run_id,
            step: report.step,
            product: product.clone(),
        });
    }

    fn keep_snapshots(&mut self, run: &LoadedRun, snapshots: &[Snapshot]) {
        self.snapshots.extend(snapshots.iter().map(|snapshot| SnapshotRow {
            workspace: run.head.workspace.clone(),
            host_id: run.head.host_id,
            run_id: Some(run.head.id),
            snapshot: snapshot.clone(),
        }));
    }

    fn keep_account(&mut self, run: &LoadedRun, checkpoint: &Checkpoint) {
        if let Some(sealed_key) = checkpoint.new_account() {
            self.accounts.push(AccountKey {
                workspace: run.head.workspace.to_string(),
                ca: run
                    .plan
                    .ca_of_attempt(&run.state.progress, run.state.attempt)
                    .ca
                    .clone(),
                sealed_key: sealed_key.clone(),
            });
        }
    }

    pub(super) async fn write(&self, tx: &mut LedgerTx, now: Timestamp) -> Result<(), StoreError> {
        tx.keep_steps(&self.steps).await?;
        if !self.products.is_empty() {
            tx.keep_products(&self.products).await?;
        }
        tx.keep_snapshots(&self.snapshots).await?;
        tx.mark_replaced(&self.got, now).await?;
        tx.keep_spending(&self.paid, now).await?;
        tx.keep_accounts(&self.accounts, now).await
    }
}

/// What the CA charges that has issued; nothing when it is free.
fn paid(report: &Report, run: &LoadedRun) -> Option<Paid> {
    let asked = run.plan.ca_of_attempt(&run.state.progress, report.attempt);
    let cost_micro_usd = asked.cost_micro_usd;
    (cost_micro_usd != Some(0)).then(|| Paid {
        run_id: report.run_id,
        workspace: run.head.workspace.clone(),
        cost_micro_usd,
    })
}

/// The checks of the step; a rehearsal carries its own, and what ended it early is a cross of it.
fn checks(report: &Report, mode: Mode) -> Vec<Check> {
    let mut checks = report.notes.checks.clone();
    match (&report.outcome, mode) {
        (
            Outcome::Done {
                product: Product::Rehearsed(rehearsal),
            },
            _,
        ) => checks.extend(rehearsal.checks.iter().cloned()),
        (Outcome::Retry { failure, .. } | Outcome::Failed { failure }, Mode::DryRun) => {
            checks.push(Check::cross(
                failure.code.as_str(),
                format!("{}; {}", failure.what, failure.hint),
            ));
        }
        (Outcome::Stuck { question, .. }, Mode::DryRun) => {
            checks.push(Check::cross(
                question.code.as_str(),
                format!("{}; {}", question.what, question.hint),
            ));
        }
        (
            Outcome::Done { .. }
            | Outcome::Resting { .. }
            | Outcome::Retry { .. }
            | Outcome::Failed { .. }
            | Outcome::Stuck { .. },
            Mode::Live | Mode::DryRun,
        ) => {}
    }
    checks
}

pub(super) fn value(part: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(part).map_err(|e| StoreError::Corrupt {
        table: "run_steps",
        id: String::new(),
        why: e.to_string(),
    })
}

fn summary(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Done { product } => ("done", describe_product(product)),
        Outcome::Resting { checkpoint, .. } => ("resting", checkpoint.to_string()),
        Outcome::Retry { until, failure, .. } => {
            ("retry", format!("{}: {}; again at {until}", failure.code, failure.what))
        }
        Outcome::Failed { failure } => ("failed", format!("{}: {}", failure.code, failure.what)),
        Outcome::Stuck { question, .. } => ("stuck", format!("{}: {}", question.code, question.what)),
    }
}

/// `3 looks, 1 leaf at 1 address`: what was seen, and no more than that.
fn extent(verified: &Verified) -> String {
    let snapshots = &verified.snapshots;
    let shown = snapshots.iter().filter_map(|one| match &one.seen {
        LookResult::Served(served) => Some(&served.leaf.fingerprint),
        LookResult::Unreachable { .. } => None,
    });
    let others = snapshots
        .iter()
        .flat_map(|one| one.others.iter().map(|other| &other.fingerprint));
    let leaves: BTreeSet<&Fingerprint> = shown.chain(others).collect();
    let looks = snapshots.iter().map(|one| one.looks).sum();
    let addresses = if snapshots.len() == 1 { "address" } else { "addresses" };
    let extent = certificate::extent(looks, leaves.len());
    format!("{extent} at {} {addresses}", snapshots.len())
}

fn describe_product(product: &Product) -> String {
    match product {
        Product::PreparedKey(_) => "key made and CSR signed".to_owned(),
        Product::Issued(issued) => {
            format!(
                "{} issued serial {}, good until {}",
                issued.leaf.issuer, issued.leaf.serial, issued.leaf.not_after
            )
        }
        Product::Deployed(receipt) if receipt.already_there => format!("{} was there already", receipt.installed),
        Product::Deployed(receipt) => format!("installed {}", receipt.installed),
        Product::Verified(verified) => format!("served as issued: {}", extent(verified)),
        Product::RolledBack(back) => format!("put back {}", back.leaf),
        Product::Confirmed(seen) => format!("what was put back is served: {}", extent(seen)),
        Product::Tidied => "challenge responses removed".to_owned(),
        Product::Rehearsed(rehearsal) => {
            let green = rehearsal.checks.iter().filter(|check| check.passed).count();
            format!("rehearsed: {green} of {} checks passed", rehearsal.checks.len())
        }
    }
}

/// What the earlier steps of these runs left, and the account keys that their Issue orders need.
pub(super) async fn materials(tx: &mut LedgerTx, runs: &[&LoadedRun]) -> Result<HashMap<RunId, Material>, StoreError> {
    let mut materials: HashMap<RunId, Material> = HashMap::with_capacity(runs.len());
    let needed: Vec<(RunId, Step)> = runs.iter().copied().flat_map(needed).collect();
    if !needed.is_empty() {
        for product in tx.products_of(&needed).await? {
            materials
                .entry(product.run_id)
                .or_default()
                .products
                .push((product.step, product.product));
        }
    }
    look_closer(tx, runs, &mut materials).await?;
    let issuing: Vec<&&LoadedRun> = runs
        .iter()
        .filter(|run| run.state.step() == Some(domain::run::Step::Issue))
        .collect();
    if issuing.is_empty() {
        return Ok(materials);
    }
    let workspaces: Vec<String> = issuing.iter().map(|run| run.head.workspace.to_string()).collect();
    let cas: Vec<CaRef> = issuing.iter().map(|run| current_ca(run).clone()).collect();
    let accounts = tx.accounts(&workspaces, &cas).await?;
    for run in issuing {
        let own = accounts
            .iter()
            .find(|account| account.workspace == run.head.workspace.as_str() && account.ca == *current_ca(run));
        materials.entry(run.head.id).or_default().account_key = own.map(|account| account.sealed_key.clone());
    }
    Ok(materials)
}

/// Says of the looks that go out which of their hosts serve several certificates by turns.
async fn look_closer(
    tx: &mut LedgerTx,
    runs: &[&LoadedRun],
    materials: &mut HashMap<RunId, Material>,
) -> Result<(), StoreError> {
    let looks = || {
        runs.iter()
            .filter(|run| run.state.step() == Some(domain::run::Step::Verify))
    };
    let hosts: Vec<HostId> = looks().map(|run| run.head.host_id).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    let mixed = tx.mixed(&hosts).await?;
    for run in looks().filter(|run| mixed.contains(&run.head.host_id)) {
        materials.entry(run.head.id).or_default().was_mixed = true;
    }
    Ok(())
}

/// The earlier steps of which the next order takes something. A rehearsal leaves nothing to be taken.
fn needed(run: &LoadedRun) -> impl Iterator<Item = (RunId, Step)> {
    let id = run.head.id;
    let step = run.state.step().filter(|_| run.head.mode == Mode::Live);
    let steps = step.map(orders::needs).unwrap_or_default();
    steps.into_iter().map(move |step| (id, step))
}

pub(super) fn event(run: &LoadedRun, now: Timestamp) -> RunEvent {
    let (failure, question) = reason(run);
    RunEvent {
        schema: SCHEMA,
        run_id: run.head.id,
        workspace: run.head.workspace.clone(),
        host_id: run.head.host_id,
        policy_id: run.head.policy_id,
        hostname: run.head.hostname.clone(),
        criticality: run.head.criticality,
        mode: run.head.mode,
        trigger: run.head.trigger,
        operator: run.head.operator.clone(),
        job_id: run.head.job,
        status: run.state.status(),
        step: run.state.step().or_else(|| failed_at(run)),
        attempt: run.state.attempt,
        at: now,
        failure,
        question,
    }
}

/// Where a run failed that has ended.
fn failed_at(run: &LoadedRun) -> Option<Step> {
    match &run.state.position {
        Position::Ended {
            ending: Ending::Failed { at, .. },
        } => *at,
        Position::Ended { .. } | Position::Waiting { .. } | Position::Out { .. } | Position::Asking { .. } => None,
    }
}

fn reason(run: &LoadedRun) -> (Option<Failure>, Option<Question>) {
    match &run.state.position {
        Position::Waiting {
            because: Because::Retry { failure },
            ..
        } => (Some(failure.clone()), None),
        Position::Ended {
            ending: Ending::Failed { failure, .. },
        } => (Some(failure.clone()), None),
        Position::Asking { question, .. } => (None, Some(question.clone())),
        Position::Waiting { .. } | Position::Out { .. } => (None, None),
        Position::Ended {
            ending: Ending::Succeeded | Ending::Cancelled { .. },
        } => (None, None),
    }
}
