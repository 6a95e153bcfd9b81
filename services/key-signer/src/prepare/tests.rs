//! One story per ending of PrepareKey, with real keys and real envelopes.

use std::sync::Arc;

use ::custody::RootKey;
use ::custody::envelope::{self, Binding};
use domain::clock::Clock;
use domain::disposition::Disposition;
use domain::key_source::KeySource;
use domain::keys::KeyAlgorithm;
use domain::run::{Mode, PreparedKey, Step};
use domain::secret::{Envelope, Purpose};
use domain::{RunId, Timestamp, WorkspaceId};
use rcgen::PublicKeyData;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509CertificationRequest};
use zeroize::Zeroizing;

use super::*;
use crate::backends::KeyBackend;
use crate::backends::local::Local;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }
}

fn ctx() -> StepContext {
    StepContext::new(Arc::new(Still))
}

fn root(seed: u8) -> Arc<RootKey> {
    Arc::new(RootKey::new(&Zeroizing::new([seed; RootKey::LEN])))
}

fn with(backend: impl KeyBackend + 'static) -> PrepareHandler {
    PrepareHandler::new(Backends::new(backend))
}

fn handler() -> PrepareHandler {
    with(Local::new(root(1)))
}

fn order(algorithm: KeyAlgorithm, keep: Option<Envelope>) -> Order<PrepareKeySpec> {
    let names = ["www.example.org", "example.org", "*.example.org", "www.example.org"];
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
        deadline: Timestamp::EPOCH,
        checkpoint: None,
        spec: PrepareKeySpec {
            names: names.map(|name| name.parse().expect("a name")).to_vec(),
            key_source: KeySource::default(),
            algorithm,
            keep,
            bind_to_run: false,
        },
    }
}

async fn prepared(order: &Order<PrepareKeySpec>) -> PreparedKey {
    match handler().carry_out(order, &ctx()).await.expect("a key") {
        Progress::Done(Product::PreparedKey(prepared)) => prepared,
        other => panic!("{other:?}"),
    }
}

async fn opened(envelope: &Envelope) -> rcgen::KeyPair {
    let workspace = WorkspaceId::default_workspace();
    let binding = Binding::new(&workspace, Purpose::LeafKey);
    let pem = envelope::open(&*root(1), binding, envelope)
        .await
        .expect("opens as a leaf key");
    rcgen::KeyPair::from_pem(std::str::from_utf8(&pem).expect("text")).expect("PKCS#8 PEM")
}

#[tokio::test]
async fn a_key_opens_for_the_run_that_it_was_made_for_alone() {
    let bound = |keep| {
        let mut order = order(KeyAlgorithm::EcP256, keep);
        order.spec.bind_to_run = true;
        order
    };
    let workspace = WorkspaceId::default_workspace();
    let opens = async |envelope: &Envelope, run| {
        let binding = Binding::new(&workspace, Purpose::LeafKey).of_run(run);
        envelope::open(&*root(1), binding, envelope).await.is_ok()
    };
    let first = bound(None);
    let made = prepared(&first).await.sealed_key.expect("a sealed key");
    assert_eq!(envelope::run_of(&made), Ok(Some(first.run_id)));
    assert!(opens(&made, Some(first.run_id)).await);
    assert!(!opens(&made, Some(RunId::new())).await && !opens(&made, None).await);

    // A policy that keeps its key: the next run gets the same key, and the one before opens it no more.
    let second = bound(Some(made.clone()));
    let kept = prepared(&second).await;
    let again = kept.sealed_key.expect("a sealed key");
    assert!(opens(&again, Some(second.run_id)).await && !opens(&again, Some(first.run_id)).await);
    let unbound = prepared(&order(KeyAlgorithm::EcP256, Some(again.clone()))).await;
    let public = read(&kept.csr_pem).1;
    assert_eq!(read(&unbound.csr_pem).1, public, "the key stays");
    let key = opened(&unbound.sealed_key.expect("a sealed key")).await;
    assert_eq!(key.subject_public_key_info(), public);
    // The same order once more needs no other envelope.
    let mut once_more = bound(Some(again.clone()));
    once_more.run_id = second.run_id;
    assert_eq!(prepared(&once_more).await.sealed_key, Some(again));
}

/// Subject, public key (SPKI DER) and SANs of a CSR whose signature verifies.
fn read(csr_pem: &str) -> (String, Vec<u8>, Vec<String>) {
    let (_, pem) = x509_parser::pem::parse_x509_pem(csr_pem.as_bytes()).expect("PEM");
    assert_eq!(pem.label, "CERTIFICATE REQUEST");
    let (_, csr) = X509CertificationRequest::from_der(&pem.contents).expect("PKCS#10");
    csr.verify_signature().expect("signed by its own key");
    let info = &csr.certification_request_info;
    let mut sans = Vec::new();
    for extension in csr.requested_extensions().expect("extensions") {
        if let ParsedExtension::SubjectAlternativeName(names) = extension {
            sans.extend(names.general_names.iter().map(|name| match name {
                GeneralName::DNSName(name) => (*name).to_owned(),
                other => panic!("{other:?} is no DNS name"),
            }));
        }
    }
    (info.subject.to_string(), info.subject_pki.raw.to_vec(), sans)
}

#[tokio::test]
async fn every_algorithm_gives_a_signed_csr_and_its_sealed_key() {
    for algorithm in KeyAlgorithm::ALL {
        let made = prepared(&order(algorithm, None)).await;
        let (subject, public, sans) = read(&made.csr_pem);
        assert_eq!(subject, "", "{algorithm:?}");
        assert_eq!(sans, ["www.example.org", "example.org", "*.example.org"]);
        let key = opened(&made.sealed_key.expect("a sealed key")).await;
        assert_eq!(
            key.subject_public_key_info(),
            public,
            "{algorithm:?}: the sealed key is the CSR's"
        );
    }
}

#[tokio::test]
async fn every_order_makes_another_key() {
    let order = order(KeyAlgorithm::EcP256, None);
    let (one, two) = (prepared(&order).await, prepared(&order).await);
    assert_ne!(read(&one.csr_pem).1, read(&two.csr_pem).1);
}

#[tokio::test]
async fn a_kept_key_signs_again_and_stays_in_its_envelope() {
    for algorithm in [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Rsa2048] {
        let first = prepared(&order(algorithm, None)).await;
        let again = prepared(&order(algorithm, first.sealed_key.clone())).await;
        assert_eq!(read(&first.csr_pem).1, read(&again.csr_pem).1, "{algorithm:?}");
        assert_eq!(first.sealed_key, again.sealed_key);
    }
}

async fn refused(handler: PrepareHandler, order: &Order<PrepareKeySpec>) -> Disposition {
    let rehearsed = handler
        .rehearse(order, &ctx())
        .await
        .expect_err("must be refused in a dry run too");
    let carried_out = handler.carry_out(order, &ctx()).await.expect_err("must be refused");
    let kind = std::mem::discriminant::<Disposition>;
    assert_eq!(kind(&rehearsed.disposition), kind(&carried_out.disposition));
    carried_out.disposition
}

#[tokio::test]
async fn a_kept_key_under_another_root_key_is_a_question() {
    let kept = prepared(&order(KeyAlgorithm::EcP256, None)).await.sealed_key;
    let stranger = with(Local::new(root(2)));
    match refused(stranger, &order(KeyAlgorithm::EcP256, kept)).await {
        Disposition::NeedsHuman(question) => {
            assert_eq!(question.code.as_str(), "KEY-0002");
            assert!(question.what.contains("root1-"), "{}", question.what);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_envelope_for_another_purpose_is_no_kept_key() {
    let workspace = WorkspaceId::default_workspace();
    let binding = Binding::new(&workspace, Purpose::AcmeAccount);
    let account = envelope::seal(&*root(1), binding, b"key").await.expect("seals");
    match refused(handler(), &order(KeyAlgorithm::EcP256, Some(account))).await {
        Disposition::NeedsHuman(question) => assert_eq!(question.code.as_str(), "KEY-0002"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kept_key_of_another_algorithm_is_a_question_that_names_both() {
    let kept = prepared(&order(KeyAlgorithm::Rsa2048, None)).await.sealed_key;
    match refused(handler(), &order(KeyAlgorithm::EcP384, kept)).await {
        Disposition::NeedsHuman(question) => {
            assert_eq!(question.code.as_str(), "KEY-0003");
            assert!(
                question.what.contains("rsa2048") && question.what.contains("p384"),
                "{}",
                question.what
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_backend_that_is_not_there_fails_the_run() {
    for source in [
        serde_json::json!({"kind": "vault", "address": "https://vault.example.org/", "key": "k", "credential": "c"}),
        serde_json::json!({"kind": "aws_kms", "region": "eu-central-1", "key": "alias/k", "credential": "c"}),
    ] {
        let mut order = order(KeyAlgorithm::EcP256, None);
        order.spec.key_source = serde_json::from_value(source).expect("a key source");
        match refused(handler(), &order).await {
            Disposition::Fail(failure) => assert_eq!(failure.code.as_str(), "KEY-0001"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_rehearsal_ticks_and_keeps_nothing() {
    let rehearsal = handler()
        .rehearse(&order(KeyAlgorithm::EcP256, None), &ctx())
        .await
        .expect("rehearsed");
    assert_eq!(rehearsal.checks.len(), 2);
    assert!(rehearsal.checks.iter().all(|check| check.passed));
}

/// A backend as a broken or absent machine shows it.
struct Fake(Result<PreparedKey, BackendError>);

#[async_trait::async_trait]
impl KeyBackend for Fake {
    async fn prepare(&self, _: KeyRequest<'_>) -> Result<PreparedKey, BackendError> {
        self.0.clone()
    }

    async fn rehearse(&self, _: KeyRequest<'_>) -> Result<Vec<Check>, BackendError> {
        Err(self
            .0
            .clone()
            .err()
            .unwrap_or(BackendError::NotSigned { reason: String::new() }))
    }
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_tried_later() {
    let reason = "no answer".to_owned();
    let absent = with(Fake(Err(BackendError::Unavailable { reason })));
    match refused(absent, &order(KeyAlgorithm::EcP256, None)).await {
        Disposition::RetryAt(at, failure) if failure.passes_by_itself() => {
            assert!(at > Timestamp::EPOCH);
            assert_eq!(failure.code.as_str(), "KEY-0006");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_csr_that_its_key_did_not_sign_never_leaves() {
    let mut wrong = prepared(&order(KeyAlgorithm::EcP256, None)).await;
    let (_, pem) = x509_parser::pem::parse_x509_pem(wrong.csr_pem.as_bytes()).expect("PEM");
    // The last byte belongs to the signature.
    let mut der = pem.contents;
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
    wrong.csr_pem = request_pem(&der);
    match refused(with(Fake(Ok(wrong))), &order(KeyAlgorithm::EcP256, None)).await {
        Disposition::NeedsHuman(question) => assert_eq!(question.code.as_str(), "KEY-0004"),
        other => panic!("{other:?}"),
    }
}

fn request_pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
}
