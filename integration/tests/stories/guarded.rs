//! A fleet behind the accounts of `vigilo nats-config`, and people who log in there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use integration::fleet::vigilo;
use integration::{Estate, Fleet};
use protocol::request::Answer;
use serde_json::Value;
use testkit::async_nats::{Client, ConnectOptions, Event, HeaderMap};
use testkit::tools::clients_python;
use testkit::{Nats, run_dir};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::world::{SOON, estate, import};

/// Among its users are those of the workspaces `default` and `other`.
pub struct Guarded {
    pub estate: Estate,
    pub fleet: Fleet,
    secrets: PathBuf,
}

pub async fn guarded(hosts: usize) -> Result<Guarded> {
    let secrets = run_dir::fresh("secrets", None)?;
    let mut command = Command::new(vigilo()?);
    command.args([
        "nats-config",
        "--make-secrets",
        "--workspace",
        "default",
        "--workspace",
        "other",
    ]);
    let made = command.arg("--secrets").arg(&secrets).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let nats = Nats::start_with(std::str::from_utf8(&made.stdout)?).await?;
    let estate = estate(hosts).await?;
    let fleet = Fleet::guarded(&estate, nats, &secrets).await?;
    import(&fleet.api, &estate).await?;
    Ok(Guarded { estate, fleet, secrets })
}

/// Somebody at NATS, and what the server tells it.
pub struct Somebody {
    pub client: Client,
    told: UnboundedReceiver<String>,
}

impl Guarded {
    pub async fn login(&self, user: &str) -> Result<Somebody> {
        let password = std::fs::read_to_string(self.secrets.join(user))?.trim().to_owned();
        let (tell, told) = unbounded_channel();
        let options = ConnectOptions::with_user_and_password(user.to_owned(), password)
            .custom_inbox_prefix(format!("_INBOX.{user}"))
            .event_callback(move |event| {
                let tell = tell.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        // Nobody listens any more when the story is over.
                        let _ = tell.send(error.to_string());
                    }
                }
            });
        let client = options.connect(self.fleet.nats.url()).await?;
        Ok(Somebody { client, told })
    }

    /// The example client as this user; gives its exit code and what it printed.
    pub async fn python(&self, user: &str, args: &[&str]) -> Result<(Option<i32>, Vec<Value>)> {
        self.client("renew.py", user, args).await
    }

    pub async fn client(&self, name: &str, user: &str, args: &[&str]) -> Result<(Option<i32>, Vec<Value>)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python").join(name);
        let mut command = tokio::process::Command::new(clients_python());
        command
            .arg(script)
            .args(["--server", &self.fleet.nats.url(), "--user", user, "--password-file"])
            .arg(self.secrets.join(user))
            .args(args);
        let output: Output = tokio::time::timeout(2 * SOON, command.kill_on_drop(true).output()).await??;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        ensure!(!lines.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), lines))
    }
}

impl Somebody {
    /// Sends a request as any client does; gives the planner's answer.
    pub async fn asks(&self, subject: &str, body: &Value) -> Result<Answer> {
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        let mut headers = HeaderMap::new();
        headers.insert("vigilo-reply-to", inbox.as_str());
        self.client
            .publish_with_headers(subject.to_owned(), headers, body.to_string().into())
            .await?;
        let answer = tokio::time::timeout(SOON, answers.next()).await?;
        Ok(serde_json::from_slice(&answer.context("no answer")?.payload)?)
    }

    /// Waits until the server has refused something that concerns the subject.
    pub async fn was_denied(&mut self, subject: &str) -> Result<()> {
        self.client.flush().await?;
        let denied = async {
            while let Some(error) = self.told.recv().await {
                let error = error.to_lowercase();
                if error.contains("permissions violation") && error.contains(subject) {
                    return Ok(());
                }
            }
            anyhow::bail!("the connection ended")
        };
        let waited = tokio::time::timeout(SOON, denied).await;
        waited.with_context(|| format!("{subject} was not denied"))?
    }
}
