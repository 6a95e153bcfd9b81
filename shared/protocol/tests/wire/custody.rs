use domain::secret::Purpose;
use protocol::custody::{CustodyAnswer, Hpke, OpenRequest, RecipientRequest, SealRequest, ShownOrder};

use crate::kept::travels;
use crate::parts::{envelope, run_id, workspace};

fn hpke() -> Hpke {
    Hpke {
        encapsulated_key: "ZW5j".to_owned(),
        ciphertext: "Y2lwaGVy".to_owned(),
    }
}

#[test]
fn a_secret_is_asked_for_as_before() {
    let request = OpenRequest {
        workspace: workspace(),
        purpose: Purpose::LeafKey,
        envelope: envelope("leaf-key"),
        recipient: "cHVibGlj".to_owned(),
        run_id: Some(run_id()),
        order: None,
    };
    travels("custody-open", &request);
    let shown = ShownOrder {
        subject: "vigilo.order.deployer.deploy".to_owned(),
        signature: "0123456789abcdef:c2lnbmVk".to_owned(),
        payload: r#"{"schema":1}"#.to_owned(),
    };
    let request = OpenRequest {
        order: Some(shown),
        ..request
    };
    travels("custody-open-with-order", &request);
}

#[test]
fn a_secret_is_given_into_custody_as_before() {
    let seal = SealRequest {
        workspace: workspace(),
        purpose: Purpose::Credential,
        secret: hpke(),
    };
    travels("custody-seal", &seal);
    let recipient = RecipientRequest { workspace: workspace() };
    travels("custody-recipient", &recipient);
}

/// How its snapshot is called; a new answer does not compile before it has a name.
fn name(answer: &CustodyAnswer) -> &'static str {
    match answer {
        CustodyAnswer::Opened { .. } => "custody-answer-opened",
        CustodyAnswer::Sealed { .. } => "custody-answer-sealed",
        CustodyAnswer::Recipient { .. } => "custody-answer-recipient",
        CustodyAnswer::Denied { .. } => "custody-answer-denied",
        CustodyAnswer::Unavailable { .. } => "custody-answer-unavailable",
    }
}

#[test]
fn every_answer_of_custody_is_given_as_before() {
    let envelope = envelope("account");
    let public_key = "cHVibGlj".to_owned();
    let reason = || "the backend does not answer".to_owned();
    let answers = [
        CustodyAnswer::Opened { secret: hpke() },
        CustodyAnswer::Sealed { envelope },
        CustodyAnswer::Recipient { public_key },
        CustodyAnswer::Denied { reason: reason() },
        CustodyAnswer::Unavailable { reason: reason() },
    ];
    for answer in answers {
        travels(name(&answer), &answer);
    }
}

/// The spelling is bound into envelopes: one that changed could never be opened again.
#[test]
fn purposes_are_spelt_as_before() {
    let spelt = [Purpose::LeafKey, Purpose::AcmeAccount, Purpose::Credential].map(Purpose::as_str);
    assert_eq!(spelt, ["leaf-key", "acme-account", "credential"]);
}
