//! What every kind of channel promises; each body runs all of it against its real counterpart.

use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::channel::ChannelKind;
use incident::notify::{ChannelError, Letter, Notifier};
use testkit::{MailServer, MailTls};

use crate::world::{OPS, World, letter, webhook};

/// One channel and who hears over it.
trait Counterpart {
    fn channel(&self) -> &dyn Notifier;

    fn letter(&self) -> Letter;

    /// Of each letter that has arrived, by what a receiver tells a repetition.
    fn keys(&self) -> Vec<String>;

    /// From now on it takes no letter of ours, ever.
    fn refuse(&self);
}

async fn a_letter_that_is_told_twice_has_one_key(at: &impl Counterpart) -> Result<()> {
    let (letter, other) = (at.letter(), at.letter());
    at.channel().deliver(&letter).await?;
    at.channel().deliver(&letter).await?;
    at.channel().deliver(&other).await?;
    let keys = at.keys();
    ensure!(keys.len() == 3 && keys[0] == keys[1] && keys[0] != keys[2], "{keys:?}");
    ensure!(keys[0].contains(&letter.id.to_string()), "{keys:?}");
    Ok(())
}

async fn a_rehearsal_tells_nobody(at: &impl Counterpart) -> Result<()> {
    let told = at.keys().len();
    let checks = at.channel().rehearse(&[at.letter().to.name]).await;
    ensure!(
        !checks.is_empty() && checks.iter().all(|check| check.passed),
        "{checks:?}"
    );
    ensure!(at.keys().len() == told);
    Ok(())
}

async fn a_refusal_is_seen(at: &impl Counterpart) -> Result<()> {
    let told = at.keys().len();
    at.refuse();
    match at.channel().deliver(&at.letter()).await {
        Err(ChannelError::Refused(said)) => ensure!(!said.is_empty()),
        other => anyhow::bail!("it was refused: {other:?}"),
    }
    let checks = at.channel().rehearse(&[at.letter().to.name]).await;
    ensure!(checks.iter().any(|check| !check.passed), "{checks:?}");
    ensure!(at.keys().len() == told);
    Ok(())
}

async fn keeps_the_contract(at: impl Counterpart) -> Result<()> {
    a_letter_that_is_told_twice_has_one_key(&at).await?;
    a_rehearsal_tells_nobody(&at).await?;
    a_refusal_is_seen(&at).await
}

impl Counterpart for World {
    fn channel(&self) -> &dyn Notifier {
        &self.email
    }

    fn letter(&self) -> Letter {
        letter(ChannelKind::Email, OPS)
    }

    fn keys(&self) -> Vec<String> {
        let mails = self.server.mails();
        mails.iter().filter_map(|mail| mail.header("Message-ID")).collect()
    }

    fn refuse(&self) {
        MailServer::refuse(&self.server, OPS);
    }
}

#[tokio::test]
async fn email_keeps_the_contract() -> Result<()> {
    keeps_the_contract(World::new(MailTls::Starttls, "hush").await?).await
}

/// A receiver that answers as it is told to.
struct Hook {
    channel: incident::notify::webhook::Webhook,
    answers: Arc<Mutex<StatusCode>>,
    arrived: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    async fn new() -> Result<Self> {
        let (answers, arrived) = (Arc::new(Mutex::new(StatusCode::OK)), Arc::new(Mutex::new(Vec::new())));
        let (says, took) = (Arc::clone(&answers), Arc::clone(&arrived));
        let take = move |headers: HeaderMap| async move {
            let header = |name: &str| {
                headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
            };
            let status = *says.lock().expect("the answer");
            if status.is_success() && header("vigilo-event") != "ping" {
                let key = header("vigilo-delivery").to_owned();
                took.lock().expect("the deliveries").push(key);
            }
            status
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let routes = Router::new().route("/hook", post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self {
            channel: webhook(&url)?,
            answers,
            arrived,
        })
    }
}

impl Counterpart for Hook {
    fn channel(&self) -> &dyn Notifier {
        &self.channel
    }

    fn letter(&self) -> Letter {
        letter(ChannelKind::Webhook, "webhook")
    }

    fn keys(&self) -> Vec<String> {
        self.arrived.lock().expect("the deliveries").clone()
    }

    fn refuse(&self) {
        *self.answers.lock().expect("the answer") = StatusCode::GONE;
    }
}

#[tokio::test]
async fn a_webhook_keeps_the_contract() -> Result<()> {
    keeps_the_contract(Hook::new().await?).await
}
