//! The log of one run, as it grows: `line` and `status` events, and one `end` when the run has ended.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use axum::response::sse::Event;
use bus::Bus;
use domain::{RunId, WorkspaceId};
use futures::{Stream, StreamExt};
use protocol::log::LogBatch;
use serde_json::Value;
use store::{RunFilter, RunView, Store, StoreError};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::warn;

use super::tail::Shown;
use super::{Source, Tail, event};
use crate::views::log::open_batch;
use crate::views::run::standing;

/// The end of a step is read from the record: so late it may come.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(crate) struct FollowedLog {
    store: Store,
    workspace: WorkspaceId,
    run: RunId,
    tail: Tail,
    told: Pin<Box<dyn Stream<Item = LogBatch> + Send>>,
    look: Interval,
    ready: VecDeque<Event>,
    /// Where the run stood when it was last said.
    stood: Value,
    ended: bool,
}

impl FollowedLog {
    /// What the record alone says.
    pub(crate) fn of_record(store: Store, workspace: WorkspaceId, run: RunId, tail: Tail) -> Self {
        let mut look = interval(LOOK_AGAIN);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            store,
            workspace,
            run,
            tail,
            told: Box::pin(futures::stream::pending()),
            look,
            ready: VecDeque::new(),
            stood: Value::Null,
            ended: false,
        }
    }

    /// And what the worker says while it works. Without NATS the record alone is followed.
    pub(crate) async fn joined(mut self, bus: &Bus) -> Self {
        match bus.follow_log(&self.workspace, self.run).await {
            Ok(told) => self.told = Box::pin(told),
            Err(error) => warn!(%error, run = %self.run, "a log is followed from the record only"),
        }
        self
    }

    /// Where the run stands is read before its steps: so an end is said after everything that led to it.
    async fn read_record(&mut self) -> Result<(), StoreError> {
        let filter = RunFilter {
            ids: Some(vec![self.run]),
            ..RunFilter::default()
        };
        let view = self.store.runs(&self.workspace, &filter, 1).await?.pop();
        self.read_steps().await?;
        match view {
            Some(view) => self.say_where_it_stands(&view),
            // Rows are removed by retention only.
            None => self.ended = true,
        }
        Ok(())
    }

    async fn read_steps(&mut self) -> Result<(), StoreError> {
        let whole = self.tail.shown_whole();
        let steps = self.store.steps_after(&self.workspace, self.run, whole).await?;
        let lines = self.tail.recorded(&steps)?;
        self.say(&lines);
        Ok(())
    }

    fn say_where_it_stands(&mut self, view: &RunView) {
        let stands = serde_json::to_value(standing(view)).unwrap_or_default();
        self.ended = view.run.state.status().is_ending();
        if self.ended {
            self.ready.push_back(event("end", &stands));
        } else if stands != self.stood {
            self.ready.push_back(event("status", &stands));
        }
        self.stood = stands;
    }

    async fn hear(&mut self, batch: &LogBatch) -> Result<(), StoreError> {
        if self.tail.is_news(batch) {
            self.read_steps().await?;
        }
        let lines = self.tail.read(batch);
        self.say(&lines);
        Ok(())
    }

    fn say(&mut self, lines: &[Shown]) {
        let events = lines.iter().map(|(line, id)| event("line", line).id(id.to_string()));
        self.ready.extend(events);
    }
}

impl Source for FollowedLog {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let read = tokio::select! {
                Some(batch) = self.told.next() => match open_batch(&batch) {
                    Some(batch) => self.hear(&batch).await,
                    None => Ok(()),
                },
                _ = self.look.tick() => self.read_record().await,
            };
            if let Err(error) = read {
                warn!(%error, run = %self.run, "a log that is followed cannot be read now");
            }
        }
    }
}
