//! Which run event a person must hear of, how urgent it is, and in which words. Pure.

use domain::disposition::ErrorCode;
use domain::incident::{Incident, Severity};
use domain::run::{Mode, Status};
use domain::{IncidentId, Timestamp};
use protocol::event::RunEvent;

/// What a run says of its trouble, wherever it stands.
struct Trouble<'a> {
    code: &'a ErrorCode,
    what: &'a str,
    hint: &'a str,
}

/// The incident of an event, opened `now`; none when nobody needs to hear of it. Whoever asked for a rehearsal is
/// looking at its checks, so a dry run opens none.
pub fn triage(event: &RunEvent, now: Timestamp) -> Option<Incident> {
    match event.mode {
        Mode::Live => {}
        Mode::DryRun => return None,
    }
    let (happened, next) = match event.status {
        Status::Failed => (
            "the renewal failed",
            "The run has ended. When it is mended, renew the host again.",
        ),
        Status::NeedsManual => (
            "the renewal needs a person",
            "The run waits: resume it when it is mended, or cancel it.",
        ),
        Status::Queued | Status::Running | Status::Succeeded | Status::Cancelled => return None,
    };
    Some(Incident {
        id: IncidentId::new(),
        workspace: event.workspace.clone(),
        host_id: event.host_id,
        run_id: event.run_id,
        hostname: event.hostname.clone(),
        severity: Severity::of(event.criticality),
        title: title(event, happened),
        detail: detail(event, next),
        opened_at: now,
    })
}

fn title(event: &RunEvent, happened: &str) -> String {
    let at = event.step.map(|step| format!(" at {step}")).unwrap_or_default();
    let code = trouble(event)
        .map(|trouble| format!(" ({})", trouble.code))
        .unwrap_or_default();
    format!("{}: {happened}{at}{code}", event.hostname)
}

fn detail(event: &RunEvent, next: &str) -> String {
    match trouble(event) {
        Some(trouble) => {
            let (what, hint) = (sentence(trouble.what), sentence(trouble.hint));
            format!("{}: {what}\nWhat to do: {hint}\n{next}", trouble.code)
        }
        None => format!(
            "The run does not say why. Its steps and log do: vigilo run {}\n{next}",
            event.run_id
        ),
    }
}

fn trouble(event: &RunEvent) -> Option<Trouble<'_>> {
    let question = event.question.as_ref().map(|asked| Trouble {
        code: &asked.code,
        what: &asked.what,
        hint: &asked.hint,
    });
    let failure = || {
        event.failure.as_ref().map(|failed| Trouble {
            code: &failed.code,
            what: &failed.what,
            hint: &failed.hint,
        })
    };
    question.or_else(failure)
}

fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use domain::disposition::Failure;
    use domain::host::Criticality;
    use domain::run::{Step, Trigger};
    use domain::{HostId, PolicyId, RunId, WorkspaceId};

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
            assert_eq!(triage(&event(status), Timestamp::EPOCH).is_some(), opens, "{status:?}");
        }
    }

    #[test]
    fn a_rehearsal_opens_none() {
        for status in Status::ALL {
            let rehearsed = RunEvent {
                mode: Mode::DryRun,
                ..event(status)
            };
            assert_eq!(triage(&rehearsed, Timestamp::EPOCH), None, "{status:?}");
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
            let opened = triage(
                &RunEvent {
                    criticality,
                    ..event(Status::Failed)
                },
                Timestamp::EPOCH,
            );
            assert_eq!(opened.map(|incident| incident.severity), Some(severity));
        }
    }

    #[test]
    fn a_question_is_told_with_code_cause_and_remedy() {
        let asked = RunEvent {
            step: Some(Step::Issue),
            question: Some(failure().ask()),
            ..event(Status::NeedsManual)
        };
        let opened = triage(&asked, Timestamp::EPOCH).expect("an incident");
        assert_eq!(
            opened.title,
            "www.example.org: the renewal needs a person at issue (ISS-0004)"
        );
        assert_eq!(
            opened.detail,
            "ISS-0004: the CA could not reach www.example.org on port 80.\nWhat to do: open port 80.\n\
             The run waits: resume it when it is mended, or cancel it."
        );
        assert_eq!((opened.run_id, opened.host_id), (asked.run_id, asked.host_id));
    }

    #[test]
    fn a_failure_is_told_and_says_that_the_run_has_ended() {
        let failed = RunEvent {
            failure: Some(failure()),
            ..event(Status::Failed)
        };
        let opened = triage(&failed, Timestamp::EPOCH).expect("an incident");
        assert_eq!(opened.title, "www.example.org: the renewal failed (ISS-0004)");
        assert!(opened.detail.contains("has ended"), "{}", opened.detail);
    }

    #[test]
    fn an_event_without_a_reason_names_the_command_that_shows_it() {
        let bare = event(Status::Failed);
        let opened = triage(&bare, Timestamp::EPOCH).expect("an incident");
        assert!(
            opened.detail.contains(&format!("vigilo run {}", bare.run_id)),
            "{}",
            opened.detail
        );
    }
}
