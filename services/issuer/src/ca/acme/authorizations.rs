//! The authorizations of an order (RFC 8555 §7.1.4), as far as they are read only.
//!
//! In: an order at the CA. Out: its authorizations, or the names that can never be proven with it. Never: a challenge.

use instant_acme::{AuthorizationStatus, Order};

use super::nonce_proof;
use super::translate::{is_bad_nonce, problem, translate};
use crate::ca::{CaError, NameProblem, Problem, ProblemKind};
use crate::challenge::solvers::SolverError;

pub(super) fn not_presented(error: SolverError) -> CaError {
    CaError::NotPresented { what: error.what }
}

/// Whether an authorization of the order can never be proven any more: each with the CA's reason. The authorizations are
/// here already.
pub(super) async fn over(order: &mut Order) -> Result<(), CaError> {
    let (mut names, mut all) = (Vec::new(), order.authorizations());
    while let Some(next) = all.next().await {
        let authorization = next.map_err(translate)?;
        let state = match authorization.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Invalid => "invalid",
            AuthorizationStatus::Revoked => "revoked",
            AuthorizationStatus::Expired => "expired",
            AuthorizationStatus::Deactivated => "deactivated",
        };
        let said = authorization
            .challenges
            .iter()
            .find_map(|challenge| challenge.error.as_ref());
        let problem = said.map_or_else(|| without_reason(state), problem);
        let name = authorization.identifier().to_string();
        names.push(NameProblem { name, problem });
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(CaError::OrderInvalid { names, order: None })
}

fn without_reason(state: &str) -> Problem {
    Problem {
        kind: ProblemKind::Other(format!("authorization {state}")),
        detail: format!("the CA's authorization for the name is {state}, and it does not say why"),
        of_names: Vec::new(),
    }
}

/// The library keeps what it has fetched: after an error the walk begins again, and only what is missing costs.
pub(super) async fn fetch_authorizations(order: &mut Order) -> Result<(), CaError> {
    nonce_proof!(async {
        let mut all = order.authorizations();
        while let Some(next) = all.next().await {
            next?;
        }
        Ok(())
    })
    .map_err(translate)
}
