//! Custody over a real NATS: the client of every service against the key-signer's custodian.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bus::{Bus, Connection, Signer};
use custody::{Custody, CustodyError, OnBehalf, RootKey, Sealer};
use domain::WorkspaceId;
use domain::secret::Purpose;
use key_signer::custody::{Custodian, Rules};
use protocol::custody::CustodyAnswer;
use protocol::subjects::{self, Asker, Worker};
use testkit::Nats;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const SECRET: &[u8] = b"the private key";

struct RunningCustodian {
    stop: CancellationToken,
    answers: JoinHandle<Result<(), bus::BusError>>,
}

impl RunningCustodian {
    /// Opens when it answers: asked until it does, with a bound.
    async fn open(nats: &Nats, seed: u8) -> Self {
        Self::on(connected(nats).await, seed).await
    }

    /// On this connection, which its answers are signed with.
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    async fn on(bus: Bus, seed: u8) -> Self {
        let stop = CancellationToken::new();
        // Which order a key is opened with is tested with the whole service.
        let rules = Rules {
            trusted: bus.trusted(),
            accept_without_order: true,
            questions_per_minute: 1_000,
        };
        let custodian = Custodian::new(Arc::new(RootKey::new(&Zeroizing::new([seed; RootKey::LEN]))), rules);
        let (served, until) = (bus.clone(), stop.clone());
        let answers = tokio::spawn(async move { custodian.answer(&served, &until).await });
        for subject in questions() {
            let answered = async {
                while bus
                    .ask::<_, CustodyAnswer>(&subject, &(), Signer::KeySigner, Duration::from_secs(1))
                    .await
                    .is_err()
                {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), answered)
                .await
                .expect("the custodian answers");
        }
        Self { stop, answers }
    }

    async fn close(self) {
        self.stop.cancel();
        self.answers.await.expect("no panic").expect("closed in good order");
    }
}

async fn connected(nats: &Nats) -> Bus {
    connected_with(nats, keys()).await
}

/// With the private keys in this directory.
async fn connected_with(nats: &Nats, keys: &Path) -> Bus {
    let to = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    let to = to.with_keys_in(keys, Some(Signer::KeySigner)).expect("keys");
    Bus::connect(&to, "custody-test").await.expect("a NATS server")
}

fn keys() -> &'static Path {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    KEYS.get_or_init(|| testkit::run_dir::fresh("keys", None).expect("a directory"))
}

async fn client(nats: &Nats, worker: Worker) -> Custody {
    Custody::new(connected(nats).await, worker)
}

#[tokio::test]
async fn a_sealed_account_key_opens_for_the_issuer_only() {
    let nats = Nats::start().await.expect("NATS");
    let running = RunningCustodian::open(&nats, 1).await;
    let workspace = WorkspaceId::default_workspace();
    let issuer = client(&nats, Worker::Issuer).await;

    let sealed = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed");
    let opened = issuer
        .open(&workspace, Purpose::AcmeAccount, &sealed, OnBehalf::default())
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);

    let deployer = client(&nats, Worker::Deployer).await;
    let refused = deployer
        .open(&workspace, Purpose::AcmeAccount, &sealed, OnBehalf::default())
        .await;
    assert!(
        matches!(refused, Err(CustodyError::Denied { .. })),
        "{:?}",
        refused.err()
    );
    running.close().await;
}

#[tokio::test]
async fn the_issuer_may_not_open_a_leaf_key_under_any_name() {
    let nats = Nats::start().await.expect("NATS");
    let running = RunningCustodian::open(&nats, 1).await;
    let workspace = WorkspaceId::default_workspace();
    let (issuer, deployer) = (
        client(&nats, Worker::Issuer).await,
        client(&nats, Worker::Deployer).await,
    );

    let console = Sealer::new(connected(&nats).await, Asker::Console);
    let leaf = console
        .seal(&workspace, Purpose::LeafKey, SECRET)
        .await
        .expect("sealed");
    for purpose in [Purpose::LeafKey, Purpose::AcmeAccount] {
        let refused = issuer.open(&workspace, purpose, &leaf, OnBehalf::default()).await;
        assert!(
            matches!(refused, Err(CustodyError::Denied { .. })),
            "{purpose:?}: {:?}",
            refused.err()
        );
    }
    let opened = deployer
        .open(&workspace, Purpose::LeafKey, &leaf, OnBehalf::default())
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);
    running.close().await;
}

/// One of each kind.
fn questions() -> [String; 3] {
    let issuer = Asker::Worker(Worker::Issuer);
    [
        subjects::custody_open(Worker::Issuer),
        subjects::custody_seal(issuer),
        subjects::custody_recipient(issuer),
    ]
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_not_believed() {
    let nats = Nats::start().await.expect("NATS");
    let workspace = WorkspaceId::default_workspace();
    let room = tempfile::tempdir().expect("a directory");
    // It has a root key and a signing key of its own, and hears every question.
    let hostile = RunningCustodian::on(connected_with(&nats, room.path()).await, 7).await;
    let issuer = client(&nats, Worker::Issuer).await;
    let refused = issuer.seal(&workspace, Purpose::AcmeAccount, SECRET).await;
    match refused {
        Err(CustodyError::Unavailable { reason }) => {
            assert!(reason.contains("BUS-0002"), "{reason}");
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    hostile.close().await;
}

#[tokio::test]
async fn each_seals_what_it_stores_and_nothing_else() {
    let nats = Nats::start().await.expect("NATS");
    let running = RunningCustodian::open(&nats, 1).await;
    let workspace = WorkspaceId::default_workspace();
    for asker in Asker::ALL {
        let sealer = Sealer::new(connected(&nats).await, asker);
        for purpose in [Purpose::LeafKey, Purpose::AcmeAccount, Purpose::Credential] {
            let may = match asker {
                Asker::Worker(Worker::Issuer) => purpose == Purpose::AcmeAccount,
                Asker::Console => purpose != Purpose::AcmeAccount,
                Asker::Worker(_) => false,
            };
            match sealer.seal(&workspace, purpose, SECRET).await {
                Ok(_) => assert!(may, "{asker} sealed a {purpose:?}"),
                Err(CustodyError::Denied { reason }) => {
                    assert!(!may && reason.contains(asker.as_str()), "{asker} {purpose:?}: {reason}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    running.close().await;
}

#[tokio::test]
async fn a_garbage_question_is_answered_with_a_denial() {
    let nats = Nats::start().await.expect("NATS");
    let running = RunningCustodian::open(&nats, 1).await;
    let bus = connected(&nats).await;
    for subject in questions() {
        let answer: CustodyAnswer = bus
            .ask(&subject, &"garbage", Signer::KeySigner, Duration::from_secs(5))
            .await
            .expect("an answer");
        assert!(matches!(answer, CustodyAnswer::Denied { .. }), "{answer:?}");
    }
    running.close().await;
}

#[tokio::test]
async fn without_a_key_signer_secrets_are_unavailable() {
    let nats = Nats::start().await.expect("NATS");
    let issuer = client(&nats, Worker::Issuer).await;
    let refused = issuer
        .seal(&WorkspaceId::default_workspace(), Purpose::AcmeAccount, SECRET)
        .await;
    assert!(
        matches!(refused, Err(CustodyError::Unavailable { .. })),
        "{:?}",
        refused.err()
    );
}

#[tokio::test]
async fn a_new_root_key_is_noticed_by_clients_that_know_the_old_one() {
    let nats = Nats::start().await.expect("NATS");
    let workspace = WorkspaceId::default_workspace();
    let issuer = client(&nats, Worker::Issuer).await;

    let running = RunningCustodian::open(&nats, 1).await;
    let old = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed under the first");
    running.close().await;

    let running = RunningCustodian::open(&nats, 2).await;
    let new = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed under the second");
    let opened = issuer
        .open(&workspace, Purpose::AcmeAccount, &new, OnBehalf::default())
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);
    match issuer
        .open(&workspace, Purpose::AcmeAccount, &old, OnBehalf::default())
        .await
    {
        Err(CustodyError::Denied { reason }) => assert!(reason.contains("root1-"), "{reason}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
    running.close().await;
}
