//! A key-signer that opens what the test says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use deployer::keys::{KeyError, LeafKeys, SealedKey};
use testkit::pki::Identity;
use zeroize::Zeroizing;

use crate::world::fingerprint;

/// Opens every envelope to one key, but those of which it was told another; and counts.
#[derive(Clone)]
pub struct FakeKeys {
    pub by_envelope: Arc<std::sync::Mutex<BTreeMap<String, String>>>,
    pub answer: Arc<std::sync::Mutex<Result<String, KeyError>>>,
    pub opened: Arc<AtomicU32>,
}

impl LeafKeys for FakeKeys {
    async fn open(&self, sealed: &SealedKey<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let known = self.by_envelope.lock().expect("no test panics while it holds this");
        if let Some(pem) = known.get(sealed.envelope.as_str()) {
            return Ok(Zeroizing::new(pem.clone().into_bytes()));
        }
        drop(known);
        let answer = self.answer.lock().expect("no test panics while it holds this").clone();
        answer.map(|pem| Zeroizing::new(pem.into_bytes()))
    }
}

impl FakeKeys {
    pub fn knows(&self, new: &Identity) {
        let mut known = self.by_envelope.lock().expect("no test panics while it holds this");
        known.insert(envelope(new), new.key_pem.clone());
    }
}

pub fn envelope(new: &Identity) -> String {
    format!("cmek:v1:sealed-for-{}", fingerprint(new))
}
