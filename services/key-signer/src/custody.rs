//! The answers to custody questions: who may open what, and sealing for everybody.
//!
//! In: `custody.open`, `custody.seal`, `custody.recipient`. Out: a [`CustodyAnswer`], always: what does not parse is
//! denied. Every opening is logged with who, purpose, workspace and run. Never: plaintext on the wire or in the log.

use std::sync::Arc;

use ::custody::RootKey;
use ::custody::envelope::{self, Binding, EnvelopeError, KekError};
use ::custody::hpke::{self, HpkeError, Way};
use bus::{Bus, BusError};
use domain::secret::Purpose;
use protocol::custody::{CustodyAnswer, OpenRequest, RecipientRequest, SealRequest};
use protocol::subjects::{CUSTODY_OPEN_ALL, CUSTODY_RECIPIENT, CUSTODY_SEAL, Worker};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Replicas share the questions.
const GROUP: &str = "key-signer";

/// The table: which service may open which purpose. The NATS permissions say who may ask in whose name.
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

/// Holds the root key and answers. Cheap to clone.
#[derive(Clone)]
pub struct Custodian {
    root: Arc<RootKey>,
}

impl Custodian {
    pub fn new(root: Arc<RootKey>) -> Self {
        Self { root }
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
                async move { custodian.open(&subject, &question).await }
            }),
            bus.answer(CUSTODY_SEAL, GROUP, stop, move |_, question| {
                let custodian = sealer.clone();
                async move { custodian.seal(&question).await }
            }),
            bus.answer(CUSTODY_RECIPIENT, GROUP, stop, move |_, question| {
                let answer = host.recipient(&question);
                async move { answer }
            }),
        )?;
        Ok(())
    }

    async fn open(&self, subject: &str, question: &[u8]) -> CustodyAnswer {
        let Some(asker) = asker(subject) else {
            return denied(format!("no service asks on {subject}"));
        };
        let request: OpenRequest = match parsed(question) {
            Ok(request) => request,
            Err(denied) => return denied,
        };
        let answer = self.opened(asker, &request).await;
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
        let binding = Binding {
            workspace: &request.workspace,
            purpose: request.purpose,
        };
        let secret = match envelope::open(&*self.root, binding, &request.envelope).await {
            Ok(secret) => secret,
            Err(error) => return not_served("the envelope", error),
        };
        match hpke::seal_to(&request.recipient, Way::Opened, binding, &secret) {
            Ok(secret) => CustodyAnswer::Opened { secret },
            Err(error) => denied(format!("recipient: {error}")),
        }
    }

    async fn seal(&self, question: &[u8]) -> CustodyAnswer {
        let request: SealRequest = match parsed(question) {
            Ok(request) => request,
            Err(denied) => return denied,
        };
        let (purpose, workspace) = (request.purpose, &request.workspace);
        let binding = Binding { workspace, purpose };
        let secret = match self
            .root
            .recipient(workspace)
            .open(Way::Deposit, binding, &request.secret)
        {
            Ok(secret) => secret,
            Err(error @ (HpkeError::Refused | HpkeError::PublicKey)) => return denied(format!("secret: {error}")),
        };
        match envelope::seal(&*self.root, binding, &secret).await {
            Ok(envelope) => {
                info!(purpose = purpose.as_str(), %workspace, "secret sealed");
                CustodyAnswer::Sealed { envelope }
            }
            Err(error) => not_served("the secret", error),
        }
    }

    fn recipient(&self, question: &[u8]) -> CustodyAnswer {
        match parsed::<RecipientRequest>(question) {
            Ok(request) => CustodyAnswer::Recipient {
                public_key: self.root.recipient(&request.workspace).public_key(),
            },
            Err(denied) => denied,
        }
    }
}

/// The last token of `vigilo.custody.open.<service>`.
fn asker(subject: &str) -> Option<Worker> {
    let token = subject.rsplit('.').next()?;
    Worker::ALL.into_iter().find(|worker| worker.as_str() == token)
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
