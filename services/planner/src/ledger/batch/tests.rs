use domain::run::{AcmeOrder, Checkpoint, Outcome};
use domain::solver::{self, Solver};
use domain::{Hostname, WorkspaceId};
use protocol::order::TidySpec;

use std::sync::Arc;

use domain::run::Trigger;
use store::HostLook;

use super::*;
use crate::config::Windows;
use crate::decide::pace::OrdersOut;
use crate::decide::quota::tests::{at, run};
use crate::ledger::backlog::OutForLong;
use crate::ledger::rules::Rules;

/// Its order of Issue has been out since 0 s.
fn issuing() -> LoadedRun {
    let mut run = run("www.example.org");
    run.state = advance(&run.state, run.intent(), Event::Released, at(0)).expect("its turn");
    run
}

/// The report of a worker that has opened an order at the CA, and goes on.
fn opened(batch: &mut Batch, id: RunId) {
    let checkpoint = Checkpoint::AcmeOrder(AcmeOrder {
        url: "https://ca.example.org/order/1".parse().expect("a URL"),
        expires: None,
        placed: solver::Receipt::default(),
        unfinalized: false,
    });
    let (step, attempt) = (Step::Issue, batch.runs[&id].state.attempt);
    let outcome = Outcome::Resting {
        until: at(1),
        checkpoint,
    };
    assert!(batch.advance(id, Event::Reported { step, attempt, outcome }, at(1)));
}

fn waits(batch: &mut Batch, id: RunId) {
    let waiting = Waiting {
        step: Step::Issue,
        subject: "vigilo.report.issue".to_owned(),
        inbox: "_INBOX.issuer.1".to_owned(),
    };
    batch.waiting.insert(id, waiting);
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
        spec: Spec::Tidy(TidySpec {
            ca: None,
            solver: Solver::default(),
            left: solver::Receipt::default(),
        }),
    }
}

#[test]
fn a_worker_that_goes_on_keeps_its_place_and_gets_the_next_order() {
    let run = issuing();
    let (id, attempt) = (run.head.id, run.state.attempt);
    let mut batch = Batch::of(vec![run]);
    opened(&mut batch, id);
    assert!(batch.left.contains_key(&id), "without it the place is free again");
    batch.go_on(id, at(1));
    waits(&mut batch, id);
    assert!(batch.left.is_empty() && is_out(&batch.runs[&id]));

    let mut orders = vec![composed(&batch.runs[&id])];
    let replies = batch.direct_replies(&mut orders);
    assert!(orders.is_empty(), "it does not go to the stream as well");
    let [DirectReply { current, .. }] = replies.as_slice() else {
        panic!("one worker waits")
    };
    let Current::Order { order } = current else {
        panic!("it goes on")
    };
    assert_eq!(order.attempt, attempt + 1);
    assert!(matches!(order.checkpoint, Some(Checkpoint::AcmeOrder(_))));
}

#[test]
fn who_is_late_hears_the_present_order_of_its_step_or_that_nobody_waits() {
    let run = issuing();
    let id = run.head.id;
    let mut batch = Batch::of(vec![run.clone()]);
    waits(&mut batch, id);
    assert_eq!(batch.ordered(), [id], "nothing moved, and it is composed all the same");
    let replies = batch.direct_replies(&mut vec![composed(&run)]);
    assert!(matches!(replies[0].current, Current::Order { .. }));

    waits(&mut batch, id);
    let elsewhere = batch.direct_replies(&mut Vec::new());
    assert!(matches!(elsewhere[0].current, Current::Elsewhere));
}

/// Sends out what is due in this batch, its host having been looked at like this.
fn released(batch: &mut Batch, look: Option<HostLook>, now: Timestamp) {
    let rules = Arc::new(Rules::of(Vec::new(), []));
    let seen = Arc::new(OutForLong::nothing());
    let mut rooms = Rooms::new(
        Windows::default(),
        Arc::clone(&rules),
        OrdersOut {
            lanes: Vec::new(),
            quick_since: at(0),
        },
        seen,
    );
    let hosts = batch.runs.values().map(|run| run.head.host_id);
    let of = hosts.filter_map(|host| Some((host, look.clone()?))).collect();
    let looks = Looks {
        since: at(0),
        of,
        room: 8,
    };
    let gates = Gates {
        rooms: &mut rooms,
        quota: &mut Quota::new(rules),
        looks,
        answers: &Answers::default(),
    };
    batch.release(gates, now);
}

fn looked(served_until: u64) -> Option<HostLook> {
    Some(HostLook {
        asked_at: None,
        answered_at: Some(at(5)),
        served_until: Some(at(served_until)),
    })
}

#[test]
fn a_run_of_the_schedule_begins_with_a_look_and_ends_when_a_newer_certificate_is_served() {
    let mut run = run("www.example.org");
    run.head.trigger = Trigger::Schedule;
    run.plan.expires_at = Some(at(50_000));
    let (id, host) = (run.head.id, run.head.host_id);
    let mut batch = Batch::of(vec![run]);
    released(&mut batch, None, at(1));
    assert_eq!((batch.looks.as_slice(), batch.postponed), ([host].as_slice(), 1));
    let waiting = &batch.runs[&id].state;
    assert!(
        !is_out_at(&waiting.position) && waiting.progress.look_since == Some(at(1)),
        "{waiting:?}"
    );

    let asked = batch.runs[&id].clone();
    released(&mut batch, looked(50_000), at(10));
    assert!(is_out(&batch.runs[&id]), "the same is served");

    let mut batch = Batch::of(vec![asked]);
    released(&mut batch, looked(90_000), at(10));
    assert_eq!(batch.runs[&id].state.status(), Status::Cancelled);
    assert_eq!(batch.ended_policies(), [batch.runs[&id].head.policy_id]);
    let [act] = batch.acts.as_slice() else {
        panic!("it is said why")
    };
    assert!(
        act.person == "schedule" && act.note.contains("another certificate"),
        "{act:?}"
    );
}

#[test]
fn after_the_deadline_nobody_waits() {
    let run = issuing();
    let (id, patience) = (run.head.id, run.plan.patience(Step::Issue));
    let batch = Batch::of(vec![run]);
    assert!(batch.is_in_flight(id, at(1)));
    assert!(!batch.is_in_flight(id, at(0).plus(patience)));
    assert!(!batch.is_in_flight(RunId::new(), at(1)));
}

#[test]
fn only_an_order_before_the_host_was_touched_is_not_carried_out_after_a_cancel() {
    let mut run = issuing();
    assert_eq!(given_up(&run), None, "nobody gave it up");
    run.state.cancelled_by = Some("ann".to_owned());
    assert_eq!(given_up(&run), Some(run.state.attempt));
    let mut batch = Batch::of(vec![run.clone()]);
    let attempt = run.state.attempt;
    assert!(batch.advance(run.head.id, Event::Overdue { attempt }, at(1)));
    assert_eq!(batch.runs[&run.head.id].state.status(), Status::Cancelled);

    let deadline = at(180);
    run.state.position = Position::Out {
        step: Step::Deploy(0),
        deadline,
    };
    assert_eq!(given_up(&run), None, "what was begun at a target is finished");
    run.state.position = Position::Out {
        step: Step::Issue,
        deadline,
    };
    run.head.mode = Mode::DryRun;
    assert_eq!(given_up(&run), None, "a rehearsal ends by itself");
}
