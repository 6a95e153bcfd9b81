//! A real Postgres cluster.
//!
//! In: whether it may forget on a crash. Out: URLs of fresh databases, and the power to kill and
//! restart it. `initdb` runs once per machine and version; every cluster is a copy of that
//! template.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use sqlx::{Connection, Executor};

use crate::process::{Peer, Spec};
use crate::ready::Ready;
use crate::tools::{Account, Tool, server_account};
use crate::{ports, run_dir, secret};

/// One cluster of its own. Dropping it stops it.
pub struct Postgres {
    peer: Peer,
    address: Address,
    _port: ports::Port,
}

struct Address {
    port: u16,
    password: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// Nothing is forced to disk: fast, and wrong for a test that kills the server.
    Forgetful,
    /// Postgres' own defaults.
    Default,
}

impl Postgres {
    /// A fast cluster for tests that do not kill it.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(Durability::Forgetful).await
    }

    /// A cluster that keeps what it has committed, for tests that kill it and for figures that
    /// shall be true.
    ///
    /// # Errors
    /// If Postgres is not installed or does not start.
    pub async fn durable() -> Result<Self> {
        Self::start_with(Durability::Default).await
    }

    async fn start_with(durability: Durability) -> Result<Self> {
        let program = Tool::Postgres.find()?;
        let account = server_account()?;
        let directory = run_dir::fresh("postgres", account)?;
        let data = directory.join("data");
        let password = tokio::task::spawn_blocking(move || copy_template(account, &data)).await??;
        let port = ports::lease()?;
        let address = Address {
            port: port.number(),
            password,
        };
        let spec = Spec::new(
            "postgres",
            program,
            &directory,
            Ready::Postgres {
                url: address.url("postgres"),
            },
        )
        .args(["-D", "data"])
        .args(settings(port.number(), durability))
        .account(account)
        .stop_by(Signal::INT);
        Ok(Self {
            peer: Peer::start(spec).await?,
            address,
            _port: port,
        })
    }

    /// Creates an empty database and returns its URL. The name must be new in this cluster.
    ///
    /// # Errors
    /// If the name is not of lower-case letters, digits and `_`, or is taken.
    pub async fn database(&self, name: &str) -> Result<String> {
        self.database_like(name, "template0").await
    }

    /// Creates a database as a copy of another one that no client is connected to, and returns its
    /// URL.
    ///
    /// # Errors
    /// As [`Postgres::database`], and if the model does not exist or is in use.
    pub async fn database_like(&self, name: &str, model: &str) -> Result<String> {
        for identifier in [name, model] {
            let plain = identifier
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            ensure!(
                plain && !identifier.is_empty(),
                "database name {identifier:?}: use a-z, 0-9 and _ only"
            );
        }
        let mut connection = sqlx::PgConnection::connect(&self.address.url("postgres")).await?;
        // An identifier cannot be a parameter; both were checked above.
        let create = sqlx::AssertSqlSafe(format!("create database {name} template {model}"));
        connection
            .execute(create)
            .await
            .with_context(|| format!("creating database {name}"))?;
        connection.close().await?;
        Ok(self.url_of(name))
    }

    /// The URL of a database of this cluster, with user and password.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// Stops the cluster (open sessions are ended) and starts it again on the same port.
    ///
    /// # Errors
    /// If it does not stop or does not come back.
    pub async fn restart(&self) -> Result<()> {
        self.peer.stop().await?;
        self.peer.start_again().await
    }

    /// Kills every process of the cluster with SIGKILL and starts it again on the same port. Only a
    /// [`Postgres::durable`] one is sure to recover.
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

impl Address {
    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@{}:{}/{database}",
            self.password,
            Ipv4Addr::LOCALHOST,
            self.port
        )
    }
}

fn settings(port: u16, durability: Durability) -> Vec<String> {
    let port = format!("port={port}");
    let listen = format!("listen_addresses={}", Ipv4Addr::LOCALHOST);
    // No socket in a shared directory: the port is leased, a socket file would not be.
    let mut settings = vec![
        port.as_str(),
        &listen,
        "unix_socket_directories=",
        "max_connections=200",
    ];
    match durability {
        Durability::Forgetful => {
            settings.extend([
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=off",
                "shared_buffers=32MB",
            ]);
        }
        Durability::Default => {}
    }
    settings
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting.to_owned()])
        .collect()
}

/// Fills a cluster's directory, and returns the password of its superuser.
fn copy_template(account: Option<Account>, data: &Path) -> Result<String> {
    let (template, password) = template(account)?;
    // `cp -a` keeps owner and mode, which Postgres insists on.
    output(Command::new("cp").arg("-a").arg(&template).arg(data))?;
    Ok(password)
}

/// The prepared cluster of this machine's Postgres version, and the password of its superuser.
fn template(account: Option<Account>) -> Result<(PathBuf, String)> {
    let initdb = Tool::Initdb.find()?;
    let version = output(Command::new(&initdb).arg("--version"))?;
    let templates = run_dir::base()?.join("postgres-templates");
    run_dir::make(&templates)?;
    let name: String = version
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let template = templates.join(name.trim_matches('-'));
    // One process makes it, the others wait.
    let lock = run_dir::open_lock(&templates.join(".lock"))?;
    lock.lock()?;
    if !template.exists() {
        let draft = templates.join(".draft");
        if draft.exists() {
            fs::remove_dir_all(&draft)?;
        }
        make_template(&initdb, &draft, account)?;
        fs::rename(&draft, &template)?;
    }
    let password = fs::read_to_string(template.join("password"))?;
    Ok((template.join("data"), password))
}

fn make_template(initdb: &Path, template: &Path, account: Option<Account>) -> Result<()> {
    run_dir::make(template)?;
    run_dir::give_to(template, account)?;
    let password = template.join("password");
    run_dir::write(&password, secret(), account)?;
    let mut command = match account {
        Some(Account { uid, gid }) => {
            let mut command = Command::new(Tool::Setpriv.find()?);
            command.args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
                "--".into(),
            ]);
            command.arg(initdb);
            command
        }
        None => Command::new(initdb),
    };
    command.args([
        "--username=postgres",
        "--auth=scram-sha-256",
        "--no-sync",
        "--locale=C",
        "--encoding=UTF8",
    ]);
    command
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(template.join("data"));
    output(command.env_remove("PGDATA").current_dir(template)).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("running {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} failed ({}): {}",
        output.status,
        said.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
