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
                replaced: Some(former()),
                reload_output: None,
            })
        }
        Step::Verify => Product::Verified(Verified { snapshots: Vec::new() }),
        Step::Rollback(_) => Product::RolledBack(RolledBack {
            leaf: former().leaf,
            reload_output: None,
        }),
        Step::Confirm => Product::Confirmed(Verified { snapshots: Vec::new() }),
        Step::Channels => Product::Rehearsed(Rehearsal::of(Vec::new())),
        Step::Tidy => Product::Tidied,
    }
}

fn former() -> Former {
    Former {
        leaf: Fingerprint::of(b"former"),
        not_after: at(1_000_000),
    }
}

fn issued() -> IssuedCertificate {
    let leaf = serde_json::json!({
        "fingerprint": "00", "subject": "", "issuer": "CN=CA", "serial": "01", "sans": [], "key_type": "EC", "key_bits": 256,
        "signature_algorithm": "x", "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-04-01T00:00:00Z",
        "crl_urls": [], "aia_urls": [],
    });
    let order_url = "https://ca.example.org/order/1".parse().ok();
    let leaf = serde_json::from_value(leaf).expect("facts");
    IssuedCertificate {
        order_url,
        chain_pem: "chain".into(),
        leaf,
        tokens: Vec::new(),
        sealed_key: None,
    }
}

fn checkpoint() -> Checkpoint {
    let url = "https://ca.example.org/order/1".parse().expect("a URL");
    Checkpoint::AcmeOrder {
        url,
        expires: None,
        tokens: vec!["t".into()],
        unfinalized: false,
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
        course: Course {
            targets: vec![TargetState::Pending],
            ..Course::default()
        },
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
            retry_at: None,
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
        patient: false,
        elsewhere: false,
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
    for _ in 0..plan.ladder.patience() {
        run = advance(&run, &plan, Mode::Live, Event::Released, at(5)).expect("its turn");
        let outcome = Outcome::Retry {
            until: at(5),
            failure: failure(),
            forget_checkpoint: true,
            patient: false,
            elsewhere: false,
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
    assert_eq!(run.step(), Some(Step::Tidy), "the challenge records are removed first");
    let run = tell(
        &tell(&run, Event::Released),
        report(2, Step::Tidy, Outcome::Failed { failure: failure() }),
    );
    assert_eq!(
        run.position,
        Position::Ended {
            ending: Ending::Cancelled { by: "ann".into() }
        }
    );
}

fn tell(run: &RunState, event: Event) -> RunState {
    advance(run, &plan(run.course.targets.len()), Mode::Live, event, at(5)).expect("the run can take it")
}

fn report(attempt: u32, step: Step, outcome: Outcome) -> Event {
    Event::Reported { step, attempt, outcome }
}

/// The order goes out and its report comes back.
fn goes(run: &RunState, outcome: impl FnOnce(Step) -> Outcome) -> RunState {
    let out = tell(run, Event::Released);
    let step = out.step().expect("a step is out");
    tell(&out, report(out.attempt, step, outcome(step)))
}

fn done(step: Step) -> Outcome {
    Outcome::Done { product: product(step) }
}

fn stuck(_: Step) -> Outcome {
    Outcome::Stuck {
        question: failure().ask(),
        forget_checkpoint: false,
    }
}

fn retry(_: Step) -> Outcome {
    Outcome::Retry {
        until: at(5),
        failure: failure(),
        forget_checkpoint: false,
        patient: false,
        elsewhere: false,
    }
}

/// A run with these targets whose certificate was issued.
fn issued_for(targets: usize) -> RunState {
    let plan = plan(targets);
    let run = RunState::queued(&plan, at(0));
    goes(&goes(&run, done), done)
}

fn step(run: &RunState) -> String {
    run.step()
        .map_or_else(|| run.status().as_str().to_owned(), |step| step.to_string())
}

#[test]
fn one_failing_target_stops_neither_the_others_nor_the_look_at_them_and_resume_repeats_only_it() {
    let run = goes(&issued_for(3), done);
    let run = goes(&run, stuck);
    assert_eq!(step(&run), "deploy-2", "the third goes on");
    let run = goes(&run, done);
    assert_eq!(step(&run), "verify", "what is installed is looked at");
    let run = goes(&run, done);
    assert_eq!((step(&run), run.status()), ("deploy-1".to_owned(), Status::NeedsManual));
    let run = goes(&tell(&run, Event::Resumed), done);
    assert_eq!(step(&run), "verify", "nothing else is deployed again");
    let run = goes(&goes(&run, done), done);
    assert_eq!(run.status(), Status::Succeeded);
}

#[test]
fn a_target_that_is_to_be_tried_again_lets_the_others_go_first() {
    let run = goes(&issued_for(2), retry);
    assert_eq!(step(&run), "deploy-1");
    let run = goes(&goes(&run, done), done);
    assert_eq!((step(&run), run.failures), ("deploy-0".to_owned(), 1));
    let run = goes(&goes(&goes(&run, done), done), done);
    assert_eq!(run.status(), Status::Succeeded);
}

#[test]
fn patience_with_a_target_ends_in_a_question_that_tries_again_by_itself() {
    let mut run = issued_for(1);
    for _ in 0..plan(1).ladder.patience() {
        run = goes(&run, retry);
    }
    let Position::Asking {
        retry_at: Some(at_then),
        ..
    } = run.position
    else {
        panic!("{:?}", run.position)
    };
    assert_eq!(
        advance(&run, &plan(1), Mode::Live, Event::DueAgain, at(6)),
        Err(Ignored::OutOfPlace),
        "not before"
    );
    let again = advance(&run, &plan(1), Mode::Live, Event::DueAgain, at_then).expect("its time");
    assert_eq!(step(&again), "deploy-0");
    let released = advance(&again, &plan(1), Mode::Live, Event::Released, at_then).expect("its turn");
    let asked = tell(
        &released,
        report(released.attempt, Step::Deploy(0), retry(Step::Deploy(0))),
    );
    assert_eq!(asked.status(), Status::NeedsManual, "one more failure asks at once");
}

#[test]
fn a_look_that_fails_rolls_back_confirms_and_asks_and_resume_deploys_again() {
    let run = goes(&goes(&issued_for(1), done), stuck);
    assert_eq!(step(&run), "rollback-0");
    let run = goes(&run, done);
    assert_eq!(step(&run), "confirm");
    let run = goes(&run, done);
    let Position::Asking { question, .. } = &run.position else {
        panic!("{:?}", run.position)
    };
    assert!(question.what.starts_with("it broke. Rolled back"), "{}", question.what);
    assert!(question.what.contains(former().leaf.as_str()), "{}", question.what);
    assert_eq!(step(&tell(&run, Event::Resumed)), "deploy-0");
}

#[test]
fn only_the_target_behind_a_faulty_address_is_rolled_back() {
    let mut plan = plan(2);
    let addresses: Vec<std::net::SocketAddr> = vec![
        "10.0.0.1:443".parse().expect("an address"),
        "10.0.0.2:443".parse().expect("an address"),
    ];
    for (target, address) in plan.targets.iter_mut().zip(&addresses) {
        let crate::target::Target::File(file) = target;
        file.serves_at = vec![*address];
    }
    let run = goes(&goes(&issued_for(2), done), done);
    let out = advance(&run, &plan, Mode::Live, Event::Released, at(5)).expect("its turn");
    let question = failure().seen_at(vec![addresses[1]]).ask();
    let outcome = Outcome::Stuck {
        question,
        forget_checkpoint: false,
    };
    let run = advance(
        &out,
        &plan,
        Mode::Live,
        report(out.attempt, Step::Verify, outcome),
        at(5),
    )
    .expect("its report");
    assert_eq!(step(&run), "rollback-1");
    assert!(Course::is_installed(&run.course.targets[0]));
}

#[test]
fn what_had_nothing_before_is_not_rolled_back() {
    let mut run = goes(&issued_for(1), done);
    run.course.targets = vec![TargetState::Installed { replaced: None }];
    assert_eq!(goes(&run, stuck).status(), Status::NeedsManual);
}

#[test]
fn a_failed_way_back_says_both() {
    let run = goes(&goes(&issued_for(1), done), stuck);
    let run = goes(&run, stuck);
    let Position::Asking { question, step, .. } = &run.position else {
        panic!("{:?}", run.position)
    };
    assert_eq!(*step, Step::Rollback(0));
    assert!(question.what.contains("the way back failed too"), "{}", question.what);
}

#[test]
fn a_limit_is_no_failure_and_is_waited_for_long() {
    let mut run = waiting(Step::Issue);
    for _ in 0..20 {
        run = goes(&run, |_| Outcome::Retry {
            until: at(5),
            failure: failure(),
            forget_checkpoint: false,
            patient: true,
            elsewhere: false,
        });
        assert_eq!(run.status(), Status::Running);
    }
}

#[test]
fn a_retry_beyond_the_certificates_life_is_asked_about_at_once() {
    let mut plan = plan(1);
    plan.expires_at = Some(at(100));
    let outcome = |until| Outcome::Retry {
        until: at(until),
        failure: failure(),
        forget_checkpoint: false,
        patient: true,
        elsewhere: false,
    };
    for (until, status) in [(99, Status::Running), (100, Status::NeedsManual)] {
        let event = report(1, Step::Issue, outcome(until));
        let run = advance(&out(Step::Issue), &plan, Mode::Live, event, at(5)).expect("its report");
        assert_eq!(run.status(), status);
    }
}

#[test]
fn a_certificate_that_a_person_brought_goes_on_to_the_look_or_to_the_targets() {
    let asked = goes(&RunState::queued(&plan(1), at(0)), stuck);
    for (install, next) in [(false, "verify"), (true, "deploy-0")] {
        let run = tell(&asked, Event::Resolved { install });
        assert_eq!((step(&run).as_str(), run.attempt), (next, asked.attempt + 1));
        assert_ne!(run.status(), Status::NeedsManual);
    }
}

#[test]
fn a_failed_run_is_retried_from_where_it_failed() {
    let fails = |_| Outcome::Failed { failure: failure() };
    let at_the_ca = goes(&goes(&RunState::queued(&plan(1), at(0)), done), fails);
    assert_eq!(step(&tell(&at_the_ca, Event::Retried)), "prepare-key");
    let at_a_target = goes(&issued_for(1), fails);
    assert_eq!(at_a_target.status(), Status::Failed);
    assert_eq!(
        step(&tell(&at_a_target, Event::Retried)),
        "deploy-0",
        "nothing is ordered again"
    );
    assert_eq!(
        advance(&ended(), &plan(1), Mode::Live, Event::Retried, at(5)),
        Err(Ignored::Settled)
    );
}

#[test]
fn a_rehearsal_goes_on_past_every_cross_and_fails_at_the_end() {
    let mut run = RunState::queued(&plan(1), at(0));
    let mut seen = Vec::new();
    while let Some(step) = run.step() {
        seen.push(step.to_string());
        let out = advance(&run, &plan(1), Mode::DryRun, Event::Released, at(5)).expect("its turn");
        let outcome = match step {
            Step::PrepareKey => retry(step),
            Step::Issue => stuck(step),
            Step::Deploy(_) | Step::Rollback(_) | Step::Confirm | Step::Channels | Step::Tidy => {
                Outcome::Failed { failure: failure() }
            }
            Step::Verify => Outcome::Done {
                product: Product::Rehearsed(Rehearsal::of(vec![
                    Check::cross("answers", "no"),
                    Check::cross("hint", "maybe").advisory(),
                ])),
            },
        };
        run = advance(&out, &plan(1), Mode::DryRun, report(out.attempt, step, outcome), at(5)).expect("its report");
    }
    assert_eq!(seen, ["prepare-key", "issue", "deploy-0", "verify"]);
    assert_eq!((run.status(), run.course.crosses.len()), (Status::Failed, 4));
}

#[derive(Debug, Clone)]
enum Happening {
    Release,
    Report { attempt_back: u32, kind: u8 },
    Overdue,
    Cancel,
    Resume,
    DueAgain,
    Resolve,
    Retry,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Release),
        6 => (0..2_u32, 0..6_u8).prop_map(|(attempt_back, kind)| Happening::Report { attempt_back, kind }),
        1 => Just(Happening::Overdue),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Resume),
        1 => Just(Happening::DueAgain),
        1 => Just(Happening::Resolve),
        1 => Just(Happening::Retry),
    ]
}

fn event(run: &RunState, what: &Happening, now: Timestamp) -> Event {
    let step = run.step().unwrap_or(Step::Tidy);
    match what {
        Happening::Release => Event::Released,
        Happening::Overdue => Event::Overdue { attempt: run.attempt },
        Happening::Cancel => Event::CancelRequested { by: "ann".into() },
        Happening::Resume => Event::Resumed,
        Happening::DueAgain => Event::DueAgain,
        Happening::Resolve => Event::Resolved { install: true },
        Happening::Retry => Event::Retried,
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
                    patient: false,
                    elsewhere: false,
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
        let mut issued = false;
        for what in &story {
            now = now.plus(Duration::from_secs(1));
            let before = run.clone();
            match advance(&run, &plan, Mode::Live, event(&run, what, now), now) {
                Err(_) => prop_assert_eq!(&run, &before),
                Ok(next) => {
                    let retried = matches!(what, Happening::Retry) && before.status() == Status::Failed;
                    prop_assert!(!before.status().is_ending() || retried, "settled stays settled");
                    prop_assert!(next.attempt >= before.attempt, "attempts never go back");
                    let newly_out = matches!(next.position, Position::Out { .. })
                        && !matches!(before.position, Position::Out { .. });
                    let resolved = matches!(what, Happening::Resolve);
                    prop_assert_eq!(newly_out || resolved, next.attempt == before.attempt + 1, "one number per order");
                    issued |= before.step() == Some(Step::Issue) && next.course.targets.len() == 2
                        && matches!(next.step(), Some(Step::Deploy(_) | Step::Verify));
                    prop_assert!(!(issued && next.step() == Some(Step::Issue)), "never a second order after issuance");
                    let succeeded = next.status() == Status::Succeeded;
                    prop_assert!(!succeeded || next.course.is_complete(), "no success without a look at every target");
                    run = next;
                }
            }
        }
    }
}
