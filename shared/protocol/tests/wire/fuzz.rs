//! No message ends the process that reads it, and what is read can be written, and read again. The seeds are the samples.

use std::fmt::Debug;
use std::path::Path;

use protocol::custody::{CustodyAnswer, OpenRequest, RecipientRequest, SealRequest};
use protocol::direct_reply::CurrentAsk;
use protocol::event::RunEvent;
use protocol::log::LogBatch;
use protocol::order::{DeploySpec, IssueSpec, Order, PrepareKeySpec, TidySpec, VerifySpec};
use protocol::probe::{ProbeAsk, ProbeSeen};
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold};
use protocol::report::Report;
use protocol::request::{
    Answer, BulkCommitRequest, BulkPlanRequest, EventsRequest, JobRequest, ProbeRequest, RenewRequest, ResolveRequest,
    RunRequest, RunsRequest, readable,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn samples(of: &str, further: &[&str]) -> Vec<Vec<u8>> {
    let mut all = ::fuzz::read(&Path::new(HERE).join("tests/samples"));
    all.retain(|sample| String::from_utf8_lossy(sample).contains(of));
    all.extend(further.iter().map(|text| text.as_bytes().to_vec()));
    all
}

fn travels<T: DeserializeOwned + Serialize + PartialEq + Debug>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, read);
    Some(read)
}

/// An order is for one worker only.
fn carried_out<S: DeserializeOwned + Serialize>(input: &[u8]) {
    if let Ok(order) = serde_json::from_slice::<Order<S>>(input) {
        let _ = (order.message_id(), order.next_try(order.deadline, 0.5));
        serde_json::to_vec(&order).expect("what was read can be written");
    }
}

#[test]
fn reports() {
    ::fuzz::holds(HERE, "reports", &samples("\"outcome\"", &[]), |input| {
        let _ = travels::<Report>(input).map(|report| report.message_id());
        let cleaned = domain::text::without_nul(input);
        if let Some(report) = travels::<Report>(&cleaned) {
            let written = serde_json::to_vec(&report).expect("it can be written");
            assert!(!domain::text::has_nul(&written), "it cannot be kept");
        }
    });
}

#[test]
fn orders_and_what_is_seen_and_told() {
    let further = [
        r#"{"schema":1,"workspace":"default","host_id":"01890a5d-ac96-774b-bcce-b302099a8057","asked_at":"2026-12-01T18:00:00Z","seen_at":"2026-12-01T18:00:01Z","snapshots":[{"id":"01890a5d-ac96-774b-bcce-b302099a8057","dialled":"192.0.2.1:443","taken_at":"2026-12-01T18:00:00Z","probe":"unreachable","probe_error":"no"}]}"#,
        r#"{"schema":1,"workspace":"default","host_id":"01890a5d-ac96-774b-bcce-b302099a8057","cert_id":"AIdlQyE.AIdlQyE","asked_at":"2026-12-01T18:00:00Z","told_at":"2026-12-01T18:00:01Z","answer":"suggested","suggestion":{"window":{"start":"2026-12-01T18:00:00Z","end":"2026-12-02T18:00:00Z"}},"retry_at":"2026-12-01T18:00:00Z"}"#,
    ];
    ::fuzz::holds(HERE, "orders", &samples("\"deadline\"", &further), |input| {
        carried_out::<PrepareKeySpec>(input);
        carried_out::<IssueSpec>(input);
        carried_out::<DeploySpec>(input);
        carried_out::<VerifySpec>(input);
        carried_out::<TidySpec>(input);
        let _ = travels::<ProbeAsk>(input).map(|ask| ask.message_id());
        let _ = travels::<ProbeSeen>(input).map(|seen| seen.message_id());
        let _ = travels::<RenewalInfoAsk>(input).map(|ask| ask.message_id());
        let _ = travels::<RenewalInfoTold>(input).map(|told| told.message_id());
        let _ = serde_json::from_slice::<CurrentAsk>(input);
        let _ = serde_json::from_slice::<LogBatch>(input);
    });
}

#[test]
fn events() {
    ::fuzz::holds(HERE, "events", &samples("\"status\"", &[]), |input| {
        let _ = travels::<RunEvent>(input).map(|event| event.message_id());
    });
}

#[test]
fn requests_and_answers() {
    let further = [
        r#"{"schema":1,"consumer":1,"since":"2026-12-01T18:00:00Z","requested_by":"x"}"#,
        r#"{"spec":{"filter":{"tags":["edge"]},"start_at":"2026-12-01T18:00:00Z"},"idempotency_key":"k","requested_by":"x"}"#,
        r#"{"job_id":"01890a5d-ac96-774b-bcce-b302099a8057","requested_by":"x","note":"n","stale_ok":true}"#,
        r#"{"run_ids":["01890a5d-ac96-774b-bcce-b302099a8057"],"requested_by":"x"}"#,
        r#"{"hostnames":["www.example.org"],"requested_by":"x"}"#,
    ];
    ::fuzz::holds(HERE, "requests", &samples("requested_by", &further), |input| {
        let Ok(body) = serde_json::from_slice(input) else {
            return;
        };
        let Ok(body) = readable(body) else { return };
        let body = serde_json::to_vec(&body).expect("JSON");
        let _ = travels::<RenewRequest>(&body);
        let _ = travels::<RunRequest>(&body);
        let _ = travels::<RunsRequest>(&body);
        let _ = serde_json::from_slice::<ResolveRequest>(&body);
        let _ = travels::<ProbeRequest>(&body);
        let _ = travels::<BulkPlanRequest>(&body);
        let _ = travels::<BulkCommitRequest>(&body);
        let _ = travels::<JobRequest>(&body);
        let _ = travels::<EventsRequest>(&body);
        let _ = serde_json::from_slice::<Answer>(&body);
    });
}

#[test]
fn questions_of_custody() {
    ::fuzz::holds(HERE, "custody", &samples("\"workspace\"", &[]), |input| {
        let _ = serde_json::from_slice::<OpenRequest>(input);
        let _ = serde_json::from_slice::<SealRequest>(input);
        let _ = serde_json::from_slice::<RecipientRequest>(input);
        let _ = serde_json::from_slice::<CustodyAnswer>(input);
    });
}
