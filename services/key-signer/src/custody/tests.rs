//! The desk without a network: who is served, who is not, and what a bad question gets.

use ::custody::hpke::Recipient;
use domain::WorkspaceId;
use domain::secret::Envelope;
use protocol::subjects::{custody_open, custody_recipient, custody_seal};
use zeroize::Zeroizing;

use super::*;

const SECRET: &[u8] = b"-----BEGIN PRIVATE KEY-----";

/// Orders are tested where they entitle (`entitled`).
fn custodian() -> Custodian {
    let rules = Rules {
        trusted: Arc::default(),
        accept_without_order: true,
        questions_per_minute: 100,
    };
    Custodian::new(Arc::new(RootKey::new(&Zeroizing::new([1; RootKey::LEN]))), rules)
}

fn workspace() -> WorkspaceId {
    WorkspaceId::default_workspace()
}

async fn sealed(purpose: Purpose) -> Envelope {
    let workspace = workspace();
    let binding = Binding::new(&workspace, purpose);
    envelope::seal(&*custodian().root, binding, SECRET)
        .await
        .expect("seals")
}

async fn asked(worker: Worker, purpose: Purpose, recipient: String) -> CustodyAnswer {
    let question = OpenRequest {
        workspace: workspace(),
        purpose,
        envelope: sealed(purpose).await,
        recipient,
        run_id: None,
        order: None,
    };
    let question = serde_json::to_vec(&question).expect("JSON");
    custodian().open(&custody_open(worker), &question).await
}

#[tokio::test]
async fn each_service_opens_its_own_purpose_and_no_other() {
    let allowed = [
        (Worker::Issuer, Purpose::AcmeAccount),
        (Worker::Deployer, Purpose::LeafKey),
        (Worker::Incident, Purpose::Credential),
    ];
    for worker in Worker::ALL {
        for purpose in [Purpose::LeafKey, Purpose::AcmeAccount, Purpose::Credential] {
            let reader = Recipient::ephemeral();
            let workspace = workspace();
            let binding = Binding::new(&workspace, purpose);
            match asked(worker, purpose, reader.public_key()).await {
                CustodyAnswer::Opened { secret } => {
                    assert!(allowed.contains(&(worker, purpose)), "{worker} opened {purpose:?}");
                    let opened = reader.open(Way::Opened, binding, &secret).expect("sealed to the asker");
                    assert_eq!(opened.as_slice(), SECRET);
                }
                CustodyAnswer::Denied { reason } => {
                    assert!(!allowed.contains(&(worker, purpose)), "{worker} {purpose:?}: {reason}");
                    assert!(
                        reason.contains(worker.as_str()) && reason.contains(purpose.as_str()),
                        "{reason}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn reason(answer: CustodyAnswer) -> String {
    match answer {
        CustodyAnswer::Denied { reason } => reason,
        other => panic!("{other:?} instead of a denial"),
    }
}

#[tokio::test]
async fn garbage_is_denied_and_not_repeated() {
    let open = custody_open(Worker::Issuer);
    let almost = br#"{"workspace":"default","purpose":"hunter2"}"#;
    for garbage in [b"".as_slice(), b"\xff\x00", b"null", b"hunter2", almost] {
        for denial in [
            reason(custodian().open(&open, garbage).await),
            reason(custodian().seal(&custody_seal(Asker::Console), garbage).await),
        ] {
            assert!(denial.contains("could not be read"), "{denial}");
            assert!(!denial.contains("hunter2"), "{denial}");
        }
    }
    let recipient = custody_recipient(Asker::Console);
    assert!(reason(custodian().recipient(&recipient, b"{}")).contains("could not be read"));
}

#[tokio::test]
async fn an_unknown_service_is_denied() {
    let subject = "vigilo.custody.open.console";
    assert!(reason(custodian().open(subject, b"{}").await).contains(subject));
    for subject in ["vigilo.custody.seal.stranger", "vigilo.custody.recipient.stranger"] {
        assert!(reason(custodian().seal(subject, b"{}").await).contains(subject));
        assert!(reason(custodian().recipient(subject, b"{}")).contains(subject));
    }
    let verifier = custody_recipient(Asker::Worker(Worker::Verifier));
    assert!(reason(custodian().recipient(&verifier, b"{}")).contains("verifier"));
}

#[tokio::test]
async fn a_recipient_that_is_no_key_is_denied_by_name() {
    let denial = reason(asked(Worker::Issuer, Purpose::AcmeAccount, "AAAA".to_owned()).await);
    assert!(denial.starts_with("recipient: "), "{denial}");
}

#[tokio::test]
async fn a_secret_that_was_sealed_for_another_workspace_is_not_taken() {
    let (mine, theirs) = (workspace(), "theirs".parse::<WorkspaceId>().expect("a slug"));
    let binding = Binding::new(&mine, Purpose::Credential);
    let public_key = custodian().root.recipient(&mine).public_key();
    let question = |workspace: &WorkspaceId| {
        let request = SealRequest {
            workspace: workspace.clone(),
            purpose: Purpose::Credential,
            secret: hpke::seal_to(&public_key, Way::Deposit, binding, SECRET).expect("seals"),
        };
        serde_json::to_vec(&request).expect("JSON")
    };
    assert!(
        reason(
            custodian()
                .seal(&custody_seal(Asker::Console), &question(&theirs))
                .await
        )
        .starts_with("secret: ")
    );
    assert!(matches!(
        custodian().seal(&custody_seal(Asker::Console), &question(&mine)).await,
        CustodyAnswer::Sealed { .. }
    ));
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_and_others_are_served() {
    let custodian = custodian();
    let ask = async |asker| {
        let subject = custody_recipient(asker);
        let question = serde_json::to_vec(&RecipientRequest { workspace: workspace() }).expect("JSON");
        let answer = async { custodian.recipient(&subject, &question) };
        custodian.answered(&subject, answer).await
    };
    let issuer = Asker::Worker(Worker::Issuer);
    for _ in 0..100 {
        assert!(matches!(ask(issuer).await, CustodyAnswer::Recipient { .. }));
    }
    let CustodyAnswer::Unavailable { reason } = ask(issuer).await else {
        panic!("the limit holds nothing");
    };
    assert!(
        reason.contains("issuer") && reason.contains("questions_per_minute"),
        "{reason}"
    );
    assert!(matches!(ask(Asker::Console).await, CustodyAnswer::Recipient { .. }));
}
