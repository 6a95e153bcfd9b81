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
