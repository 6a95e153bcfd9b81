//! What the clock does to runs: orders past their deadline, questions and waits whose time has come, mail that a crash left behind.

use std::time::Duration;

use domain::run::Event;
use domain::{RunId, Timestamp};
use store::StoreError;
use tracing::warn;

use super::batch::given_up;
use super::{Batch, Ledger, record};

/// Trouble that no incident has after so long was lost on its way, or the incident service is away.
const NEWS_AFTER: Duration = Duration::from_secs(300);
/// What is older is no news: its incident may have been removed.
const NEWS_FOR: Duration = Duration::from_secs(24 * 3600);

impl Ledger {
    /// Orders again what is past its deadline; gives back how many.
    pub(crate) async fn wake_overdue(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.overdue(now, limit).await?);
        let late: Vec<(RunId, u32)> = batch
            .runs
            .values()
            .map(|run| (run.head.id, run.state.attempt))
            .collect();
        if late.is_empty() {
            // What was set aside stays so.
            tx.commit().await?;
            return Ok(0);
        }
        for (id, attempt) in &late {
            warn!(run = %id, attempt, "no worker answered in time; the order goes out again");
            batch.advance(*id, Event::Overdue { attempt: *attempt }, now);
        }
        let mail = self.finish(tx, batch, now).await?;
        self.send(mail).await;
        Ok(late.len())
    }

    /// Lets runs that ask a person try again by themselves; gives back how many.
    pub(crate) async fn try_again(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.due_again(now, limit).await?);
        let due: Vec<RunId> = batch.runs.keys().copied().collect();
        if due.is_empty() {
            tx.commit().await?;
            return Ok(0);
        }
        for id in &due {
            batch.advance(*id, Event::DueAgain, now);
        }
        let mail = self.finish(tx, batch, now).await?;
        self.send(mail).await;
        Ok(due.len())
    }

    /// Puts runs to the next CA or to a person that have waited for a limit of theirs for as long as they can; gives back how many.
    pub(crate) async fn end_long_waits(&self, limit: i64) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.ledger().await?;
        let mut batch = Batch::of(tx.outwaited(now, limit).await?);
        let late: Vec<RunId> = batch.runs.keys().copied().collect();
        if late.is_empty() {
            tx.commit().await?;
            return Ok(0);
        }
        for id in &late {
            batch.advance(*id, Event::Outwaited, now);
        }
        let mail = self.finish(tx, batch, now).await?;
        self.send(mail).await;
        Ok(late.len())
    }

    /// Writes down what statements choose runs and policies by, where an earlier version has saved them; gives back how many.
    pub(crate) async fn keep_facts(&self, limit: i64) -> Result<usize, StoreError> {
        let mut tx = self.store.ledger().await?;
        let runs = tx.keep_facts(limit).await?;
        tx.commit().await?;
        Ok(runs + self.store.keep_facts_of_policies(limit).await?)
    }

    /// Publishes again what a crash left between commit and publish.
    pub(crate) async fn publish_again(&self, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
        let mut tx = self.store.ledger().await?;
        let batch = Batch::of(tx.unpublished(before, limit).await?);
        // What was given up is not begun after all: it ends with its deadline.
        let wanted = batch.runs.values().filter(|run| given_up(run).is_none());
        let ids: Vec<RunId> = wanted.map(|run| run.head.id).collect();
        let mut mail = self.orders(&mut tx, &batch, &ids).await?;
        mail.events = batch
            .runs
            .values()
            .map(|run| record::event(run, self.clock.now()))
            .collect();
        tx.commit().await?;
        self.send(mail).await;
        Ok(ids.len())
    }

    /// A run whose trouble no incident has is announced again, with the next look for what is not published.
    pub(crate) async fn announce_again(&self, limit: i64) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (since, before) = (now.minus(NEWS_FOR), now.minus(NEWS_AFTER));
        let again = self.store.announce_again(since, before, now, limit).await?;
        if again > 0 {
            warn!(
                runs = again,
                "no incident has the trouble of these runs; it is announced again"
            );
        }
        Ok(())
    }
}
