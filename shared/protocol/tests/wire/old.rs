//! What versions before have sent, or left in a stream: `samples/<version>-<kind>….json`, as it was on the wire.
//!
//! `1-first-…` is schema 1 as it was first sent: without waits, without targets that answer for themselves, without a
//! way back. `2-cause-…` is the first that says whose trouble it is, beside what versions before read instead.

use std::collections::BTreeMap;
use std::path::Path;

use domain::cause::{Cause, OfCa};
use domain::limit::Scope;
use domain::run::{Outcome, Product};
use protocol::custody::{CustodyAnswer, OpenRequest, RecipientRequest, SealRequest};
use protocol::event::RunEvent;
use protocol::order::{DeploySpec, IssueSpec, Order, PrepareKeySpec, TidySpec, VerifySpec};
use protocol::report::{Notes, Report};
use protocol::request::{Answer, RenewRequest, RunRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Read = fn(&str) -> serde_json::Result<Value>;

/// Read as the reader of today reads it, and written again.
fn read<T: DeserializeOwned + Serialize>(text: &str) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_str::<T>(text)?)
}

/// Who reads the files whose name goes on like this.
const READERS: [(&str, Read); 14] = [
    ("order-prepare-key", read::<Order<PrepareKeySpec>>),
    ("order-issue", read::<Order<IssueSpec>>),
    ("order-deploy", read::<Order<DeploySpec>>),
    ("order-verify", read::<Order<VerifySpec>>),
    ("order-tidy", read::<Order<TidySpec>>),
    ("report-", read::<Report>),
    ("event-", read::<RunEvent>),
    ("renew-", read::<RenewRequest>),
    ("run-request", read::<RunRequest>),
    ("answer-", read::<Answer>),
    ("custody-open", read::<OpenRequest>),
    ("custody-seal", read::<SealRequest>),
    ("custody-recipient", read::<RecipientRequest>),
    ("custody-answer-", read::<CustodyAnswer>),
];

const VERSIONS: [&str; 2] = ["1-first-", "2-cause-"];

fn samples() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let entries = std::fs::read_dir(directory).expect("the samples are there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a text"))
        })
        .collect()
}

fn first<T: DeserializeOwned>(kind: &str) -> T {
    let samples = samples();
    let text = samples.get(&format!("1-first-{kind}")).expect("a sample of that name");
    serde_json::from_str(text).expect("it is read")
}

/// Everything that was said is still there; fields that came later have been added.
fn says_at_least(old: &Value, today: &Value) -> bool {
    match (old, today) {
        (Value::Object(old), Value::Object(today)) => old
            .iter()
            .all(|(key, value)| today.get(key).is_some_and(|now| says_at_least(value, now))),
        (Value::Array(old), Value::Array(today)) => {
            old.len() == today.len() && old.iter().zip(today).all(|(old, today)| says_at_least(old, today))
        }
        (old, today) => old == today,
    }
}

#[test]
fn old_samples_still_parse_and_lose_nothing() {
    for (name, text) in samples() {
        let mut versions = VERSIONS.iter();
        let kind = versions.find_map(|version| name.strip_prefix(version));
        let kind = kind.expect("a known version");
        let reader = READERS
            .iter()
            .find(|(of, _)| kind.starts_with(of))
            .unwrap_or_else(|| panic!("{name}: nobody reads it"));
        let today = reader.1(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let old: Value = serde_json::from_str(&text).expect("JSON");
        assert!(says_at_least(&old, &today), "{name} said {old} and now says {today}");
    }
}

#[test]
fn every_kind_that_was_there_first_has_a_sample() {
    let samples = samples();
    for (kind, _) in &READERS {
        let has_one = samples.keys().any(|name| name.starts_with(&format!("1-first-{kind}")));
        assert!(has_one, "no sample of {kind} any more");
    }
}

#[test]
fn an_order_of_before_has_no_wait_of_its_own_and_looks_at_the_host_only() {
    let order: Order<VerifySpec> = first("order-verify");
    assert_eq!(order.wait_seconds, 0);
    assert!(order.spec.endpoints.is_empty() && !order.spec.partial);
}

#[test]
fn a_target_of_before_answers_through_its_host() {
    let order: Order<DeploySpec> = first("order-deploy");
    assert!(order.spec.target.body().common().serves_at.is_empty());
}

#[test]
fn a_retry_of_before_is_one_that_a_person_could_mend() {
    match first::<Report>("report-retry").outcome {
        Outcome::Retry { failure, .. } => assert!(!failure.passes_by_itself()),
        other => panic!("it was a retry: {other:?}"),
    }
}

/// The fields, the code and the words of a report without a cause, and the cause that they meant.
#[test]
fn a_report_of_before_gets_the_cause_that_it_meant() {
    let ca = |of_ca| Some(Cause::Ca(of_ca));
    let limited = OfCa::Limited {
        scope: Scope::RegisteredDomain,
        of: vec!["one.org".to_owned()],
    };
    for (code, patient, elsewhere, expected) in [
        ("ISS-0002", false, true, ca(OfCa::Moved)),
        ("ISS-0002", false, false, None),
        ("ISS-0003", true, false, Some(Cause::Fleet)),
        ("ISS-0005", true, true, ca(OfCa::Down { busy: true })),
        ("ISS-0005", false, true, ca(OfCa::Down { busy: false })),
        ("ISS-0005", false, false, ca(OfCa::OrderLost)),
        ("ISS-0006", true, true, ca(limited)),
        ("ISS-0007", false, false, ca(OfCa::NotProven { names: Vec::new() })),
        ("ISS-0010", false, true, ca(OfCa::AccountRefused)),
        ("ISS-0010", false, false, ca(OfCa::AccountIncomplete)),
        ("DEP-0007", false, false, None),
    ] {
        let mut report: Value = first("report-retry");
        report["failure"]["code"] = code.into();
        report["failure"]["what"] = "too many certificates (5) already issued for \"one.org\"".into();
        report["patient"] = patient.into();
        report["elsewhere"] = elsewhere.into();
        let read: Report = serde_json::from_value(report).expect("a report");
        let cause = read.outcome.cause();
        assert_eq!(cause, expected.as_ref(), "{code} {patient} {elsewhere}");
        let decided = (
            cause.is_some_and(Cause::passes_by_itself),
            cause.is_some_and(Cause::is_of_this_ca_alone),
        );
        assert_eq!(decided, (patient, elsewhere), "{code} is decided as before");
        // And an earlier planner decides by what this version says.
        let written = serde_json::to_value(&read).expect("JSON");
        let says = |field: &str| written.get(field).is_some_and(|said| said == true);
        assert_eq!((says("patient"), says("elsewhere")), (patient, elsewhere), "{written}");
    }
}

#[test]
fn a_cause_of_a_later_version_is_none() {
    let mut report: Value = first("report-retry");
    report["failure"]["cause"] = serde_json::json!({"ca": {"of_a_later_version": {}}});
    let read: Report = serde_json::from_value(report).expect("a report");
    assert_eq!(read.outcome.cause(), None);
}

#[test]
fn an_installation_of_before_cannot_be_put_back() {
    match first::<Report>("report-deployed").outcome {
        Outcome::Done {
            product: Product::Deployed(receipt),
        } => assert_eq!(receipt.replaced, None),
        other => panic!("it was deployed: {other:?}"),
    }
}

#[test]
fn a_report_may_come_without_notes() {
    assert_eq!(first::<Report>("report-without-notes").notes, Notes::default());
}

#[test]
fn a_request_that_does_not_say_is_one_of_another_system() {
    let request: RenewRequest = first("renew-shortest");
    assert_eq!((request.mode, request.trigger), (None, domain::run::Trigger::Request));
}
