//! NATS and Postgres: given by URL, or our own children.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use bus::{Bus, Connection};
use store::Store;
use tokio::time::Instant;

use super::child::{Program, Supervised};
use super::data_dir::DataDir;
use super::postgres::OwnPostgres;
use super::{nats, postgres};

/// A Postgres that was killed replays its log first.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOG_TAIL: usize = 8;

pub struct Engines {
    nats: Connection,
    database_url: String,
    own_nats: Option<Program>,
    own_postgres: Option<OwnPostgres>,
}

/// Our own engines, while they run.
#[derive(Default)]
pub struct Running {
    nats: Option<Supervised>,
    postgres: Option<Supervised>,
}

impl Engines {
    /// Finds the programs, chooses ports and passwords, writes configurations; starts nothing.
    pub fn prepare(
        data: &DataDir,
        (nats_url, database_url): (Option<&str>, Option<&str>),
        nats_listen: Option<SocketAddr>,
    ) -> Result<Self> {
        let (nats, own_nats) = match nats_url {
            Some(url) => {
                let url = url.to_owned();
                let given = Connection {
                    url,
                    ..Connection::default()
                };
                (given, None)
            }
            None => nats::prepare(data, nats_listen).map(|(nats, program)| (nats, Some(program)))?,
        };
        let (database_url, own_postgres) = match database_url {
            Some(url) => (url.to_owned(), None),
            None => postgres::prepare(data).map(|own| (own.url.clone(), Some(own)))?,
        };
        Ok(Self {
            nats,
            database_url,
            own_nats,
            own_postgres,
        })
    }

    pub fn nats(&self) -> &Connection {
        &self.nats
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Starts what is ours and waits until both answer; what was started is stopped again if one does not.
    pub async fn start(self) -> Result<Running> {
        let mut running = Running::default();
        match self.start_into(&mut running).await {
            Ok(()) => Ok(running),
            Err(error) => {
                running.stop().await;
                Err(error)
            }
        }
    }

    async fn start_into(self, running: &mut Running) -> Result<()> {
        let mut nats = Waiting::since_now("NATS");
        if let Some(program) = self.own_nats {
            nats.log = Some(program.log.clone());
            running.nats = Some(program.supervise());
        }
        let mut postgres = Waiting::since_now("Postgres");
        if let Some(own) = self.own_postgres {
            own.initialise().await?;
            postgres.log = Some(own.program.log.clone());
            running.postgres = Some(own.program.supervise());
        }
        while let Err(error) = Bus::connect(&self.nats, "vigilo up").await {
            nats.again(&error.to_string()).await?;
        }
        while let Err(error) = Store::connect(&self.database_url, 1).await {
            postgres.again(&error.to_string()).await?;
        }
        Ok(())
    }
}

impl Running {
    /// Both at once: nobody uses them any more.
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
    log: Option<PathBuf>,
    began: Instant,
}

impl Waiting {
    fn since_now(name: &'static str) -> Self {
        let began = Instant::now();
        Self { name, log: None, began }
    }

    /// A moment before the next look; an error when there were enough.
    async fn again(&self, error: &str) -> Result<()> {
        if self.began.elapsed() > PATIENCE {
            let (name, log) = (self.name, tail(self.log.as_deref()));
            bail!("{name} does not answer after {} s: {error}{log}", PATIENCE.as_secs());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }
}

/// The end of the log of an engine of our own: it usually says why.
fn tail(log: Option<&Path>) -> String {
    let Some(log) = log else { return String::new() };
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default();
    format!("; the end of {}:\n{}", log.display(), last.join("\n"))
}
