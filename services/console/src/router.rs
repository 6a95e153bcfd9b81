//! Which path is whose. `openapi.yaml` says the same for readers, and a test compares the two.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post, put};
use bus::panics::caught;
use domain::Invalid;
use tracing::info;

use crate::auth::guard;
use crate::error::{Code, Problem};
use crate::rooms::{Class, Rooms};
use crate::routes::{
    acts, budget, emergencies, errors, events, health, hosts, incidents, jobs, log, openapi, pacing, policies,
    providers, renewals, runs,
};
use crate::state::{Console, Timeout};

const MIB: usize = 1 << 20;
/// A hundred thousand items fit into it.
const BULK: usize = 64 * MIB;

/// One line of the table of what is served.
struct Route {
    path: &'static str,
    methods: MethodRouter<Console>,
    /// Whether its GET reads query parameters (`Params`, which refuses those that it does not
    /// know). All else takes none.
    reads_query: bool,
}

impl Route {
    fn mounted(self, router: Router<Console>) -> Router<Console> {
        let methods = match self.reads_query {
            true => self.methods.route_layer(middleware::from_fn(query_of_get)),
            false => self.methods.route_layer(middleware::from_fn(no_query)),
        };
        router.route(self.path, methods)
    }
}

/// Takes no query parameters.
fn without_query(path: &'static str, methods: MethodRouter<Console>) -> Route {
    Route {
        path,
        methods,
        reads_query: false,
    }
}

/// Its GET takes query parameters.
fn with_query(path: &'static str, methods: MethodRouter<Console>) -> Route {
    Route {
        path,
        methods,
        reads_query: true,
    }
}

/// What needs no login: it says nothing that an outsider may not know.
fn open() -> Vec<Route> {
    vec![
        without_query("/api/v1/health", get(health::show)),
        without_query("/api/v1/errors", get(errors::list)),
        without_query("/api/v1/errors/{code}", get(errors::show)),
    ]
}

/// What is behind the login.
#[expect(clippy::too_many_lines, reason = "the table of routes")]
fn guarded() -> Vec<Route> {
    let bulk = DefaultBodyLimit::max(BULK);
    vec![
        without_query("/api/v1/openapi.yaml", get(openapi::show)),
        with_query("/api/v1/hosts", get(hosts::list).post(hosts::add)),
        without_query("/api/v1/hosts/import", post(hosts::import).layer(bulk)),
        without_query("/api/v1/hosts/{host}", get(hosts::show)),
        without_query("/api/v1/hosts/{host}/check", post(hosts::check)),
        with_query("/api/v1/hosts/{host}/snapshots", get(hosts::snapshots)),
        with_query("/api/v1/policies", get(policies::list).post(policies::add)),
        without_query("/api/v1/policies/import", post(policies::import).layer(bulk)),
        without_query("/api/v1/budget", get(budget::show).put(budget::set)),
        without_query(
            "/api/v1/policies/{host}",
            patch(policies::change).delete(policies::forget),
        ),
        without_query("/api/v1/limits", get(pacing::limits)),
        without_query("/api/v1/limits/{id}", put(pacing::set_limit)),
        without_query("/api/v1/target-groups", get(pacing::groups)),
        without_query(
            "/api/v1/target-groups/{id}",
            put(pacing::set_group).delete(pacing::forget_group),
        ),
        without_query("/api/v1/tag-windows", get(pacing::tags)),
        without_query(
            "/api/v1/tag-windows/{id}",
            put(pacing::set_tag).delete(pacing::forget_tag),
        ),
        without_query("/api/v1/providers", get(providers::list).post(providers::add)),
        without_query("/api/v1/providers/preferred", put(providers::prefer)),
        without_query(
            "/api/v1/providers/{id}",
            get(providers::show).patch(providers::change).delete(providers::forget),
        ),
        without_query("/api/v1/renewals", post(renewals::ask).layer(bulk)),
        with_query("/api/v1/jobs", get(jobs::list).post(jobs::plan)),
        without_query("/api/v1/jobs/{id}", get(jobs::show)),
        with_query("/api/v1/jobs/{id}/lines", get(jobs::lines)),
        without_query("/api/v1/jobs/{id}/commit", post(jobs::commit)),
        without_query("/api/v1/jobs/{id}/pause", post(jobs::pause)),
        without_query("/api/v1/jobs/{id}/resume", post(jobs::resume)),
        without_query("/api/v1/jobs/{id}/cancel", post(jobs::cancel)),
        with_query("/api/v1/runs", get(runs::list)),
        without_query("/api/v1/runs/counts", get(runs::counts)),
        without_query("/api/v1/runs/status", post(runs::standing)),
        without_query("/api/v1/runs/{id}", get(runs::show)),
        without_query("/api/v1/runs/{id}/exchange", get(runs::exchange)),
        with_query("/api/v1/runs/{id}/log", get(log::show)),
        without_query("/api/v1/runs/{id}/csr", get(acts::csr)),
        without_query("/api/v1/runs/{id}/resume", post(acts::resume)),
        without_query("/api/v1/runs/{id}/retry", post(acts::retry)),
        without_query("/api/v1/runs/{id}/cancel", post(acts::cancel)),
        without_query("/api/v1/runs/{id}/resolve", post(acts::resolve)),
        without_query("/api/v1/runs/resume", post(acts::resume_many).layer(bulk)),
        without_query("/api/v1/runs/retry", post(acts::retry_many).layer(bulk)),
        without_query("/api/v1/runs/cancel", post(acts::cancel_many).layer(bulk)),
        with_query("/api/v1/events", get(events::show)),
        without_query("/api/v1/emergencies", get(emergencies::list)),
        with_query("/api/v1/emergencies/{id}", get(emergencies::show)),
        without_query("/api/v1/emergencies/{id}/renew", post(emergencies::renew)),
        with_query("/api/v1/incidents", get(incidents::list)),
        without_query("/api/v1/incidents/{id}", get(incidents::show)),
        without_query("/api/v1/incidents/{id}/acknowledge", post(incidents::acknowledge)),
        without_query("/api/v1/incidents/{id}/close", post(incidents::close)),
    ]
}

pub fn router(console: Console) -> Router {
    let mount = |routes: Vec<Route>| {
        routes
            .into_iter()
            .fold(Router::new(), |router, route| route.mounted(router))
    };
    mount(guarded())
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MIB))
        .layer(middleware::from_fn_with_state(console.clone(), bounded))
        .layer(middleware::from_fn_with_state(console.clone(), guard))
        .merge(mount(open()))
        .with_state(console)
}

async fn no_query(request: Request, next: Next) -> Response {
    match unread(request.uri()) {
        Some(refused) => Problem::from(refused).into_response(),
        None => next.run(request).await,
    }
}

async fn query_of_get(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => next.run(request).await,
        _ => no_query(request, next).await,
    }
}

/// An unknown parameter would be taken for one that works.
fn unread(uri: &Uri) -> Option<Invalid> {
    let query = uri.query().filter(|query| !query.is_empty())?;
    let name = query.split(['=', '&']).next().unwrap_or(query);
    let remedy = "leave it out; GET /api/v1/openapi.yaml lists the parameters of each path";
    Some(Invalid::new(name, "this path has no such query parameter", remedy))
}

/// The paths, for those who look that none is forgotten.
pub fn paths_served() -> Vec<&'static str> {
    open().into_iter().chain(guarded()).map(|route| route.path).collect()
}

/// Nothing takes longer than the configuration allows, nor more places than its class has; what was
/// asked and how it went is logged. A panic costs this request.
async fn bounded(
    State(Timeout(most)): State<Timeout>,
    State(rooms): State<Rooms>,
    request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = std::time::Instant::now();
    let answered = async {
        spelt(request.uri())?;
        let _place = rooms.enter(Class::of(&method, &path)).await?;
        Ok::<Response, Problem>(next.run(request).await)
    };
    let response = match tokio::time::timeout(most, caught(answered)).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => problem.into_response(),
        Ok(Err(panicked)) => Problem::new(Code::Defect, panicked.to_string()).into_response(),
        Err(_elapsed) => {
            let detail = format!("given up after {most:?}; what was done until then stays: look before you repeat it");
            Problem::new(Code::TooSlow, detail).into_response()
        }
    };
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(%method, path, status = response.status().as_u16(), took_ms, "request");
    response
}

/// No id and no parameter has a control character, which no database keeps and no log should show.
fn spelt(uri: &Uri) -> Result<(), Problem> {
    let refused = |field: &str, said: &str| {
        let problem = format!("{said} is a control character");
        Invalid::new(field, problem, "leave it out; ids and names have none")
    };
    match (control(uri.path()), control(uri.query().unwrap_or_default())) {
        (Some(said), _) => Err(Problem::field(Code::NoSuchThing, refused("path", said))),
        (None, Some(said)) => Err(refused("query", said).into()),
        (None, None) => Ok(()),
    }
}

/// The first escape of one, as it is written.
fn control(written: &str) -> Option<&str> {
    let escapes = written.match_indices('%').filter_map(|(at, _)| written.get(at..at + 3));
    let mut values = escapes.map(|three| (three, u8::from_str_radix(&three[1..], 16)));
    values.find_map(|(three, value)| value.is_ok_and(|value| value.is_ascii_control()).then_some(three))
}

async fn no_such_path(uri: Uri) -> Problem {
    let detail = format!("{} is not served; GET /api/v1/openapi.yaml lists what is", uri.path());
    Problem::new(Code::NoSuchPath, detail)
}

async fn wrong_method(uri: Uri) -> Problem {
    let detail = format!("see the header Allow for the methods of {}", uri.path());
    Problem::new(Code::WrongMethod, detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::FromRef;
    use axum::http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    #[derive(Clone, FromRef)]
    struct Gate {
        timeout: Timeout,
        rooms: Rooms,
    }

    async fn panics() -> &'static str {
        panic!("a defect")
    }

    #[tokio::test]
    async fn a_panic_costs_its_request_only() {
        let gate = Gate {
            timeout: Timeout(std::time::Duration::from_secs(30)),
            rooms: Rooms::default(),
        };
        let router = Router::new()
            .route("/panics", get(panics))
            .route("/works", get(|| async { "fine" }))
            .layer(middleware::from_fn_with_state(gate, bounded));
        let status = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let answered = router.clone().oneshot(request).await;
            answered.expect("it always answers").status()
        };
        assert_eq!(status("/panics").await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status("/works").await, StatusCode::OK);
    }
}
