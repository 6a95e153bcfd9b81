//! The ledger: applies what happened to runs, in batches, and releases the orders whose turn it is.
//!
//! One transaction: lock the runs, `advance` each in memory, keep what the reports brought, release
//! what the lanes have room for, save, commit. Then publish, then acknowledge.

mod acts;
mod apart;
pub(crate) mod backlog;
mod batch;
pub(crate) mod current;
mod finish;
pub(crate) mod positions;
pub(crate) mod readiness;
mod record;
pub(crate) mod rules;
mod wake;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Gather, Inbox};
use bus::panics::caught;
use domain::clock::Clock;
use domain::lane::Lane;
use domain::run::{Event, Step};
use domain::{HostId, RunId, Timestamp};
use protocol::direct_reply::CurrentAsk;
use protocol::order::{Order, Spec};
use protocol::report::Report;
use store::{LedgerTx, LoadedRun, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub(crate) use self::acts::ActOutcome;
use self::apart::Fate;
use self::batch::{Batch, Waiting, given_up, is_out};
use self::finish::Finish;
use self::record::Record;
use crate::config::Windows;
use crate::decide::borders::crossed_by_report;
use crate::decide::look_first::{self, Looks};
use crate::decide::orders::{self, Material};
use crate::decide::quota::QuotaEffect;
use crate::ledger::backlog::Backlog;
use crate::ledger::readiness::Readiness;
use crate::ledger::rules::RuleBook;
use crate::postman::{Mail, Postman};
use crate::sweeps::survey::{self, Survey};

/// A transaction costs the same statements for one report as for many: under load they wait for
/// company, not longer than the transaction itself takes.
pub(crate) const GATHER: Gather = Gather {
    most: Duration::from_millis(10),
    enough: 64,
};

pub(crate) struct Ledger {
    store: Store,
    postman: Postman,
    windows: Windows,
    clock: Arc<dyn Clock>,
    rules: RuleBook,
    backlog: Backlog,
    survey: Arc<Survey>,
    /// Looks from before do not count for runs that begin of themselves: the record was away, and
    /// may have come back as an older one.
    looks_since: Mutex<Timestamp>,
    readiness: Readiness,
    /// Rung when runs were created, or may go on.
    bell: Arc<Notify>,
}

/// What came of a batch of reports.
struct Applied {
    mail: Mail,
    /// By their place in the batch: those that say what their sender may not say, and why.
    refused: HashMap<usize, String>,
}

/// Applies reports until `stop`. A transaction that fails leaves its reports unacknowledged: they
/// come again.
pub(crate) async fn apply_reports(
    ledger: Arc<Ledger>,
    mut inbox: Inbox<Report>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    while let Some(reports) = inbox.next(stop).await {
        ledger.apply_until_done(&reports, stop).await;
    }
    Ok(())
}

impl apart::OneByOne for Ledger {
    type One = Delivery<Report>;
    type Applied = Applied;

    async fn apply(&self, some: &[Delivery<Report>]) -> Result<Applied, StoreError> {
        self.apply_all(some).await
    }

    async fn settle(&self, report: &Delivery<Report>, fate: Fate<Applied>) {
        match fate {
            Fate::Applied(applied) => self.settle_all(std::slice::from_ref(report), applied).await,
            Fate::Failed(error) => error!(%error, run = %report.value.run_id, "a report cannot be applied"),
            Fate::Panicked(panicked) => report.bury_defect(&panicked).await,
        }
    }
}

/// What the ledger works with: the record, NATS and the time.
pub(crate) struct Engines {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Ledger {
    pub(crate) fn new(engines: Engines, postman: Postman, survey: Arc<Survey>, windows: Windows) -> Self {
        let Engines { store, bus, clock } = engines;
        let bell: Arc<Notify> = Arc::default();
        let readiness = Readiness::new(bus.clone(), Arc::clone(&bell));
        let backlog = Backlog::new(store.clone(), bus, windows.slow_after(), Arc::clone(&clock));
        let looks_since = Mutex::new(clock.now());
        Self {
            store,
            postman,
            windows,
            clock,
            backlog,
            survey,
            looks_since,
            rules: RuleBook::default(),
            readiness,
            bell,
        }
    }

    /// Runs were created: their turn may have come. Many rings before the next look are one.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// The record could not be used.
    pub(crate) fn distrust_looks(&self) {
        *self.looks_since.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
    }

    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Keeps an eye on what lies at NATS, until `stop`.
    pub(crate) async fn watch_backlog(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.backlog.watch(stop).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tries until Postgres takes the batch; what still fails at a stop comes again to another
    /// replica.
    async fn apply_until_done(&self, reports: &[Delivery<Report>], stop: &CancellationToken) {
        loop {
            match caught(self.apply_all(reports)).await {
                Ok(Ok(applied)) => return self.settle_all(reports, applied).await,
                Ok(Err(StoreError::Unavailable(why))) => {
                    warn!(%why, reports = reports.len(), "reports could not be applied; trying again");
                    self.distrust_looks();
                }
                Ok(Err(error)) => return self.apply_apart(reports, &error).await,
                Err(panicked) => return self.apply_apart(reports, &panicked).await,
            }
            if chassis::pause(Duration::from_millis(300), stop).await.is_none() {
                return;
            }
        }
    }

    /// One row that cannot be read must not hold up the others: what still fails alone stays
    /// unacknowledged, and goes to the dead letters when its deliveries are used up. What panics
    /// alone goes there at once.
    async fn apply_apart(&self, reports: &[Delivery<Report>], together: &(dyn std::error::Error + Sync)) {
        warn!(error = %together, reports = reports.len(), "reports cannot be applied together; one by one");
        apart::each_alone(self, reports).await;
    }

    /// Publishes, and has the hosts looked at whose runs wait for that.
    async fn send(&self, mut mail: Mail) {
        let looks = std::mem::take(&mut mail.looks);
        self.postman.send(mail).await;
        if !looks.is_empty() {
            self.survey.ask_about(&looks).await;
        }
    }

    async fn settle_all(&self, reports: &[Delivery<Report>], applied: Applied) {
        self.send(applied.mail).await;
        for (place, report) in reports.iter().enumerate() {
            match applied.refused.get(&place) {
                Some(why) => self.postman.bury(report, why).await,
                None => report.ack().await,
            }
        }
    }

    async fn apply_all(&self, reports: &[Delivery<Report>]) -> Result<Applied, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let ids: Vec<RunId> = reports.iter().map(|report| report.value.run_id).collect();
        let mut batch = Batch::of(tx.load(&ids).await?);
        let (mut record, mut refused) = (Record::default(), HashMap::new());
        for (place, delivery) in reports.iter().enumerate() {
            let run = batch.runs.get(&delivery.value.run_id);
            match run.and_then(|run| crossed_by_report(&delivery.value, run)) {
                Some(why) => drop(refused.insert(place, why)),
                None => apply_report(&mut batch, &mut record, delivery, now)?,
            }
        }
        record.write(&mut tx, now).await?;
        let mail = self.finish(tx, batch, now).await?;
        Ok(Applied { mail, refused })
    }

    /// The present order of a run, when it is one of this step. A worker asks when an order comes
    /// to it that it, or one that has died, may have had before: a run that was given up meanwhile
    /// is not gone on with.
    pub(crate) async fn current(&self, ask: &CurrentAsk) -> Result<Option<Order<Spec>>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.load(&[ask.run_id]).await?);
        if let Some(attempt) = batch.runs.get(&ask.run_id).and_then(given_up) {
            batch.advance(ask.run_id, Event::Overdue { attempt }, now);
            let mail = self.finish(tx, batch, now).await?;
            self.postman.send(mail).await;
            return Ok(None);
        }
        let mail = self.orders(&mut tx, &batch, &[ask.run_id]).await?;
        tx.commit().await?;
        Ok(mail.orders.into_iter().find(|order| order.step == ask.step))
    }

    /// Releases waiting runs whose turn it is; gives back how many of those that were due must wait
    /// on.
    pub(crate) async fn release(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let lanes = tx.waiting_lanes().await?;
        if lanes.is_empty() {
            return Ok(0);
        }
        let (mail, postponed) = self.finish_over(tx, Batch::default(), lanes, now).await?;
        self.send(mail).await;
        Ok(postponed)
    }

    async fn finish(&self, tx: LedgerTx, batch: Batch, now: Timestamp) -> Result<Mail, StoreError> {
        let lanes = batch.lanes();
        Ok(self.finish_over(tx, batch, lanes, now).await?.0)
    }

    /// Releases in these lanes, saves, commits; gives what is to be published, and how many runs
    /// must wait on.
    async fn finish_over(
        &self,
        tx: LedgerTx,
        batch: Batch,
        lanes: Vec<Lane>,
        now: Timestamp,
    ) -> Result<(Mail, usize), StoreError> {
        let mut finish = Finish::count(self, tx, batch, now).await?;
        finish.settle_quotas().await?;
        finish.draw(lanes).await?;
        finish.release().await?;
        finish.save().await
    }

    /// What is known of the hosts whose runs begin of themselves now.
    async fn looks(&self, tx: &mut LedgerTx, batch: &Batch, now: Timestamp) -> Result<Looks, StoreError> {
        let since = *self.looks_since.lock().unwrap_or_else(PoisonError::into_inner);
        let due = batch.due(now).into_iter().filter(|run| look_first::is_needed(run));
        let hosts: Vec<HostId> = due.map(|run| run.head.host_id).collect();
        if hosts.is_empty() {
            return Ok(Looks::none(since));
        }
        let (of, out) = tx.looks(&hosts, now.minus(survey::LOST_AFTER)).await?;
        let room = i64::from(self.windows.probes) - out;
        Ok(Looks { since, of, room })
    }

    /// The orders of those of these runs that are out.
    async fn orders(&self, tx: &mut LedgerTx, batch: &Batch, ids: &[RunId]) -> Result<Mail, StoreError> {
        let out: Vec<&LoadedRun> = ids
            .iter()
            .filter_map(|id| batch.runs.get(id))
            .filter(|run| is_out(run))
            .collect();
        let mut materials = record::materials(tx, &out).await?;
        let mut mail = Mail::default();
        for run in out {
            let has = materials.remove(&run.head.id).unwrap_or_else(Material::default);
            match orders::order(&run.head, &run.plan, &run.state, &has) {
                Ok(Some(order)) => mail.orders.push(order),
                Ok(None) => {}
                // The deadline will put it to a person: nothing is sent that cannot be carried out.
                Err(missing) => error!(error = %missing, "a defect in the record"),
            }
        }
        Ok(mail)
    }
}

/// Moves the run that a report is about, and keeps what it brought.
fn apply_report(
    batch: &mut Batch,
    record: &mut Record,
    delivery: &Delivery<Report>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let report = &delivery.value;
    let id = report.run_id;
    let event = Event::Reported {
        step: report.step,
        attempt: report.attempt,
        outcome: report.outcome.clone(),
    };
    // Past the deadline no worker waits any more: the next order goes to the stream.
    let inbox = delivery.reply_to().filter(|_| batch.is_in_flight(id, now));
    let run = batch.runs.get(&id);
    let before = run.map(|run| run.state.progress.target_checks(report.attempt));
    let moved = batch.advance(id, event, now);
    if let (true, Some(run)) = (moved, batch.runs.get(&id)) {
        record.add(report, run, before.unwrap_or_default())?;
        if report.step == Step::Issue {
            batch.answers.push((id, QuotaEffect::of(&report.outcome)));
        }
    }
    if let Some(inbox) = inbox {
        if moved && report.outcome.continues(now) {
            batch.go_on(id, now);
        }
        let waiting = Waiting {
            step: report.step,
            subject: delivery.subject().to_owned(),
            inbox: inbox.to_owned(),
        };
        batch.waiting.insert(id, waiting);
    }
    Ok(())
}
