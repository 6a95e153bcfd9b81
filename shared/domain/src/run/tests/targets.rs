//! Several targets, each for itself; the way back.

use std::time::Duration;

use super::*;

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
        advance(&run, Intent::live(&plan(1)), Event::DueAgain, at(6)),
        Err(Ignored::OutOfPlace),
        "not before"
    );
    let again = advance(&run, Intent::live(&plan(1)), Event::DueAgain, at_then).expect("its time");
    assert_eq!(step(&again), "deploy-0");
    let released = advance(&again, Intent::live(&plan(1)), Event::Released, at_then).expect("its turn");
    let asked = tell(
        &released,
        report(released.attempt, Step::Deploy(0), retry(Step::Deploy(0))),
    );
    let Position::Asking { retry_at, .. } = asked.position else {
        panic!("one more failure asks at once: {:?}", asked.position)
    };
    let a_day = Duration::from_secs(86_400);
    assert_eq!(retry_at, Some(at(5).plus(a_day)), "and tries again in a day");
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
        let mut written = serde_json::to_value(&*target).expect("JSON");
        written["serves_at"] = serde_json::json!([address]);
        *target = serde_json::from_value(written).expect("a target");
    }
    let run = goes(&goes(&issued_for(2), done), done);
    let out = advance(&run, Intent::live(&plan), Event::Released, at(5)).expect("its turn");
    let question = failure().seen_at(vec![addresses[1]]).ask();
    let outcome = Outcome::Stuck {
        question,
        forget_checkpoint: false,
        left: None,
    };
    let run = advance(
        &out,
        Intent::live(&plan),
        report(out.attempt, Step::Verify, outcome),
        at(5),
    )
    .expect("its report");
    assert_eq!(step(&run), "rollback-1");
    assert!(RunProgress::is_installed(&run.progress.targets[0]));
}

#[test]
fn what_had_nothing_before_is_not_rolled_back() {
    let mut run = goes(&issued_for(1), done);
    run.progress.targets = vec![TargetState::Installed { replaced: None }];
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

fn receipt() -> Receipt {
    let Product::Deployed(receipt) = product(Step::Deploy(0)) else {
        panic!("the product of a deployment is a receipt")
    };
    receipt
}

/// The activation did not end: the new pair is in place.
fn hung(step: Step) -> Outcome {
    with_left(retry(step), Left::New { receipt: receipt() })
}

fn with_left(outcome: Outcome, is: Left) -> Outcome {
    match outcome {
        Outcome::Retry { until, failure, .. } => Outcome::Retry {
            until,
            failure,
            forget_checkpoint: false,
            left: Some(is),
        },
        other @ (Outcome::Done { .. } | Outcome::Resting { .. } | Outcome::Failed { .. } | Outcome::Stuck { .. }) => {
            other
        }
    }
}

fn cancel(run: &RunState) -> RunState {
    tell(run, Event::CancelRequested { by: "ann".into() })
}

fn stays(run: &RunState) -> &[String] {
    let Position::Ended {
        ending: Ending::Cancelled { stays, .. },
    } = &run.position
    else {
        panic!("it has not been cancelled: {:?}", run.position)
    };
    stays
}

#[test]
fn a_cancelled_run_puts_back_what_its_server_may_not_have_taken_and_then_ends() {
    let run = goes(&issued_for(1), hung);
    assert_eq!(run.progress.unproven(0), Some(&receipt()));
    let run = cancel(&run);
    assert_eq!(step(&run), "rollback-0");
    let run = cancel(&run);
    assert_eq!(step(&run), "rollback-0", "a way back that was begun is gone to its end");
    let run = goes(&run, done);
    assert_eq!((step(&run), run.progress.unproven(0)), ("confirm".to_owned(), None));
    let run = goes(&goes(&run, done), done);
    assert_eq!((run.status(), stays(&run)), (Status::Cancelled, &[][..]));
}

#[test]
fn the_same_when_it_asks_a_person_and_when_it_was_resumed() {
    let mut asking = issued_for(1);
    for _ in 0..plan(1).ladder.patience() {
        asking = goes(&asking, hung);
    }
    assert_eq!(asking.status(), Status::NeedsManual);
    assert_eq!(step(&cancel(&asking)), "rollback-0");
    assert_eq!(step(&cancel(&tell(&asking, Event::Resumed))), "rollback-0");
}

#[test]
fn what_a_deployer_has_put_back_is_put_back_by_nobody_else() {
    let refused = |step| with_left(retry(step), Left::Former);
    for run in [
        goes(&issued_for(1), refused),
        goes(&goes(&issued_for(1), hung), refused),
        goes(&issued_for(1), retry),
    ] {
        assert_eq!(run.progress.unproven(0), None);
        let run = goes(&cancel(&run), done);
        assert_eq!((run.status(), stays(&run)), (Status::Cancelled, &[][..]));
    }
}

#[test]
fn an_activation_that_ends_at_last_proves_the_pair() {
    let run = goes(&goes(&issued_for(1), hung), done);
    assert_eq!((step(&run), run.progress.unproven(0)), ("verify".to_owned(), None));
}

/// Another failure does not tell what is in place.
#[test]
fn what_is_in_place_is_not_forgotten_by_a_try_that_did_not_get_so_far() {
    let run = goes(&goes(&issued_for(1), hung), retry);
    assert_eq!(step(&cancel(&run)), "rollback-0");
}

#[test]
fn what_cannot_be_put_back_is_named_by_the_cancelled_run() {
    let nothing_before = |step| {
        let receipt = Receipt {
            replaced: None,
            ..receipt()
        };
        with_left(retry(step), Left::New { receipt })
    };
    let run = goes(&cancel(&goes(&issued_for(1), nothing_before)), done);
    let [named] = stays(&run) else { panic!("{run:?}") };
    assert!(named.starts_with("file /t/0.crt: the new pair is in place"), "{named}");

    let lost = goes(&cancel(&goes(&issued_for(1), hung)), stuck);
    let lost = goes(&lost, done);
    let [named] = stays(&lost) else { panic!("{lost:?}") };
    assert!(named.contains("could not be put back"), "{named}");
}

#[test]
fn what_is_installed_and_activated_stays_and_is_named() {
    let run = goes(&goes(&issued_for(2), done), retry);
    let run = goes(&cancel(&run), done);
    assert_eq!(stays(&run), ["file /t/0.crt: the new certificate is installed"]);
}

/// What has expired is no better than a pair of which nothing is known.
#[test]
fn an_expired_certificate_is_not_gone_back_to() {
    let expired = |step| {
        let mut receipt = receipt();
        receipt.replaced = Some(Former {
            not_after: at(5),
            ..former()
        });
        with_left(retry(step), Left::New { receipt })
    };
    let run = goes(&cancel(&goes(&issued_for(1), expired)), done);
    assert_eq!(stays(&run).len(), 1);
}

fn kept(_: Step) -> Outcome {
    Outcome::Stuck {
        question: failure().keep_installed().ask(),
        forget_checkpoint: false,
        left: None,
    }
}

/// An address that serves old and new by turns, or that cannot be seen: nothing is known to be wrong.
#[test]
fn a_look_that_proves_nothing_against_what_is_installed_is_asked_about_and_nothing_is_put_back() {
    let run = goes(&goes(&issued_for(1), done), kept);
    let Position::Asking { step, question, .. } = &run.position else {
        panic!("{:?}", run.position)
    };
    assert_eq!((*step, question.what.as_str()), (Step::Verify, failure().what.as_str()));
    assert!(run.progress.targets.iter().all(RunProgress::is_installed));
    let again = tell(&run, Event::Resumed);
    assert_eq!(super::step(&again), "verify", "resume looks again and installs nothing");
}

/// A verifier that is away is no evidence either: the question goes on trying by itself.
#[test]
fn a_look_that_nobody_took_puts_nothing_back() {
    let mut run = goes(&issued_for(1), done);
    run.failures = crate::backoff::LONG_PATIENCE - 1;
    let out = tell(&run, Event::Released);
    let overdue = Event::Overdue { attempt: out.attempt };
    let late = at(100_000);
    let asking = advance(&out, Intent::live(&plan(1)), overdue, late).expect("its deadline has passed");
    let Position::Asking { question, retry_at, .. } = &asking.position else {
        panic!("{:?}", asking.position)
    };
    assert_eq!(question.code.as_str(), "RUN-0001");
    assert!(asking.progress.targets.iter().all(RunProgress::is_installed));
    assert!(retry_at.is_some(), "it looks again when a verifier is back");
}

/// Before anything is asked of the CA, and only then: an order that is open is finished.
#[test]
fn targets_that_are_not_ready_are_asked_about_before_a_certificate_is_asked_for() {
    let unready = || Event::Unready {
        question: failure().ask(),
    };
    let asking = tell(&waiting(Step::Issue), unready());
    assert_eq!(
        (asking.status(), step(&asking)),
        (Status::NeedsManual, "issue".to_owned())
    );
    let resumed = tell(&asking, Event::Resumed);
    assert_eq!(step(&resumed), "issue");

    // What was found stands in the record of the order that goes out then.
    let found = TargetsFound::Ready;
    let seen = tell(&resumed, Event::TargetsSeen { found, at: at(7) });
    assert_eq!(seen.position, resumed.position);
    let ordered = tell(&seen, Event::Released);
    let checks = ordered.progress.target_checks(ordered.attempt);
    let [cross, tick] = checks.as_slice() else {
        panic!("{checks:?}")
    };
    assert!(
        !cross.passed && cross.evidence.starts_with(failure().code.as_str()),
        "{cross:?}"
    );
    assert!(tick.passed && tick.at == Some(at(7)), "{tick:?}");

    let ordered = RunState {
        checkpoint: Some(checkpoint()),
        ..waiting(Step::Issue)
    };
    for untouched in [ordered, waiting(Step::Verify), out(Step::Issue), asking] {
        let left = advance(&untouched, Intent::live(&plan(1)), unready(), at(5));
        assert_eq!(left, Err(Ignored::OutOfPlace), "{:?}", untouched.position);
    }
}
