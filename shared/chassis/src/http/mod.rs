//! HTTP/1.1 to whoever connects: the API, the health page and the http-01 responder alike.
//!
//! In: a listener, routes, limits. Out: answers. Never: a connection that a client holds open
//! without using it. One that sends no whole request head in time is closed, also between two
//! requests, and so is one that takes no byte of its answer; so many are open at a time, and of one
//! address fewer. Whoever has gone without a word is found by TCP keep-alive.

mod places;
mod stalled;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

pub use self::places::{ConnectionSlot, Places};
use self::stalled::Stalled;

/// After an accept that failed: for want of file descriptors, most likely.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// Who follows a stream sends nothing for hours: a machine that is gone would keep its place. Asked
/// after a minute of silence, it is given up a minute later.
const SILENT: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_TIMES: u32 = 6;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open at a time; who comes when there are as many waits in the queue of the listener.
    pub connections: usize,
    /// Of one address (of one /64 of IPv6) at a time; further ones are closed at once. This machine
    /// itself may have all: a proxy on it speaks for many.
    pub of_one_address: usize,
    /// For a request's head, from the first moment on and after the answer before it.
    pub head: Duration,
    /// For the other side to take more of an answer.
    pub stalled: Duration,
}

impl Limits {
    /// Of pages without a login that programs ask.
    pub const fn small() -> Self {
        Self {
            connections: 64,
            of_one_address: 32,
            head: Duration::from_secs(10),
            stalled: Duration::from_secs(10),
        }
    }
}

/// Answers until `until`; requests in flight are answered first.
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits, until: &CancellationToken) {
    let (places, open) = (
        Places::new(limits.connections, limits.of_one_address),
        TaskTracker::new(),
    );
    while let Some(connection) = until.run_until_cancelled(accept(&listener, &places)).await {
        let (routes, until) = (routes.clone(), until.clone());
        open.spawn(async move { connection.converse(routes, limits, &until).await });
    }
    open.close();
    open.wait().await;
}

struct Connection {
    stream: TcpStream,
    from: SocketAddr,
    _place: ConnectionSlot,
}

/// The next connection that may stay.
#[expect(clippy::disallowed_methods, reason = "what is around it ends at a stop")]
async fn accept(listener: &TcpListener, places: &Places) -> Connection {
    loop {
        let free = places.free().await;
        match listener.accept().await {
            Ok((stream, from)) => match free.take(from.ip()) {
                Some(_place) => {
                    if let Err(error) = keep_alive(&stream) {
                        debug!(%from, %error, "a connection has no TCP keep-alive");
                    }
                    return Connection { stream, from, _place };
                }
                None => refused(places, from),
            },
            Err(error) if is_of_the_connection(&error) => debug!(%error, "a connection was gone again"),
            Err(error) => {
                warn!(%error, "no connection can be taken; trying again");
                tokio::time::sleep(AFTER_TROUBLE).await;
            }
        }
    }
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_keepidle(stream, SILENT)?;
    sockopt::set_tcp_keepintvl(stream, ASK_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, ASK_TIMES)?;
    sockopt::set_socket_keepalive(stream, true)
}

fn refused(places: &Places, from: SocketAddr) {
    if places.may_tell() {
        warn!(%from, "connections of one address are closed: it has as many as it may have");
    } else {
        debug!(%from, "a connection is closed: its address has as many as it may have");
    }
}

fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Connection {
    /// Handlers find the other side's address as axum's `ConnectInfo`.
    async fn converse(self, routes: Router, limits: Limits, until: &CancellationToken) {
        let from = ConnectInfo(self.from);
        let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(from);
            routes.clone().oneshot(request.map(Body::new))
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(TokioIo::new(Stalled::new(self.stream, limits.stalled)), answer);
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = until.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
