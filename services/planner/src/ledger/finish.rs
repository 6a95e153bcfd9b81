//! How a transaction of the ledger ends: five moves, from what has happened to its runs to what is published of them.
//!
//! In: the runs that have moved, the lanes that may have room. Out: orders and events, after the commit. Touches: Postgres. Never: a
//! message, which is sent when all of it is committed.

use std::sync::Arc;

use domain::lane::Lane;
use domain::run::Event;
use domain::{RunId, Timestamp};
use store::{LedgerTx, Since, StoreError};

use super::Ledger;
use super::batch::{Batch, Gates};
use crate::decide::pace::{OrdersOut, Rooms};
use crate::decide::quota::Quota;
use crate::postman::Mail;

/// A transaction on its way to the commit.
pub(super) struct Finish<'a> {
    ledger: &'a Ledger,
    tx: LedgerTx,
    batch: Batch,
    /// Room for further orders, by lane.
    rooms: Rooms,
    quota: Quota,
    now: Timestamp,
}

impl<'a> Finish<'a> {
    /// Counts what is out, and gives back the places of what has come back.
    pub(super) async fn count(
        ledger: &'a Ledger,
        mut tx: LedgerTx,
        mut batch: Batch,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let rules = ledger.rules.current(&ledger.store, now).await?;
        let seen = ledger.backlog.seen();
        let since = Since {
            counted: seen.before,
            quick: ledger.backlog.quick_since(now),
        };
        let out = OrdersOut {
            lanes: tx.lanes(since).await?,
            quick_since: since.quick,
        };
        let mut rooms = Rooms::new(ledger.windows, Arc::clone(&rules), out, seen);
        if rooms.has_slow() {
            ledger.backlog.want();
        }
        for (lane, since) in std::mem::take(&mut batch.left).into_values() {
            rooms.give_back(lane, since);
        }
        Ok(Self {
            ledger,
            tx,
            batch,
            rooms,
            quota: Quota::new(rules),
            now,
        })
    }

    /// Applies what reports of Issue say of the CAs' limits to what their runs drew.
    pub(super) async fn settle_quotas(&mut self) -> Result<(), StoreError> {
        let answered = self.batch.answered();
        self.quota.take_down(&mut self.tx, &answered, self.now).await?;
        self.quota.take_down_of_all(&answered, self.now);
        for id in self.quota.surplus() {
            // One run asks for all of the account; this one waits with the others.
            self.batch.advance(id, Event::Resumed, self.now);
        }
        Ok(())
    }

    /// Draws the next runs out of the lanes that have room, and looks up what their release depends on.
    pub(super) async fn draw(&mut self, lanes: Vec<Lane>) -> Result<(), StoreError> {
        let (tx, now) = (&mut self.tx, self.now);
        self.quota.count_tokens(tx, &lanes, &mut self.rooms, now).await?;
        let free = lanes.into_iter().map(|lane| (self.rooms.free(&lane), lane));
        let free: Vec<(Lane, i64)> = free
            .filter(|(room, _)| *room > 0)
            .map(|(room, lane)| (lane, room))
            .collect();
        if !free.is_empty() {
            self.batch.join(tx.next_in_lanes(&free, now).await?);
        }
        self.quota.prepare(tx, self.batch.due(now).into_iter()).await
    }

    /// Sends out what is due, as far as every gate lets it through.
    pub(super) async fn release(&mut self) -> Result<(), StoreError> {
        let looks = self.ledger.looks(&mut self.tx, &self.batch, self.now).await?;
        let gates = Gates {
            rooms: &mut self.rooms,
            quota: &mut self.quota,
            looks,
            answers: self.ledger.readiness.answers(),
        };
        self.batch.release(gates, self.now);
        Ok(())
    }

    /// Writes all of it down and commits; gives what is to be published, and how many runs must wait on.
    pub(super) async fn save(mut self) -> Result<(Mail, usize), StoreError> {
        let (tx, batch, now) = (&mut self.tx, &mut self.batch, self.now);
        tx.keep_acts(&batch.acts).await?;
        self.quota.write(tx, now).await?;
        let moved: Vec<RunId> = batch.moved.iter().copied().collect();
        let marked = self.ledger.postman.published(&moved);
        tx.save(batch.changes(), &marked, now).await?;
        tx.judge_again(&batch.ended_policies(), now).await?;
        let mut mail = self.ledger.orders(tx, batch, &batch.ordered()).await?;
        mail.direct_replies = batch.direct_replies(&mut mail.orders);
        mail.events = batch.events(now);
        mail.looks = std::mem::take(&mut batch.looks);
        (mail.moved, mail.marked) = (moved, marked);
        self.tx.commit().await?;
        if self.quota.has_news_of_all() {
            self.ledger.rules.forget();
        }
        self.ledger.readiness.ask(self.batch.to_look_at(), now);
        Ok((mail, self.batch.postponed))
    }
}
