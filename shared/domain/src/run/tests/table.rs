//! The table above `advance` is true.

use super::*;

/// How a position is called in the table above `advance`.
fn place(state: &Result<RunState, Ignored>) -> &'static str {
    match state {
        Err(_) => "–",
        Ok(run) => match &run.position {
            Position::Waiting { .. } => "Waiting",
            Position::Out { .. } => "Out",
            Position::Asking { .. } => "Asking",
            Position::Ended { .. } => "Ended",
        },
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn the_table_above_advance_is_true() {
    let done = reported(Outcome::Done {
        product: product(Step::Issue),
    });
    let resting = reported(Outcome::Resting {
        until: at(9),
        checkpoint: checkpoint(),
    });
    let retry = reported(Outcome::Retry {
        until: at(9),
        failure: failure(),
        forget_checkpoint: false,
        left: None,
    });
    let failed = reported(Outcome::Failed { failure: failure() });
    let stuck = reported(Outcome::Stuck {
        question: failure().ask(),
        forget_checkpoint: false,
        left: None,
    });
    let (overdue, cancel) = (
        Event::Overdue { attempt: 1 },
        Event::CancelRequested { by: "ann".into() },
    );
    let events = [
        Event::Released,
        done,
        resting,
        retry,
        failed,
        stuck,
        overdue,
        cancel,
        Event::Resumed,
    ];
    let rows = [
        (
            waiting(Step::Issue),
            ["Out", "–", "–", "–", "–", "–", "–", "Ended", "–"],
        ),
        (
            out(Step::Issue),
            [
                "–", "Waiting", "Waiting", "Waiting", "Ended", "Asking", "Waiting", "Out", "–",
            ],
        ),
        (
            asking(Step::Issue),
            ["–", "–", "–", "–", "–", "–", "–", "Ended", "Waiting"],
        ),
        (ended(), ["–", "–", "–", "–", "–", "–", "–", "–", "–"]),
    ];
    for (from, expected) in rows {
        for (event, expected) in events.iter().zip(expected) {
            let next = advance(&from, Intent::live(&plan(1)), event.clone(), at(5));
            assert_eq!(place(&next), expected, "{:?} on {event:?}", from.position);
        }
    }
}
