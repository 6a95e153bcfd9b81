//! The whole service over a real NATS: an order in, a report out, and a key that the deployer can open.

use std::path::Path;
use std::time::Duration;

use bus::inbox::Inbox;
use bus::readers::Reader;
use bus::{Bus, Connection, Signer, SigningKey, SystemClock};
use chassis::Life;
use custody::{Custody, CustodyError, OnBehalf};
use domain::clock::Clock;
use domain::key_source::KeySource;
use domain::keys::KeyAlgorithm;
use domain::run::{Mode, Outcome, Product, Step, StepKind};
use domain::secret::Purpose;
use domain::{RunId, WorkspaceId};
use key_signer::Config;
use protocol::custody::ShownOrder;
use protocol::order::{Order, PrepareKeySpec, Spec};
use protocol::report::Report;
use protocol::subjects::{self, Worker};
use testkit::Nats;
use tokio_util::sync::CancellationToken;

fn connection(nats: &Nats, room: &Path, own: Signer) -> Connection {
    let connection = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    connection.with_keys_in(room, Some(own)).expect("keys")
}

fn config(nats: &Nats, room: &Path) -> Config {
    Config {
        nats: connection(nats, room, Signer::KeySigner),
        root_key_file: room.join("root.key"),
        create_root_key: true,
        slots: 2,
        ..Config::default()
    }
}

fn order() -> Order<Spec> {
    Order {
        schema: protocol::SCHEMA,
        run_id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        hostname: "www.example.org".parse().expect("a hostname"),
        step: Step::PrepareKey,
        attempt: 1,
        mode: Mode::Live,
        failures: 0,
        wait_seconds: 60,
        deadline: SystemClock.now().plus(Duration::from_secs(60)),
        checkpoint: None,
        spec: Spec::PrepareKey(PrepareKeySpec {
            names: vec!["www.example.org".parse().expect("a name")],
            key_source: KeySource::default(),
            algorithm: KeyAlgorithm::EcP256,
            keep: None,
            bind_to_run: true,
        }),
    }
}

async fn report(bus: &Bus) -> Report {
    let mut inbox = Inbox::<Report>::open(bus.clone(), Reader::reports(), 1)
        .await
        .expect("the stream of reports");
    let stop = CancellationToken::new();
    let next = tokio::time::timeout(Duration::from_secs(20), inbox.next(&stop)).await;
    let delivered = next.expect("a report in time").expect("not stopped");
    delivered.first().expect("at least one").value.clone()
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn an_order_becomes_a_key_that_only_the_deployer_opens() {
    let nats = Nats::start().await.expect("NATS");
    let room = tempfile::tempdir().expect("a directory");
    let life = Life::new();
    let service = tokio::spawn(key_signer::run(config(&nats, room.path()), life.clone()));

    let planner = connection(&nats, room.path(), Signer::Planner);
    let bus = Bus::connect(&planner, "test").await.expect("connected");
    bus.apply_topology().await.expect("streams");
    let order = order();
    for sent in bus.publish_orders(std::slice::from_ref(&order)).await {
        sent.expect("the stream has the order");
    }
    let report = report(&bus).await;
    assert_eq!((report.run_id, report.attempt), (order.run_id, 1));
    let Outcome::Done {
        product: Product::PreparedKey(prepared),
    } = report.outcome
    else {
        panic!("{:?}", report.outcome);
    };
    assert!(prepared.csr_pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));

    let deployer = Custody::new(bus.clone(), Worker::Deployer);
    let sealed = prepared.sealed_key.expect("a sealed key");
    let key = SigningKey::read(&Signer::Planner.key_file(room.path())).expect("the planner's key");
    let shown = |run_id| {
        let spec = serde_json::json!({"certificate": {"sealed_key": sealed}});
        let deploy = Order {
            run_id,
            step: Step::Deploy(0),
            ..order.clone().with(spec)
        };
        let (subject, payload) = (
            subjects::order(StepKind::Deploy),
            serde_json::to_string(&deploy).expect("JSON"),
        );
        let signature = key.sign(&subject, payload.as_bytes());
        ShownOrder {
            subject,
            signature,
            payload,
        }
    };
    let open = async |order_shown: Option<&ShownOrder>| {
        let on_behalf = OnBehalf {
            run: None,
            order: order_shown,
        };
        deployer
            .open(&order.workspace, Purpose::LeafKey, &sealed, on_behalf)
            .await
    };
    let opened = open(Some(&shown(order.run_id))).await;
    assert!(opened.expect("opened").starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    match open(Some(&shown(RunId::new()))).await {
        Err(CustodyError::Denied { reason }) => assert!(reason.contains("another run"), "{reason}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
    match open(None).await {
        Err(CustodyError::Unavailable { reason }) => assert!(reason.contains("accept_without_order"), "{reason}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
    assert!(life.is_ready());

    life.soft().cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), service)
        .await
        .expect("it ends");
    ended.expect("no panic").expect("in good order");
}

#[tokio::test]
async fn without_the_keys_of_signatures_it_does_not_start_and_says_which_line_to_add() {
    let nats = Nats::start().await.expect("NATS");
    let room = tempfile::tempdir().expect("a directory");
    let whole = config(&nats, room.path());
    let (mut unbelieving, mut silent) = (whole.clone(), whole);
    unbelieving.nats.signers.retain(|line| !line.starts_with("planner:"));
    silent.nats.signing_key_file = None;
    for (config, key, line) in [
        (unbelieving, "nats.signers: ", "signers_file = "),
        (silent, "nats.signing_key_file: ", "signing_key_file = "),
    ] {
        let life = Life::new();
        let refused = key_signer::run(config, life.clone())
            .await
            .expect_err("a key is missing");
        assert!(
            refused.is::<chassis::config::ConfigError>(),
            "it exits with 64: {refused:#}"
        );
        let said = refused.to_string();
        assert!(
            said.starts_with(key) && said.contains(line) && said.contains("nats-config"),
            "{said}"
        );
        assert!(!life.is_ready());
    }
}

#[tokio::test]
async fn a_bad_root_key_ends_it_before_it_is_ready() {
    let nats = Nats::start().await.expect("NATS");
    let room = tempfile::tempdir().expect("a directory");
    let life = Life::new();
    let missing = Config {
        create_root_key: false,
        ..config(&nats, room.path())
    };
    let refused = key_signer::run(missing, life.clone())
        .await
        .expect_err("there is no root key");
    assert!(
        refused.is::<chassis::config::ConfigError>(),
        "the process explains it and exits with 64"
    );
    assert!(refused.to_string().starts_with("root_key_file "), "{refused:#}");
    assert!(!life.is_ready());
}
