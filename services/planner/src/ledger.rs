//! The ledger: applies what happened to runs, in batches, and releases the orders whose turn it is.
//!
//! One transaction: lock the runs, `advance` each in memory, keep what the reports brought, release what the lanes
//! have room for, save, commit. Then publish, then acknowledge.

mod deeds;
mod kept;
mod page;

use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bus::inbox::{Delivery, Gather, Inbox};
use domain::clock::Clock;
use domain::lane::Lane;
use domain::run::{Event, Step};
use domain::{RunId, Timestamp};
use protocol::handover::CurrentAsk;
use protocol::order::{Order, Spec};
use protocol::report::Report;
use store::{LedgerTx, LoadedRun, Since, Store, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::page::{Page, Waiting, is_out};
use crate::backlog::Backlog;
use crate::compose::{self, Material};
use crate::config::Windows;
use crate::pace::Rooms;
use crate::postman::{Mail, Postman};
use crate::quota::{Answer, Quota};
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
    backlog: Backlog,
    /// Rung when runs were created.
    bell: Notify,
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
    pub(crate) fn new((store, bus): (Store, Bus), postman: Postman, windows: Windows, clock: Arc<dyn Clock>) -> Self {
        let backlog = Backlog::new((store.clone(), bus), windows.slow_after(), Arc::clone(&clock));
        Self {
            store,
            postman,
            windows,
            clock,
            backlog,
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

    /// Keeps an eye on what lies at NATS, until `stop`.
    pub(crate) async fn watch_backlog(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.backlog.watch(stop).await
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
        for delivery in reports {
            let report = &delivery.value;
            let event = Event::Reported {
                step: report.step,
                attempt: report.attempt,
                outcome: report.outcome.clone(),
            };
            // Past the deadline nobody waits any more: the next order goes to the stream.
            let inbox = delivery.reply_to().filter(|_| page.is_in_hand(report.run_id, now));
            let moved = page.advance(report.run_id, event, now);
            if let (true, Some(run)) = (moved, page.runs.get(&report.run_id)) {
                kept.keep(report, run)?;
                if report.step == Step::Issue {
                    page.answers.push((report.run_id, Answer::of(&report.outcome)));
                }
            }
            if let Some(inbox) = inbox {
                if moved && report.outcome.continues(now) {
                    page.go_on(report.run_id, now);
                }
                let waiting = Waiting {
                    step: report.step,
                    subject: delivery.subject().to_owned(),
                    inbox: inbox.to_owned(),
                };
                page.waiting.insert(report.run_id, waiting);
            }
        }
        kept.write(&mut tx, now).await?;
        self.finish(tx, page, now).await
    }

    /// The present order of a run, when it is one of this step.
    pub(crate) async fn current(&self, ask: &CurrentAsk) -> Result<Option<Order<Spec>>, StoreError> {
        let mut tx = self.store.ledger().await?;
        let page = Page::of(tx.load(&[ask.run_id]).await?);
        let mail = self.orders(&mut tx, &page, &[ask.run_id]).await?;
        tx.commit().await?;
        Ok(mail.orders.into_iter().find(|order| order.step == ask.step))
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
        let seen = self.backlog.seen();
        let since = Since {
            counted: seen.before,
            quick: self.backlog.quick_since(now),
        };
        let out = (tx.lanes(since).await?, since.quick);
        let mut rooms = Rooms::new((self.windows, Arc::clone(&rules)), out, seen);
        if rooms.has_slow() {
            self.backlog.want();
        }
        for (lane, since) in std::mem::take(&mut page.left).into_values() {
            rooms.give_back(lane, since);
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
        let mut mail = self.orders(&mut tx, &page, &page.ordered()).await?;
        mail.handed = page.hand_over(&mut mail.orders);
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
