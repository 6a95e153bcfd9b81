//! `/emergencies`: many certificates that a CA wants renewed at once, what is left of them, and renewing all of that.

use api::Items;
use api::emergencies::{Emergency, EmergencyDetail, EmergencyRenewal};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::run::{Mode, Trigger};
use domain::{Hostname, IncidentId, Invalid, Timestamp};
use serde::Deserialize;
use store::{EmergencyView, Store};
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::{Code, Problem};
use crate::planner::{Planner, WantedRenewal};
use crate::query::{Params, limit};
use crate::reading::Reading;
use crate::routes::renewals::answered;
use crate::state::Now;
use crate::views::emergency as views;

/// More hosts than an estate has.
const ALL: i64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    limit: Option<String>,
}

/// Newest first.
pub(crate) async fn list(
    State(store): State<Store>,
    State(now): State<Now>,
    caller: Caller,
) -> Result<Json<Items<Emergency>>, Problem> {
    let rows = store.emergencies(&caller.workspace, None, now.read()).await?;
    let items = rows.into_iter().map(views::head).collect();
    Ok(Json(Items { items }))
}

/// With the hosts that are left, in the order in which they are renewed.
pub(crate) async fn show(
    Reading { store, now, caller }: Reading,
    Path(id): Path<String>,
    Params(shown): Params<Shown>,
) -> Result<Json<EmergencyDetail>, Problem> {
    let (limit, now) = (limit(shown.limit.as_deref())?, now.read());
    let view = load(&store, &caller, &id, now).await?;
    let hosts = store.called_hosts(&caller.workspace, view.id, now, limit).await?;
    let plans = store.plans_of_emergency(&caller.workspace, view.id).await?;
    Ok(Json(views::detail(view, plans, hosts)))
}

/// Live runs of all that is left and not on its way, the most critical first, also of what renews only by hand.
#[expect(
    clippy::disallowed_methods,
    reason = "the idempotency key of a request that has none"
)]
pub(crate) async fn renew(
    State(planner): State<Planner>,
    Reading { store, now, caller }: Reading,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<EmergencyRenewal>), Problem> {
    let now = now.read();
    let view = load(&store, &caller, &id, now).await?;
    let left = store.called_hosts(&caller.workspace, view.id, now, ALL).await?;
    let all = left.len();
    let active = |status: domain::run::Status| !status.is_ending();
    let still: Vec<Hostname> = left
        .into_iter()
        .filter(|host| !host.run.is_some_and(|(_, status)| active(status)))
        .map(|host| host.hostname)
        .collect();
    let wanted = WantedRenewal {
        mode: Some(Mode::Live),
        strategy: None,
        trigger: Trigger::Bulk,
        idempotency_key: Uuid::now_v7().to_string(),
        // The clock of a revocation runs: no maintenance window is waited for.
        at_once: true,
        when_allowed: false,
        // A certificate that was got yesterday may be revoked as well.
        despite_cooldown: true,
    };
    let on_their_way = all - still.len();
    let answered = answered(planner.renew(&caller, &still, &wanted).await?);
    Ok((StatusCode::ACCEPTED, Json(EmergencyRenewal { answered, on_their_way })))
}

async fn load(store: &Store, caller: &Caller, id: &str, now: Timestamp) -> Result<EmergencyView, Problem> {
    let parsed: IncidentId = id.parse()?;
    let found = store.emergencies(&caller.workspace, Some(parsed), now).await?;
    found.into_iter().next().ok_or_else(|| {
        let remedy = "see vigilo emergency list";
        Problem::field(
            Code::NoSuchThing,
            Invalid::new("id", format!("there is no emergency {id}"), remedy),
        )
    })
}
