//! `/renewals`: asking for runs.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::plan::Strategy;
use domain::run::{Mode, Trigger};
use domain::{Hostname, Invalid};
use protocol::request::Accepted;
use serde::{Deserialize, Serialize};
use store::Store;
use uuid::Uuid;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::planner::{Planner, Renewed, Wish};

/// The planner's own keys may have 200: ours get a number at the end.
const LONGEST_KEY: usize = 180;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    #[serde(default)]
    hostnames: Option<Vec<String>>,
    /// Every hostname that has an active policy.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    mode: Option<Mode>,
    /// Absent: each policy's own provider.
    #[serde(default)]
    strategy: Option<Strategy>,
    #[serde(default)]
    idempotency_key: Option<String>,
    /// Outside the maintenance windows too.
    #[serde(default)]
    at_once: bool,
    /// Inside a cooldown: wait for its end.
    #[serde(default)]
    when_allowed: bool,
}

#[derive(Serialize)]
pub(crate) struct Answered {
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
    /// What a person should know of those that are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// Other than the planner's: what was asked for may be no hostname at all.
#[derive(Serialize)]
struct Refused {
    hostname: String,
    reason: Invalid,
}

impl Answered {
    pub(crate) fn of(all: Renewed) -> Self {
        let refused = all.refused.into_iter().map(|one| Refused {
            hostname: one.hostname.into(),
            reason: one.reason,
        });
        Self {
            accepted: all.accepted,
            refused: refused.collect(),
            warning: all.warning,
        }
    }
}

pub(crate) async fn ask(
    State(store): State<Store>,
    State(planner): State<Planner>,
    caller: Caller,
    Body(renewal): Body<Renewal>,
) -> Result<(StatusCode, Json<Answered>), Problem> {
    let idempotency_key = key(renewal.idempotency_key)?;
    let asked = match (renewal.hostnames, renewal.all) {
        (Some(names), false) if !names.is_empty() => names,
        (None, true) => store.policy_hostnames(&caller.workspace).await?,
        (Some(_) | None, _) => return Err(neither().into()),
    };
    let (hostnames, unreadable) = sorted(asked);
    let trigger = if hostnames.len() == 1 && !renewal.all {
        Trigger::Operator
    } else {
        Trigger::Bulk
    };
    let wish = Wish {
        mode: renewal.mode,
        strategy: renewal.strategy,
        trigger,
        idempotency_key,
        at_once: renewal.at_once,
        when_allowed: renewal.when_allowed,
        despite_cooldown: false,
    };
    let mut answered = Answered::of(planner.renew(&caller, &hostnames, &wish).await?);
    answered.refused.splice(0..0, unreadable);
    Ok((StatusCode::ACCEPTED, Json(answered)))
}

/// The hostnames, each once, in order; and what is none.
fn sorted(asked: Vec<String>) -> (Vec<Hostname>, Vec<Refused>) {
    let (mut hostnames, mut refused, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for text in asked {
        match text.parse::<Hostname>() {
            Ok(hostname) if seen.insert(hostname.clone()) => hostnames.push(hostname),
            Ok(_again) => {}
            Err(reason) => refused.push(Refused { hostname: text, reason }),
        }
    }
    (hostnames, refused)
}

pub(crate) fn key(given: Option<String>) -> Result<String, Invalid> {
    match given {
        None => Ok(Uuid::now_v7().to_string()),
        Some(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(key),
        Some(key) => {
            let problem = format!("it has {} characters", key.len());
            Err(Invalid::new(
                "idempotency_key",
                problem,
                format!("give 1 to {LONGEST_KEY}, for example a UUID"),
            ))
        }
    }
}

fn neither() -> Invalid {
    let remedy = "give at least one hostname, or \"all\": true and no hostnames";
    Invalid::new("hostnames", "it does not say what to renew", remedy)
}
