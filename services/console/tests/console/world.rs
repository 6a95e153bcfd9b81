//! A console with a database of its own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use bus::inbox::Inbox;
use bus::readers::Reader;
use bus::streams::StreamName;
use bus::{Bus, Connection, Signer};
use console::{Config, Console};
use domain::Timestamp;
use domain::clock::Clock;
use http_body_util::BodyExt;
use protocol::incident::{IncidentActAnswer, IncidentActAsk};
use protocol::request::Answer;
use protocol::subjects::{INCIDENT_ACT_ALL, incident_act};
use serde_json::{Value, json};
use store::Store;
use testkit::{Nats, Postgres, wait};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::document;

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
    /// The name of its database.
    pub database: String,
    /// The answers that were judged, as `document::Operation` names them, with their status.
    pub judged: Arc<Mutex<BTreeSet<(String, u16)>>>,
    config: Config,
    connection: Connection,
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
            database: name,
            judged: Arc::default(),
            config,
            connection: connection(nats),
        })
    }

    /// The console of this world by the clock of the machine.
    pub fn today(&self) -> Self {
        let console = Console::new(&self.config, self.store.clone(), self.bus.clone());
        Self {
            router: console::router(console),
            store: self.store.clone(),
            bus: self.bus.clone(),
            database: self.database.clone(),
            judged: Arc::clone(&self.judged),
            config: self.config.clone(),
            connection: self.connection.clone(),
        }
    }

    pub async fn get(&self, path: &str) -> Result<Answered> {
        self.send(Method::GET, path, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answered> {
        self.send(Method::POST, path, Body::from(body.to_string())).await
    }

    /// With the owner's token. The answer is what `openapi.yaml` says of it, or this fails.
    pub async fn send(&self, method: Method, path: &str, body: Body) -> Result<Answered> {
        let uri = format!("/api/v1{path}");
        let sent = body.collect().await?.to_bytes();
        let request = Request::builder().method(method.clone()).uri(&uri);
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let answered = answered(self.raw(request.body(Body::from(sent.clone()))?).await?).await?;
        let sent = serde_json::from_slice(&sent).unwrap_or_default();
        self.judge(&method, &uri, &sent, &answered)?;
        Ok(answered)
    }

    /// Holds an answer against the document.
    pub fn judge(&self, method: &Method, uri: &str, sent: &Value, answered: &Answered) -> Result<()> {
        let operation = document::judge(method, uri, sent, answered)?;
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.extend(operation.map(|operation| (operation, answered.status.as_u16())));
        Ok(())
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
    let kind = response.headers().get("content-type").map(|kind| kind.to_str());
    let kind = kind.transpose()?.unwrap_or_default().to_owned();
    let bytes = response.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    if kind.ends_with("json") {
        // JSON is YAML, and this reader refuses an object with two fields of one name.
        serde_saphyr::from_slice::<Value>(&bytes).with_context(|| format!("what is answered: {body}"))?;
    }
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
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    let keys = KEYS.get_or_init(|| testkit::run_dir::fresh("keys", None).expect("a directory"));
    let connection = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    // The tests play planner and key-signer.
    connection.with_keys_in(keys, Some(Signer::KeySigner)).expect("keys")
}

pub fn policy(hostname: &str) -> Value {
    let file = |kind: &str| format!("/etc/tls/{hostname}.{kind}");
    json!({
        "hostname": hostname, "provider": "acme", "directory_url": "https://ca.example.org/dir",
        "targets": [{ "kind": "file", "chain_path": file("crt"), "key_path": file("key") }],
    })
}

/// Plays the planner: takes the next `many` requests, answers each as told, and gives them back
/// with their subjects.
pub async fn play_planner(
    bus: &Bus,
    many: usize,
    say: impl Fn(&str, &Value) -> Answer,
) -> Result<Vec<(String, Value)>> {
    let mut inbox = Inbox::<Value>::open(bus.clone(), Reader::asked_of(StreamName::Commands, "default"), 16).await?;
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

/// Plays the incident service while the story goes on: answers each act as told, and gives back
/// what was asked.
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with it"
)]
pub async fn play_incident<T>(
    world: &World,
    say: impl Fn(&IncidentActAsk) -> IncidentActAnswer + Send + Sync + 'static,
    story: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<IncidentActAsk>)> {
    let asked: Arc<Mutex<Vec<IncidentActAsk>>> = Arc::default();
    let taken = Arc::clone(&asked);
    let answer = move |_: String, body: Vec<u8>| {
        let said = serde_json::from_slice::<IncidentActAsk>(&body).ok().map(|ask| {
            let answer = say(&ask);
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(ask);
            answer
        });
        async move { said.unwrap_or(IncidentActAnswer::Failed) }
    };
    let (bus, stop) = (
        Bus::connect(&world.connection, "incident-test").await?,
        CancellationToken::new(),
    );
    let service = tokio::spawn({
        let stop = stop.clone();
        async move { bus.answer(INCIDENT_ACT_ALL, "incident", &stop, answer).await }
    });
    let listens = incident_act(&"nobody".parse()?);
    wait::until("it listens", Duration::from_secs(20), async || {
        let within = Duration::from_secs(5);
        let answered = world
            .bus
            .ask_for_hint::<_, IncidentActAnswer>(&listens, &"?", within)
            .await;
        answered.ok()
    })
    .await?;
    let told = story.await?;
    stop.cancel();
    service.await??;
    let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((told, asked))
}
