//! What an unfinished issuance has reached at its CA: variants for each kind of CA, and what the
//! ledger asks of any of them.
//!
//! Never: read by its variants outside the body of its CA; who is not that body asks the methods.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::Timestamp;
use crate::secret::Envelope;
use crate::solver::Receipt;

/// Saved before the next effect, so that a step that is carried out again finds what it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "checkpoint", rename_all = "snake_case")]
pub enum Checkpoint {
    /// A key for a new ACME account, not yet registered. The ledger keeps the first per workspace
    /// and CA.
    AcmeAccountKey { sealed_key: Envelope },
    /// The order at an ACME CA: from here on it is the only one of this run.
    AcmeOrder(AcmeOrder),
}

/// An order at an ACME CA (RFC 8555 §7.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeOrder {
    pub url: Url,
    pub expires: Option<Timestamp>,
    /// What its names are proven with; only what is listed here is ever placed. Empty also where
    /// the order could not be read yet.
    #[serde(flatten)]
    pub placed: Receipt,
    /// No issuer has asked for the certificate yet, and none does before this is saved as false:
    /// the order may be left for another CA. Only where another one stands by; elsewhere it is
    /// false from the start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinalized: bool,
}

impl Checkpoint {
    /// Whether something is begun at the CA that the run goes on with: a request, an order.
    /// Otherwise its next order of Issue begins one, and is counted against the CA's limits.
    pub fn is_open(&self) -> bool {
        match self {
            Self::AcmeAccountKey { .. } => false,
            Self::AcmeOrder(_) => true,
        }
    }

    /// Whether a certificate may have been asked for, or may be at any moment: the run does not
    /// leave this CA any more.
    pub fn is_binding(&self) -> bool {
        match self {
            Self::AcmeAccountKey { .. } => false,
            Self::AcmeOrder(order) => !order.unfinalized,
        }
    }

    /// What is left behind when the run goes on without it, and what Tidy removes.
    pub fn leftovers(&self) -> Receipt {
        match self {
            Self::AcmeAccountKey { .. } => Receipt::default(),
            Self::AcmeOrder(order) => order.placed.clone(),
        }
    }

    /// The secret of a new account at the CA. The ledger keeps the first per workspace and CA, and
    /// sends it with every later order to that CA.
    pub fn new_account(&self) -> Option<&Envelope> {
        match self {
            Self::AcmeAccountKey { sealed_key } => Some(sealed_key),
            Self::AcmeOrder(_) => None,
        }
    }
}

/// For people, in the record of the run.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcmeAccountKey { .. } => f.write_str("made the key of a new ACME account"),
            Self::AcmeOrder(order) => write!(f, "the order at the CA is {}", order.url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As rows and messages have them.
    const STORED: [&str; 4] = [
        r#"{"checkpoint":"acme_account_key","sealed_key":"cmek:v1:a:b:c"}"#,
        r#"{"checkpoint":"acme_order","url":"https://ca.example.org/order/1","expires":"2026-11-25T02:00:00Z","tokens":["abc"]}"#,
        r#"{"checkpoint":"acme_order","url":"https://ca.example.org/order/1","expires":null,"tokens":[]}"#,
        r#"{"checkpoint":"acme_order","url":"https://ca.example.org/order/1","expires":null,"tokens":["abc"],"unfinalized":true}"#,
    ];

    fn read(stored: &str) -> Checkpoint {
        serde_json::from_str(stored).expect("a checkpoint")
    }

    #[test]
    fn what_versions_before_have_stored_is_read_and_written_again_as_it_was() {
        for stored in STORED {
            let written = serde_json::to_value(read(stored)).expect("JSON");
            assert_eq!(
                written,
                serde_json::from_str::<serde_json::Value>(stored).expect("JSON")
            );
        }
    }

    #[test]
    fn each_says_whether_it_is_open_and_binding_and_what_it_leaves() {
        let said = STORED.map(|stored| {
            let checkpoint = read(stored);
            let tokens = checkpoint.leftovers().tokens.len();
            let account = checkpoint.new_account().is_some();
            (checkpoint.is_open(), checkpoint.is_binding(), tokens, account)
        });
        assert_eq!(
            said,
            [
                (false, false, 0, true),
                (true, true, 1, false),
                (true, true, 0, false),
                (true, false, 1, false)
            ]
        );
    }

    #[test]
    fn one_of_a_newer_version_is_refused_by_its_name() {
        let refused = serde_json::from_str::<Checkpoint>(r#"{"checkpoint":"stars_asked"}"#).expect_err("not known");
        assert!(refused.to_string().contains("stars_asked"), "{refused}");
    }
}
