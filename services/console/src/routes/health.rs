//! Whether the console can work: no login, and nothing that an outsider may not know.

use std::sync::Arc;
use std::time::Duration;

use api::health::{EngineWord, Health};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::Bus;
use store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::engines::Engines;

const PATIENCE: Duration = Duration::from_secs(2);

/// What was found a moment ago: no token is needed to ask, so asking costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Checkup(Arc<Mutex<Option<(Instant, StatusCode, Health)>>>);

const FRESH: Duration = Duration::from_secs(1);

pub(crate) async fn show(
    State(store): State<Store>,
    State(bus): State<Bus>,
    State(engines): State<Engines>,
    State(Checkup(last)): State<Checkup>,
) -> (StatusCode, Json<Health>) {
    // Who comes while it is looked hears of the same look.
    let mut last = last.lock().await;
    if let Some((at, status, health)) = &*last
        && at.elapsed() < FRESH
    {
        return (*status, Json(health.clone()));
    }
    let (status, health) = look(&store, &bus, &engines).await;
    *last = Some((Instant::now(), status, health.clone()));
    (status, Json(health))
}

async fn look(store: &Store, bus: &Bus, engines: &Engines) -> (StatusCode, Health) {
    let found = engines.look(store, bus).await;
    let works = found.database == EngineWord::Ok && found.nats == EngineWord::Ok && found.disk != EngineWord::Full;
    let health = Health {
        status: if works { EngineWord::Ok } else { EngineWord::Down },
        database: found.database,
        nats: found.nats,
        notifications: notifications(store).await,
        disk: found.disk,
        problems: found.problems,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let status = if works {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, health)
}

async fn notifications(store: &Store) -> EngineWord {
    match tokio::time::timeout(PATIENCE, store.notifications_failing()).await {
        Ok(Ok(0)) => EngineWord::Ok,
        Ok(Ok(_)) => EngineWord::Failing,
        Ok(Err(_)) | Err(_) => EngineWord::Unknown,
    }
}
