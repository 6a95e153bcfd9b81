//! A real `nats-server` with JetStream.
//!
//! In: extra configuration, if any. Out: its URLs, and the power to kill and restart it on the same
//! port and store.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::process::{Peer, Spec};
use crate::ready::Ready;
use crate::tools::{Tool, server_account};
use crate::{http, ports, run_dir, secret};

const USER: &str = "vigilo";

/// One server of its own. Dropping it stops it; what it stored goes with the run's directory.
pub struct Nats {
    peer: Peer,
    password: String,
    client: ports::Port,
    monitor: ports::Port,
}

impl Nats {
    /// A server with one user who may do everything.
    ///
    /// # Errors
    /// If it is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with("").await
    }

    /// Starts a server with further lines of configuration. A block that stands there replaces ours
    /// of the same name, so an `authorization` of one's own is possible; then [`Nats::connect_as`]
    /// logs in as its users.
    ///
    /// # Errors
    /// If it is not installed, does not start, or refuses the configuration.
    pub async fn start_with(extra: &str) -> Result<Self> {
        let program = Tool::NatsServer.find()?;
        let account = server_account()?;
        let directory = run_dir::fresh("nats", account)?;
        let (client, monitor) = (ports::lease()?, ports::lease()?);
        let password = secret();
        let config = configuration(&client, &monitor, &password, extra);
        run_dir::write(&directory.join("nats.conf"), &config, account)?;
        let url = format!("http://{}:{}/healthz", Ipv4Addr::LOCALHOST, monitor.number());
        let ready = Ready::Http {
            client: http::client("")?,
            url,
        };
        let spec = Spec::new("nats-server", program, &directory, ready)
            .args(["-c", "nats.conf"])
            .account(account);
        Ok(Self {
            peer: Peer::start(spec).await?,
            password,
            client,
            monitor,
        })
    }

    /// Where clients connect. The client library takes no login from a URL: pass [`Nats::user`] and
    /// [`Nats::password`] beside it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}:{}", Ipv4Addr::LOCALHOST, self.client.number())
    }

    /// The user who may do everything.
    #[must_use]
    pub const fn user(&self) -> &str {
        USER
    }

    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// URL, user and password in one, for programs that take it so.
    #[must_use]
    pub fn login_url(&self) -> String {
        format!(
            "nats://{USER}:{}@{}:{}",
            self.password,
            Ipv4Addr::LOCALHOST,
            self.client.number()
        )
    }

    /// A client of its own, logged in as the user who may do everything.
    ///
    /// # Errors
    /// If the server does not answer or refuses the login.
    pub async fn connect(&self) -> Result<async_nats::Client> {
        self.connect_as(USER, &self.password).await
    }

    /// A client of its own, logged in as a user of the extra configuration.
    ///
    /// # Errors
    /// If the server does not answer or refuses the login.
    pub async fn connect_as(&self, user: &str, password: &str) -> Result<async_nats::Client> {
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        Ok(options.connect(self.url()).await?)
    }

    /// Where `/healthz`, `/varz` and `/jsz` are.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.monitor.number())
    }

    /// Stops the server in good order and starts it again: same port, same streams.
    ///
    /// # Errors
    /// If it does not stop or does not come back.
    pub async fn restart(&self) -> Result<()> {
        self.peer.stop().await?;
        self.peer.start_again().await
    }

    /// Kills the server with SIGKILL and starts it again: same port, and of the streams what had
    /// reached the disk.
    ///
    /// # Errors
    /// If it does not come back.
    pub async fn kill_and_restart(&self) -> Result<()> {
        self.peer.kill_hard()?;
        self.peer.start_again().await
    }

    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }
}

fn configuration(client: &ports::Port, monitor: &ports::Port, password: &str, extra: &str) -> String {
    let lines = [
        "server_name: testkit",
        &format!("listen: \"{}:{}\"", Ipv4Addr::LOCALHOST, client.number()),
        &format!("http: \"{}:{}\"", Ipv4Addr::LOCALHOST, monitor.number()),
        "max_payload: 4MB",
        // The bound is no promise of room: without one the server takes what is free today, and
        // refuses streams on a full machine.
        "jetstream { store_dir: js, sync_interval: 1s, max_file_store: 1TB }",
        &format!("authorization {{ users = [ {{ user: {USER}, password: \"{password}\" }} ] }}"),
        extra,
    ];
    lines.map(|line| format!("{line}\n")).concat()
}

/// Waits until the server has read all that this client has sent. What it subscribes to is heard
/// from then on; `flush` says only that it is on its way, and a message on another connection may
/// overtake it.
///
/// # Errors
/// If the server does not answer.
pub async fn settled(client: &async_nats::Client) -> Result<()> {
    // The server reads one thing after the other: what comes back came in last.
    let own = format!("testkit.settled.{}", client.new_inbox());
    let mut echo = client.subscribe(own.clone()).await?;
    client.publish(own, "".into()).await?;
    let heard = tokio::time::timeout(std::time::Duration::from_secs(30), echo.next()).await;
    heard
        .context("the server does not answer")?
        .context("the server is gone")?;
    Ok(())
}
