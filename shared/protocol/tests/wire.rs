//! What is on the wire stays readable: samples of schema 1 as they were first sent.

use protocol::event::RunEvent;
use protocol::order::{IssueSpec, Order};
use protocol::report::Report;
use protocol::request::{Answer, RenewRequest};
use serde_json::{Value, json};

fn order() -> Value {
    json!({
        "schema": 1, "run_id": "019ab3c0-0000-7000-8000-000000000001", "workspace": "default",
        "hostname": "www.example.org", "step": "issue", "attempt": 3, "mode": "live", "failures": 1, "wait_seconds": 60,
        "deadline": "2026-11-24T02:00:00Z",
        "checkpoint": {"checkpoint": "acme_order", "url": "https://ca.example.org/order/1",
                       "expires": "2026-11-25T02:00:00Z", "tokens": ["abc"]},
        "spec": {"directory_url": "https://ca.example.org/dir", "account_key": "cmek:v1:a:b:c",
                 "names": ["www.example.org"], "csr_pem": "-----BEGIN…", "challenge": "http-01"},
    })
}

/// Reads a sample and writes it again: the same, so nothing is lost or renamed.
fn survives<T: serde::de::DeserializeOwned + serde::Serialize>(sample: &Value) {
    let read: T = serde_json::from_value(sample.clone()).expect("the sample is read");
    assert_eq!(&serde_json::to_value(read).expect("it is written"), sample);
}

#[test]
fn an_order_is_read_and_written_as_it_was() {
    survives::<Order<IssueSpec>>(&order());
}

#[test]
fn the_same_order_has_the_same_message_id() {
    let order: Order<IssueSpec> = serde_json::from_value(order()).expect("the sample is read");
    assert_eq!(order.message_id(), "019ab3c0-0000-7000-8000-000000000001.issue.3");
}

#[test]
fn a_report_is_read_and_written_as_it_was() {
    survives::<Report>(&json!({
        "schema": 1, "run_id": "019ab3c0-0000-7000-8000-000000000001", "workspace": "default", "step": "deploy-0",
        "attempt": 5, "worker": "deployer/7", "started_at": "2026-11-24T01:00:00Z", "ended_at": "2026-11-24T01:00:01Z",
        "outcome": "stuck", "forget_checkpoint": false,
        "question": {"code": "DEP-0001", "what": "w", "hint": "h", "answers": ["resume", "cancel"]},
        "notes": {
            "checks": [{"name": "c", "passed": false, "advisory": true, "evidence": "e"}],
            "log": [{"at": "2026-11-24T01:00:00Z", "level": "warn", "message": "m", "fields": {"k": "v"}}],
            "exchange": [{"at": "2026-11-24T01:00:00Z", "method": "POST", "url": "https://ca.example.org/x",
                          "request": "{}", "status": 201, "response": "{}", "took_ms": 4}],
        },
    }));
}

#[test]
fn an_event_and_an_answer_are_read_and_written_as_they_were() {
    survives::<RunEvent>(&json!({
        "schema": 1, "run_id": "019ab3c0-0000-7000-8000-000000000001", "workspace": "default",
        "host_id": "019ab3c0-0000-7000-8000-000000000002", "policy_id": "019ab3c0-0000-7000-8000-000000000003",
        "hostname": "www.example.org", "criticality": "high", "mode": "live", "trigger": "operator", "operator": "ann",
        "status": "failed", "step": null, "attempt": 2, "at": "2026-11-24T01:00:00Z",
        "failure": {"code": "ISS-0001", "what": "w", "hint": "h"}, "question": null,
    }));
    survives::<Answer>(&json!({
        "answer": "renewal", "accepted": [{"hostname": "a.example.org", "run_id": "019ab3c0-0000-7000-8000-000000000001"}],
        "refused": [{"hostname": "b.example.org", "reason": {"field": "hostname", "problem": "p", "remedy": "r"}}],
    }));
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
