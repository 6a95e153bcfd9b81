//! Problem documents of CAs (RFC 8555 §6.7, RFC 7807) in the system's own words.
//!
//! In: the type's URN and the detail. Out: a closed kind, and sentences. Never: tokens; the CA's detail is shown as it is.

use std::fmt;

const URN: &str = "urn:ietf:params:acme:error:";

/// The types of RFC 8555 §6.7 that make a difference here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    AccountDoesNotExist,
    BadCsr,
    BadNonce,
    BadPublicKey,
    BadSignatureAlgorithm,
    Caa,
    Connection,
    Dns,
    ExternalAccountRequired,
    IncorrectResponse,
    InvalidContact,
    Malformed,
    OrderNotReady,
    RateLimited,
    RejectedIdentifier,
    ServerInternal,
    Tls,
    Unauthorized,
    UnsupportedContact,
    UnsupportedIdentifier,
    UserActionRequired,
    /// A type that this version does not know, as the CA wrote it.
    Other(String),
}

impl ProblemKind {
    pub fn parse(urn: &str) -> Self {
        match urn.strip_prefix(URN).unwrap_or(urn) {
            "accountDoesNotExist" => Self::AccountDoesNotExist,
            "badCSR" => Self::BadCsr,
            "badNonce" => Self::BadNonce,
            "badPublicKey" => Self::BadPublicKey,
            "badSignatureAlgorithm" => Self::BadSignatureAlgorithm,
            "caa" => Self::Caa,
            "connection" => Self::Connection,
            "dns" => Self::Dns,
            "externalAccountRequired" => Self::ExternalAccountRequired,
            "incorrectResponse" => Self::IncorrectResponse,
            "invalidContact" => Self::InvalidContact,
            "malformed" => Self::Malformed,
            "orderNotReady" => Self::OrderNotReady,
            "rateLimited" => Self::RateLimited,
            "rejectedIdentifier" => Self::RejectedIdentifier,
            "serverInternal" => Self::ServerInternal,
            "tls" => Self::Tls,
            "unauthorized" => Self::Unauthorized,
            "unsupportedContact" => Self::UnsupportedContact,
            "unsupportedIdentifier" => Self::UnsupportedIdentifier,
            "userActionRequired" => Self::UserActionRequired,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name as the CA spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccountDoesNotExist => "accountDoesNotExist",
            Self::BadCsr => "badCSR",
            Self::BadNonce => "badNonce",
            Self::BadPublicKey => "badPublicKey",
            Self::BadSignatureAlgorithm => "badSignatureAlgorithm",
            Self::Caa => "caa",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::ExternalAccountRequired => "externalAccountRequired",
            Self::IncorrectResponse => "incorrectResponse",
            Self::InvalidContact => "invalidContact",
            Self::Malformed => "malformed",
            Self::OrderNotReady => "orderNotReady",
            Self::RateLimited => "rateLimited",
            Self::RejectedIdentifier => "rejectedIdentifier",
            Self::ServerInternal => "serverInternal",
            Self::Tls => "tls",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedContact => "unsupportedContact",
            Self::UnsupportedIdentifier => "unsupportedIdentifier",
            Self::UserActionRequired => "userActionRequired",
            Self::Other(name) => name,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind.as_str())
    }
}

/// Why the CA could not see that we hold this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameProblem {
    pub name: String,
    pub problem: Problem,
}

/// One sentence for an order that failed: each name with its reason, else the order's own.
pub fn sentence(names: &[NameProblem], order: Option<&Problem>) -> String {
    if names.is_empty() {
        return order.map_or_else(
            || "the CA gives no reason; it may have expired".to_owned(),
            ToString::to_string,
        );
    }
    let each: Vec<String> = names
        .iter()
        .map(|one| format!("{}: {}", one.name, one.problem))
        .collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_type_is_read_back_as_it_is_spelt() {
        for name in ["badCSR", "caa", "dns", "userActionRequired", "somethingNew"] {
            assert_eq!(ProblemKind::parse(&format!("{URN}{name}")).as_str(), name);
        }
        assert_eq!(
            ProblemKind::parse("about:blank"),
            ProblemKind::Other("about:blank".to_owned())
        );
    }
}
