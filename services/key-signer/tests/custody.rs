//! Custody over a real NATS: the client of every service against the key-signer's desk.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Connection};
use custody::{Custody, CustodyError, RootKey};
use domain::WorkspaceId;
use domain::secret::Purpose;
use key_signer::custody::Custodian;
use protocol::custody::CustodyAnswer;
use protocol::subjects::{self, Worker};
use testkit::Nats;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

const SECRET: &[u8] = b"the private key";

struct Desk {
    stop: CancellationToken,
    answers: JoinHandle<Result<(), bus::BusError>>,
}

impl Desk {
    /// Opens when it answers: asked until it does, with a bound.
    async fn open(nats: &Nats, seed: u8) -> Self {
        let bus = connected(nats).await;
        let stop = CancellationToken::new();
        let custodian = Custodian::new(Arc::new(RootKey::new(&Zeroizing::new([seed; RootKey::LEN]))));
        let (desk, until) = (bus.clone(), stop.clone());
        let answers = tokio::spawn(async move { custodian.answer(&desk, &until).await });
        for subject in [
            subjects::custody_open(Worker::Issuer),
            subjects::CUSTODY_SEAL.to_owned(),
            subjects::CUSTODY_RECIPIENT.to_owned(),
        ] {
            let answered = async {
                while bus
                    .ask::<_, CustodyAnswer>(&subject, &(), Duration::from_secs(1))
                    .await
                    .is_err()
                {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), answered)
                .await
                .expect("the desk opens");
        }
        Self { stop, answers }
    }

    async fn close(self) {
        self.stop.cancel();
        self.answers.await.expect("no panic").expect("closed in good order");
    }
}

async fn connected(nats: &Nats) -> Bus {
    let to = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    Bus::connect(&to, "custody-test").await.expect("a NATS server")
}

async fn client(nats: &Nats, worker: Worker) -> Custody {
    Custody::new(connected(nats).await, worker)
}

#[tokio::test]
async fn a_sealed_account_key_opens_for_the_issuer_only() {
    let nats = Nats::start().await.expect("NATS");
    let desk = Desk::open(&nats, 1).await;
    let workspace = WorkspaceId::default_workspace();
    let issuer = client(&nats, Worker::Issuer).await;

    let sealed = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed");
    let opened = issuer
        .open(&workspace, Purpose::AcmeAccount, &sealed, None)
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);

    let deployer = client(&nats, Worker::Deployer).await;
    let refused = deployer.open(&workspace, Purpose::AcmeAccount, &sealed, None).await;
    assert!(
        matches!(refused, Err(CustodyError::Denied { .. })),
        "{:?}",
        refused.err()
    );
    desk.close().await;
}

#[tokio::test]
async fn the_issuer_may_not_open_a_leaf_key_under_any_name() {
    let nats = Nats::start().await.expect("NATS");
    let desk = Desk::open(&nats, 1).await;
    let workspace = WorkspaceId::default_workspace();
    let (issuer, deployer) = (
        client(&nats, Worker::Issuer).await,
        client(&nats, Worker::Deployer).await,
    );

    let leaf = deployer
        .seal(&workspace, Purpose::LeafKey, SECRET)
        .await
        .expect("sealed");
    for purpose in [Purpose::LeafKey, Purpose::AcmeAccount] {
        let refused = issuer.open(&workspace, purpose, &leaf, None).await;
        assert!(
            matches!(refused, Err(CustodyError::Denied { .. })),
            "{purpose:?}: {:?}",
            refused.err()
        );
    }
    let opened = deployer
        .open(&workspace, Purpose::LeafKey, &leaf, None)
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);
    desk.close().await;
}

#[tokio::test]
async fn a_garbage_question_is_answered_with_a_denial() {
    let nats = Nats::start().await.expect("NATS");
    let desk = Desk::open(&nats, 1).await;
    let bus = connected(&nats).await;
    for subject in [
        &subjects::custody_open(Worker::Issuer),
        subjects::CUSTODY_SEAL,
        subjects::CUSTODY_RECIPIENT,
    ] {
        let answer: CustodyAnswer = bus
            .ask(subject, &"garbage", Duration::from_secs(5))
            .await
            .expect("an answer");
        assert!(matches!(answer, CustodyAnswer::Denied { .. }), "{answer:?}");
    }
    desk.close().await;
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

    let desk = Desk::open(&nats, 1).await;
    let old = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed under the first");
    desk.close().await;

    let desk = Desk::open(&nats, 2).await;
    let new = issuer
        .seal(&workspace, Purpose::AcmeAccount, SECRET)
        .await
        .expect("sealed under the second");
    let opened = issuer
        .open(&workspace, Purpose::AcmeAccount, &new, None)
        .await
        .expect("opened");
    assert_eq!(opened.as_slice(), SECRET);
    match issuer.open(&workspace, Purpose::AcmeAccount, &old, None).await {
        Err(CustodyError::Denied { reason }) => assert!(reason.contains("root1-"), "{reason}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
    desk.close().await;
}
