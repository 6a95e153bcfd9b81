//! What people do to runs: taken or refused in one transaction, with who did it in the record.

use std::collections::{BTreeSet, HashMap};

use domain::chain::{self, Accepted, Wanted};
use domain::limit::Bucket;
use domain::policy::PolicyFacts;
use domain::run::{Event, IssuedCertificate, Position, Product, Step};
use domain::{HostId, Invalid, RunId, Timestamp, WorkspaceId};
use protocol::request::{AmendedRun, Amendment, ResolveRequest, Verb};
use store::{Act, LedgerTx, LoadedRun, StepRecord, StoreError};
use tracing::info;

use super::{Batch, Ledger, record};
use crate::decide::acts::{self, ActKind, RunAct};
use crate::decide::orders::{Material, leftovers};

/// What became of the runs that a person meant.
#[derive(Debug, Default)]
pub(crate) struct ActOutcome {
    /// Those that could not take it, with the reason.
    pub refused: Vec<(RunId, Invalid)>,
    /// Of the others: what they took from today's policy.
    pub amended: Vec<AmendedRun>,
}

impl Ledger {
    /// Does it to each of these runs. `Duplicate` when one of them would be the second active run of its policy: then nothing was
    /// done.
    pub(crate) async fn tell(
        &self,
        workspace: &WorkspaceId,
        ids: &[RunId],
        act: &RunAct,
    ) -> Result<ActOutcome, StoreError> {
        let now = self.now();
        let policy_facts = match act.kind {
            ActKind::Resume | ActKind::ResumeAnew | ActKind::Retry => {
                self.store.policy_facts_of_runs(workspace, ids).await?
            }
            ActKind::Cancel => Vec::new(),
        };
        let policy_facts: HashMap<HostId, PolicyFacts> =
            policy_facts.into_iter().map(|one| (one.policy.host_id, one)).collect();
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.load_of(workspace, ids).await?);
        let certificates = certificates(&mut tx, &batch, act).await?;
        if act.kind == ActKind::ResumeAnew {
            begin_accounts(&mut tx, &batch, act, now).await?;
        }
        let (mut acts, mut outcome) = (Vec::new(), ActOutcome::default());
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let of_use = certificates.get(id).map_or(Ok(()), |issued| acts::of_use(issued, now));
            match of_use.and_then(|()| batch.tell(*id, act, &policy_facts, now)) {
                Ok(said) => {
                    acts.push(act_row(*id, act, now));
                    if let Some((said, recorded)) = said {
                        acts.push(amendment(*id, act, recorded, now));
                        outcome.amended.push(said);
                    }
                }
                Err(why) => outcome.refused.push((*id, why)),
            }
        }
        tx.keep_acts(&acts).await?;
        let amended = outcome.amended.iter().filter_map(|one| batch.runs.get(&one.run_id));
        tx.amend(&amended.collect::<Vec<&LoadedRun>>()).await?;
        let mail = self.finish(tx, batch, now).await?;
        self.send(mail).await;
        info!(by = %act.by, verb = act.kind.verb().as_str(), runs = acts.len(), refused = outcome.refused.len(), "people");
        Ok(outcome)
    }

    /// Lets a run that asks go on with the certificate that a person brought. The same one again is no mistake.
    pub(crate) async fn resolve(
        &self,
        workspace: &WorkspaceId,
        request: &ResolveRequest,
    ) -> Result<Result<(), Invalid>, StoreError> {
        let (now, id) = (self.now(), request.run_id);
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.load_of(workspace, &[id]).await?);
        let Some(run) = batch.runs.get(&id) else {
            return Ok(Err(unknown(id)));
        };
        let has = material(&mut tx, id).await?;
        if !matches!(&run.state.position, Position::Asking { .. }) {
            return Ok(already_taken(request, &has).ok_or_else(|| acts::out_of_place(run, Verb::Resolve)));
        }
        let served = tx.last_served(workspace, run.head.host_id).await?;
        let wanted = Wanted {
            names: &run.plan.names,
            key: acts::wanted_key(request, &has),
            served: served.as_ref(),
            now,
        };
        let accepted = match chain::check(&request.chain_pem, &wanted) {
            Ok(accepted) => accepted,
            Err(refused) => return Ok(Err(refused)),
        };
        let issued = issued(request, run, &has, &accepted);
        let install = !request.already_installed;
        if batch.try_advance(id, Event::Resolved { install }, now).is_err() {
            let run = batch.runs.get(&id);
            return Ok(Err(
                run.map_or_else(|| unknown(id), |run| acts::out_of_place(run, Verb::Resolve))
            ));
        }
        let attempt = batch.runs.get(&id).map_or(0, |run| run.state.attempt);
        let mut record = record::Record::default();
        record.add_resolved(resolved_step(request, attempt, &accepted, now)?, product(id, issued));
        record.write(&mut tx, now).await?;
        tx.keep_acts(&[resolved(request, now)]).await?;
        let mail = self.finish(tx, batch, now).await?;
        self.send(mail).await;
        info!(by = %request.requested_by, run = %id, leaf = %accepted.leaf.fingerprint, "resolved by hand");
        Ok(Ok(()))
    }
}

impl Batch {
    /// Gives its amendment, for the answer and for the record; nothing when there is none.
    fn tell(
        &mut self,
        id: RunId,
        act: &RunAct,
        policy_facts: &HashMap<HostId, PolicyFacts>,
        now: Timestamp,
    ) -> Result<Option<(AmendedRun, String)>, Invalid> {
        let run = self.runs.get(&id).ok_or_else(|| unknown(id))?;
        acts::may_begin_account(run, act.kind)?;
        let facts = policy_facts.get(&run.head.host_id);
        let (amended, amendment): (_, Amendment) =
            facts.map_or_else(Default::default, |facts| acts::today(run, facts, act.kind));
        let recorded = acts::recorded(&amendment, &run.head.hostname);
        let before = (run.plan.clone(), run.state.clone());
        if let (Some(amended), Some(run)) = (amended, self.runs.get_mut(&id)) {
            (run.plan, run.state) = (amended.plan, amended.state);
        }
        if self.try_advance(id, act.event(), now).is_ok() {
            let amended = AmendedRun { run_id: id, amendment };
            return Ok((!amended.amendment.is_empty()).then_some((amended, recorded)));
        }
        let Some(run) = self.runs.get_mut(&id) else {
            return Err(unknown(id));
        };
        (run.plan, run.state) = before;
        Err(acts::out_of_place(run, act.kind.verb()))
    }
}

fn unknown(id: RunId) -> Invalid {
    Invalid::new("run_id", format!("{id} is no run of this workspace"), "see vigilo runs")
}

/// The next order of each of these accounts makes a new key; what waited for the old account goes on with the new one.
async fn begin_accounts(tx: &mut LedgerTx, batch: &Batch, act: &RunAct, now: Timestamp) -> Result<(), StoreError> {
    let mut refused = Vec::new();
    for run in batch.runs.values() {
        if let Some(ca) = acts::asks_about_account(run) {
            let account = Bucket::hold_of_account(ca, &run.head.workspace);
            tx.lift_ca_hold(&account).await?;
            refused.push((run.head.id, ca.clone()));
        }
    }
    let begun = tx.retire_accounts(&refused, &act.by, now).await?;
    info!(by = %act.by, accounts = begun, "new accounts are begun at CAs that refuse the present ones");
    Ok(())
}

/// The certificates of the runs that would go on with theirs.
async fn certificates(
    tx: &mut LedgerTx,
    batch: &Batch,
    act: &RunAct,
) -> Result<HashMap<RunId, IssuedCertificate>, StoreError> {
    let going_on = batch.runs.values();
    let ids: Vec<RunId> = going_on
        .filter(|run| acts::goes_on_with_certificate(run, act.kind))
        .map(|run| run.head.id)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let products = tx.products(&ids).await?.into_iter();
    let issued = products.filter_map(|one| Some((one.run_id, one.product.as_issued()?.clone())));
    Ok(issued.collect())
}

async fn material(tx: &mut LedgerTx, id: RunId) -> Result<Material, StoreError> {
    let products = tx.products(&[id]).await?.into_iter();
    Ok(Material {
        products: products.map(|one| (one.step, one.product)).collect(),
        ..Material::default()
    })
}

/// The run has this certificate: the request came twice.
fn already_taken(request: &ResolveRequest, has: &Material) -> Option<()> {
    let wanted = Wanted {
        names: &[],
        key: chain::Key::Unseen,
        served: None,
        now: has.certificate()?.leaf.not_before,
    };
    let again = chain::check(&request.chain_pem, &wanted).ok()?;
    (again.leaf.fingerprint == has.certificate()?.leaf.fingerprint).then_some(())
}

/// In the place of what a CA would have issued; the challenge responses of an order that was begun are still removed.
fn issued(request: &ResolveRequest, run: &LoadedRun, has: &Material, accepted: &Accepted) -> IssuedCertificate {
    IssuedCertificate {
        order_url: None,
        chain_pem: accepted.chain_pem.clone(),
        leaf: accepted.leaf.clone(),
        left: leftovers(&run.state, has),
        sealed_key: request.sealed_key.clone(),
    }
}

fn product(run_id: RunId, issued: IssuedCertificate) -> store::Product {
    store::Product {
        run_id,
        step: Step::Issue,
        product: Product::Issued(Box::new(issued)),
    }
}

fn resolved_step(
    request: &ResolveRequest,
    attempt: u32,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<StepRecord, StoreError> {
    let (leaf, by) = (&accepted.leaf, &request.requested_by);
    let summary = format!(
        "{by} brought serial {} of {}, good until {}",
        leaf.serial, leaf.issuer, leaf.not_after
    );
    Ok(StepRecord {
        run_id: request.run_id,
        attempt,
        step: Step::Issue.to_string(),
        outcome: "resolved",
        summary,
        worker: format!("by hand: {by}"),
        started_at: now,
        ended_at: now,
        checks: record::value(&accepted.checks)?,
        log: serde_json::Value::Array(Vec::new()),
        exchange: serde_json::Value::Array(Vec::new()),
    })
}

fn act_row(run_id: RunId, act: &RunAct, at: Timestamp) -> Act {
    Act {
        run_id,
        at,
        verb: act.kind.verb().as_str().to_owned(),
        person: act.by.clone(),
        note: match act.kind {
            ActKind::ResumeAnew => format!("{} (with a new account at the CA)", act.note).trim().to_owned(),
            ActKind::Resume | ActKind::Retry | ActKind::Cancel => act.note.clone(),
        },
    }
}

/// What the run took from today's policy, in its history.
fn amendment(run_id: RunId, act: &RunAct, note: String, at: Timestamp) -> Act {
    Act {
        verb: "amend".to_owned(),
        note,
        ..act_row(run_id, act, at)
    }
}

fn resolved(request: &ResolveRequest, at: Timestamp) -> Act {
    Act {
        run_id: request.run_id,
        at,
        verb: Verb::Resolve.as_str().to_owned(),
        person: request.requested_by.clone(),
        note: request.note.clone().unwrap_or_default(),
    }
}
