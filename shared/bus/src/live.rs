//! Tells what a handler writes down while it works.
//!
//! In: an order in flight and its context. Out: batches on `vigilo.log.…`, a few a second at most, none for a step that ends
//! before the first is due. Never: a wait for the stream's word, nor an end before the handler's: the report has it all.

use std::time::Duration;

use domain::Timestamp;
use protocol::log::LogBatch;
use protocol::order::Order;
use protocol::subjects::Worker;
use protocol::{SCHEMA, subjects};
use tracing::debug;

use crate::connection::{Bus, BusError};
use crate::handler::StepContext;

/// Most steps are over by then, and cost nothing here.
const EVERY: Duration = Duration::from_millis(250);

/// One execution of an order, as those who watch know it.
pub(crate) struct Telling<'a> {
    pub bus: &'a Bus,
    pub ctx: &'a StepContext,
    pub worker: &'a str,
    pub started_at: Timestamp,
}

impl Telling<'_> {
    /// Never ends; it is dropped when the handler is done.
    #[expect(clippy::disallowed_methods, reason = "ends with the step whose lines it tells")]
    pub async fn tell<S>(&self, order: &Order<S>) -> std::convert::Infallible {
        let mut batch = self.begun(order);
        let mut first = true;
        loop {
            tokio::time::sleep(EVERY).await;
            batch.lines_before += batch.lines.len();
            batch.checks_before += batch.checks.len();
            (batch.lines, batch.checks) = self.ctx.written_since(batch.lines_before, batch.checks_before);
            if first || !batch.lines.is_empty() || !batch.checks.is_empty() {
                first = false;
                if let Err(error) = self.bus.publish_log(&batch).await {
                    debug!(%error, run = %order.run_id, "log lines could not be told; the report has them");
                }
            }
        }
    }

    fn begun<S>(&self, order: &Order<S>) -> LogBatch {
        LogBatch {
            schema: SCHEMA,
            run_id: order.run_id,
            workspace: order.workspace.clone(),
            step: order.step,
            attempt: order.attempt,
            worker: self.worker.to_owned(),
            started_at: self.started_at,
            lines_before: 0,
            lines: Vec::new(),
            checks_before: 0,
            checks: Vec::new(),
        }
    }
}

impl Bus {
    /// Sent without waiting: a batch that is lost is missed by those who watch only, until the report comes.
    async fn publish_log(&self, batch: &LogBatch) -> Result<(), BusError> {
        let subject = subjects::log(&batch.workspace, batch.run_id, Worker::of(batch.step.kind()));
        let payload = serde_json::to_vec(batch)?.into();
        self.client
            .publish(subject, payload)
            .await
            .map_err(BusError::unavailable)
    }
}
