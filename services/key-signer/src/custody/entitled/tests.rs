//! Orders that entitle, and those that a broken-in worker might show instead.

use std::sync::OnceLock;

use ::custody::RootKey;
use ::custody::envelope::{self, Binding};
use bus::signing::SigningKey;
use domain::WorkspaceId;
use domain::run::{Mode, Step};
use protocol::subjects::order as subject_of;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;

const NOW: Timestamp = Timestamp::EPOCH;

/// The planner's key, and one of an unknown signer.
fn keys() -> &'static [SigningKey; 2] {
    static KEYS: OnceLock<[SigningKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let room = tempfile::tempdir().expect("a directory");
        ["planner", "stranger"].map(|name| SigningKey::read_or_make(&room.path().join(name)).expect("a key"))
    })
}

fn entitlements(accept_without_order: bool) -> Entitlements {
    let line = keys()[0].line(Signer::Planner);
    Entitlements::new(
        Arc::new(Trusted::read([line.as_str()]).expect("a public key")),
        accept_without_order,
    )
}

fn workspace() -> WorkspaceId {
    WorkspaceId::default_workspace()
}

async fn sealed(purpose: Purpose, run: Option<RunId>) -> Envelope {
    let (root, workspace) = (RootKey::new(&Zeroizing::new([1; RootKey::LEN])), workspace());
    let binding = Binding::new(&workspace, purpose).of_run(run);
    envelope::seal(&root, binding, b"key").await.expect("seals")
}

fn order(run: RunId, step: Step, spec: Value) -> Order<Value> {
    Order {
        schema: protocol::SCHEMA,
        run_id: run,
        workspace: workspace(),
        hostname: "www.example.org".parse().expect("a hostname"),
        step,
        attempt: 1,
        mode: Mode::Live,
        failures: 0,
        wait_seconds: 60,
        deadline: NOW.plus(Duration::from_secs(1)),
        checkpoint: None,
        spec,
    }
}

fn deploy(run: RunId, key: &Envelope) -> Order<Value> {
    let spec = json!({"target": {"kind": "file"}, "certificate": {"chain_pem": "x", "sealed_key": key}});
    order(run, Step::Deploy(0), spec)
}

/// As its worker got it.
fn shown(order: &Order<Value>) -> ShownOrder {
    let payload = serde_json::to_string(order).expect("JSON");
    signed(&subject_of(order.step.kind()), payload, 0)
}

fn signed(subject: &str, payload: String, key: usize) -> ShownOrder {
    ShownOrder {
        subject: subject.to_owned(),
        signature: keys()[key].sign(subject, payload.as_bytes()),
        payload,
    }
}

fn question(purpose: Purpose, envelope: &Envelope, order: Option<ShownOrder>) -> OpenRequest {
    OpenRequest {
        workspace: workspace(),
        purpose,
        envelope: envelope.clone(),
        recipient: String::new(),
        run_id: None,
        order,
    }
}

fn asked(worker: Worker, question: &OpenRequest) -> Result<Option<RunId>, Refusal> {
    entitlements(false).check(worker, question, NOW)
}

fn reason(refusal: Result<Option<RunId>, Refusal>) -> String {
    match refusal {
        Err(Refusal::Never(reason) | Refusal::NotNow(reason)) => reason,
        Ok(run) => panic!("entitled to the key of {run:?}"),
    }
}

#[tokio::test]
async fn an_order_entitles_its_worker_to_the_key_that_it_carries() {
    let run = RunId::new();
    for bound in [Some(run), None] {
        let key = sealed(Purpose::LeafKey, bound).await;
        let order = deploy(run, &key);
        let direct = serde_json::to_string(&json!({"current": "order", "order": order})).expect("JSON");
        for shown in [shown(&order), signed("_INBOX.deployer.x", direct, 0)] {
            let question = question(Purpose::LeafKey, &key, Some(shown));
            assert_eq!(asked(Worker::Deployer, &question), Ok(bound));
        }
    }
    let account = sealed(Purpose::AcmeAccount, None).await;
    let issue = order(run, Step::Issue, json!({"account_key": account}));
    let question = question(Purpose::AcmeAccount, &account, Some(shown(&issue)));
    assert_eq!(asked(Worker::Issuer, &question), Ok(None));
}

#[tokio::test]
async fn the_order_of_another_run_worker_or_workspace_opens_nothing() {
    let (run, other) = (RunId::new(), RunId::new());
    let key = sealed(Purpose::LeafKey, Some(run)).await;
    let elsewhere = Order {
        workspace: "other".parse().expect("a slug"),
        ..deploy(run, &key)
    };
    // What a worker has reported, and what the planner hands on with it, is no entitlement.
    let beside = order(
        run,
        Step::Deploy(0),
        json!({"receipt": {"sealed_key": key}, "note": key}),
    );
    let none = order(run, Step::Deploy(0), json!({"certificate": null}));
    let issue = order(run, Step::Issue, json!({"account_key": key}));
    let foreign = deploy(run, &sealed(Purpose::LeafKey, Some(run)).await);
    for (worker, order, expected) in [
        (Worker::Deployer, deploy(other, &key), "made for another run"),
        (Worker::Issuer, deploy(run, &key), "is not for the issuer"),
        (Worker::Deployer, issue, "is not for the deployer"),
        (Worker::Deployer, elsewhere, "another workspace"),
        (Worker::Deployer, foreign, "does not carry this leaf-key"),
        (Worker::Deployer, beside, "does not carry this leaf-key"),
        (Worker::Deployer, none, "does not carry this leaf-key"),
    ] {
        let refused = asked(worker, &question(Purpose::LeafKey, &key, Some(shown(&order))));
        assert!(matches!(refused, Err(Refusal::Never(_))), "{refused:?}");
        let reason = reason(refused);
        assert!(reason.contains(expected), "{reason}");
    }
    let mut named = question(Purpose::LeafKey, &key, Some(shown(&deploy(run, &key))));
    named.run_id = Some(other);
    assert!(reason(asked(Worker::Deployer, &named)).contains("the run that the question names"));
}

#[tokio::test]
async fn what_the_planner_did_not_sign_for_this_place_is_no_order() {
    let run = RunId::new();
    let key = sealed(Purpose::LeafKey, Some(run)).await;
    let (right, payload) = (
        shown(&deploy(run, &key)),
        serde_json::to_string(&deploy(run, &key)).expect("JSON"),
    );
    let (subject, other) = (right.subject.as_str(), "vigilo.order.deployer.rollback");
    let moved = ShownOrder {
        subject: other.to_owned(),
        ..right.clone()
    };
    let changed = ShownOrder {
        payload: payload.replace("\"attempt\":1", "\"attempt\":2"),
        ..right.clone()
    };
    let unsigned = ShownOrder {
        signature: String::new(),
        ..right.clone()
    };
    for (shown, code) in [
        (moved, "BUS-0003"),
        (changed, "BUS-0003"),
        (unsigned, "BUS-0001"),
        (signed(subject, payload.clone(), 1), "BUS-0002"),
    ] {
        let refused = asked(Worker::Deployer, &question(Purpose::LeafKey, &key, Some(shown)));
        // A planner with a new key may be known here a moment later.
        assert!(matches!(refused, Err(Refusal::NotNow(_))), "{refused:?}");
        assert!(reason(refused).contains(code));
    }
    for nonsense in ["", "null", "[]", r#"{"current":"elsewhere"}"#] {
        for subject in [subject, "_INBOX.deployer.x"] {
            let shown = signed(subject, nonsense.to_owned(), 0);
            let refused = asked(Worker::Deployer, &question(Purpose::LeafKey, &key, Some(shown)));
            assert!(reason(refused).contains("no order with a sealed key"), "{nonsense}");
        }
    }
}

#[tokio::test]
async fn an_order_entitles_while_it_lasts() {
    let run = RunId::new();
    let key = sealed(Purpose::LeafKey, Some(run)).await;
    let question = question(Purpose::LeafKey, &key, Some(shown(&deploy(run, &key))));
    let at = |seconds| entitlements(false).check(Worker::Deployer, &question, NOW.plus(Duration::from_secs(seconds)));
    assert_eq!(at(60), Ok(Some(run)));
    let late = at(62);
    assert!(
        matches!(late, Err(Refusal::NotNow(_))),
        "the next order heals it: {late:?}"
    );
    assert!(reason(late).contains(&run.to_string()));
}

#[tokio::test]
async fn without_an_order_nothing_opens_but_where_that_is_accepted_and_then_no_bound_key() {
    let bound = sealed(Purpose::LeafKey, Some(RunId::new())).await;
    let unbound = sealed(Purpose::LeafKey, None).await;
    for (accept, key, opens) in [
        (false, &unbound, false),
        (false, &bound, false),
        (true, &unbound, true),
        (true, &bound, false),
    ] {
        let asked = entitlements(accept).check(Worker::Deployer, &question(Purpose::LeafKey, key, None), NOW);
        assert_eq!(asked.is_ok(), opens, "{accept} {asked:?}");
        if !opens {
            // Workers of a version before try again until they are upgraded.
            assert!(matches!(asked, Err(Refusal::NotNow(_))), "{asked:?}");
            assert!(reason(asked).contains("accept_without_order"));
        }
    }
    let password = sealed(Purpose::Credential, None).await;
    assert_eq!(
        asked(Worker::Incident, &question(Purpose::Credential, &password, None)),
        Ok(None)
    );
}
