//! The answers to custody questions: who may open what, and who may have what sealed.
//!
//! In: `custody.open`, `custody.seal`, `custody.recipient`. Out: a [`CustodyAnswer`], always: what
//! does not parse is denied, and so is what an asker has no order of the planner for. Every opening
//! is logged with who, purpose, workspace and run. Never: plaintext on the wire or in the log.

use std::sync::Arc;
use std::time::Instant;

use ::custody::RootKey;
use ::custody::envelope::{self, Binding, EnvelopeError, KekError};
use ::custody::hpke::{self, HpkeError, Way};
use bus::panics::caught;
use bus::signing::Trusted;
use bus::{Bus, BusError, SystemClock};
use domain::clock::Clock;
use domain::secret::Purpose;
use protocol::custody::{CustodyAnswer, OpenRequest, RecipientRequest, SealRequest};
use protocol::subjects::{Asker, CUSTODY_OPEN_ALL, CUSTODY_RECIPIENT_ALL, CUSTODY_SEAL_ALL, Worker};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

mod entitled;
mod limits;
mod tally;

use entitled::Entitlements;
use limits::Limits;
use tally::Tally;

/// Replicas share the questions.
const GROUP: &str = "key-signer";

/// The table: which service may open which purpose. The NATS permissions say who may ask in whose
/// name.
pub const fn may_open(worker: Worker, purpose: Purpose) -> bool {
    match (worker, purpose) {
        (Worker::Issuer, Purpose::AcmeAccount)
        | (Worker::Deployer, Purpose::LeafKey)
        // The password of the mail server.
        | (Worker::Incident, Purpose::Credential) => true,
        (Worker::Issuer, Purpose::LeafKey | Purpose::Credential)
        | (Worker::Deployer, Purpose::AcmeAccount | Purpose::Credential)
        // The key-signer opens kept keys by itself, and the verifier sees public things only.
        | (Worker::KeySigner | Worker::Verifier, Purpose::LeafKey | Purpose::AcmeAccount | Purpose::Credential)
        | (Worker::Incident, Purpose::LeafKey | Purpose::AcmeAccount) => false,
    }
}

/// The table: who may have which purpose sealed. The NATS permissions say who may ask in whose
/// name.
pub const fn may_seal(asker: Asker, purpose: Purpose) -> bool {
    match (asker, purpose) {
        // The key of an account that it has made at a CA.
        (Asker::Worker(Worker::Issuer), Purpose::AcmeAccount)
        // What people upload and store.
        | (Asker::Console, Purpose::LeafKey | Purpose::Credential) => true,
        (Asker::Worker(Worker::Issuer), Purpose::LeafKey | Purpose::Credential)
        | (Asker::Console, Purpose::AcmeAccount)
        // The key-signer seals what it makes by itself.
        | (
            Asker::Worker(Worker::KeySigner | Worker::Deployer | Worker::Verifier | Worker::Incident),
            Purpose::LeafKey | Purpose::AcmeAccount | Purpose::Credential,
        ) => false,
    }
}

/// Whether there is anything that it may have sealed.
const fn may_seal_something(asker: Asker) -> bool {
    may_seal(asker, Purpose::AcmeAccount) || may_seal(asker, Purpose::LeafKey) || may_seal(asker, Purpose::Credential)
}

/// Holds the root key and answers. Cheap to clone.
#[derive(Clone)]
pub struct Custodian {
    root: Arc<RootKey>,
    entitlements: Arc<Entitlements>,
    limits: Arc<Limits>,
    tally: Arc<Tally>,
}

/// What is asked of those who ask.
pub struct Rules {
    /// Whose orders count.
    pub trusted: Arc<Trusted>,
    /// Keys are opened without an order too, but not those that are bound to a run.
    pub accept_without_order: bool,
    /// Of each asker.
    pub questions_per_minute: u32,
}

impl Custodian {
    pub fn new(root: Arc<RootKey>, rules: Rules) -> Self {
        Self {
            root,
            entitlements: Arc::new(Entitlements::new(rules.trusted, rules.accept_without_order)),
            limits: Arc::new(Limits::new(rules.questions_per_minute)),
            tally: Arc::default(),
        }
    }

    /// Answers until `stop`.
    ///
    /// # Errors
    /// When a subject cannot be subscribed to.
    pub async fn answer(&self, bus: &Bus, stop: &CancellationToken) -> Result<(), BusError> {
        let (opener, sealer, host) = (self.clone(), self.clone(), self.clone());
        tokio::try_join!(
            bus.answer(CUSTODY_OPEN_ALL, GROUP, stop, move |subject, question| {
                let custodian = opener.clone();
                async move { custodian.answered(&subject, custodian.open(&subject, &question)).await }
            }),
            bus.answer(CUSTODY_SEAL_ALL, GROUP, stop, move |subject, question| {
                let custodian = sealer.clone();
                async move { custodian.answered(&subject, custodian.seal(&subject, &question)).await }
            }),
            bus.answer(CUSTODY_RECIPIENT_ALL, GROUP, stop, move |subject, question| {
                let host = host.clone();
                async move {
                    host.answered(&subject, async { host.recipient(&subject, &question) })
                        .await
                }
            }),
            async {
                self.tally.tell(stop).await;
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Within what its asker may ask. Who asks hears of a defect at once, not by a silence.
    async fn answered(&self, subject: &str, answer: impl Future<Output = CustodyAnswer>) -> CustodyAnswer {
        let asker = Asker::on(subject);
        if let Some(over) = asker.and_then(|asker| self.limits.over(asker, Instant::now())) {
            return over;
        }
        let caught = caught(answer).await;
        let answer = caught.unwrap_or_else(|panicked| CustodyAnswer::Unavailable {
            reason: panicked.to_string(),
        });
        if let (Some(asker), CustodyAnswer::Denied { .. } | CustodyAnswer::Unavailable { .. }) = (asker, &answer) {
            self.limits.refused(asker, Instant::now());
        }
        answer
    }

    async fn open(&self, subject: &str, question: &[u8]) -> CustodyAnswer {
        let Some(Asker::Worker(asker)) = Asker::on(subject) else {
            return self.denied_on(subject);
        };
        let request: OpenRequest = match parsed(question) {
            Ok(request) => request,
            Err(denied) => return denied,
        };
        let answer = self.opened(asker, &request).await;
        self.tally.count(Asker::Worker(asker), "open", request.purpose, &answer);
        let run = request.run_id.map(|run| run.to_string()).unwrap_or_default();
        let (purpose, workspace) = (request.purpose.as_str(), &request.workspace);
        match &answer {
            CustodyAnswer::Denied { reason } | CustodyAnswer::Unavailable { reason } => {
                warn!(who = %asker, purpose, %workspace, run, reason, "secret not opened");
            }
            CustodyAnswer::Opened { .. } | CustodyAnswer::Sealed { .. } | CustodyAnswer::Recipient { .. } => {
                info!(who = %asker, purpose, %workspace, run, "secret opened");
            }
        }
        answer
    }

    async fn opened(&self, asker: Worker, request: &OpenRequest) -> CustodyAnswer {
        if !may_open(asker, request.purpose) {
            return denied(format!("the {asker} may not open a {}", request.purpose.as_str()));
        }
        let binding = Binding::new(&request.workspace, request.purpose);
        let run = match self.entitlements.check(asker, request, SystemClock.now()) {
            Ok(run) => run,
            Err(refusal) => return refusal.into(),
        };
        let secret = match envelope::open(&*self.root, binding.of_run(run), &request.envelope).await {
            Ok(secret) => secret,
            Err(error) => return not_served("the envelope", error),
        };
        match hpke::seal_to(&request.recipient, Way::Opened, binding, &secret) {
            Ok(secret) => CustodyAnswer::Opened { secret },
            Err(error) => denied(format!("recipient: {error}")),
        }
    }

    async fn seal(&self, subject: &str, question: &[u8]) -> CustodyAnswer {
        let Some(asker) = Asker::on(subject) else {
            return self.denied_on(subject);
        };
        let request: SealRequest = match parsed(question) {
            Ok(request) => request,
            Err(denied) => return denied,
        };
        let answer = self.sealed(asker, &request).await;
        self.tally.count(asker, "seal", request.purpose, &answer);
        let (purpose, workspace) = (request.purpose.as_str(), &request.workspace);
        match &answer {
            CustodyAnswer::Denied { reason } | CustodyAnswer::Unavailable { reason } => {
                warn!(who = %asker, purpose, %workspace, reason, "secret not sealed");
            }
            CustodyAnswer::Opened { .. } | CustodyAnswer::Sealed { .. } | CustodyAnswer::Recipient { .. } => {
                info!(who = %asker, purpose, %workspace, "secret sealed");
            }
        }
        answer
    }

    async fn sealed(&self, asker: Asker, request: &SealRequest) -> CustodyAnswer {
        let (purpose, workspace) = (request.purpose, &request.workspace);
        if !may_seal(asker, purpose) {
            return denied(format!("the {asker} may not seal a {}", purpose.as_str()));
        }
        let binding = Binding::new(workspace, purpose);
        let opened = self
            .root
            .recipient(workspace)
            .open(Way::Deposit, binding, &request.secret);
        let secret = match opened {
            Ok(secret) => secret,
            Err(error @ (HpkeError::Refused | HpkeError::PublicKey)) => return denied(format!("secret: {error}")),
        };
        match envelope::seal(&*self.root, binding, &secret).await {
            Ok(envelope) => CustodyAnswer::Sealed { envelope },
            Err(error) => not_served("the secret", error),
        }
    }

    fn recipient(&self, subject: &str, question: &[u8]) -> CustodyAnswer {
        match Asker::on(subject) {
            Some(asker) if may_seal_something(asker) => {}
            Some(asker) => return denied(format!("the {asker} has nothing sealed")),
            None => return self.denied_on(subject),
        }
        match parsed::<RecipientRequest>(question) {
            Ok(request) => CustodyAnswer::Recipient {
                public_key: self.root.recipient(&request.workspace).public_key(),
            },
            Err(denied) => denied,
        }
    }

    fn denied_on(&self, subject: &str) -> CustodyAnswer {
        warn!(subject, "custody question of an unknown sender refused");
        denied(format!("no service asks on {subject}"))
    }
}

fn denied(reason: String) -> CustodyAnswer {
    CustodyAnswer::Denied { reason }
}

/// The place of the fault only: the parser's own words repeat values, and a value may be a secret.
fn parsed<Q: DeserializeOwned>(question: &[u8]) -> Result<Q, CustodyAnswer> {
    serde_json::from_slice(question).map_err(|e| {
        let reason = format!(
            "the question could not be read (line {}, column {}); ask with the messages of protocol::custody",
            e.line(),
            e.column()
        );
        warn!(reason, "custody question refused");
        denied(reason)
    })
}

fn not_served(what: &str, error: EnvelopeError) -> CustodyAnswer {
    match error {
        EnvelopeError::Kek(KekError::Unavailable { reason }) => CustodyAnswer::Unavailable { reason },
        EnvelopeError::Malformed | EnvelopeError::Kek(KekError::Foreign { .. } | KekError::Refused) => {
            denied(format!("{what}: {error}"))
        }
    }
}

#[cfg(test)]
mod tests;
