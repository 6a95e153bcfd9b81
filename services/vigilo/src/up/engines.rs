//! NATS and Postgres: given by URL, or our own children.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Bus, Connection};
use chassis::process::Missing;
use store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::child::{Restart, Supervised};
use super::data_dir::DataDir;
use super::find::Tool;
use super::nats::OwnNats;
use super::postgres::OwnPostgres;
use super::{log_tail, nats, postgres, room};

/// A Postgres that was killed replays its log first.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What ended so often before it answered will not answer.
const ENOUGH_ENDS: u32 = 3;
const LOG_TAIL: usize = 8;

pub struct Engines {
    nats: Connection,
    database_url: String,
    own_nats: Option<OwnNats>,
    own_postgres: Option<OwnPostgres>,
    data_dir: PathBuf,
}

/// Our own engines, while they run.
#[derive(Default)]
pub struct Running {
    nats: Option<Supervised>,
    postgres: Option<Supervised>,
    /// With the login of the system account.
    system: Option<Connection>,
}

/// The engines that were given, instead of ours.
#[derive(Default)]
pub struct Given {
    pub nats_url: Option<String>,
    pub database_url: Option<String>,
}

impl Engines {
    /// Finds the programs, chooses port and keys, writes configurations; starts nothing.
    pub fn prepare(data: &DataDir, given: Given, nats_listen: Option<SocketAddr>) -> Result<Self> {
        let (nats, own_nats) = match given.nats_url {
            Some(url) => {
                let given = Connection {
                    url,
                    ..Connection::default()
                };
                (given, None)
            }
            None => nats::prepare(data, nats_listen).map(|own| (own.connection.clone(), Some(own)))?,
        };
        let (database_url, own_postgres) = match given.database_url {
            Some(url) => (url, None),
            None => postgres::prepare(data).map(|own| (own.url.clone(), Some(own)))?,
        };
        if own_nats.is_some() || own_postgres.is_some() {
            // Children are started by it: better now than again and again.
            Tool::Setpriv.find()?;
        }
        Ok(Self {
            nats,
            database_url,
            own_nats,
            own_postgres,
            data_dir: data.root().to_owned(),
        })
    }

    pub fn nats(&self) -> &Connection {
        &self.nats
    }

    /// Whether the streams are on our disk.
    pub fn has_own_nats(&self) -> bool {
        self.own_nats.is_some()
    }

    /// Whether anything is on our disk.
    pub fn has_own(&self) -> bool {
        self.has_own_nats() || self.own_postgres.is_some()
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Starts what is ours and waits until both answer, or until `stop`: nothing then. What was
    /// started is stopped again if one does not answer.
    pub async fn start(self, stop: &CancellationToken) -> Result<Option<Running>> {
        let mut running = Running::default();
        match stop.run_until_cancelled(self.start_into(&mut running)).await {
            Some(Ok(())) => Ok(Some(running)),
            Some(Err(error)) => {
                running.stop().await;
                Err(error)
            }
            None => {
                running.stop().await;
                Ok(None)
            }
        }
    }

    async fn start_into(self, running: &mut Running) -> Result<()> {
        if self.has_own() {
            let exists = self.own_postgres.as_ref().is_none_or(OwnPostgres::exists);
            room::enough(&self.data_dir, exists)?;
        }
        let mut nats = Waiting::since_now("NATS");
        if let Some(own) = self.own_nats {
            nats.reads(&own.program.log);
            running.system = Some(own.system);
            running.nats = Some(own.program.supervise());
        }
        let mut postgres = Waiting::since_now("Postgres");
        if let Some(own) = self.own_postgres {
            let made = own.initialise().await;
            made.with_context(|| {
                format!(
                    "making the cluster of Postgres; {} MiB are free",
                    room::free_mib(&self.data_dir)
                )
            })?;
            postgres.reads(&own.program.log);
            running.postgres = Some(own.program.supervise());
        }
        while let Err(error) = Bus::connect(&self.nats, "vigilo up").await {
            nats.again(&error.to_string(), running.nats.as_ref()).await?;
        }
        while let Err(error) = Store::connect(&self.database_url, 1).await {
            postgres.again(&error.to_string(), running.postgres.as_ref()).await?;
        }
        Ok(())
    }
}

impl Running {
    /// How our own NATS is asked for its health, and started anew.
    pub fn own_nats(&self) -> Option<(Connection, Restart)> {
        Some((self.system.clone()?, self.nats.as_ref()?.restart()))
    }

    /// Both at once: no service uses them any more.
    pub async fn stop(self) {
        tokio::join!(stop(self.nats), stop(self.postgres));
    }
}

async fn stop(engine: Option<Supervised>) {
    if let Some(engine) = engine {
        engine.stop().await;
    }
}

/// How long an engine has not answered yet.
struct Waiting {
    name: &'static str,
    log: Option<(PathBuf, u64)>,
    began: Instant,
}

impl Waiting {
    fn since_now(name: &'static str) -> Self {
        let began = Instant::now();
        Self { name, log: None, began }
    }

    /// What it says from here on is about this start.
    fn reads(&mut self, log: &std::path::Path) {
        self.log = Some((log.to_owned(), log_tail::length(log)));
    }

    /// A moment before the next look; an error when there were enough.
    #[expect(
        clippy::disallowed_methods,
        reason = "between two tries to start, bounded by what calls it"
    )]
    async fn again(&self, error: &str, child: Option<&Supervised>) -> Result<(), Missing> {
        let ends = child.map_or(0, Supervised::ended);
        if ends >= ENOUGH_ENDS {
            return Err(Missing(format!(
                "{} ended {ends} times at its start{}",
                self.name,
                self.tail()
            )));
        }
        if self.began.elapsed() > PATIENCE {
            let (name, seconds) = (self.name, PATIENCE.as_secs());
            return Err(Missing(format!(
                "{name} does not answer after {seconds} s: {error}{}",
                self.tail()
            )));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }

    /// The end of the log of an engine of our own.
    fn tail(&self) -> String {
        let Some((log, from)) = &self.log else {
            return String::new();
        };
        let said = log_tail::since(log, *from, LOG_TAIL);
        format!("; the end of {}:\n{said}", log.display())
    }
}
