use domain::host::Criticality;
use domain::run::{Mode, Status, Step, Trigger};
use protocol::SCHEMA;
use protocol::event::RunEvent;

use crate::kept::travels;
use crate::parts::{RUN, at, failure, run_id, seen_failure, workspace};

/// A run that came to this, with what each status tells besides.
fn event(status: Status) -> RunEvent {
    RunEvent {
        schema: SCHEMA,
        run_id: run_id(),
        workspace: workspace(),
        host_id: "019ab3c0-0000-7000-8000-000000000002".parse().expect("an id"),
        policy_id: "019ab3c0-0000-7000-8000-000000000003".parse().expect("an id"),
        hostname: "www.example.org".parse().expect("a hostname"),
        criticality: Criticality::High,
        mode: Mode::Live,
        trigger: Trigger::Schedule,
        operator: "ann".to_owned(),
        job_id: None,
        status,
        step: (!status.is_ending()).then_some(Step::Deploy(0)),
        attempt: 2,
        at: at(0),
        failure: (status == Status::Failed).then(seen_failure),
        question: (status == Status::NeedsManual).then(|| failure().ask()),
    }
}

#[test]
fn every_status_is_announced_as_before() {
    for status in Status::ALL {
        travels(&format!("event-{}", status.as_str()), &event(status));
    }
}

#[test]
fn an_event_is_known_by_run_status_and_attempt() {
    assert_eq!(event(Status::Failed).message_id(), format!("{RUN}.failed.2"));
}
