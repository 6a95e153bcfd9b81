//! `/renewals`: asking for runs.

use std::collections::HashSet;

use api::Bounded;
use api::renewals::{Answered, RefusedHostname, Renewal};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::run::Trigger;
use domain::{Hostname, Invalid};
use store::Store;
use uuid::Uuid;

use crate::auth::Caller;
use crate::body::Body;
use crate::error::Problem;
use crate::planner::{Planner, Renewed, WantedRenewal};

/// The planner's own keys may have 200: ours get a number at the end.
const LONGEST_KEY: usize = 180;

/// Other than the planner's: what was asked for may be no hostname at all.
pub(crate) fn answered(all: Renewed) -> Answered {
    let refused = all.refused.into_iter().map(|one| RefusedHostname {
        hostname: one.hostname.into(),
        reason: one.reason,
    });
    Answered {
        accepted: all.accepted,
        refused: refused.collect(),
        warning: all.warning,
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
        (Some(Bounded(names)), false) if !names.is_empty() => names,
        (None, true) => store.policy_hostnames(&caller.workspace).await?,
        (Some(_) | None, _) => return Err(neither().into()),
    };
    let (hostnames, unreadable) = sorted(asked);
    // Who names the hosts knows them; what means all of them is a bulk.
    let trigger = if renewal.all { Trigger::Bulk } else { Trigger::Operator };
    let wanted = WantedRenewal {
        mode: renewal.mode,
        strategy: renewal.strategy,
        trigger,
        idempotency_key,
        at_once: renewal.at_once,
        when_allowed: renewal.when_allowed,
        despite_cooldown: false,
    };
    let mut answered = answered(planner.renew(&caller, &hostnames, &wanted).await?);
    answered.refused.splice(0..0, unreadable);
    Ok((StatusCode::ACCEPTED, Json(answered)))
}

/// The hostnames, each once, in order; and what is none.
fn sorted(asked: Vec<String>) -> (Vec<Hostname>, Vec<RefusedHostname>) {
    let (mut hostnames, mut refused, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for text in asked {
        match text.parse::<Hostname>() {
            Ok(hostname) if seen.insert(hostname.clone()) => hostnames.push(hostname),
            Ok(_again) => {}
            Err(reason) => refused.push(RefusedHostname { hostname: text, reason }),
        }
    }
    (hostnames, refused)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the idempotency key of a request that has none"
)]
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
