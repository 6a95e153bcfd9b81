//! The whole service over a real NATS: an order in, a report out, and a key that the deployer can open.

use std::path::Path;
use std::time::Duration;

use bus::inbox::Inbox;
use bus::topology::Reader;
use bus::{Bus, Connection, SystemClock};
use chassis::Life;
use custody::Custody;
use domain::clock::Clock;
use domain::keys::{KeyAlgorithm, KeyBackend};
use domain::run::{Mode, Outcome, Product, Step};
use domain::secret::Purpose;
use domain::{RunId, WorkspaceId};
use key_signer::Config;
use protocol::order::{Order, PrepareKeySpec, Spec};
use protocol::report::Report;
use protocol::subjects::Worker;
use testkit::Nats;
use tokio_util::sync::CancellationToken;

fn connection(nats: &Nats) -> Connection {
    Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    }
}

fn config(nats: &Nats, room: &Path) -> Config {
    Config {
        nats: connection(nats),
        root_key_file: room.join("root.key"),
        create_root_key: true,
        slots: 2,
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
            backend: KeyBackend::Local,
            algorithm: KeyAlgorithm::EcP256,
            keep: None,
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
async fn an_order_becomes_a_key_that_only_the_deployer_opens() {
    let nats = Nats::start().await.expect("NATS");
    let room = tempfile::tempdir().expect("a directory");
    let life = Life::new();
    let service = tokio::spawn(key_signer::run(config(&nats, room.path()), life.clone()));

    let bus = Bus::connect(&connection(&nats), "test").await.expect("connected");
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
    let opened = deployer
        .open(&order.workspace, Purpose::LeafKey, &sealed, Some(order.run_id))
        .await;
    assert!(opened.expect("opened").starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert!(life.is_ready());

    life.soft().cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), service)
        .await
        .expect("it ends");
    ended.expect("no panic").expect("in good order");
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
