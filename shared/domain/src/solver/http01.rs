//! http-01 (RFC 8555 §8.3) by the responder that every issuer runs: it has no settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SolverBody;
use crate::invalid::Invalid;
use crate::policy::Challenge;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http01Solver {}

impl SolverBody for Http01Solver {
    fn kind(&self) -> &'static str {
        "http01"
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    fn title(&self) -> String {
        "http-01, at every issuer".to_owned()
    }

    fn challenge(&self) -> Challenge {
        Challenge::Http01
    }

    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }
}
