//! The certificate that a renewal replaces, and what the CA makes of that.

use serde::{Deserialize, Serialize};

use super::cert_id::CertId;
use super::window::Window;
use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::names::DnsName;

/// What is known of the certificate that a host serves, when we asked its CA about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    pub predecessor: Predecessor,
    /// Where a run of ours got it, by the workspace's account there.
    pub issued_at: CaRef,
}

/// The certificate that an order replaces (RFC 9773 §5): not replaced yet, and got by the account that orders now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predecessor {
    pub cert_id: CertId,
    pub names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Whether the CA counts an order that replaces `predecessor` against none of its limits, as Boulder judges it: the same
/// account and nothing that has replaced it (both hold for every [`Predecessor`]), at least one name in common, and now
/// inside the suggested window. One wholly in the past (a revocation) exempts nothing.
pub fn exempt(predecessor: Option<&Predecessor>, names: &[DnsName], now: Timestamp) -> bool {
    predecessor.is_some_and(|one| one.shares_a_name(names) && one.window.is_some_and(|window| window.contains(now)))
}

impl Predecessor {
    pub fn shares_a_name(&self, names: &[DnsName]) -> bool {
        names
            .iter()
            .any(|name| self.names.iter().any(|had| had == name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(seconds))
    }

    fn names(all: &[&str]) -> Vec<DnsName> {
        all.iter().map(|name| name.parse().expect("a name")).collect()
    }

    #[test]
    fn only_inside_the_window_and_with_a_name_in_common() {
        let predecessor = Predecessor {
            cert_id: "AIdlQyE.AIdlQyE".parse().expect("an identifier"),
            names: vec!["a.example.org".to_owned(), "b.example.org".to_owned()],
            window: Window::new(at(10), at(20)).ok(),
        };
        let judged = |all: &[&str], now| exempt(Some(&predecessor), &names(all), at(now));
        assert!(judged(&["b.example.org", "c.example.org"], 10));
        assert!(judged(&["a.example.org"], 19));
        assert!(!judged(&["a.example.org"], 9), "before the window");
        assert!(
            !judged(&["a.example.org"], 20),
            "after it: a revocation exempts nothing"
        );
        assert!(!judged(&["c.example.org"], 15), "no name in common");
        assert!(!exempt(None, &names(&["a.example.org"]), at(15)), "nothing is replaced");
        let unasked = Predecessor {
            window: None,
            ..predecessor
        };
        assert!(!exempt(Some(&unasked), &names(&["a.example.org"]), at(15)));
    }
}
