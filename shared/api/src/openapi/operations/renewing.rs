//! What is done: runs, jobs, what people do to them, and what they are told of.

use domain::job;
use protocol::report::Exchange;
use protocol::request::AmendedRun;
use serde_json::json;

use super::{one_of, text, uuid, yes_or_no};
use crate::acts::{Resolution, RunAct, RunsAct, ToldMany};
use crate::emergencies::{Emergency, EmergencyDetail, EmergencyRenewal};
use crate::incidents::{Incident, IncidentDetail, Note};
use crate::jobs::{Commit, Job, JobDetail, JobLine, JobNote, JobTaken, NewJob};
use crate::lists::{Items, Page};
use crate::openapi::operation::{Operation, get, post};
use crate::renewals::{Answered, Renewal};
use crate::runs::{Line, Run, RunCounts, RunDetail, RunIds, Standing};

#[expect(clippy::too_many_lines, reason = "a table, one operation after the other")]
pub(super) fn jobs() -> Vec<Operation> {
    let states = job::JobState::ALL.map(job::JobState::as_str);
    vec![
        get("/api/v1/jobs", "Bulk renewals, newest first")
            .query("state", "only those in this state", one_of(&states))
            .query("after", "the id of a job", uuid())
            .limit()
            .answers::<Page<Job>>(200, "a page"),
        post(
            "/api/v1/jobs",
            "Plan a bulk renewal; nothing happens to any host. The plan is ready when the job is `planned`",
        )
        .takes::<NewJob>()
        .answers::<JobTaken>(202, "taken down"),
        get(
            "/api/v1/jobs/{id}",
            "A bulk renewal with its totals, how its runs stand, when it will end and what people did to it",
        )
        .answers::<JobDetail>(200, "the job"),
        get(
            "/api/v1/jobs/{id}/lines",
            "What was decided of each host, in the order of the plan, and what became of it",
        )
        .query(
            "decision",
            "only what is renewed, or only what is not",
            one_of(&["included", "left_out"]),
        )
        .query(
            "reason",
            "only what is left out for this",
            one_of(&job::LeftOut::REASONS),
        )
        .query("after", "the number of a line", json!({ "type": "integer" }))
        .limit()
        .answers::<Page<JobLine>>(200, "a page"),
        post(
            "/api/v1/jobs/{id}/commit",
            "Create the runs as planned; asked twice it is done once. A plan older than an hour is refused without \
             stale_ok",
        )
        .may_take::<Commit>()
        .answers::<JobTaken>(202, "taken down"),
        post(
            "/api/v1/jobs/{id}/pause",
            "Hold the runs that have not begun; those that have go to their end",
        )
        .may_take::<JobNote>()
        .answers::<JobTaken>(200, "done"),
        post(
            "/api/v1/jobs/{id}/resume",
            "Let go what is paused or halted; earlier failures do not count again",
        )
        .may_take::<JobNote>()
        .answers::<JobTaken>(200, "done"),
        post(
            "/api/v1/jobs/{id}/cancel",
            "Give up the plan, or every run that has not ended",
        )
        .may_take::<JobNote>()
        .answers::<JobTaken>(200, "done"),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table, one operation after the other")]
pub(super) fn runs() -> Vec<Operation> {
    let statuses = domain::run::Status::ALL.map(domain::run::Status::as_str);
    vec![
        post("/api/v1/renewals", "Ask for runs; every hostname is in one of the two lists of the answer")
            .takes::<Renewal>()
            .answers::<Answered>(202, "what the planner made of it"),
        get("/api/v1/runs", "Runs, newest first")
            .query("status", "only those in this status", one_of(&statuses))
            .query("hostname", "only those of this host", text())
            .query("job", "runs of this bulk renewal", uuid())
            .query("after", "the id of a run", uuid())
            .limit()
            .answers::<Page<Run>>(200, "a page"),
        get("/api/v1/runs/counts", "How many runs stand in each status")
            .answers::<RunCounts>(200, "one number for each status"),
        post(
            "/api/v1/runs/status",
            "The standing of up to 1000 runs at once; unknown ids are left out",
        )
        .takes::<RunIds>()
        .answers::<Items<Standing>>(200, "their standing"),
        get("/api/v1/runs/{id}", "A run with its steps, checks and log").answers::<RunDetail>(200, "the run"),
        get(
            "/api/v1/runs/{id}/exchange",
            "The raw ACME exchange of a run, redacted, oldest first",
        )
        .answers::<Items<Exchange>>(200, "requests and answers"),
        get(
            "/api/v1/runs/{id}/log",
            "The log of a run, oldest first; with follow, as server-sent events while it grows",
        )
        .described(
            "Followed, it begins with what has happened, goes on with what workers write down while a step runs, and \
             ends when the run has ended. Events: `line` (a Line), `status` (a Standing, whenever it changes) and `end` \
             (a Standing). Who comes back with the header Last-Event-ID reads on where the connection broke.",
        )
        .query("follow", "go on with what happens", yes_or_no())
        .last_event_id()
        .answers::<Items<Line>>(200, "the lines")
        .or_as("text/event-stream"),
        get(
            "/api/v1/runs/{id}/csr",
            "The run's own CSR, to have a certificate issued elsewhere",
        )
        .answers_text("PKCS#10 as PEM", "application/x-pem-file"),
        get(
            "/api/v1/events",
            "What happens to the runs of the workspace, as server-sent events, replayed and followed",
        )
        .described(
            "Each `run` event is one change of a run's status (shared/protocol/schema/event.json). The stream keeps 30 \
             days. Who comes back with the header Last-Event-ID reads on where the connection broke.",
        )
        .query(
            "since",
            "replay from here on; absent: with follow from now, else everything that is kept",
            json!({ "type": "string", "format": "date-time" }),
        )
        .query(
            "follow",
            "go on with what happens; else it ends with what has happened",
            yes_or_no(),
        )
        .last_event_id()
        .answers_text("the events", "text/event-stream"),
    ]
}

pub(super) fn acts() -> Vec<Operation> {
    vec![
        post(
            "/api/v1/runs/{id}/resume",
            "Go on at the step that asked, with the targets and addresses of today's policy; a certificate that was \
             issued is never asked for again",
        )
        .may_take::<RunAct>()
        .answers::<AmendedRun>(200, "it goes on"),
        post(
            "/api/v1/runs/{id}/retry",
            "Let a live run that failed begin again at the first step that must be repeated, with the targets and \
             addresses of today's policy",
        )
        .may_take::<RunAct>()
        .answers::<AmendedRun>(200, "it goes on"),
        post(
            "/api/v1/runs/{id}/cancel",
            "Give a run up; a step that is being carried out is finished first, challenge records are removed",
        )
        .may_take::<RunAct>()
        .answers::<AmendedRun>(200, "it ends"),
        post(
            "/api/v1/runs/{id}/resolve",
            "Go on with a certificate that was got elsewhere; it is checked, installed and looked at like an issued one",
        )
        .takes::<Resolution>()
        .answers::<AmendedRun>(200, "it goes on"),
        post("/api/v1/runs/resume", "Resume many runs, each for itself: by id, or all that ask")
            .takes::<RunsAct>()
            .answers::<ToldMany>(200, "what became of each"),
        post(
            "/api/v1/runs/retry",
            "Retry many runs, each for itself: by id, or all whose policy had no later run",
        )
        .takes::<RunsAct>()
        .answers::<ToldMany>(200, "what became of each"),
        post("/api/v1/runs/cancel", "Cancel many runs, each for itself: by id, or all that ask")
            .takes::<RunsAct>()
            .answers::<ToldMany>(200, "what became of each"),
    ]
}

pub(super) fn emergencies() -> Vec<Operation> {
    vec![
        get("/api/v1/emergencies", "What CAs want renewed at once, newest first")
            .answers::<Items<Emergency>>(200, "all of them"),
        get(
            "/api/v1/emergencies/{id}",
            "One of them with the hosts that are left, in the order in which they are renewed",
        )
        .limit()
        .answers::<EmergencyDetail>(200, "the emergency"),
        post(
            "/api/v1/emergencies/{id}/renew",
            "Live runs of all that is left and not on its way, also of what renews only by hand or is inside its cooldown",
        )
        .answers::<EmergencyRenewal>(202, "what was asked for; each hostname is accepted or refused for itself"),
    ]
}

pub(super) fn incidents() -> Vec<Operation> {
    let states = domain::incident::State::ALL.map(domain::incident::State::as_str);
    vec![
        get("/api/v1/incidents", "Incidents, newest first")
            .query(
                "state",
                "without it all but those that went into another",
                one_of(&states),
            )
            .query("after", "the id of an incident", uuid())
            .limit()
            .answers::<Page<Incident>>(200, "a page"),
        get(
            "/api/v1/incidents/{id}",
            "One incident with its runs, its history and how it was told",
        )
        .answers::<IncidentDetail>(200, "the incident"),
        post("/api/v1/incidents/{id}/acknowledge", "Acknowledge an open incident")
            .may_take::<Note>()
            .answers::<IncidentDetail>(200, "the incident"),
        post(
            "/api/v1/incidents/{id}/close",
            "Close an incident, whatever its runs say; one of them that fails again opens it again",
        )
        .may_take::<Note>()
        .answers::<IncidentDetail>(200, "the incident"),
    ]
}
