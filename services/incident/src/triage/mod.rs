//! Which run event a person must hear of, and in which words. Pure.

#![deny(clippy::wildcard_enum_match_arm)]

use domain::disposition::ErrorCode;
use domain::incident::{Cause, Incident, Member, Severity, State};
use domain::run::{Mode, Status, Step};
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
    /// The run has ended; otherwise it asks.
    pub ended: bool,
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
        let at_once = cause.map_or_else(String::new, |cause| self.all_at_once(&cause.code));
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

impl Trouble {
    /// The command that goes on with every run of this cause: what asks is resumed, what has failed
    /// is retried.
    fn all_at_once(&self, code: &ErrorCode) -> String {
        if self.ended {
            format!(
                "When it is mended, all that failed for this reason are tried again at once with: vigilo retry --all-failed \
                 --code {code}\n{CHANGED}: vigilo renew HOST ...\n"
            )
        } else {
            format!("All that ask for this reason go on at once with: vigilo resume --all-asking --code {code}\n")
        }
    }
}

/// A run keeps names, key and CA as they were planned.
const CHANGED: &str = "After a change of the policy a retry would not see it; a new run does";

/// What can be done with a run that asks: at the end there is no certificate to be brought any
/// more.
fn answers(event: &RunEvent) -> String {
    let run = event.run_id;
    match event.step {
        Some(Step::Tidy) => format!("vigilo resume {run}; or: vigilo cancel {run}"),
        _ => format!("vigilo resume {run}; or: vigilo resolve | cancel {run}"),
    }
}

fn look_at(job: JobId) -> String {
    format!("They are of one bulk renewal, which holds back what shares the cause of too many: vigilo job show {job}")
}

/// The trouble that an event tells of; none when no person needs to hear of it. Whoever asked for a
/// rehearsal is looking at its checks, so a dry run opens none.
pub fn triage(event: &RunEvent) -> Option<Trouble> {
    match event.mode {
        Mode::Live => {}
        Mode::DryRun => return None,
    }
    let run = event.run_id;
    let (happened, next) = match event.status {
        Status::Failed => (
            "the renewal failed",
            format!(
                "The run has ended. When it is mended: vigilo retry {run}\n{CHANGED}: vigilo renew {}",
                event.hostname
            ),
        ),
        Status::NeedsManual => (
            "the renewal needs a person",
            format!("The run waits. When it is mended: {}", answers(event)),
        ),
        Status::Queued | Status::Running | Status::Succeeded | Status::Cancelled => return None,
    };
    let member = member(event, detail(event, &next));
    Some(Trouble {
        incident: incident(&member, event, title(event, happened)),
        member,
        job: event.job_id,
        ended: event.status == Status::Failed,
    })
}

/// What is to be said of the trouble of a run that was given up: no person resumes it any more, and
/// its host still serves what it served.
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
pub fn recovery(event: &RunEvent) -> Option<RunId> {
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
mod tests;
