//! What people do to runs: resume, retry, cancel, one or many; and resolve with a certificate got elsewhere.

use domain::RunId;
use protocol::request::{AmendedRun, RefusedRun};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lists::Bounded;

/// Why one run is resumed, retried or cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunAct {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of resume: begin a new account at the CA that refuses the present one; the old key is kept.
    #[serde(default)]
    pub new_account: bool,
}

/// Many runs: either the ids, or all that the word is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsAct {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Bounded<RunId>>,
    /// All that ask; of retry all that failed and had no later run.
    #[serde(default)]
    pub all: bool,
    /// Of all, only those with this error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of resume: begin a new account at each CA that refuses the present one.
    #[serde(default)]
    pub new_account: bool,
}

/// A certificate that was got elsewhere. It has no `Debug`: it may hold a private key.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// PEM, leaf first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_pem: Option<String>,
    /// In place of `chain_pem`: the certificate that the newest look saw at the host.
    #[serde(default)]
    pub served: bool,
    /// Its private key; not needed when it was issued for the CSR of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pem: Option<String>,
    /// It is served already: only look, install nothing.
    #[serde(default)]
    pub already_installed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of many runs: each is in one of the first two lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToldMany {
    pub done: Vec<RunId>,
    pub refused: Vec<RefusedRun>,
    /// Those of `done` that took something from today's policy, or cannot.
    pub amended: Vec<AmendedRun>,
}
