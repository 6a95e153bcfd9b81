//! Whether the console can work: no login, and nothing that an outsider may not know.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::Bus;
use serde::Serialize;
use store::Store;

const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    database: &'static str,
    nats: &'static str,
    /// `failing` when what is to be told of an incident could not be delivered; the incident says why.
    notifications: &'static str,
    version: &'static str,
}

pub(crate) async fn show(State(store): State<Store>, State(bus): State<Bus>) -> (StatusCode, Json<Health>) {
    let database = matches!(tokio::time::timeout(PATIENCE, store.ping()).await, Ok(Ok(())));
    let nats = bus.is_connected();
    let word = |up: bool| if up { "ok" } else { "down" };
    let health = Health {
        status: word(database && nats),
        database: word(database),
        nats: word(nats),
        notifications: notifications(&store).await,
        version: env!("CARGO_PKG_VERSION"),
    };
    let status = if database && nats {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health))
}

async fn notifications(store: &Store) -> &'static str {
    match tokio::time::timeout(PATIENCE, store.notifications_failing()).await {
        Ok(Ok(0)) => "ok",
        Ok(Ok(_)) => "failing",
        Ok(Err(_)) | Err(_) => "unknown",
    }
}
