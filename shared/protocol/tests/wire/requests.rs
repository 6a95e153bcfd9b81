use domain::Invalid;
use domain::filter::Filter;
use domain::job::{JobSpec, JobState, Progress, Totals};
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use protocol::request::{
    Accepted, AmendedRun, Amendment, Answer, BulkCommitRequest, BulkPlanRequest, EventsRequest, JobRequest,
    JobStanding, ProbeRequest, Refused, RefusedRun, RenewRequest, ResolveRequest, RunRequest, RunsRequest,
};
use serde_json::json;

use crate::kept::travels;
use crate::parts::{at, envelope, run_id};

fn refusal() -> Invalid {
    Invalid::new("hostname", "there is no policy", "create one first")
}

fn hostname(text: &str) -> domain::Hostname {
    text.parse().expect("a hostname")
}

#[test]
fn a_renewal_is_asked_for_as_before() {
    let request = RenewRequest {
        hostnames: vec![hostname("a.example.org"), hostname("b.example.org")],
        mode: Some(Mode::DryRun),
        strategy: None,
        idempotency_key: "tonight".to_owned(),
        requested_by: "ann".to_owned(),
        trigger: Trigger::Bulk,
        at_once: false,
        when_allowed: false,
        despite_cooldown: false,
    };
    travels("request-renew", &request);
}

#[test]
fn a_renewal_says_how_its_provider_is_chosen() {
    let request = RenewRequest {
        hostnames: vec![hostname("a.example.org")],
        mode: None,
        strategy: Some(Strategy::CostAware),
        idempotency_key: "tonight".to_owned(),
        requested_by: "ann".to_owned(),
        trigger: Trigger::Operator,
        at_once: false,
        when_allowed: false,
        despite_cooldown: false,
    };
    travels("request-renew-cost-aware", &request);
}

#[test]
fn a_renewal_may_go_despite_a_cooldown_and_come_with_a_warning() {
    let request = RenewRequest {
        hostnames: vec![hostname("a.example.org")],
        mode: Some(Mode::Live),
        strategy: None,
        idempotency_key: "tonight".to_owned(),
        requested_by: "ann".to_owned(),
        trigger: Trigger::Bulk,
        at_once: true,
        when_allowed: false,
        despite_cooldown: true,
    };
    travels("request-renew-despite-cooldown", &request);
    let warned = Answer::Renewal {
        accepted: Vec::new(),
        refused: Vec::new(),
        warning: Some("the month's budget does not allow all of this".to_owned()),
    };
    travels("answer-renewal-warned", &warned);
}

#[test]
fn a_run_is_resumed_retried_and_cancelled_as_before() {
    let request = RunRequest {
        run_id: run_id(),
        requested_by: "ann".to_owned(),
        note: None,
        new_account: false,
    };
    travels("request-run", &request);
}

#[test]
fn many_runs_are_told_at_once() {
    let request = RunsRequest {
        run_ids: vec![run_id()],
        requested_by: "ann".to_owned(),
        note: Some("the CA has ended the account".to_owned()),
        new_account: true,
    };
    travels("request-runs", &request);
}

#[test]
fn a_run_is_resolved_with_a_chain_and_never_with_a_key_in_the_clear() {
    let request = ResolveRequest {
        run_id: run_id(),
        requested_by: "ann".to_owned(),
        chain_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
        sealed_key: Some(envelope("leaf-key")),
        already_installed: false,
        note: None,
    };
    travels("request-resolve", &request);
    let mut wire = serde_json::to_value(&request).expect("it is written");
    wire["sealed_key"] = json!("-----BEGIN PRIVATE KEY-----");
    let refused = serde_json::from_value::<ResolveRequest>(wire)
        .expect_err("plaintext")
        .to_string();
    assert!(
        refused.contains("not sealed") && !refused.contains("BEGIN"),
        "{refused}"
    );
}

#[test]
fn a_look_is_asked_for_as_before() {
    let request = ProbeRequest {
        hostnames: vec![hostname("a.example.org")],
        requested_by: "ann".to_owned(),
    };
    travels("request-probe", &request);
}

fn job_id() -> domain::JobId {
    "019ab3c0-0000-7000-8000-000000000009".parse().expect("an id")
}

#[test]
fn a_bulk_is_planned_as_before() {
    let mut request = BulkPlanRequest {
        spec: JobSpec::of(Filter::default()),
        idempotency_key: "tonight".to_owned(),
        requested_by: "ann".to_owned(),
    };
    travels("request-bulk-plan", &request);
    request.spec = serde_json::from_value(json!({
        "filter": {"hostnames": ["a.example.org"], "hostname_glob": "*.example.org", "environments": ["prod"],
                   "criticalities": ["high"], "tags": ["edge"], "providers": ["letsencrypt"], "days_until_expiry": 30},
        "strategy": "cost-aware", "mode": "live", "start_at": at(0), "ends_at": at(60), "windows": [{"cron": "0 22 * * *", "minutes": 480, "zone": "Europe/Berlin"}], "budget_micro_usd": 5_000_000,
        "concurrency": 8, "cooldown": "schedule", "canary": {"percent": 1}, "halt": {"percent": 10, "at_least": 2},
        "reason": "the night plan",
    }))
    .expect("a spec");
    travels("request-bulk-plan-full", &request);
}

#[test]
fn a_job_is_committed_and_told_as_before() {
    let commit = BulkCommitRequest {
        job_id: job_id(),
        requested_by: "ann".to_owned(),
        stale_ok: true,
    };
    travels("request-bulk-commit", &commit);
    let told = JobRequest {
        job_id: job_id(),
        requested_by: "ann".to_owned(),
        note: Some("the CA is down".to_owned()),
    };
    travels("request-job", &told);
}

#[test]
fn a_consumer_of_run_events_is_asked_for_as_before() {
    let request = EventsRequest {
        consumer: 1,
        since: Some(at(0)),
        requested_by: "cmdb".to_owned(),
    };
    travels("request-events", &request);
}

fn standing() -> JobStanding {
    JobStanding {
        job_id: job_id(),
        state: JobState::Running,
        note: None,
        totals: Totals {
            hosts: 3,
            included: 2,
            ..Totals::default()
        },
        progress: Progress {
            running: 1,
            succeeded: 1,
            ..Progress::default()
        },
        eta: Some(at(60)),
    }
}

/// How its snapshot is called; a new answer does not compile before it has a name.
fn name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Renewal { .. } => "answer-renewal",
        Answer::Done { .. } => "answer-done",
        Answer::Told { .. } => "answer-told",
        Answer::Probing { .. } => "answer-probing",
        Answer::Job { .. } => "answer-job",
        Answer::JobStands(_) => "answer-job-stands",
        Answer::Events { .. } => "answer-events",
        Answer::Rejected { .. } => "answer-rejected",
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn every_answer_is_given_as_before() {
    let accepted = Accepted {
        hostname: hostname("a.example.org"),
        run_id: run_id(),
    };
    let refused = Refused {
        hostname: hostname("b.example.org"),
        reason: refusal(),
    };
    let answers = [
        Answer::Renewal {
            accepted: vec![accepted],
            refused: vec![refused.clone()],
            warning: None,
        },
        Answer::Probing {
            asked_at: at(0),
            asked: vec![hostname("a.example.org")],
            refused: vec![refused],
        },
        Answer::Done {
            run_id: run_id(),
            amendment: Amendment::default(),
        },
        Answer::Told {
            done: vec![run_id()],
            refused: vec![RefusedRun {
                run_id: run_id(),
                reason: refusal(),
            }],
            amended: Vec::new(),
        },
        Answer::Job { job_id: job_id() },
        Answer::JobStands(Box::new(standing())),
        Answer::Events {
            consumer: "ws-default-1".to_owned(),
        },
        Answer::Rejected { reason: refusal() },
    ];
    for answer in answers {
        travels(name(&answer), &answer);
    }
}

#[test]
fn what_a_run_took_from_the_policy_travels_with_its_answer() {
    let amendment = Amendment {
        changed: vec!["port 443 → 8443".to_owned()],
        not_taken: vec!["names".to_owned()],
    };
    let one = Answer::Done {
        run_id: run_id(),
        amendment: amendment.clone(),
    };
    travels("answer-done-amended", &one);
    let many = Answer::Told {
        done: vec![run_id()],
        refused: Vec::new(),
        amended: vec![AmendedRun {
            run_id: run_id(),
            amendment,
        }],
    };
    travels("answer-told-amended", &many);
}

#[test]
fn a_request_with_an_unknown_key_is_refused_by_name() {
    let sample =
        json!({"hostnames": ["a.example.org"], "idempotency_key": "k", "requested_by": "ann", "colour": "red"});
    let refused = serde_json::from_value::<RenewRequest>(sample)
        .expect_err("an unknown key")
        .to_string();
    assert!(refused.contains("colour"), "{refused}");
}

#[test]
fn a_renewal_at_once_or_when_it_is_allowed() {
    let request: RenewRequest = serde_json::from_value(serde_json::json!({
        "hostnames": ["www.example.org"], "idempotency_key": "k", "requested_by": "ann", "at_once": true, "when_allowed": true,
    }))
    .expect("a request");
    travels("request-renew-at-once", &request);
}
