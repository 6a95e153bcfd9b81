//! Reads and writes the counters, under their lock. Without limits of the CAs concerned there is not one statement.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::Timestamp;
use domain::cause::{Cause, OfCa};
use domain::lane::Lane;
use domain::limit::{Bucket, Renewal};
use store::{LedgerTx, LoadedRun, StoreError};

use super::{Quota, QuotaEffect, before_failover, current_ca};
use crate::decide::pace::Rooms;

impl Quota {
    /// Applies what reports of Issue say to what their runs drew.
    pub(crate) async fn take_down(
        &mut self,
        tx: &mut LedgerTx,
        answered: &[(&LoadedRun, &QuotaEffect)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.rules.has_holds() && !answered.is_empty() || answered.iter().any(|(_, answer)| is_of_all(answer)) {
            self.read_holds(tx).await?;
        }
        let then = answered.iter().map(|(run, answer)| (before_failover(run), *answer));
        let of_limited = then.filter(|(run, _)| self.rules.limits_of(current_ca(run)));
        let answered: Vec<(Cow<'_, LoadedRun>, &QuotaEffect)> = of_limited.collect();
        let runs: Vec<&LoadedRun> = answered.iter().map(|(run, _)| run.as_ref()).collect();
        self.look_up(tx, &runs).await?;
        for (run, answer) in &answered {
            self.account_for(run, answer, now);
        }
        Ok(())
    }

    /// Applies what reports of Issue say of whole accounts and domains.
    pub(crate) fn take_down_of_all(&mut self, answered: &[(&LoadedRun, &QuotaEffect)], now: Timestamp) {
        for (after, answer) in answered {
            self.learn_of_all(before_failover(after).as_ref(), after, answer, now);
        }
    }

    /// Says how many runs may come out of the lanes that wait for tokens.
    pub(crate) async fn count_tokens(
        &mut self,
        tx: &mut LedgerTx,
        lanes: &[Lane],
        rooms: &mut Rooms,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let waiting: Vec<(&Lane, Bucket)> = lanes.iter().filter_map(|lane| Some((lane, lane.bucket()?))).collect();
        if self.rules.has_holds() || waiting.iter().any(|(_, bucket)| bucket.is_hold()) {
            self.read_holds(tx).await?;
        }
        let of_limits = waiting.iter().filter(|(_, bucket)| !bucket.is_hold());
        self.read(tx, of_limits.map(|(_, bucket)| bucket.clone()).collect())
            .await?;
        for (lane, bucket) in waiting {
            let tokens = if bucket.is_hold() {
                self.holds.room(&bucket, now)
            } else {
                self.tokens(&bucket, now)
            };
            if let Some(tokens) = tokens {
                rooms.has_tokens(lane.clone(), tokens);
            }
        }
        Ok(())
    }

    /// What must be known before these runs are admitted.
    pub(crate) async fn prepare<'a>(
        &mut self,
        tx: &mut LedgerTx,
        candidates: impl Iterator<Item = &'a LoadedRun>,
    ) -> Result<(), StoreError> {
        let concerned: Vec<&LoadedRun> = candidates.filter(|run| self.concerns(run)).collect();
        self.look_up(tx, &concerned).await?;
        self.count_queues(tx, &concerned).await
    }

    /// How many wait already for what these runs may have to wait for. It matters to those only that could turn to
    /// another CA.
    async fn count_queues(&mut self, tx: &mut LedgerTx, runs: &[&LoadedRun]) -> Result<(), StoreError> {
        let may_fail_over = runs.iter().filter(|run| run.plan.has_next_ca(&run.state.progress));
        let needs = may_fail_over.flat_map(|run| self.needs(run, Renewal::No));
        let shared = needs.filter(|need| need.scope.is_shared());
        let buckets: HashMap<Lane, Bucket> = shared.map(|need| (Lane::limit(&need.bucket), need.bucket)).collect();
        if buckets.is_empty() {
            return Ok(());
        }
        let lanes: Vec<Lane> = buckets.keys().cloned().collect();
        for (lane, waiting) in tx.waiting_in(&lanes).await? {
            if let Some(bucket) = buckets.get(&lane) {
                self.queued.insert(bucket.clone(), waiting);
            }
        }
        Ok(())
    }

    async fn look_up(&mut self, tx: &mut LedgerTx, runs: &[&LoadedRun]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let needs = runs.iter().flat_map(|run| self.needs(run, Renewal::No));
        let buckets: Vec<Bucket> = needs.map(|need| need.bucket).collect();
        self.read(tx, buckets).await?;
        let ids = runs.iter().map(|run| run.head.id);
        let ids: Vec<_> = ids.filter(|id| !self.reserved.contains_key(id)).collect();
        let reserved = tx.reservations(&ids).await?;
        let settled: Vec<_> = self.settled.iter().map(|one| (one.run_id, &one.bucket)).collect();
        let open = reserved
            .into_iter()
            .filter(|one| !settled.contains(&(one.run_id, &one.bucket)));
        self.remember(open.collect());
        Ok(())
    }

    /// All that CAs have said of whole accounts and domains: a few rows at most.
    async fn read_holds(&mut self, tx: &mut LedgerTx) -> Result<(), StoreError> {
        if self.holds_known {
            return Ok(());
        }
        self.hold(tx).await?;
        let rows = tx.ca_holds().await?;
        self.holds.learn(rows);
        self.holds_known = true;
        Ok(())
    }

    async fn hold(&mut self, tx: &mut LedgerTx) -> Result<(), StoreError> {
        if !self.held {
            tx.hold_buckets().await?;
            self.held = true;
        }
        Ok(())
    }

    async fn read(&mut self, tx: &mut LedgerTx, wanted: Vec<Bucket>) -> Result<(), StoreError> {
        let mut new: Vec<Bucket> = wanted.into_iter().filter(|one| !self.known.contains(one)).collect();
        new.sort();
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        self.hold(tx).await?;
        let rows = tx.buckets(&new).await?;
        self.learn(&new, rows);
        Ok(())
    }

    pub(crate) async fn write(&self, tx: &mut LedgerTx, now: Timestamp) -> Result<(), StoreError> {
        let changed: Vec<(Bucket, Timestamp)> =
            self.book.changes().map(|(bucket, tat)| (bucket.clone(), tat)).collect();
        if !changed.is_empty() {
            tx.keep_buckets(&changed).await?;
        }
        if !self.issued.is_empty() {
            tx.mark_issued(&self.issued, now).await?;
        }
        if !self.settled.is_empty() {
            tx.settle(&self.settled).await?;
        }
        if !self.taken.is_empty() {
            tx.reserve(&self.taken, now).await?;
        }
        for bucket in self.holds.lifted() {
            tx.lift_ca_hold(bucket).await?;
        }
        for hold in self.holds.changed() {
            tx.keep_ca_hold(hold).await?;
        }
        Ok(())
    }
}

impl Quota {
    /// Something is known of whole accounts and domains that was not before.
    pub(crate) fn has_news_of_all(&self) -> bool {
        self.holds.any_changed()
    }
}

/// Whether the answer may concern more than its own run.
fn is_of_all(answer: &QuotaEffect) -> bool {
    match answer {
        QuotaEffect::Trouble { cause: Some(cause), .. } => {
            cause.is_of_account() || matches!(cause, Cause::Ca(OfCa::Limited { .. }))
        }
        QuotaEffect::Trouble { cause: None, .. } => false,
        QuotaEffect::Ordered | QuotaEffect::NotAsked | QuotaEffect::Issued | QuotaEffect::Rehearsed => false,
    }
}
