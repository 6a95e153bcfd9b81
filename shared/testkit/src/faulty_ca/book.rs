//! What the CA knows: accounts, orders and authorizations (RFC 8555 §7.1.6).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::authority::Chain;
use super::faults::RetryAfter;
use super::jws::{AccountId, PublicKey};
use super::problem::{compound, document};
use super::quota::Quota;

pub(super) type OrderId = usize;
pub(super) type AuthorizationId = usize;

#[derive(Default)]
pub(super) struct Book {
    pub(super) nonces: HashSet<String>,
    pub(super) accounts: Vec<PublicKey>,
    /// It takes nothing from these any more (RFC 8555 §7.3.6).
    pub(super) deactivated: HashSet<AccountId>,
    /// Names whose authorization is an earlier one, in this state.
    pub(super) reused: HashMap<String, Reused>,
    pub(super) orders: Vec<Order>,
    pub(super) authorizations: Vec<Authorization>,
    /// The names of each certificate.
    pub(super) issued: Vec<Vec<String>>,
    /// Name → type and detail of the problem that its challenge ends with.
    pub(super) refused_names: HashMap<String, (String, String)>,
    pub(super) chain: Chain,
    /// How long certificates are good from their issuance; the usual days without.
    pub(super) life: Option<std::time::Duration>,
    /// What is said while an order is `processing`, for ever.
    pub(super) stalled: Option<RetryAfter>,
    /// Orders stay `pending` beside a proof that failed.
    pub(super) stubborn: bool,
    pub(super) renewals: Renewals,
    /// How many new orders it takes; any number without.
    pub(super) quota: Option<Quota>,
}

/// What the CA says of renewals (RFC 9773).
#[derive(Default)]
pub(super) struct Renewals {
    /// The answer about every certificate; none: the directory does not offer it.
    pub(super) answer: Option<String>,
    pub(super) retry_after: Option<RetryAfter>,
    /// An order does not say what it replaces, though it should.
    pub(super) silent: bool,
    /// The status with which it answers orders that name a predecessor.
    pub(super) refuses: Option<u16>,
}

/// The state of an authorization that a new order begins with. The order stays `pending` whatever
/// it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reused {
    Valid,
    /// With the problem of the look that failed then.
    Invalid,
    Deactivated,
    Expired,
}

pub(super) struct Order {
    pub(super) account: AccountId,
    pub(super) replaces: Option<String>,
    pub(super) authorizations: Vec<AuthorizationId>,
    /// Once it is finalized.
    pub(super) chain_pem: Option<String>,
    /// Once its time is over (RFC 8555 §7.1.3, `expires`).
    pub(super) lapse: Option<Lapse>,
    /// The client has asked for its certificate.
    pub(super) finalized: bool,
}

/// What a CA makes of an order whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// It is still there, as `invalid` and without a reason.
    Invalid,
    /// It is not there any more.
    Forgotten,
}

pub(super) struct Authorization {
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) status: Proof,
    /// It was there before the order.
    pub(super) reused: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Proof {
    Pending,
    Valid,
    /// The challenge's problem document.
    Invalid(Value),
    Deactivated,
    Expired,
}

impl Proof {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid(_) => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
        }
    }
}

impl Book {
    /// A nonce that is good once.
    pub(super) fn nonce(&mut self) -> String {
        let nonce = crate::secret();
        self.nonces.insert(nonce.clone());
        nonce
    }

    /// The account of the key; `None` if there is none.
    pub(super) fn account_of(&self, key: &PublicKey) -> Option<AccountId> {
        self.accounts.iter().position(|known| known == key)
    }

    pub(super) fn place(&mut self, account: AccountId, names: Vec<String>, replaces: Option<String>) -> OrderId {
        let first = self.authorizations.len();
        let (reused, refused) = (&self.reused, &self.refused_names);
        self.authorizations.extend(names.into_iter().map(|name| {
            let state = reused.get(&name).copied();
            Authorization {
                account,
                token: crate::secret(),
                status: state.map_or(Proof::Pending, |state| former(state, refused.get(&name))),
                reused: state.is_some(),
                name,
            }
        }));
        self.orders.push(Order {
            account,
            replaces,
            authorizations: (first..self.authorizations.len()).collect(),
            chain_pem: None,
            lapse: None,
            finalized: false,
        });
        self.orders.len() - 1
    }

    /// The time of every order that is not finalized is over.
    pub(super) fn expire(&mut self, lapse: Lapse) {
        for order in self.orders.iter_mut().filter(|order| order.chain_pem.is_none()) {
            order.lapse = Some(lapse);
        }
    }

    pub(super) fn names(&self, order: &Order) -> Vec<String> {
        self.proofs(order).map(|one| one.name.clone()).collect()
    }

    /// The state of the order, which follows from its authorizations.
    pub(super) fn status(&self, order: &Order) -> &'static str {
        if order.finalized && self.stalled.is_some() {
            return "processing";
        }
        if order.chain_pem.is_some() {
            return "valid";
        }
        if order.lapse.is_some() {
            return "invalid";
        }
        let lost = |one: &Authorization| {
            !(one.reused || self.stubborn)
                && matches!(one.status, Proof::Invalid(_) | Proof::Deactivated | Proof::Expired)
        };
        if self.proofs(order).any(lost) {
            "invalid"
        } else if self.proofs(order).all(|one| one.status == Proof::Valid) {
            "ready"
        } else {
            "pending"
        }
    }

    /// Why the order is invalid.
    pub(super) fn error(&self, order: &Order) -> Option<Value> {
        let failed: Vec<(String, Value)> = self
            .proofs(order)
            .filter(|one| !one.reused)
            .filter_map(|one| match &one.status {
                Proof::Invalid(problem) => Some((one.name.clone(), problem.clone())),
                Proof::Pending | Proof::Valid | Proof::Deactivated | Proof::Expired => None,
            })
            .collect();
        (!failed.is_empty()).then(|| compound(&failed))
    }

    pub(super) fn proven_names(&self) -> Vec<String> {
        let open = self.orders.iter().filter(|order| order.chain_pem.is_none());
        let proofs = open.flat_map(|order| self.proofs(order));
        proofs
            .filter(|one| one.status == Proof::Valid)
            .map(|one| one.name.clone())
            .collect()
    }

    fn proofs<'a>(&'a self, order: &'a Order) -> impl Iterator<Item = &'a Authorization> {
        order
            .authorizations
            .iter()
            .filter_map(|id| self.authorizations.get(*id))
    }
}

/// What is left of an earlier validation; it failed as the name is told to fail, or somehow.
fn former(state: Reused, refused: Option<&(String, String)>) -> Proof {
    match state {
        Reused::Valid => Proof::Valid,
        Reused::Deactivated => Proof::Deactivated,
        Reused::Expired => Proof::Expired,
        Reused::Invalid => {
            let (kind, detail) =
                refused.map_or(("connection", "nobody answered then"), |(kind, detail)| (kind, detail));
            Proof::Invalid(document(kind, detail))
        }
    }
}
