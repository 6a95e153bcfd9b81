//! `/healthz`: the process runs. `/readyz`: every service in it can work, or which cannot yet.
//!
//! In: the crew. Out: HTTP on `health_listen`. Never: anything that an outsider may not know; there
//! is no login here.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::ConfigError;
use crate::crew::Crew;
use crate::http::{self, Limits};

/// Takes the port; a port that cannot be had is an error of the configuration.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener, ConfigError> {
    TcpListener::bind(listen).await.map_err(|e| {
        let problem = format!("health_listen {listen}: {e}; give an address and port that nothing else uses");
        ConfigError(problem)
    })
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, crew: Crew) {
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(crew);
    http::serve(listener, routes, Limits::small(), &CancellationToken::new()).await;
}

async fn readyz(State(crew): State<Crew>) -> (StatusCode, String) {
    let waiting = crew.not_ready();
    if waiting.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("not ready: {}\n", waiting.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn get(at: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    async fn served(crew: &Crew) -> SocketAddr {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        tokio::spawn(serve(listener, crew.clone()));
        at
    }

    #[tokio::test]
    async fn ready_means_that_every_service_is() {
        let crew = Crew::new();
        let at = served(&crew).await;
        assert!(get(at, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(at, "/readyz").await.contains("503"));
        let (planner, issuer) = (crew.member("planner"), crew.member("issuer"));
        planner.ready();
        let answer = get(at, "/readyz").await;
        assert!(
            answer.starts_with("HTTP/1.1 503") && answer.ends_with("not ready: issuer\n"),
            "{answer}"
        );
        issuer.ready();
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 200"));
        crew.process_life().soft().cancel();
        assert!(get(at, "/readyz").await.ends_with("not ready: planner, issuer\n"));
    }

    #[tokio::test]
    async fn a_taken_port_names_the_key() {
        let taken = bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let at = taken.local_addr().expect("an address");
        let said = bind(at).await.expect_err("it is taken").to_string();
        assert!(said.contains(&format!("health_listen {at}")), "{said}");
    }
}
