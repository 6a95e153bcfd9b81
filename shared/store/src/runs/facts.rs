//! What statements filter, group and add up runs by: said by the domain once, written with every
//! save.
//!
//! An earlier version saves a run without it: then `facts_at` is not `moved_at`, and the columns
//! are not used. Who reads them takes the plan and the course of such a row instead ([`Current`],
//! [`cost_of`]), until the planner has written them.

use domain::disposition::{ErrorCode, Question};
use domain::plan::Plan;
use domain::run::{Ending, RunProgress, RunState};
use serde_json::Value;

use crate::rows::from_json;

/// One vector each, for UNNEST.
#[derive(Default)]
pub(crate) struct FactColumns {
    pub cas: Vec<String>,
    pub costs: Vec<Option<i64>>,
    pub troubles: Vec<Option<String>>,
}

impl FactColumns {
    pub(crate) fn push(&mut self, plan: &Plan, state: &RunState) {
        let choice = plan.current_ca(&state.progress);
        self.cas.push(choice.ca.to_string());
        self.costs.push(
            choice
                .cost_micro_usd
                .map(|cost| i64::try_from(cost).unwrap_or(i64::MAX)),
        );
        self.troubles.push(state.trouble().map(ToString::to_string));
    }
}

/// The CA that a run asks, as its row says it: `unread` is the plan and the course where the column
/// is not believed.
pub(crate) struct Current {
    pub ca: Option<String>,
    pub unread: Option<(Value, Option<Value>)>,
}

impl Current {
    pub(crate) fn ca(self) -> Result<Option<String>, String> {
        let Some((plan, progress)) = self.unread else {
            return Ok(self.ca);
        };
        let (plan, progress) = read(plan, progress)?;
        Ok(Some(plan.current_ca(&progress).ca.to_string()))
    }
}

/// What the CA charges that a run asks, out of its plan and its course.
pub(crate) fn cost_of(plan: Value, progress: Option<Value>) -> Result<Option<u64>, String> {
    let (plan, progress) = read(plan, progress)?;
    Ok(plan.current_ca(&progress).cost_micro_usd)
}

fn read(plan: Value, progress: Option<Value>) -> Result<(Plan, RunProgress), String> {
    let plan: Plan = from_json(plan)?;
    let progress = progress.map_or_else(|| Ok(RunProgress::of(&plan)), from_json)?;
    Ok((plan, progress))
}

/// What a question or an ending is about.
pub(super) fn code_of(said: Value) -> Result<Option<ErrorCode>, String> {
    if let Ok(question) = from_json::<Question>(said.clone()) {
        return Ok(Some(question.code));
    }
    Ok(match from_json::<Ending>(said)? {
        Ending::Failed { failure, .. } => Some(failure.code),
        Ending::Succeeded | Ending::Cancelled { .. } => None,
    })
}
