//! The ledger: applies what happened to runs, in batches, and releases the orders whose turn it is.
//!
//! One transaction: lock the runs, `advance` each in memory, keep what the reports brought, release what the lanes
//! have room for, save, commit. Then publish, then acknowledge.

mod deeds;
mod kept;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bus::inbox::{Delivery, Gather, Inbox};
use domain::clock::Clock;
use domain::lane::Lane;
use domain::run::{Because, Event, Ignored, Position, Status, Step, advance, place, queue};
use domain::{RunId, Timestamp};
use protocol::report::Report;
use store::{LedgerTx, LoadedRun, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::compose::{self, Material};
use crate::config::Windows;
use crate::pace::{self, Rooms};
use crate::postman::{Mail, Postman};
use crate::quota::{self, Answer, Quota, Wait};
use crate::rules::RuleBook;

/// A transaction costs the same statements for one report as for many: under load they wait for company, not longer than
/// the transaction itself takes.
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
    /// Rung when runs were created.
    bell: Notify,
}

/// The runs of one transaction: where they stood, where they stand.
#[derive(Default)]
struct Page {
    runs: BTreeMap<RunId, LoadedRun>,
    moved: HashSet<RunId>,
    /// The status before the first move of this page.
    was: BTreeMap<RunId, Status>,
    /// Lanes that an order left, to be counted back, and when it went out.
    left: Vec<(Lane, Timestamp)>,
    /// What reports of Issue say of the CA's limits.
    answers: Vec<(RunId, Answer)>,
    /// Runs that were due and must wait for something else than a place.
    postponed: usize,
}

/// Applies reports until `stop`. A transaction that fails leaves its reports unacknowledged: they come again.
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

impl Ledger {
    pub(crate) fn new(store: Store, postman: Postman, windows: Windows, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            postman,
            windows,
            clock,
            rules: RuleBook::default(),
            bell: Notify::new(),
        }
    }

    /// Runs were created: their turn may have come. Many rings before the next look are one.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tries until Postgres takes the batch; what still fails at a stop comes again to another replica.
    async fn apply_until_done(&self, reports: &[Delivery<Report>], stop: &CancellationToken) {
        loop {
            match self.apply(reports).await {
                Ok(mail) => return self.settle(reports, mail).await,
                Err(StoreError::Unavailable(why)) => {
                    warn!(%why, reports = reports.len(), "reports could not be applied; trying again");
                }
                Err(error) => return self.apply_apart(reports, &error).await,
            }
            let pause = tokio::time::sleep(Duration::from_millis(300));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// One row that cannot be read must not hold up the others: what still fails alone stays unacknowledged, and
    /// goes to the dead letters when its deliveries are used up.
    async fn apply_apart(&self, reports: &[Delivery<Report>], together: &StoreError) {
        if let [one] = reports {
            error!(error = %together, run = %one.value.run_id, "a report cannot be applied");
            return;
        }
        for report in reports {
            let alone = std::slice::from_ref(report);
            match self.apply(alone).await {
                Ok(mail) => self.settle(alone, mail).await,
                Err(error) => error!(%error, run = %report.value.run_id, "a report cannot be applied"),
            }
        }
    }

    async fn settle(&self, reports: &[Delivery<Report>], mail: Mail) {
        self.postman.send(mail).await;
        for report in reports {
            report.ack().await;
        }
    }

    async fn apply(&self, reports: &[Delivery<Report>]) -> Result<Mail, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let ids: Vec<RunId> = reports.iter().map(|report| report.value.run_id).collect();
        let mut page = Page::of(tx.load(&ids).await?);
        let mut kept = kept::Kept::default();
        for report in reports.iter().map(|delivery| &delivery.value) {
            let event = Event::Reported {
                step: report.step,
                attempt: report.attempt,
                outcome: report.outcome.clone(),
            };
            if page.advance(report.run_id, event, now) {
                let Some(run) = page.runs.get(&report.run_id) else {
                    continue;
                };
                kept.keep(report, run)?;
                if report.step == Step::Issue {
                    page.answers.push((report.run_id, Answer::of(&report.outcome)));
                }
            }
        }
        kept.write(&mut tx, now).await?;
        self.finish(tx, page, now).await
    }

    /// Orders again what is past its deadline; gives back how many.
    pub(crate) async fn wake_overdue(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut page = Page::of(tx.overdue(now, limit).await?);
        let late: Vec<(RunId, u32)> = page.runs.values().map(|run| (run.head.id, run.state.attempt)).collect();
        if late.is_empty() {
            // What was set aside stays so.
            tx.commit().await?;
            return Ok(0);
        }
        for (id, attempt) in &late {
            warn!(run = %id, attempt, "no worker answered in time; the order goes out again");
            page.advance(*id, Event::Overdue { attempt: *attempt }, now);
        }
        let mail = self.finish(tx, page, now).await?;
        self.postman.send(mail).await;
        Ok(late.len())
    }

    /// Lets runs that ask a person try again by themselves; gives back how many.
    pub(crate) async fn try_again(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut page = Page::of(tx.due_again(now, limit).await?);
        let due: Vec<RunId> = page.runs.keys().copied().collect();
        if due.is_empty() {
            tx.commit().await?;
            return Ok(0);
        }
        for id in &due {
            page.advance(*id, Event::DueAgain, now);
        }
        let mail = self.finish(tx, page, now).await?;
        self.postman.send(mail).await;
        Ok(due.len())
    }

    /// Releases waiting runs whose turn it is; gives back how many of those that were due must wait on.
    pub(crate) async fn release(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let lanes = tx.waiting_lanes().await?;
        if lanes.is_empty() {
            return Ok(0);
        }
        let (mail, postponed) = self.finish_over(tx, Page::default(), lanes, now).await?;
        self.postman.send(mail).await;
        Ok(postponed)
    }

    /// Publishes again what a crash left between commit and publish.
    pub(crate) async fn publish_again(&self, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
        let mut tx = self.store.ledger().await?;
        let page = Page::of(tx.unpublished(before, limit).await?);
        let ids: Vec<RunId> = page.runs.keys().copied().collect();
        let mut mail = self.orders(&mut tx, &page, &ids).await?;
        mail.events = page
            .runs
            .values()
            .map(|run| kept::event(run, self.clock.now()))
            .collect();
        tx.commit().await?;
        self.postman.send(mail).await;
        Ok(ids.len())
    }

    async fn finish(&self, tx: LedgerTx, page: Page, now: Timestamp) -> Result<Mail, StoreError> {
        let lanes = page.lanes();
        Ok(self.finish_over(tx, page, lanes, now).await?.0)
    }

    /// Releases in these lanes, saves, commits; gives what is to be published, and how many runs must wait on.
    async fn finish_over(
        &self,
        mut tx: LedgerTx,
        mut page: Page,
        lanes: Vec<Lane>,
        now: Timestamp,
    ) -> Result<(Mail, usize), StoreError> {
        let rules = self.rules.current(&self.store, now).await?;
        let slow_since = now.minus(self.windows.slow_after());
        let mut rooms = Rooms::new(self.windows, Arc::clone(&rules), tx.lanes(slow_since).await?);
        for (lane, since) in std::mem::take(&mut page.left) {
            rooms.give_back(lane, since < slow_since);
        }
        let mut quota = Quota::new(rules);
        quota.take_down(&mut tx, &page.answered(), now).await?;
        quota.count_tokens(&mut tx, (&lanes, &mut rooms), now).await?;
        let free = lanes.into_iter().map(|lane| (rooms.free(&lane), lane));
        let free: Vec<(Lane, i64)> = free
            .filter(|(room, _)| *room > 0)
            .map(|(room, lane)| (lane, room))
            .collect();
        if !free.is_empty() {
            page.join(tx.turns(&free, now).await?);
        }
        quota.prepare(&mut tx, page.due(now).into_iter()).await?;
        page.release((&mut rooms, &mut quota), now);
        quota.write(&mut tx, now).await?;
        let moved: Vec<RunId> = page.moved.iter().copied().collect();
        let marked = self.postman.published(&moved);
        tx.save(page.changes(), &marked, now).await?;
        let mut mail = self.orders(&mut tx, &page, &moved).await?;
        mail.events = page.events(now);
        (mail.moved, mail.marked) = (moved, marked);
        tx.commit().await?;
        Ok((mail, page.postponed))
    }

    /// The orders of those of these runs that are out.
    async fn orders(&self, tx: &mut LedgerTx, page: &Page, ids: &[RunId]) -> Result<Mail, StoreError> {
        let out: Vec<&LoadedRun> = ids
            .iter()
            .filter_map(|id| page.runs.get(id))
            .filter(|run| is_out(run))
            .collect();
        let mut materials = kept::materials(tx, &out).await?;
        let mut mail = Mail::default();
        for run in out {
            let has = materials.remove(&run.head.id).unwrap_or_else(Material::default);
            match compose::order(&run.head, &run.plan, &run.state, &has) {
                Ok(Some(order)) => mail.orders.push(order),
                Ok(None) => {}
                // The deadline will put it to a person: nothing is sent that cannot be carried out.
                Err(missing) => error!(error = %missing, "a defect in the record"),
            }
        }
        Ok(mail)
    }
}

fn is_out(run: &LoadedRun) -> bool {
    is_out_at(&run.state.position)
}

fn is_out_at(position: &Position) -> bool {
    matches!(position, Position::Out { .. })
}

/// The lane in which it waits or is out.
fn lane(run: &LoadedRun) -> Option<Lane> {
    queue(&run.head.workspace, &run.plan, &run.state)
}

/// The lane in which its next order will be counted.
fn place_of(run: &LoadedRun) -> Option<Lane> {
    let step = run.state.step()?;
    Some(place(&run.head.workspace, &run.plan, &run.state, step))
}

impl Page {
    fn of(runs: Vec<LoadedRun>) -> Self {
        Self {
            runs: runs.into_iter().map(|run| (run.head.id, run)).collect(),
            ..Self::default()
        }
    }

    /// Adds runs that were locked later; those that are here already have moved on.
    fn join(&mut self, runs: Vec<LoadedRun>) {
        for run in runs {
            self.runs.entry(run.head.id).or_insert(run);
        }
    }

    fn advance(&mut self, id: RunId, event: Event, now: Timestamp) -> bool {
        match self.try_advance(id, event, now) {
            Ok(()) => true,
            Err(why) => {
                debug!(run = %id, ?why, "an event left its run as it was");
                false
            }
        }
    }

    /// A run that is not here is told apart by the caller.
    fn try_advance(&mut self, id: RunId, event: Event, now: Timestamp) -> Result<(), Ignored> {
        let run = self.runs.get_mut(&id).ok_or(Ignored::OutOfPlace)?;
        let next = advance(&run.state, &run.plan, run.head.mode, event, now)?;
        if let (Position::Out { step, deadline }, false) = (&run.state.position, is_out_at(&next.position)) {
            let since = deadline.minus(run.plan.patience(*step));
            self.left.extend(lane(run).map(|lane| (lane, since)));
        }
        self.was.entry(id).or_insert_with(|| run.state.status());
        run.state = next;
        self.moved.insert(id);
        Ok(())
    }

    /// The runs of this page that wait and are due, in the order of their turns.
    fn due(&self, now: Timestamp) -> Vec<&LoadedRun> {
        let due = |run: &&LoadedRun| match &run.state.position {
            Position::Waiting { until, .. } => *until <= now,
            Position::Out { .. } | Position::Asking { .. } | Position::Ended { .. } => false,
        };
        let mut due: Vec<&LoadedRun> = self.runs.values().filter(due).collect();
        due.sort_by_key(|run| run.turn);
        due
    }

    /// Sends out what is due, as far as windows are open, lanes have room and the CAs' limits allow.
    fn release(&mut self, (rooms, quota): (&mut Rooms, &mut Quota), now: Timestamp) {
        let due: Vec<RunId> = self.due(now).into_iter().map(|run| run.head.id).collect();
        for id in due {
            let Some(run) = self.runs.get(&id) else { continue };
            let Some(lane) = place_of(run) else { continue };
            if let Some(opens) = pace::closed_until(run, now) {
                self.postpone(id, Wait::until(opens, Because::Window), now);
                continue;
            }
            if rooms.free(&lane) <= 0 {
                continue;
            }
            match quota.admit(run, now) {
                Ok(()) => {
                    if self.advance(id, Event::Released, now) {
                        rooms.take(lane);
                    }
                }
                Err(wait) if quota::waits_for(run, &wait.because) => {}
                Err(wait) => self.postpone(id, wait, now),
            }
        }
    }

    fn postpone(&mut self, id: RunId, wait: Wait, now: Timestamp) {
        let event = Event::Postponed {
            until: wait.until,
            because: wait.because,
            expected_at: wait.expected_at,
        };
        if self.advance(id, event, now) {
            self.postponed += 1;
        }
    }

    /// The runs that reports of Issue were about, as they stand now.
    fn answered(&self) -> Vec<(&LoadedRun, &Answer)> {
        let with_run = self
            .answers
            .iter()
            .map(|(id, answer)| Some((self.runs.get(id)?, answer)));
        with_run.flatten().collect()
    }

    /// The lanes that these runs left or wait for.
    fn lanes(&self) -> Vec<Lane> {
        let waiting = self.runs.values().filter_map(lane);
        let left = self.left.iter().map(|(lane, _)| lane.clone());
        let lanes: HashSet<Lane> = left.chain(waiting).collect();
        lanes.into_iter().collect()
    }

    fn changes(&self) -> impl Iterator<Item = &LoadedRun> {
        self.moved.iter().filter_map(|id| self.runs.get(id))
    }

    /// One event for every run whose status changed.
    fn events(&self, now: Timestamp) -> Vec<protocol::event::RunEvent> {
        let changed = self.was.iter().filter_map(|(id, was)| {
            let run = self.runs.get(id)?;
            (run.state.status() != *was).then_some(run)
        });
        changed
            .map(|run| {
                info!(run = %run.head.id, host = %run.head.hostname, status = run.state.status().as_str(), "run");
                kept::event(run, now)
            })
            .collect()
    }
}
