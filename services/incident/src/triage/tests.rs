use domain::disposition::Failure;
use domain::host::Criticality;
use domain::run::Trigger;
use domain::{HostId, PolicyId, Timestamp, WorkspaceId};

use super::*;

fn failure() -> Failure {
    Failure::new(
        "ISS-0004",
        "the CA could not reach www.example.org on port 80",
        "open port 80",
    )
}

fn event(status: Status) -> RunEvent {
    RunEvent {
        schema: protocol::SCHEMA,
        run_id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        host_id: HostId::new(),
        policy_id: PolicyId::new(),
        hostname: "www.example.org".parse().expect("a hostname"),
        criticality: Criticality::High,
        mode: Mode::Live,
        trigger: Trigger::Operator,
        operator: "owner".to_owned(),
        job_id: None,
        status,
        step: None,
        attempt: 3,
        at: Timestamp::EPOCH,
        failure: None,
        question: None,
    }
}

#[test]
fn only_what_failed_or_asks_opens_one() {
    for (status, opens) in [
        (Status::Queued, false),
        (Status::Running, false),
        (Status::Succeeded, false),
        (Status::Failed, true),
        (Status::NeedsManual, true),
        (Status::Cancelled, false),
    ] {
        assert_eq!(triage(&event(status)).is_some(), opens, "{status:?}");
    }
}

#[test]
fn a_rehearsal_opens_none() {
    for status in Status::ALL {
        let rehearsed = RunEvent {
            mode: Mode::DryRun,
            ..event(status)
        };
        assert_eq!(triage(&rehearsed), None, "{status:?}");
    }
}

#[test]
fn severity_is_the_hosts_criticality() {
    for (criticality, severity) in [
        (Criticality::Critical, Severity::Sev1),
        (Criticality::High, Severity::Sev2),
        (Criticality::Medium, Severity::Sev3),
        (Criticality::Low, Severity::Sev4),
    ] {
        let opened = triage(&RunEvent {
            criticality,
            ..event(Status::Failed)
        });
        assert_eq!(opened.map(|opened| opened.incident.severity), Some(severity));
    }
}

#[test]
fn a_question_is_told_with_code_cause_and_remedy() {
    let asked = RunEvent {
        step: Some(Step::Issue),
        question: Some(failure().ask()),
        ..event(Status::NeedsManual)
    };
    let (run, opened) = (asked.run_id, triage(&asked).expect("an incident").incident);
    assert_eq!(
        opened.title,
        "www.example.org: the renewal needs a person at issue (ISS-0004)"
    );
    assert_eq!(
        opened.detail,
        format!(
            "ISS-0004: the CA could not reach www.example.org on port 80.\nWhat to do: open port 80.\n\
             The run waits. When it is mended: vigilo resume {run}; or: vigilo resolve | cancel {run}\n\
             More on it: vigilo explain ISS-0004"
        )
    );
    assert_eq!((opened.run_id, opened.host_id), (Some(asked.run_id), asked.host_id));
}

#[test]
fn a_failure_is_told_and_says_that_the_run_has_ended() {
    let failed = RunEvent {
        failure: Some(failure()),
        ..event(Status::Failed)
    };
    let opened = triage(&failed).expect("an incident").incident;
    assert_eq!(opened.title, "www.example.org: the renewal failed (ISS-0004)");
    let again = format!("has ended. When it is mended: vigilo retry {}", failed.run_id);
    assert!(opened.detail.contains(&again), "{}", opened.detail);
}

#[test]
fn an_event_without_a_reason_names_the_command_that_shows_it() {
    let bare = event(Status::Failed);
    let opened = triage(&bare).expect("an incident").incident;
    assert!(
        opened.detail.contains(&format!("vigilo run {}", bare.run_id)),
        "{}",
        opened.detail
    );
}

#[test]
fn hosts_have_one_cause_when_code_and_kind_of_step_agree() {
    let at = |step| {
        let failed = RunEvent {
            step: Some(step),
            failure: Some(failure()),
            ..event(Status::Failed)
        };
        triage(&failed).expect("an incident")
    };
    let (first, second) = (at(Step::Deploy(0)), at(Step::Deploy(3)));
    assert_eq!(first.member.cause, second.member.cause);
    assert_ne!(first.member.cause, at(Step::Issue).member.cause);
    let many = first.of_many();
    assert_eq!(many.title, "many hosts: the renewals fail at deploy (ISS-0004)");
    for said in [
        "open port 80",
        "vigilo retry --all-failed --code ISS-0004",
        "vigilo renew HOST",
    ] {
        assert!(many.detail.contains(said), "{}", many.detail);
    }
    assert!(
        !many.detail.contains("--all-asking"),
        "none of them asks: {}",
        many.detail
    );
    let asking = RunEvent {
        step: Some(Step::Issue),
        question: Some(failure().ask()),
        ..event(Status::NeedsManual)
    };
    let many = triage(&asking).expect("an incident").of_many();
    assert!(
        many.detail.contains("vigilo resume --all-asking --code ISS-0004") && !many.detail.contains("retry"),
        "{}",
        many.detail
    );
}

#[test]
fn a_run_that_asks_at_its_end_is_not_to_be_resolved() {
    let asking = RunEvent {
        step: Some(Step::Tidy),
        question: Some(failure().ask()),
        ..event(Status::NeedsManual)
    };
    let detail = triage(&asking).expect("an incident").incident.detail;
    assert!(
        detail.contains("vigilo cancel") && !detail.contains("resolve"),
        "{detail}"
    );
}

#[test]
fn only_a_live_run_that_was_cancelled_is_given_up() {
    for status in Status::ALL {
        let live = event(status);
        let said = given_up(&live);
        assert_eq!(said.is_some(), status == Status::Cancelled, "{status:?}");
        assert!(said.is_none_or(|said| said.contains("vigilo renew www.example.org")));
        let mode = Mode::DryRun;
        assert_eq!(given_up(&RunEvent { mode, ..live }), None);
    }
}

#[test]
fn only_a_live_success_mends() {
    for status in Status::ALL {
        let live = event(status);
        let dry = RunEvent {
            mode: Mode::DryRun,
            ..live.clone()
        };
        assert_eq!(recovery(&live).is_some(), status == Status::Succeeded, "{status:?}");
        assert_eq!(recovery(&dry), None);
    }
}

#[test]
fn the_trouble_of_many_runs_of_a_job_names_it() {
    let job = JobId::new();
    let failed = RunEvent {
        job_id: Some(job),
        failure: Some(failure()),
        ..event(Status::Failed)
    };
    let many = triage(&failed).expect("trouble").of_many();
    assert!(many.title.contains(&format!("of job {job}")), "{}", many.title);
    assert!(
        many.detail.contains(&format!("vigilo job show {job}")),
        "{}",
        many.detail
    );
}
