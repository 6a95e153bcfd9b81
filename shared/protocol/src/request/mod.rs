//! What other systems, the console and the CLI ask of the planner, and what it answers.

mod answer;
mod verb;

use domain::Invalid;
use domain::job::JobSpec;
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use domain::secret::Envelope;
use domain::{Hostname, JobId, RunId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SCHEMA;

pub use answer::{Accepted, AmendedRun, Amendment, Answer, JobStanding, Refused, RefusedRun};
pub use verb::Verb;

/// `vigilo.request.<workspace>.renew`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    pub hostnames: Vec<Hostname>,
    /// Absent: as each policy says.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Absent: each policy's own provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Requests with one key are carried out once, however often they are sent.
    pub idempotency_key: String,
    pub requested_by: String,
    #[serde(default = "by_request")]
    pub trigger: Trigger,
    /// Now, whatever the maintenance windows of the hosts say.
    #[serde(default, skip_serializing_if = "is_false")]
    pub at_once: bool,
    /// A host inside its cooldown gets a run that waits for its end, in place of a refusal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub when_allowed: bool,
    /// A host inside its cooldown is renewed all the same: what it serves is not to be served any
    /// longer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub despite_cooldown: bool,
}

fn is_false(said: &bool) -> bool {
    !said
}

fn by_request() -> Trigger {
    Trigger::Request
}

/// `vigilo.request.<workspace>.resume`, `.retry` and `.cancel`, of one run
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    pub run_id: RunId,
    pub requested_by: String,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of `resume`: begin a new account at the CA that refuses the present one; the old key is
    /// kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub new_account: bool,
}

/// An act of a person on many runs: it is accepted or refused for each run by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsRequest {
    pub run_ids: Vec<RunId>,
    pub requested_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of `resume`: begin a new account at each CA that refuses the present one; the old keys are
    /// kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub new_account: bool,
}

/// `vigilo.request.<workspace>.resolve`: a run that asks goes on with a certificate that a person
/// got elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    pub run_id: RunId,
    pub requested_by: String,
    /// Leaf first, PEM.
    pub chain_pem: String,
    /// Its private key, sealed for `leaf-key`; absent: it is the key that the run prepared.
    /// Plaintext has no field here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_key: Option<Envelope>,
    /// It is served already: nothing is installed, only looked at.
    #[serde(default)]
    pub already_installed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `vigilo.request.<workspace>.probe`: look at these hosts now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeRequest {
    pub hostnames: Vec<Hostname>,
    pub requested_by: String,
}

/// `vigilo.request.<workspace>.bulk-plan`: plan a bulk renewal. Nothing happens to any host; the
/// answer is the job's id at once, and the plan is ready a little later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkPlanRequest {
    pub spec: JobSpec,
    /// Requests with one key are planned once, however often they are sent.
    pub idempotency_key: String,
    pub requested_by: String,
}

/// `vigilo.request.<workspace>.bulk-commit`: create the runs of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkCommitRequest {
    pub job_id: JobId,
    pub requested_by: String,
    /// Also when the plan is old.
    #[serde(default)]
    pub stale_ok: bool,
}

/// `vigilo.request.<workspace>.job-pause`, `.job-resume`, `.job-cancel` and `.job-show`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    pub job_id: JobId,
    pub requested_by: String,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `vigilo.request.<workspace>.events`: open a consumer of the workspace's run events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsRequest {
    /// Which of the workspace's own, from 1 on; each remembers how far it was read.
    #[schemars(range(min = 1, max = 4))]
    pub consumer: u8,
    /// Begin anew with the events from then on. Absent: go on where the consumer stands; a new one
    /// begins with the first event that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    pub requested_by: String,
}

/// Any request may say by `schema` in which version it is written; one that does not is of the
/// first. Gives the rest of it, when this version reads it.
pub fn readable(mut body: Value) -> Result<Value, Invalid> {
    let said = body.as_object_mut().and_then(|body| body.remove("schema"));
    match said.as_ref().map(Value::as_u64) {
        None => Ok(body),
        Some(Some(version)) if (1..=u64::from(SCHEMA)).contains(&version) => Ok(body),
        Some(_) => {
            let problem = format!("{} is no version that is read here", said.unwrap_or_default());
            let remedy = format!("write it in a version from 1 to {SCHEMA} (shared/protocol/schema), or leave it out");
            Err(Invalid::new("schema", problem, remedy))
        }
    }
}
