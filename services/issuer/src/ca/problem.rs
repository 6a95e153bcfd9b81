//! Problem documents of CAs (RFC 8555 §6.7, RFC 7807) in the system's own words.
//!
//! In: the type's URN and the detail. Out: a closed kind, what it concerns, and sentences. Never: tokens; the CA's detail
//! is shown as it is.

use std::fmt;

const URN: &str = "urn:ietf:params:acme:error:";

/// The types of RFC 8555 §6.7, of RFC 9773 §7.4, and of the profiles (draft-aaron-acme-profiles).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    AccountDoesNotExist,
    AlreadyReplaced,
    AlreadyRevoked,
    BadCsr,
    BadNonce,
    BadPublicKey,
    BadRevocationReason,
    BadSignatureAlgorithm,
    Caa,
    Compound,
    Connection,
    Dns,
    ExternalAccountRequired,
    IncorrectResponse,
    InvalidContact,
    InvalidProfile,
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

/// What a problem is about; that decides who can mend it. In the order of weight: of several problems at once the first
/// one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// The CA does not issue for the name, whatever we prove.
    Name,
    /// The CSR, or the key in it.
    Key,
    /// What the CA saw when it looked at the name.
    Proof,
    /// The account, or what its owner must do.
    Account,
    /// The request as a whole, and every type that is not known.
    Request,
    /// The CA does not know the account's key any more.
    ForgottenAccount,
    /// We ask too often.
    Limit,
    /// The CA's own state: it passes.
    Passing,
}

impl ProblemKind {
    /// In the alphabet's order, as the CA spells them.
    const KNOWN: [(Self, &'static str); 26] = [
        (Self::AccountDoesNotExist, "accountDoesNotExist"),
        (Self::AlreadyReplaced, "alreadyReplaced"),
        (Self::AlreadyRevoked, "alreadyRevoked"),
        (Self::BadCsr, "badCSR"),
        (Self::BadNonce, "badNonce"),
        (Self::BadPublicKey, "badPublicKey"),
        (Self::BadRevocationReason, "badRevocationReason"),
        (Self::BadSignatureAlgorithm, "badSignatureAlgorithm"),
        (Self::Caa, "caa"),
        (Self::Compound, "compound"),
        (Self::Connection, "connection"),
        (Self::Dns, "dns"),
        (Self::ExternalAccountRequired, "externalAccountRequired"),
        (Self::IncorrectResponse, "incorrectResponse"),
        (Self::InvalidContact, "invalidContact"),
        (Self::InvalidProfile, "invalidProfile"),
        (Self::Malformed, "malformed"),
        (Self::OrderNotReady, "orderNotReady"),
        (Self::RateLimited, "rateLimited"),
        (Self::RejectedIdentifier, "rejectedIdentifier"),
        (Self::ServerInternal, "serverInternal"),
        (Self::Tls, "tls"),
        (Self::Unauthorized, "unauthorized"),
        (Self::UnsupportedContact, "unsupportedContact"),
        (Self::UnsupportedIdentifier, "unsupportedIdentifier"),
        (Self::UserActionRequired, "userActionRequired"),
    ];

    pub fn parse(urn: &str) -> Self {
        let name = urn.strip_prefix(URN).unwrap_or(urn);
        let known = Self::KNOWN.into_iter().find(|(_, spelt)| *spelt == name);
        known.map_or_else(|| Self::Other(name.to_owned()), |(kind, _)| kind)
    }

    /// The name as the CA spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => Self::KNOWN
                .iter()
                .find(|(kind, _)| kind == known)
                .map_or("unknown", |(_, spelt)| spelt),
        }
    }

    pub fn concern(&self) -> Concern {
        match self {
            Self::RejectedIdentifier | Self::UnsupportedIdentifier => Concern::Name,
            Self::BadCsr | Self::BadPublicKey => Concern::Key,
            Self::Caa | Self::Connection | Self::Dns | Self::IncorrectResponse | Self::Tls => Concern::Proof,
            Self::BadSignatureAlgorithm
            | Self::ExternalAccountRequired
            | Self::InvalidContact
            | Self::Unauthorized
            | Self::UnsupportedContact
            | Self::UserActionRequired => Concern::Account,
            Self::AlreadyReplaced
            | Self::AlreadyRevoked
            | Self::BadRevocationReason
            | Self::Compound
            | Self::InvalidProfile
            | Self::Malformed
            | Self::Other(_) => Concern::Request,
            Self::AccountDoesNotExist => Concern::ForgottenAccount,
            Self::RateLimited => Concern::Limit,
            Self::BadNonce | Self::OrderNotReady | Self::ServerInternal => Concern::Passing,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: String,
    /// The CA's subproblems (RFC 8555 §6.7.1), each of one name.
    pub of_names: Vec<NameProblem>,
}

impl Problem {
    /// What the whole is about. A compound says nothing itself: the weightiest of its parts decides.
    pub fn concern(&self) -> Concern {
        let of_parts = self.of_names.iter().map(|one| one.problem.concern()).min();
        match self.kind {
            ProblemKind::Compound => of_parts.unwrap_or(Concern::Request),
            _ => self.kind.concern(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind.as_str())?;
        self.of_names.iter().try_for_each(|one| write!(f, "; {one}"))
    }
}

/// Why the CA could not see that we hold this name, or does not issue for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameProblem {
    pub name: String,
    pub problem: Problem,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

/// One sentence for an order that failed: each name with its reason, else the order's own.
pub fn sentence(names: &[NameProblem], order: Option<&Problem>) -> String {
    if names.is_empty() {
        return order.map_or_else(
            || "the CA gives no reason; it may have expired".to_owned(),
            ToString::to_string,
        );
    }
    let each: Vec<String> = names.iter().map(ToString::to_string).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: ProblemKind) -> Problem {
        Problem {
            kind,
            detail: "because".to_owned(),
            of_names: Vec::new(),
        }
    }

    #[test]
    fn every_known_type_is_read_back_as_it_is_spelt_and_others_are_kept() {
        for (kind, name) in ProblemKind::KNOWN {
            assert_eq!(ProblemKind::parse(&format!("{URN}{name}")), kind);
            assert_eq!(kind.as_str(), name);
        }
        for strange in ["about:blank", "somethingNew"] {
            assert_eq!(ProblemKind::parse(strange), ProblemKind::Other(strange.to_owned()));
        }
    }

    #[test]
    fn a_compound_is_about_the_weightiest_of_its_parts_and_names_each() {
        let part = |name: &str, kind| NameProblem {
            name: name.to_owned(),
            problem: problem(kind),
        };
        let compound = Problem {
            of_names: vec![
                part("a.example", ProblemKind::Dns),
                part("b.example", ProblemKind::RejectedIdentifier),
            ],
            ..problem(ProblemKind::Compound)
        };
        assert_eq!(compound.concern(), Concern::Name);
        assert_eq!(
            compound.to_string(),
            "because (compound); a.example: because (dns); b.example: because (rejectedIdentifier)"
        );
        assert_eq!(problem(ProblemKind::Compound).concern(), Concern::Request);
    }
}
