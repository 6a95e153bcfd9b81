//! What may happen to a run, and why it may leave the run as it was.

use crate::clock::Timestamp;
use crate::disposition::Question;
use crate::run::{Because, Outcome, Step, TargetsFound};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The lane has a place: the order goes out.
    Released,
    /// It is due, and something keeps it: a window, a limit of the CA.
    Postponed {
        until: Timestamp,
        because: Because,
        /// When its turn comes by then at the latest: many may wait for the same.
        expected_at: Timestamp,
    },
    /// It waits for a limit of its CA, and has for as long as the certificate in service can wait.
    Outwaited,
    /// It is due, and its host is looked at first.
    LookedFor {
        since: Timestamp,
        until: Timestamp,
    },
    /// A look at its targets, before anything is asked of a CA, found what a person must mend
    /// first.
    Unready {
        question: Question,
    },
    /// Such a look found nothing that keeps it.
    TargetsSeen {
        found: TargetsFound,
        at: Timestamp,
    },
    /// A worker's answer to the order `(step, attempt)`.
    Reported {
        step: Step,
        attempt: u32,
        outcome: Outcome,
    },
    /// The order's deadline has passed without an answer.
    Overdue {
        attempt: u32,
    },
    CancelRequested {
        by: String,
    },
    /// A person has mended it, or does not want to wait for the next try.
    Resumed,
    /// No person has answered, and the time for another try has come.
    DueAgain,
    /// A person brought a certificate; `install` when it is not at its targets yet.
    Resolved {
        install: bool,
    },
    /// A failed run is to go on where it failed; one that waits for its next try shall make it now.
    Retried,
}

/// Why an event left the run as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    #[error("the run has ended")]
    Settled,
    #[error("it belongs to an order that was replaced or answered")]
    Stale,
    #[error("the run is not in a place where this can happen")]
    OutOfPlace,
    #[error("the product is not one of this step")]
    WrongProduct,
}
