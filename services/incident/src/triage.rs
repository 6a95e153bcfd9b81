//! Which run event a person must hear of, and in which words. Pure.

use domain::disposition::ErrorCode;
use domain::incident::{Cause, Incident, Member, Severity, State};
use domain::run::{Mode, Status};
use domain::{IncidentId, JobId, RunId};
use protocol::event::RunEvent;
use store::Group;

/// What a run says of its trouble, wherever it stands.
struct Said<'a> {
    code: &'a ErrorCode,
    what: &'a str,
    hint: &'a str,
}

/// A run with trouble, and the incident that it opens unless it belongs to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub incident: Incident,
    pub member: Member,
    /// The bulk renewal that the run belongs to.
    pub job: Option<JobId>,
}

impl Trouble {
    /// How the incident is called when many hosts have this trouble.
    pub fn of_many(&self) -> Group {
        let cause = self.member.cause.as_ref();
        let code = cause.map(|cause| format!(" ({})", cause.code)).unwrap_or_default();
        let at = cause
            .filter(|cause| !cause.step.is_empty())
            .map(|cause| format!(" at {}", cause.step));
        let (of_job, job) = match self.job {
            Some(job) => (format!(" of job {job}"), format!("{}\n", look_at(job))),
            None => (String::new(), String::new()),
        };
        let at_once = cause.map_or_else(String::new, |cause| {
            format!(
                "All that ask for this reason go on at once with: vigilo resume --all-asking --code {}\n",
                cause.code
            )
        });
        let detail = format!(
            "Many hosts failed in the same way within minutes; mend the one cause first. {at_once}{job}{} says:\n{}",
            self.member.hostname, self.member.said
        );
        Group {
            title: format!("many hosts: the renewals{of_job} fail{}{code}", at.unwrap_or_default()),
            detail,
        }
    }
}

fn look_at(job: JobId) -> String {
    format!("They are of one bulk renewal, which holds back what shares the cause of too many: vigilo job show {job}")
}

/// The trouble that an event tells of; none when nobody needs to hear of it. Whoever asked for a rehearsal is looking at
/// its checks, so a dry run opens none.
pub fn triage(event: &RunEvent) -> Option<Trouble> {
    match event.mode {
        Mode::Live => {}
        Mode::DryRun => return None,
    }
    let run = event.run_id;
    let (happened, next) = match event.status {
        Status::Failed => (
            "the renewal failed",
            format!("The run has ended. When it is mended: vigilo retry {run}"),
        ),
        Status::NeedsManual => (
            "the renewal needs a person",
            format!("The run waits. When it is mended: vigilo resume {run}; or: vigilo resolve | cancel {run}"),
        ),
        Status::Queued | Status::Running | Status::Succeeded | Status::Cancelled => return None,
    };
    let member = member(event, detail(event, &next));
    Some(Trouble {
        incident: incident(&member, event, title(event, happened)),
        member,
        job: event.job_id,
    })
}

/// What is to be said of the trouble of a run that was given up: nobody resumes it any more, and its host still serves
/// what it served.
pub fn given_up(event: &RunEvent) -> Option<String> {
    match (event.mode, event.status) {
        (Mode::Live, Status::Cancelled) => Some(format!(
            "Run {} was cancelled: {} was not renewed.\n\
             When it may be renewed: vigilo renew {}; the incident closes by itself when that has succeeded, or a person \
             closes it.",
            event.run_id, event.hostname, event.hostname
        )),
        (Mode::DryRun, _) => None,
        (Mode::Live, Status::Queued | Status::Running | Status::Succeeded | Status::Failed | Status::NeedsManual) => {
            None
        }
    }
}

/// The run of an event that ends the trouble of its host.
pub fn mends(event: &RunEvent) -> Option<RunId> {
    match (event.mode, event.status) {
        (Mode::Live, Status::Succeeded) => Some(event.run_id),
        (Mode::DryRun, _) => None,
        (Mode::Live, Status::Queued | Status::Running | Status::Failed | Status::NeedsManual | Status::Cancelled) => {
            None
        }
    }
}

fn member(event: &RunEvent, said: String) -> Member {
    Member {
        run_id: event.run_id,
        host_id: event.host_id,
        hostname: event.hostname.clone(),
        criticality: event.criticality,
        cause: said_by(event).map(|said| Cause {
            code: said.code.clone(),
            step: event
                .step
                .map(|step| step.kind().as_str().to_owned())
                .unwrap_or_default(),
        }),
        said,
        opened_at: event.at,
        told_at: event.at,
        closed_at: None,
        closed_because: None,
    }
}

fn incident(member: &Member, event: &RunEvent, title: String) -> Incident {
    Incident {
        id: IncidentId::new(),
        workspace: event.workspace.clone(),
        host_id: event.host_id,
        run_id: Some(event.run_id),
        hostname: event.hostname.clone(),
        severity: Severity::of(event.criticality),
        state: State::Open,
        common: false,
        cause: member.cause.clone(),
        title,
        detail: member.said.clone(),
        opened_at: event.at,
        acknowledged: None,
        closed: None,
        folded_into: None,
    }
}

fn title(event: &RunEvent, happened: &str) -> String {
    let at = event.step.map(|step| format!(" at {step}")).unwrap_or_default();
    let code = said_by(event)
        .map(|said| format!(" ({})", said.code))
        .unwrap_or_default();
    format!("{}: {happened}{at}{code}", event.hostname)
}

fn detail(event: &RunEvent, next: &str) -> String {
    match said_by(event) {
        Some(said) => {
            let (what, hint) = (sentence(said.what), sentence(said.hint));
            let code = said.code;
            format!("{code}: {what}\nWhat to do: {hint}\n{next}\nMore on it: vigilo explain {code}")
        }
        None => format!(
            "The run does not say why. Its steps and log do: vigilo run {}\n{next}",
            event.run_id
        ),
    }
}

fn said_by(event: &RunEvent) -> Option<Said<'_>> {
    let question = event.question.as_ref().map(|asked| Said {
        code: &asked.code,
        what: &asked.what,
        hint: &asked.hint,
    });
    let failure = || {
        event.failure.as_ref().map(|failed| Said {
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
        for said in ["open port 80", "vigilo resume --all-asking --code ISS-0004"] {
            assert!(many.detail.contains(said), "{}", many.detail);
        }
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
            assert_eq!(mends(&live).is_some(), status == Status::Succeeded, "{status:?}");
            assert_eq!(mends(&dry), None);
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
}
