//! What a service implements: one handler per step kind. The worker loop does everything around it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use domain::cause::Cause;
use domain::certificate::Snapshot;
use domain::clock::Clock;
use domain::disposition::Disposition;
use domain::run::{Check, Checkpoint, Left, Product, Rehearsal, StepKind};
use domain::text::clean;
use protocol::custody::ShownOrder;
use protocol::order::Order;
use protocol::report::{Exchange, Level, LogLine, Notes};
use serde::de::DeserializeOwned;

/// Carries out the orders of one step. Stateless between orders: what it needs is in the order.
pub trait StepHandler: Send + Sync + 'static {
    type Spec: DeserializeOwned + Send + Sync;
    const KIND: StepKind;

    /// Brings the world to the state that the order describes. May be called again for the same
    /// order, and again for an older one: it looks before it touches.
    fn carry_out(
        &self,
        order: &Order<Self::Spec>,
        ctx: &StepContext,
    ) -> impl Future<Output = Result<Progress, StepError>> + Send;

    /// Dry run: the same checks and permissions, nothing left behind, no certificate asked for.
    fn rehearse(
        &self,
        order: &Order<Self::Spec>,
        ctx: &StepContext,
    ) -> impl Future<Output = Result<Rehearsal, StepError>> + Send;
}

/// How far a handler came. `Resting` is no error: the ledger saves the checkpoint, and it comes
/// back in the next order, at once when `until` has passed. So nothing irreversible happens before
/// what it hangs on is saved.
#[derive(Debug)]
pub enum Progress {
    Done(Product),
    Resting { until: Timestamp, checkpoint: Checkpoint },
}

/// A judged error: what the ledger shall do. Made by the service's `verdict.rs`.
#[derive(Debug)]
pub struct StepError {
    pub disposition: Disposition,
    /// What was begun at the other side is of no use any more: the next try starts afresh.
    pub forget_checkpoint: bool,
    /// What a deployment has left at its target.
    pub left: Option<Left>,
}

impl From<Disposition> for StepError {
    fn from(disposition: Disposition) -> Self {
        Self {
            disposition,
            forget_checkpoint: false,
            left: None,
        }
    }
}

impl StepError {
    /// Whose trouble it is: what the ledger decides by.
    #[must_use]
    pub fn because(self, cause: Cause) -> Self {
        let disposition = match self.disposition {
            Disposition::RetryAt(at, failure) => Disposition::RetryAt(at, failure.because(cause)),
            Disposition::Fail(failure) => Disposition::Fail(failure.because(cause)),
            Disposition::NeedsHuman(question) => Disposition::NeedsHuman(question.because(cause)),
        };
        Self { disposition, ..self }
    }

    pub fn cause(&self) -> Option<&Cause> {
        match &self.disposition {
            Disposition::RetryAt(_, failure) | Disposition::Fail(failure) => failure.cause.as_ref(),
            Disposition::NeedsHuman(question) => question.cause.as_ref(),
        }
    }
}

/// What a handler may know and write down beside its product. Cheap to clone; all clones write to
/// the same notes.
#[derive(Clone)]
pub struct StepContext {
    clock: Arc<dyn Clock>,
    notes: Arc<Mutex<Notes>>,
    order: Option<Arc<ShownOrder>>,
}

impl StepContext {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            notes: Arc::default(),
            order: None,
        }
    }

    /// This context, together with the order as it was received.
    #[must_use]
    pub fn of(self, order: Option<Arc<ShownOrder>>) -> Self {
        Self { order, ..self }
    }

    /// The order that is carried out, for the key-signer: it opens what the planner has signed.
    pub fn order(&self) -> Option<&ShownOrder> {
        self.order.as_deref()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A tick or cross of this step, as the run shows it.
    pub fn check(&self, check: Check) {
        let check = check.seen(self.now());
        self.write(|notes| notes.checks.push(check));
    }

    pub fn info(&self, message: impl Into<String>, fields: &[(&str, &str)]) {
        self.line(Level::Info, message.into(), fields);
    }

    pub fn warn(&self, message: impl Into<String>, fields: &[(&str, &str)]) {
        self.line(Level::Warn, message.into(), fields);
    }

    /// What a step saw that failed all the same.
    pub fn saw(&self, snapshots: Vec<Snapshot>) {
        self.write(|notes| notes.snapshots.extend(snapshots));
    }

    pub fn exchange(&self, exchange: Exchange) {
        self.write(|notes| notes.exchange.push(exchange.cleaned()));
    }

    /// Everything written so far; the notes are empty afterwards.
    pub fn take_notes(&self) -> Notes {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The lines and checks behind these many.
    pub(crate) fn written_since(&self, lines: usize, checks: usize) -> (Vec<LogLine>, Vec<Check>) {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = notes.log.get(lines..).unwrap_or_default().to_vec();
        (lines, notes.checks.get(checks..).unwrap_or_default().to_vec())
    }

    fn line(&self, level: Level, message: String, fields: &[(&str, &str)]) {
        let fields: BTreeMap<String, String> = fields.iter().map(|(k, v)| ((*k).to_owned(), clean(*v))).collect();
        let line = LogLine {
            at: self.now(),
            level,
            message: clean(message),
            fields,
        };
        self.write(|notes| notes.log.push(line));
    }

    fn write(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
