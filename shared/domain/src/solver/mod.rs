//! What proves to a CA that a name is held: one file for the settings of each kind.
//!
//! In: the solver of a plan. Out: whether it can be used, and what the rest of the system asks of any of them. Touches: nothing.
//! Never: a decision that depends on the kind outside `Solver::body` and the file of the kind.

mod http01;
mod receipt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::policy::Challenge;

pub use http01::Http01Solver;
pub use receipt::Receipt;

/// Who answers the challenges of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Solver {
    Http01(Http01Solver),
}

impl Solver {
    /// The settings of its kind. The only match on the kind outside the issuer.
    pub fn body(&self) -> &dyn SolverBody {
        match self {
            Self::Http01(http01) => http01,
        }
    }

    /// Whether it is the one that orders and plans mean that name none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Solver {
    /// The issuers' own responder.
    fn default() -> Self {
        Self::Http01(Http01Solver {})
    }
}

/// What every kind of solver says of itself.
pub trait SolverBody {
    /// The word of its kind, as it is written.
    fn kind(&self) -> &'static str;

    /// What the types alone cannot refuse; the field of the refusal is one of the solver.
    fn check(&self) -> Result<(), Invalid>;

    /// How checks and the log call it.
    fn title(&self) -> String;

    /// The challenges that it answers.
    fn challenge(&self) -> Challenge;

    /// Names of the workspace's secrets that it needs.
    fn secrets(&self) -> Vec<&str>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<Solver> {
        vec![Solver::default()]
    }

    #[test]
    fn a_solver_says_the_kind_that_it_is_written_with() {
        for solver in each() {
            let written = serde_json::to_value(&solver).expect("JSON");
            assert_eq!(written["kind"], solver.body().kind());
            assert_eq!(serde_json::from_value::<Solver>(written).expect("a solver"), solver);
        }
    }

    #[test]
    fn a_setting_that_its_kind_does_not_have_is_refused_by_name() {
        for solver in each() {
            assert_eq!(solver.body().check(), Ok(()));
            let mut written = serde_json::to_value(&solver).expect("JSON");
            written["colour"] = "red".into();
            let refused = serde_json::from_value::<Solver>(written).expect_err("no such setting");
            assert!(refused.to_string().contains("colour"), "{refused}");
        }
    }
}
