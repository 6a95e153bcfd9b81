//! The common way, with rests, failures and a cancel.

use super::*;

#[test]
fn a_live_run_goes_through_every_step_and_succeeds() {
    let plan = plan(2);
    let mut run = RunState::queued(&plan, at(0));
    let mut seen = Vec::new();
    while let Some(step) = run.step() {
        seen.push(step.to_string());
        run = advance(&run, Intent::live(&plan), Event::Released, at(1)).expect("its turn");
        let event = Event::Reported {
            step,
            attempt: run.attempt,
            outcome: Outcome::Done { product: product(step) },
        };
        run = advance(&run, Intent::live(&plan), event, at(2)).expect("its report");
    }
    assert_eq!(seen, ["prepare-key", "issue", "deploy-0", "deploy-1", "verify", "tidy"]);
    assert_eq!(run.status(), Status::Succeeded);
}

#[test]
fn a_dry_run_leaves_nothing_to_tidy() {
    let steps: Vec<String> = plan(1).steps(Mode::DryRun).iter().map(ToString::to_string).collect();
    // Also where the policy names no receiver: a webhook may be configured.
    assert_eq!(steps, ["prepare-key", "issue", "deploy-0", "verify", "channels"]);
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
        assert_eq!(advance(&run, Intent::live(&plan(1)), event, at(5)), Err(Ignored::Stale));
    }
}

#[test]
fn a_product_of_another_step_is_refused() {
    let event = reported(Outcome::Done {
        product: Product::Tidied,
    });
    assert_eq!(
        advance(&out(Step::Issue), Intent::live(&plan(1)), event, at(5)),
        Err(Ignored::WrongProduct)
    );
}

#[test]
fn resting_keeps_the_checkpoint_for_the_next_order_and_a_new_step_drops_it() {
    let resting = reported(Outcome::Resting {
        until: at(60),
        checkpoint: checkpoint(),
    });
    let run = advance(&out(Step::Issue), Intent::live(&plan(1)), resting, at(5)).expect("rests");
    assert_eq!(run.checkpoint, Some(checkpoint()));
    assert_eq!(
        advance(&run, Intent::live(&plan(1)), Event::Released, at(59)),
        Err(Ignored::OutOfPlace),
        "not before"
    );
    let run = advance(&run, Intent::live(&plan(1)), Event::Released, at(60)).expect("its turn");
    assert_eq!((run.checkpoint.clone(), run.attempt), (Some(checkpoint()), 2));
    let outcome = Outcome::Done {
        product: product(Step::Issue),
    };
    let run = advance(
        &run,
        Intent::live(&plan(1)),
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
    for turn in 0..i64::from(plan.ladder.patience()) {
        run = advance(&run, Intent::live(&plan), Event::Released, at(5 + turn)).expect("its turn");
        let outcome = Outcome::Retry {
            until: at(5),
            failure: failure(),
            forget_checkpoint: true,
            left: None,
        };
        let event = Event::Reported {
            step: Step::Issue,
            attempt: run.attempt,
            outcome,
        };
        run = advance(&run, Intent::live(&plan), event, at(5 + turn)).expect("its report");
        assert_eq!(run.progress.failing_since, Some(at(5)));
    }
    let Position::Asking { question, .. } = &run.position else {
        panic!("{:?}", run.position)
    };
    assert_eq!(question.code, ErrorCode::new("TST-0001"));
    let resumed = advance(&run, Intent::live(&plan), Event::Resumed, at(16)).expect("resumes");
    assert_eq!((resumed.failures, resumed.step()), (0, Some(Step::Issue)));
    assert_eq!(resumed.progress.failing_since, None);
}

#[test]
fn a_cancel_while_an_order_is_out_waits_for_its_answer() {
    let asked = Event::CancelRequested { by: "ann".into() };
    let run = advance(&out(Step::Issue), Intent::live(&plan(1)), asked, at(5)).expect("noted");
    assert_eq!(run.status(), Status::Running);
    let done = reported(Outcome::Done {
        product: product(Step::Issue),
    });
    let run = advance(&run, Intent::live(&plan(1)), done, at(6)).expect("its report");
    assert_eq!(run.step(), Some(Step::Tidy), "the challenge records are removed first");
    let run = tell(
        &tell(&run, Event::Released),
        report(2, Step::Tidy, Outcome::Failed { failure: failure() }),
    );
    assert_eq!(
        run.position,
        Position::Ended {
            ending: Ending::Cancelled {
                by: "ann".into(),
                stays: Vec::new()
            }
        }
    );
}

/// What the issuer reports that has removed all it presented.
fn issued_clean() -> Outcome {
    let certificate = IssuedCertificate {
        left: crate::solver::Receipt::default(),
        ..issued()
    };
    Outcome::Done {
        product: Product::Issued(Box::new(certificate)),
    }
}

#[test]
fn a_run_that_left_nothing_at_its_ca_ends_with_the_look() {
    let mut run = tell(&out(Step::Issue), reported(issued_clean()));
    for step in [Step::Deploy(0), Step::Verify] {
        assert_eq!(run.step(), Some(step));
        run = tell(&run, Event::Released);
        let done = Outcome::Done { product: product(step) };
        run = tell(&run, report(run.attempt, step, done));
    }
    assert_eq!(run.status(), Status::Succeeded);
}

#[test]
fn who_gives_up_a_run_that_left_nothing_at_its_ca_waits_for_nothing() {
    let run = tell(&out(Step::Issue), reported(issued_clean()));
    let run = tell(&run, Event::CancelRequested { by: "ann".into() });
    assert_eq!(run.status(), Status::Cancelled);
}

#[test]
fn only_a_step_with_an_open_order_goes_on_in_the_same_hand() {
    let resting = |until, checkpoint| Outcome::Resting {
        until: at(until),
        checkpoint,
    };
    let key = || Checkpoint::AcmeAccountKey {
        sealed_key: Envelope::try_from("cmek:v1:x".to_owned()).expect("an envelope"),
    };
    assert!(resting(5, checkpoint()).continues(at(5)));
    assert!(
        !resting(6, checkpoint()).continues(at(5)),
        "the CA wants to be left alone"
    );
    assert!(
        !resting(5, key()).continues(at(5)),
        "the next order draws from its limits"
    );
    assert!(!issued_clean().continues(at(5)));
}
