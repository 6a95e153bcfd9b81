//! Which path is whose. `openapi.yaml` says the same for readers, and a test compares the two.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post, put};
use tracing::info;

use crate::auth::guard;
use crate::error::{Code, Problem};
use crate::routes::{
    budget, deeds, emergencies, errors, events, health, hosts, incidents, jobs, log, openapi, pacing, policies,
    providers, renewals, runs,
};
use crate::state::{Console, Timeout};

const MIB: usize = 1 << 20;
/// A hundred thousand items fit into it.
const BULK: usize = 64 * MIB;

const HEALTH: &str = "/api/v1/health";

/// Every path behind the login.
fn paths() -> Vec<(&'static str, MethodRouter<Console>)> {
    let bulk = DefaultBodyLimit::max(BULK);
    vec![
        ("/api/v1/openapi.yaml", get(openapi::show)),
        ("/api/v1/hosts", get(hosts::list).post(hosts::add)),
        ("/api/v1/hosts/import", post(hosts::import).layer(bulk)),
        ("/api/v1/hosts/{host}", get(hosts::show)),
        ("/api/v1/hosts/{host}/check", post(hosts::check)),
        ("/api/v1/hosts/{host}/snapshots", get(hosts::snapshots)),
        ("/api/v1/policies", get(policies::list).post(policies::add)),
        ("/api/v1/policies/import", post(policies::import).layer(bulk)),
        ("/api/v1/budget", get(budget::show).put(budget::set)),
        (
            "/api/v1/policies/{host}",
            patch(policies::change).delete(policies::forget),
        ),
        ("/api/v1/limits", get(pacing::limits)),
        ("/api/v1/limits/{id}", put(pacing::set_limit)),
        ("/api/v1/target-groups", get(pacing::groups)),
        (
            "/api/v1/target-groups/{id}",
            put(pacing::set_group).delete(pacing::forget_group),
        ),
        ("/api/v1/tag-windows", get(pacing::tags)),
        (
            "/api/v1/tag-windows/{id}",
            put(pacing::set_tag).delete(pacing::forget_tag),
        ),
        ("/api/v1/providers", get(providers::list).post(providers::add)),
        ("/api/v1/providers/preferred", put(providers::prefer)),
        (
            "/api/v1/providers/{id}",
            get(providers::show).patch(providers::change).delete(providers::forget),
        ),
        ("/api/v1/renewals", post(renewals::ask).layer(bulk)),
        ("/api/v1/jobs", get(jobs::list).post(jobs::plan)),
        ("/api/v1/jobs/{id}", get(jobs::show)),
        ("/api/v1/jobs/{id}/lines", get(jobs::lines)),
        ("/api/v1/jobs/{id}/commit", post(jobs::commit)),
        ("/api/v1/jobs/{id}/pause", post(jobs::pause)),
        ("/api/v1/jobs/{id}/resume", post(jobs::resume)),
        ("/api/v1/jobs/{id}/cancel", post(jobs::cancel)),
        ("/api/v1/runs", get(runs::list)),
        ("/api/v1/runs/counts", get(runs::counts)),
        ("/api/v1/runs/status", post(runs::standing)),
        ("/api/v1/runs/{id}", get(runs::show)),
        ("/api/v1/runs/{id}/exchange", get(runs::exchange)),
        ("/api/v1/runs/{id}/log", get(log::show)),
        ("/api/v1/runs/{id}/csr", get(deeds::csr)),
        ("/api/v1/runs/{id}/resume", post(deeds::resume)),
        ("/api/v1/runs/{id}/retry", post(deeds::retry)),
        ("/api/v1/runs/{id}/cancel", post(deeds::cancel)),
        ("/api/v1/runs/{id}/resolve", post(deeds::resolve)),
        ("/api/v1/runs/resume", post(deeds::resume_many).layer(bulk)),
        ("/api/v1/runs/retry", post(deeds::retry_many).layer(bulk)),
        ("/api/v1/runs/cancel", post(deeds::cancel_many).layer(bulk)),
        ("/api/v1/events", get(events::show)),
        ("/api/v1/emergencies", get(emergencies::list)),
        ("/api/v1/emergencies/{id}", get(emergencies::show)),
        ("/api/v1/emergencies/{id}/renew", post(emergencies::renew)),
        ("/api/v1/incidents", get(incidents::list)),
        ("/api/v1/incidents/{id}", get(incidents::show)),
        ("/api/v1/incidents/{id}/acknowledge", post(incidents::acknowledge)),
        ("/api/v1/incidents/{id}/close", post(incidents::close)),
    ]
}

pub fn router(console: Console) -> Router {
    let within = paths()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    within
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MIB))
        .layer(middleware::from_fn_with_state(console.clone(), bounded))
        .layer(middleware::from_fn_with_state(console.clone(), guard))
        .merge(open())
        .with_state(console)
}

/// What needs no login: it says nothing that an outsider may not know.
const OPEN: [&str; 3] = [HEALTH, "/api/v1/errors", "/api/v1/errors/{code}"];

fn open() -> Router<Console> {
    Router::new()
        .route(OPEN[0], get(health::show))
        .route(OPEN[1], get(errors::list))
        .route(OPEN[2], get(errors::show))
}

/// The paths, for those who look that none is forgotten.
pub fn paths_served() -> Vec<&'static str> {
    let behind = paths().into_iter().map(|(path, _)| path);
    OPEN.into_iter().chain(behind).collect()
}

/// Nothing takes longer than the configuration allows; what was asked and how it went is logged.
async fn bounded(State(Timeout(most)): State<Timeout>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = std::time::Instant::now();
    let response = match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            let detail = format!("given up after {most:?}; what was done until then stays: look before you repeat it");
            Problem::new(Code::TooSlow, detail).into_response()
        }
    };
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(%method, path, status = response.status().as_u16(), took_ms, "request");
    response
}

async fn no_such_path(uri: Uri) -> Problem {
    let detail = format!("{} is not served; GET /api/v1/openapi.yaml lists what is", uri.path());
    Problem::new(Code::NoSuchPath, detail)
}

async fn wrong_method(uri: Uri) -> Problem {
    let detail = format!("see the header Allow for the methods of {}", uri.path());
    Problem::new(Code::WrongMethod, detail)
}
