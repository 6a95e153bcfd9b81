//! The one secret of a deployment: the certificate's private key, opened by the key-signer.
//!
//! In: an envelope. Out: PKCS#8 PEM that is wiped when dropped. Never: kept longer than one installation.

use std::future::Future;

use custody::{Custody, CustodyError, OnBehalf};
use domain::secret::{Envelope, Purpose};
use domain::{RunId, WorkspaceId};
use protocol::custody::ShownOrder;
use zeroize::Zeroizing;

/// Opens leaf keys; the key-signer in production.
pub trait LeafKeys: Send + Sync + 'static {
    fn open(&self, sealed: &SealedKey<'_>) -> impl Future<Output = Result<Zeroizing<Vec<u8>>, KeyError>> + Send;
}

/// An envelope, and on whose behalf it is opened: the key-signer wants to see the order.
pub struct SealedKey<'a> {
    pub workspace: &'a WorkspaceId,
    pub run: RunId,
    pub order: Option<&'a ShownOrder>,
    pub envelope: &'a Envelope,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key-signer does not open the private key: {reason}")]
    Denied { reason: String },
    #[error("the key-signer cannot open the private key now: {reason}")]
    Unavailable { reason: String },
}

impl LeafKeys for Custody {
    async fn open(&self, sealed: &SealedKey<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let opened = Custody::open(
            self,
            sealed.workspace,
            Purpose::LeafKey,
            sealed.envelope,
            OnBehalf {
                run: Some(sealed.run),
                order: sealed.order,
            },
        )
        .await;
        opened.map_err(|error| match error {
            CustodyError::Denied { reason } => KeyError::Denied { reason },
            CustodyError::Unavailable { reason } => KeyError::Unavailable { reason },
        })
    }
}
