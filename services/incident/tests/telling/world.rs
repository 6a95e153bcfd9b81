//! A mail server, a receiver of events, and the channels to them.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bus::{Bus, Connection};
use custody::Custody;
use domain::channel::{ChannelBody, ChannelKind, EmailChannel};
use domain::incident::Recipient;
use incident::notify::Letter;
use incident::notify::email::Email;
use incident::notify::webhook::Webhook;
use protocol::subjects::Worker;
use serde_json::json;
use testkit::{MailServer, MailTls, Nats, run_dir};
use uuid::Uuid;

pub const OPS: &str = "ops@example.org";

pub struct World {
    pub server: MailServer,
    pub email: Email,
    _nats: Nats,
}

impl World {
    pub async fn new(tls: MailTls, password: &str) -> Result<Self> {
        chassis::process::install_provider();
        let server = MailServer::start(tls, (tls != MailTls::None).then_some(("vigilo", "hush"))).await?;
        let email = Self::email(&server, tls, password).await?;
        Ok(Self {
            server,
            email: email.0,
            _nats: email.1,
        })
    }

    pub async fn email(server: &MailServer, tls: MailTls, password: &str) -> Result<(Email, Nats)> {
        let directory = run_dir::fresh("mail", None)?;
        let (root, secret) = (directory.join("root.pem"), directory.join("password"));
        run_dir::write(&root, server.root_pem(), None)?;
        run_dir::write(&secret, format!("{password}\n"), None)?;
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let word = match tls {
            MailTls::None => "none",
            MailTls::Required => "required",
            MailTls::Starttls => "starttls",
        };
        let mut smtp =
            json!({"host": "localhost", "port": server.port(), "tls": word, "from": "Vigilo <vigilo@example.org>"});
        if tls != MailTls::None {
            smtp["user"] = json!("vigilo");
            smtp["password_file"] = json!(secret);
            smtp["root_file"] = json!(root);
        }
        let smtp: EmailChannel = serde_json::from_value(smtp)?;
        assert_eq!(smtp.check(), Ok(()));
        let nats = Nats::start().await?;
        let connection = Connection {
            url: nats.url(),
            user: Some(nats.user().to_owned()),
            password: Some(nats.password().to_owned()),
            ..Connection::default()
        };
        let custody = Custody::new(Bus::connect(&connection, "test").await?, Worker::Incident);
        Ok((Email::new(smtp, custody)?, nats))
    }
}

#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
pub fn letter(channel: ChannelKind, name: &str) -> Letter {
    Letter {
        id: Uuid::now_v7(),
        to: Recipient {
            channel,
            name: name.to_owned(),
        },
        subject: "[Vigilo sev2] opened: www.example.org".to_owned(),
        text: "What to do: open port 80.\n.\nMore: vigilo incidents show 7\n".to_owned(),
        kind: "incident.opened".to_owned(),
        event: json!({"schema": 1, "event": "incident.opened"}),
    }
}

pub type Received = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A receiver that answers everything in this way; where it is, and what it got.
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
pub async fn receiver(status: StatusCode) -> Result<(String, Received)> {
    let received = Received::default();
    let take = move |State(received): State<Received>, headers: HeaderMap, body: String| async move {
        received.lock().expect("the deliveries").push((headers, body));
        (status, "\0\u{1b}[31mwhat the receiver\u{1b}]0;title\u{7} says")
    };
    let routes = Router::new()
        .route("/hook/{token}", post(take))
        .with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook/a-secret-token", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((url, received))
}

pub fn webhook(url: &str) -> Result<Webhook> {
    chassis::process::install_provider();
    let secret = run_dir::fresh("webhook", None)?.join("secret");
    run_dir::write(&secret, "a long secret\n", None)?;
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let config = serde_json::from_value(json!({"url": url, "secret_file": secret}))?;
    Ok(Webhook::new(config)?)
}
