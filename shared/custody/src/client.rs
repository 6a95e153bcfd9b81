//! The client of the key-signer: how a service gets a secret opened or sealed.
//!
//! In: an envelope, or a secret. Out: the other one. Every question has its own ephemeral key; a
//! secret travels HPKE-sealed only, and an answer counts with the key-signer's signature. Never: a
//! retry (the asker decides), a cached secret.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::{Bus, BusError, Signer};
use domain::secret::{Envelope, Purpose};
use domain::{RunId, WorkspaceId};
use protocol::custody::{CustodyAnswer, OpenRequest, RecipientRequest, SealRequest, ShownOrder};
use protocol::subjects::{self, Asker, Worker};
use zeroize::Zeroizing;

use crate::envelope::Binding;
use crate::hpke::{self, Recipient, Way};

/// The key-signer answers in milliseconds; past this it is gone or drowning, and the step is better
/// tried later.
const WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// Not by this service, not for this purpose, or not a good envelope: asking again does not
    /// help.
    #[error("the key-signer refused: {reason}")]
    Denied { reason: String },
    /// No key-signer answers, or none in time.
    #[error("the key-signer does not answer: {reason}")]
    Unavailable { reason: String },
}

/// For what a secret is opened. The key-signer opens keys with the planner's order to use them;
/// what belongs to no run (a password of this service's own configuration) it opens without.
#[derive(Clone, Copy, Default)]
pub struct OnBehalf<'a> {
    pub run: Option<RunId>,
    pub order: Option<&'a ShownOrder>,
}

/// Seals secrets and opens none. Cheap to clone; clones share the cache of public keys.
#[derive(Clone)]
pub struct Sealer {
    bus: Bus,
    asker: Asker,
    recipients: Arc<Mutex<HashMap<WorkspaceId, String>>>,
}

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Custody {
    sealer: Sealer,
    worker: Worker,
}

impl Custody {
    /// Asks in the name of `worker`; NATS permissions say whether this process may.
    pub fn new(bus: Bus, worker: Worker) -> Self {
        Self {
            sealer: Sealer::new(bus, Asker::Worker(worker)),
            worker,
        }
    }

    /// Opens an envelope for who carries out an order with it.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub async fn open(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        envelope: &Envelope,
        on_behalf: OnBehalf<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let reader = Recipient::ephemeral();
        let question = OpenRequest {
            workspace: workspace.clone(),
            purpose,
            envelope: envelope.clone(),
            recipient: reader.public_key(),
            run_id: on_behalf.run,
            order: on_behalf.order.cloned(),
        };
        match self.sealer.ask(&subjects::custody_open(self.worker), &question).await? {
            CustodyAnswer::Opened { secret } => {
                let binding = Binding::new(workspace, purpose);
                reader.open(Way::Opened, binding, &secret).map_err(denied)
            }
            other => Err(unexpected(other)),
        }
    }

    /// Seals a secret under the workspace's key.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub async fn seal(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        secret: &[u8],
    ) -> Result<Envelope, CustodyError> {
        self.sealer.seal(workspace, purpose, secret).await
    }
}

impl Sealer {
    /// Asks in this name; NATS permissions say whether this process may.
    pub fn new(bus: Bus, asker: Asker) -> Self {
        Self {
            bus,
            asker,
            recipients: Arc::default(),
        }
    }

    /// Seals a secret under the workspace's key.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub async fn seal(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        secret: &[u8],
    ) -> Result<Envelope, CustodyError> {
        let binding = Binding::new(workspace, purpose);
        if let Some(known) = self.known_recipient(workspace) {
            match self.seal_to(&known, binding, secret).await {
                // The key-signer may have another root key than when we asked: its public key is
                // asked for afresh.
                Err(CustodyError::Denied { .. }) => self.forget_recipient(workspace),
                answered => return answered,
            }
        }
        let recipient = self.fetch_recipient(workspace).await?;
        self.seal_to(&recipient, binding, secret).await
    }

    async fn seal_to(&self, recipient: &str, binding: Binding<'_>, secret: &[u8]) -> Result<Envelope, CustodyError> {
        let question = SealRequest {
            workspace: binding.workspace.clone(),
            purpose: binding.purpose,
            secret: hpke::seal_to(recipient, Way::Deposit, binding, secret).map_err(denied)?,
        };
        match self.ask(&subjects::custody_seal(self.asker), &question).await? {
            CustodyAnswer::Sealed { envelope } => Ok(envelope),
            other => Err(unexpected(other)),
        }
    }

    async fn fetch_recipient(&self, workspace: &WorkspaceId) -> Result<String, CustodyError> {
        let question = RecipientRequest {
            workspace: workspace.clone(),
        };
        match self.ask(&subjects::custody_recipient(self.asker), &question).await? {
            CustodyAnswer::Recipient { public_key } => {
                let mut known = self.recipients.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(workspace.clone(), public_key.clone());
                Ok(public_key)
            }
            other => Err(unexpected(other)),
        }
    }

    fn known_recipient(&self, workspace: &WorkspaceId) -> Option<String> {
        let known = self.recipients.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(workspace).cloned()
    }

    fn forget_recipient(&self, workspace: &WorkspaceId) {
        let mut known = self.recipients.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(workspace);
    }

    async fn ask(
        &self,
        subject: &str,
        question: &(impl serde::Serialize + Sync),
    ) -> Result<CustodyAnswer, CustodyError> {
        let answer = self.bus.ask(subject, question, Signer::KeySigner, WITHIN).await;
        answer.map_err(|error: BusError| CustodyError::Unavailable {
            reason: error.to_string(),
        })
    }
}

fn denied(error: hpke::HpkeError) -> CustodyError {
    CustodyError::Denied {
        reason: error.to_string(),
    }
}

fn unexpected(answer: CustodyAnswer) -> CustodyError {
    match answer {
        CustodyAnswer::Denied { reason } => CustodyError::Denied { reason },
        CustodyAnswer::Unavailable { reason } => CustodyError::Unavailable { reason },
        CustodyAnswer::Opened { .. } | CustodyAnswer::Sealed { .. } | CustodyAnswer::Recipient { .. } => {
            CustodyError::Unavailable {
                reason: "it answered another question than was asked".to_owned(),
            }
        }
    }
}
