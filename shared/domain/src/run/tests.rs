use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::certificate::Fingerprint;
use crate::disposition::{ErrorCode, Failure};
use crate::secret::Envelope;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).expect("an instant")
}

fn plan(targets: usize) -> Plan {
    let target =
        |n| serde_json::json!({"kind": "file", "chain_path": format!("/t/{n}.crt"), "key_path": format!("/t/{n}.key")});
    serde_json::from_value(serde_json::json!({
        "hostname": "www.example.org", "port": 443, "addresses": [], "criticality": "medium", "names": ["www.example.org"],
        "choice": {"provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "named", "cost_micro_usd": 0},
        "key_backend": "local", "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01",
        "targets": (0..targets).map(target).collect::<Vec<_>>(),
    }))
    .expect("a plan")
}

fn failure() -> Failure {
    Failure::new("TST-0001", "it broke", "mend it")
}

fn product(step: Step) -> Product {
    let envelope = || Envelope::try_from("cmek:v1:x".to_owned()).expect("an envelope");
    match step {
        Step::PrepareKey => Product::PreparedKey(PreparedKey {
            csr_pem: "csr".into(),
            sealed_key: Some(envelope()),
        }),
        Step::Issue => Product::Issued(Box::new(issued())),
        Step::Deploy(_) => {
            let (installed, backups) = (Fingerprint::of(b"leaf"), Vec::new());
            Product::Deployed(Receipt {
                installed,
                already_there: false,
                backups,
                reload_output: None,
            })
        }
        Step::Verify => Product::Verified(Verified { snapshots: Vec::new() }),
        Step::Tidy => Product::Tidied,
    }
}

fn issued() -> IssuedCertificate {
    let leaf = serde_json::json!({
        "fingerprint": "00", "subject": "", "issuer": "CN=CA", "serial": "01", "sans": [], "key_type": "EC", "key_bits": 256,
        "signature_algorithm": "x", "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-04-01T00:00:00Z",
        "crl_urls": [], "aia_urls": [],
    });
    let order_url = "https://ca.example.org/order/1".parse().expect("a URL");
    let leaf = serde_json::from_value(leaf).expect("facts");
    IssuedCertificate {
        order_url,
        chain_pem: "chain".into(),
        leaf,
        tokens: Vec::new(),
    }
}

fn checkpoint() -> Checkpoint {
    let url = "https://ca.example.org/order/1".parse().expect("a URL");
    Checkpoint::AcmeOrder {
        url,
        expires: None,
        tokens: vec!["t".into()],
    }
}

/// A run whose order for `step` is out as attempt 1.
fn out(step: Step) -> RunState {
    RunState {
        position: Position::Out {
            step,
            deadline: at(1_000),
        },
        attempt: 1,
        failures: 0,
        checkpoint: None,
        cancelled_by: None,
    }
}

fn waiting(step: Step) -> RunState {
    let position = Position::Waiting {
        step,
        until: at(0),
        because: Because::Turn,
    };
    RunState { position, ..out(step) }
}

fn asking(step: Step) -> RunState {
    RunState {
        position: Position::Asking {
            step,
            question: failure().ask(),
        },
        ..out(step)
    }
}

fn ended() -> RunState {
    RunState {
        position: Position::Ended {
            ending: Ending::Succeeded,
        },
        ..out(Step::Tidy)
    }
}

fn reported(outcome: Outcome) -> Event {
    Event::Reported {
        step: Step::Issue,
        attempt: 1,
        outcome,
    }
}

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
    });
    let failed = reported(Outcome::Failed { failure: failure() });
    let stuck = reported(Outcome::Stuck {
        question: failure().ask(),
        forget_checkpoint: false,
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
            let next = advance(&from, &plan(1), Mode::Live, event.clone(), at(5));
            assert_eq!(place(&next), expected, "{:?} on {event:?}", from.position);
        }
    }
}

#[test]
fn a_live_run_goes_through_every_step_and_succeeds() {
    let plan = plan(2);
    let mut run = RunState::queued(&plan, at(0));
    let mut seen = Vec::new();
    while let Some(step) = run.step() {
        seen.push(step.to_string());
        run = advance(&run, &plan, Mode::Live, Event::Released, at(1)).expect("its turn");
        let event = Event::Reported {
            step,
            attempt: run.attempt,
            outcome: Outcome::Done { product: product(step) },
        };
        run = advance(&run, &plan, Mode::Live, event, at(2)).expect("its report");
    }
    assert_eq!(seen, ["prepare-key", "issue", "deploy-0", "deploy-1", "verify", "tidy"]);
    assert_eq!(run.status(), Status::Succeeded);
}

#[test]
fn a_dry_run_leaves_nothing_to_tidy() {
    let steps: Vec<String> = plan(1).steps(Mode::DryRun).iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["prepare-key", "issue", "deploy-0", "verify"]);
}

#[test]
fn a_report_of_another_attempt_or_step_is_stale() {
    let done = |step: Step, attempt| Event::Reported {
        step,
        attempt,
        outcome: Outcome::Done { product: product(step) },
    };
    let run = out(Step::Issue);
    for event in [done(Step::Issue, 0), done(Step::Issue, 2), done(Step::Verify, 1)] {
        assert_eq!(advance(&run, &plan(1), Mode::Live, event, at(5)), Err(Ignored::Stale));
    }
}

#[test]
fn a_product_of_another_step_is_refused() {
    let event = reported(Outcome::Done {
        product: Product::Tidied,
    });
    assert_eq!(
        advance(&out(Step::Issue), &plan(1), Mode::Live, event, at(5)),
        Err(Ignored::WrongProduct)
    );
}

#[test]
fn resting_keeps_the_checkpoint_for_the_next_order_and_a_new_step_drops_it() {
    let resting = reported(Outcome::Resting {
        until: at(60),
        checkpoint: checkpoint(),
    });
    let run = advance(&out(Step::Issue), &plan(1), Mode::Live, resting, at(5)).expect("rests");
    assert_eq!(run.checkpoint, Some(checkpoint()));
    assert_eq!(
        advance(&run, &plan(1), Mode::Live, Event::Released, at(59)),
        Err(Ignored::OutOfPlace),
        "not before"
    );
    let run = advance(&run, &plan(1), Mode::Live, Event::Released, at(60)).expect("its turn");
    assert_eq!((run.checkpoint.clone(), run.attempt), (Some(checkpoint()), 2));
    let outcome = Outcome::Done {
        product: product(Step::Issue),
    };
    let run = advance(
        &run,
        &plan(1),
        Mode::Live,
        Event::Reported {
            step: Step::Issue,
            attempt: 2,
            outcome,
        },
        at(61),
    );
    assert_eq!(run.expect("goes on").checkpoint, None);
}

#[test]
fn patience_ends_in_a_question_and_resume_starts_counting_anew() {
    let plan = plan(1);
    let mut run = waiting(Step::Issue);
    for _ in 0..crate::backoff::PATIENCE {
        run = advance(&run, &plan, Mode::Live, Event::Released, at(5)).expect("its turn");
        let outcome = Outcome::Retry {
            until: at(5),
            failure: failure(),
            forget_checkpoint: true,
        };
        let event = Event::Reported {
            step: Step::Issue,
            attempt: run.attempt,
            outcome,
        };
        run = advance(&run, &plan, Mode::Live, event, at(5)).expect("its report");
    }
    let Position::Asking { question, .. } = &run.position else {
        panic!("{:?}", run.position)
    };
    assert_eq!(question.code, ErrorCode::new("TST-0001"));
    let resumed = advance(&run, &plan, Mode::Live, Event::Resumed, at(6)).expect("resumes");
    assert_eq!((resumed.failures, resumed.step()), (0, Some(Step::Issue)));
}

#[test]
fn a_cancel_while_an_order_is_out_waits_for_its_answer() {
    let asked = Event::CancelRequested { by: "ann".into() };
    let run = advance(&out(Step::Issue), &plan(1), Mode::Live, asked, at(5)).expect("noted");
    assert_eq!(run.status(), Status::Running);
    let done = reported(Outcome::Done {
        product: product(Step::Issue),
    });
    let run = advance(&run, &plan(1), Mode::Live, done, at(6)).expect("its report");
    assert_eq!(
        run.position,
        Position::Ended {
            ending: Ending::Cancelled { by: "ann".into() }
        }
    );
}

#[derive(Debug, Clone)]
enum Happening {
    Release,
    Report { attempt_back: u32, kind: u8 },
    Overdue,
    Cancel,
    Resume,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Release),
        6 => (0..2_u32, 0..6_u8).prop_map(|(attempt_back, kind)| Happening::Report { attempt_back, kind }),
        1 => Just(Happening::Overdue),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Resume),
    ]
}

fn event(run: &RunState, what: &Happening, now: Timestamp) -> Event {
    let step = run.step().unwrap_or(Step::Tidy);
    match what {
        Happening::Release => Event::Released,
        Happening::Overdue => Event::Overdue { attempt: run.attempt },
        Happening::Cancel => Event::CancelRequested { by: "ann".into() },
        Happening::Resume => Event::Resumed,
        Happening::Report { attempt_back, kind } => {
            let outcome = match kind {
                0 => Outcome::Resting {
                    until: now,
                    checkpoint: checkpoint(),
                },
                1 => Outcome::Retry {
                    until: now,
                    failure: failure(),
                    forget_checkpoint: false,
                },
                2 => Outcome::Failed { failure: failure() },
                3 => Outcome::Stuck {
                    question: failure().ask(),
                    forget_checkpoint: true,
                },
                _ => Outcome::Done { product: product(step) },
            };
            Event::Reported {
                step,
                attempt: run.attempt.saturating_sub(*attempt_back),
                outcome,
            }
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_a_promise(story in proptest::collection::vec(happening(), 0..80)) {
        let plan = plan(2);
        let mut now = at(0);
        let mut run = RunState::queued(&plan, now);
        for what in &story {
            now = now.plus(Duration::from_secs(1));
            let before = run.clone();
            match advance(&run, &plan, Mode::Live, event(&run, what, now), now) {
                Err(_) => prop_assert_eq!(&run, &before),
                Ok(next) => {
                    prop_assert!(!before.status().is_ending(), "settled stays settled");
                    prop_assert!(next.attempt >= before.attempt, "attempts never go back");
                    let newly_out = matches!(next.position, Position::Out { .. })
                        && !matches!(before.position, Position::Out { .. });
                    prop_assert_eq!(newly_out, next.attempt == before.attempt + 1, "one number per order");
                    let (from, to) = (before.step(), next.step());
                    if let (Some(from), Some(to)) = (from, to) {
                        prop_assert!(to == from || plan.after(from, Mode::Live) == Some(to), "no step is left out");
                    }
                    run = next;
                }
            }
        }
    }
}
