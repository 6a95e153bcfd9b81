//! A console with a database of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use bus::inbox::Inbox;
use bus::topology::Reader;
use bus::{Bus, Connection};
use console::{Config, Console};
use domain::Timestamp;
use domain::clock::Clock;
use http_body_util::BodyExt;
use protocol::request::Answer;
use serde_json::{Value, json};
use store::Store;
use testkit::{Nats, Postgres};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub const TOKEN: &str = "a-token-of-the-tests";
/// 2026-01-01T00:00:00Z
pub const NOW: i64 = 1_767_225_600;

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        now()
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_unix(NOW).expect("an instant")
}

pub struct World {
    pub router: Router,
    pub store: Store,
    pub bus: Bus,
}

/// What came back.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub kind: String,
    pub body: Value,
}

impl World {
    /// On the servers that all tests of this process share.
    pub async fn new() -> Result<Self> {
        Self::on(testkit::shared::nats().await).await
    }

    pub async fn on(nats: &Nats) -> Result<Self> {
        Self::with(nats, testkit::shared::postgres().await).await
    }

    pub async fn with(nats: &Nats, postgres: &Postgres) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("console_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = postgres.database(&name).await?;
        let store = Store::connect(&database, 4).await?;
        store.migrate().await?;
        let bus = Bus::connect(&connection(nats), "console-test").await?;
        bus.apply_topology().await?;
        let config: Config = serde_json::from_value(json!({ "database_url": database, "owner_token": TOKEN }))?;
        let console = Console::new(&config, store.clone(), bus.clone()).with_clock(Still);
        Ok(Self {
            router: console::router(console),
            store,
            bus,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Answered> {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answered> {
        self.send(Method::POST, path, Body::from(body.to_string())).await
    }

    /// With the owner's token.
    pub async fn send(&self, method: Method, path: &str, body: Body) -> Result<Answered> {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = request.header("authorization", format!("Bearer {TOKEN}")).body(body)?;
        answered(self.raw(request).await?).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Result<Response<Body>> {
        Ok(self.router.clone().oneshot(request).await?)
    }

    pub async fn host(&self, hostname: &str) -> Result<Value> {
        self.post("/hosts", &json!({ "hostname": hostname })).await?.good(201)
    }

    pub async fn policy(&self, hostname: &str) -> Result<Value> {
        self.post("/policies", &policy(hostname)).await?.good(201)
    }
}

pub async fn answered(response: Response<Body>) -> Result<Answered> {
    let status = response.status();
    let kind = response
        .headers()
        .get("content-type")
        .context("a content type")?
        .to_str()?
        .to_owned();
    let bytes = response.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    Ok(Answered { status, kind, body })
}

impl Answered {
    /// The body of an answer with this status.
    pub fn good(self, status: u16) -> Result<Value> {
        anyhow::ensure!(self.status == status, "{status} was expected: {self:?}");
        Ok(self.body)
    }

    /// The one refused field of a problem with this status and code.
    pub fn refused(self, status: u16, code: &str) -> Result<Value> {
        anyhow::ensure!(self.status == status, "{status} was expected: {self:?}");
        anyhow::ensure!(self.kind == "application/problem+json", "no problem: {self:?}");
        let named = self.body["type"] == format!("urn:vigilo:error:{code}") && self.body["status"] == status;
        anyhow::ensure!(named, "{code} was expected: {self:?}");
        anyhow::ensure!(
            self.body["title"].is_string() && self.body["detail"].is_string(),
            "{self:?}"
        );
        Ok(self.body["errors"][0].clone())
    }
}

pub fn connection(nats: &Nats) -> Connection {
    Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    }
}

pub fn policy(hostname: &str) -> Value {
    json!({
        "hostname": hostname, "provider": "acme", "directory_url": "https://ca.example.org/dir",
        "targets": [{ "kind": "file", "chain_path": "/etc/tls/a.crt", "key_path": "/etc/tls/a.key" }],
    })
}

/// Plays the planner: takes the next `many` requests, answers each as told, and gives them back with their subjects.
pub async fn play_planner(
    bus: &Bus,
    many: usize,
    say: impl Fn(&str, &Value) -> Answer,
) -> Result<Vec<(String, Value)>> {
    let mut inbox = Inbox::<Value>::open(bus.clone(), Reader::commands(), 16).await?;
    let (stop, mut taken) = (CancellationToken::new(), Vec::new());
    while taken.len() < many {
        let next = tokio::time::timeout(Duration::from_secs(20), inbox.next(&stop)).await;
        for request in next.context("no request came")?.context("the inbox ended")? {
            let answer = say(request.subject(), &request.value);
            let sender = request.reply_to().context("nobody waits for the answer")?;
            bus.reply(request.subject(), sender, &answer).await;
            request.ack().await;
            taken.push((request.subject().to_owned(), request.value.clone()));
        }
    }
    Ok(taken)
}
