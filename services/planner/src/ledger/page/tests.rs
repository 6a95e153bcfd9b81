use domain::run::{Checkpoint, Outcome};
use domain::{Hostname, WorkspaceId};
use protocol::order::TidySpec;

use super::*;
use crate::quota::tests::{at, run};

/// Its order of Issue has been out since 0 s.
fn issuing() -> LoadedRun {
    let mut run = run("www.example.org");
    run.state = advance(&run.state, &run.plan, run.head.mode, Event::Released, at(0)).expect("its turn");
    run
}

/// The report of a worker that has opened an order at the CA, and goes on.
fn opened(page: &mut Page, id: RunId) {
    let checkpoint = Checkpoint::AcmeOrder {
        url: "https://ca.example.org/order/1".parse().expect("a URL"),
        expires: None,
        tokens: Vec::new(),
        unfinalized: false,
    };
    let (step, attempt) = (Step::Issue, page.runs[&id].state.attempt);
    let outcome = Outcome::Resting {
        until: at(1),
        checkpoint,
    };
    assert!(page.advance(id, Event::Reported { step, attempt, outcome }, at(1)));
}

fn waits(page: &mut Page, id: RunId) {
    let waiting = Waiting {
        step: Step::Issue,
        subject: "vigilo.report.issue".to_owned(),
        inbox: "_INBOX.issuer.1".to_owned(),
    };
    page.waiting.insert(id, waiting);
}

/// The order as it is composed; what it carries does not matter here.
fn composed(run: &LoadedRun) -> Order<Spec> {
    Order {
        schema: 1,
        run_id: run.head.id,
        workspace: WorkspaceId::default_workspace(),
        hostname: "www.example.org".parse::<Hostname>().expect("a hostname"),
        step: run.state.step().expect("it stands somewhere"),
        attempt: run.state.attempt,
        mode: run.head.mode,
        failures: 0,
        wait_seconds: 0,
        deadline: at(1_000),
        checkpoint: run.state.checkpoint.clone(),
        spec: Spec::Tidy(TidySpec { tokens: Vec::new() }),
    }
}

#[test]
fn a_worker_that_goes_on_keeps_its_place_and_gets_the_next_order() {
    let run = issuing();
    let (id, attempt) = (run.head.id, run.state.attempt);
    let mut page = Page::of(vec![run]);
    opened(&mut page, id);
    assert!(page.left.contains_key(&id), "without it the place is free again");
    page.go_on(id, at(1));
    waits(&mut page, id);
    assert!(page.left.is_empty() && is_out(&page.runs[&id]));

    let mut orders = vec![composed(&page.runs[&id])];
    let handed = page.hand_over(&mut orders);
    assert!(orders.is_empty(), "it does not go to the stream as well");
    let [Handed { current, .. }] = handed.as_slice() else {
        panic!("one worker waits")
    };
    let Current::Order { order } = current else {
        panic!("it goes on")
    };
    assert_eq!(order.attempt, attempt + 1);
    assert!(matches!(order.checkpoint, Some(Checkpoint::AcmeOrder { .. })));
}

#[test]
fn who_is_late_hears_the_present_order_of_its_step_or_that_nobody_waits() {
    let run = issuing();
    let id = run.head.id;
    let mut page = Page::of(vec![run.clone()]);
    waits(&mut page, id);
    assert_eq!(page.ordered(), [id], "nothing moved, and it is composed all the same");
    let handed = page.hand_over(&mut vec![composed(&run)]);
    assert!(matches!(handed[0].current, Current::Order { .. }));

    waits(&mut page, id);
    let elsewhere = page.hand_over(&mut Vec::new());
    assert!(matches!(elsewhere[0].current, Current::Elsewhere));
}

#[test]
fn after_the_deadline_nobody_waits() {
    let run = issuing();
    let (id, patience) = (run.head.id, run.plan.patience(Step::Issue));
    let page = Page::of(vec![run]);
    assert!(page.is_in_hand(id, at(1)));
    assert!(!page.is_in_hand(id, at(0).plus(patience)));
    assert!(!page.is_in_hand(RunId::new(), at(1)));
}
