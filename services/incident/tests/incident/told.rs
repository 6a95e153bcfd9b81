//! How people and machines hear of incidents: many at once as one letter, and what could not be
//! delivered again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::channel::ChannelKind;
use domain::disposition::Failure;
use domain::{IncidentId, WorkspaceId};
use protocol::event::RunEvent;
use serde_json::json;
use store::NotificationView;
use testkit::sqlx::{Connection as _, Executor, PgConnection};
use testkit::{MailServer, MailTls, run_dir, wait};

use crate::world::{OPS, Running, SOON, World};

/// The tests do not wait for a real one.
const HALF_A_MINUTE_LATER: &str = "update notifications set due_at = due_at - interval '30 seconds', \
                                   created_at = created_at - interval '30 seconds'";

/// More than ten hosts, each with a cause of its own.
async fn unlike(world: &World, hosts: usize) -> Result<Vec<RunEvent>> {
    let mut events = Vec::with_capacity(hosts);
    for number in 0..hosts {
        let question = Failure::new(&format!("ISS-9{number:03}"), "it fails", "mend it").ask();
        events.push(RunEvent {
            question: Some(question),
            ..world.stuck(&format!("host-{number}.example.org")).await?
        });
    }
    Ok(events)
}

async fn told(world: &World, incident: IncidentId, channel: ChannelKind) -> Option<NotificationView> {
    let workspace = WorkspaceId::default_workspace();
    let all = world.store.notifications_of(&workspace, incident).await.ok()?;
    all.into_iter().find(|one| one.to.channel == channel)
}

#[tokio::test]
async fn twelve_incidents_of_one_minute_are_one_mail() -> Result<()> {
    const HOSTS: usize = 12;
    let mail = MailServer::start(MailTls::None, None).await?;
    let smtp = json!({"host": "127.0.0.1", "port": mail.port(), "tls": "none", "from": "vigilo@example.org"});
    // They gather for longer than the slowest machine needs to open them all.
    let world = World::with("incident_digest", &json!({"smtp": smtp, "gather_seconds": 30})).await?;
    let service = Running::start(&world.config).await?;
    world.publish(&unlike(&world, HOSTS).await?).await?;
    let opened = world.opened(HOSTS).await?;
    assert!(mail.mails().is_empty());

    // Half a minute goes by, and they are due: they wait for what else the minute brings.
    let mut database = PgConnection::connect(&world.config.database_url).await?;
    database.execute(HALF_A_MINUTE_LATER).await?;
    wait::until("the mails to be put off", SOON, async || {
        let first = told(&world, opened[0].id, ChannelKind::Email).await?;
        (first.due_at > first.created_at.plus(Duration::from_secs(45))).then_some(())
    })
    .await?;
    assert!(mail.mails().is_empty());

    database.execute(HALF_A_MINUTE_LATER).await?;
    let digest = wait::until("the digest", SOON, async || mail.mails().pop()).await?;
    let subject = digest.header("Subject").unwrap_or_default();
    assert_eq!(subject, "[Vigilo sev1] digest: 12 incidents have news");
    assert_eq!(digest.to, [OPS]);
    let text = digest.text();
    for number in 0..HOSTS {
        assert!(text.contains(&format!("host-{number}.example.org")), "{text}");
    }
    for incident in &opened {
        wait::until("what was told to be written down", SOON, async || {
            told(&world, incident.id, ChannelKind::Email).await?.delivered_at
        })
        .await?;
    }
    assert_eq!(mail.mails().len(), 1);
    service.stop().await
}

/// What a receiver still answers, and how often it was asked by which delivery.
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<(Vec<StatusCode>, Vec<String>)>>);

impl Hook {
    async fn take(State(Self(state)): State<Self>, headers: HeaderMap) -> StatusCode {
        let mut state = state.lock().expect("the receiver");
        let delivery = headers.get("vigilo-delivery").and_then(|value| value.to_str().ok());
        state.1.push(delivery.unwrap_or_default().to_owned());
        state.0.pop().unwrap_or(StatusCode::NO_CONTENT)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    async fn listen(&self) -> Result<String> {
        let routes = Router::new().route("/hook", post(Self::take)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(url)
    }
}

#[tokio::test]
async fn a_webhook_that_is_away_is_seen_and_hears_of_it_when_it_is_back() -> Result<()> {
    chassis::process::install_provider();
    let hook = Hook::default();
    hook.0.lock().expect("the receiver").0 = vec![StatusCode::SERVICE_UNAVAILABLE; 2];
    let secret = run_dir::fresh("webhook", None)?.join("secret");
    run_dir::write(&secret, "a long secret\n", None)?;
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let tables = json!({
        "webhook": {"url": hook.listen().await?, "secret_file": secret},
        "retry": {"rungs_seconds": [1, 1, 1], "then_seconds": 1},
    });
    let world = World::with("incident_webhook", &tables).await?;
    let service = Running::start(&world.config).await?;
    world.publish(&[world.stuck("www.example.org").await?]).await?;
    let incident = world.opened(1).await?[0].id;
    let failing = wait::until("a delivery that fails", SOON, async || {
        let view = told(&world, incident, ChannelKind::Webhook).await?;
        view.last_error.is_some().then_some(view)
    })
    .await?;
    let said = failing.last_error.context("what went wrong")?;
    assert!(said.starts_with("INC-0003") && said.contains("503"), "{said}");
    let delivered = wait::until("the delivery", SOON, async || {
        told(&world, incident, ChannelKind::Webhook)
            .await
            .filter(|view| view.delivered_at.is_some())
    })
    .await?;
    assert_eq!(delivered.attempts, 2, "the failed ones are counted");
    let asked = hook.0.lock().expect("the receiver").1.clone();
    assert_eq!(asked.len(), 3);
    assert!(
        asked.iter().all(|one| *one == asked[0]),
        "one delivery, repeated: {asked:?}"
    );
    service.stop().await
}
