//! Our own Postgres: one cluster on the loopback interface, behind a password, as an unprivileged user.
//!
//! In: the data directory. Out: a cluster that is made once, and how it is started. Never: a half-made cluster (it is
//! made aside and moved into place), or a second server over processes that still write to it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::child::{Hindrance, Program};
use super::data_dir::{DataDir, write_private};
use super::find::Tool;
use super::ports;

/// Each service has a pool of its own.
const CONNECTIONS: &str = "max_connections=100";

pub struct OwnPostgres {
    pub url: String,
    pub program: Program,
    initdb: Program,
    home: PathBuf,
    password: String,
}

/// Chooses port, password and user; starts nothing.
pub fn prepare(data: &DataDir) -> Result<OwnPostgres> {
    let (postgres, initdb) = (Tool::Postgres.find()?, Tool::Initdb.find()?);
    let (port, password) = (
        data.port("postgres.port", ports::POSTGRES)?,
        data.secret("postgres.password")?,
    );
    let home = data.path("postgres");
    fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
    let root = rustix::process::geteuid().is_root();
    let user = root.then(|| unprivileged(&home)).transpose()?;
    let (cluster, draft, password_file) = (cluster(&home), draft(&home), password_file(&home));
    let program = |name, argv| Program {
        name,
        argv,
        user: user.clone(),
        log: data.path("postgres.log"),
        // Postgres' fast shutdown: open transactions are rolled back, the state is written.
        stop: Signal::INT,
        hindrance: None,
    };
    let words = |words: &[&dyn std::fmt::Display]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let pwfile = format!("--pwfile={}", password_file.display());
    let flags = ["-U", "vigilo", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"].map(str::to_owned);
    let first = [
        words(&[&initdb.display(), &"-D", &draft.display(), &pwfile]),
        flags.to_vec(),
    ]
    .concat();
    let port_is = format!("port={port}");
    let mut argv = words(&[&postgres.display(), &"-D", &cluster.display()]);
    // No socket in a shared directory: the password guards the port, nothing would guard the socket's name.
    for setting in [
        &port_is,
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        CONNECTIONS,
    ] {
        argv.extend(["-c".to_owned(), setting.to_owned()]);
    }
    let hindrance = Some(Hindrance {
        directory: cluster,
        look: make_way,
    });
    Ok(OwnPostgres {
        url: format!("postgres://vigilo:{password}@127.0.0.1:{port}/postgres"),
        program: Program {
            hindrance,
            ..program("postgres", argv)
        },
        initdb: program("initdb", first),
        home,
        password,
    })
}

fn cluster(home: &Path) -> PathBuf {
    home.join("data")
}

fn draft(home: &Path) -> PathBuf {
    home.join("draft")
}

fn password_file(home: &Path) -> PathBuf {
    home.join("initial.password")
}

impl OwnPostgres {
    /// Makes the cluster at the first start. What an interrupted first start left is made anew.
    pub async fn initialise(&self) -> Result<()> {
        let (cluster, draft, password_file) = (cluster(&self.home), draft(&self.home), password_file(&self.home));
        if cluster.exists() {
            return Ok(());
        }
        if draft.exists() {
            fs::remove_dir_all(&draft).with_context(|| format!("removing {}", draft.display()))?;
        }
        write_private(&password_file, &self.password)?;
        let owner = fs::metadata(&self.home)?;
        chown(&password_file, Some(owner.uid()), Some(owner.gid()))?;
        let made = self.initdb.run_once().await;
        fs::remove_file(&password_file)?;
        made?;
        fs::rename(&draft, &cluster).with_context(|| format!("moving {} into place", cluster.display()))
    }
}

/// A killed server leaves its pid file; when its number belongs to another process by now, Postgres would refuse to
/// start for ever. The file also guards against a second server over backends that have not ended yet, so it is
/// removed only when nobody works in the cluster: all processes of a server have it as their working directory.
fn make_way(cluster: &Path) -> Result<()> {
    if let Some(pid) = at_work_in(cluster) {
        let cluster = cluster.display();
        anyhow::bail!(
            "process {pid} still works in {cluster}; it ends by itself when its server was killed, else stop it"
        );
    }
    match fs::remove_file(cluster.join("postmaster.pid")) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).context("removing a stale postmaster.pid"),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn at_work_in(directory: &Path) -> Option<u32> {
    let numbered = fs::read_dir("/proc").ok()?.flatten();
    numbered
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory))
}

/// Postgres refuses to run as root: the user it runs as then, which also owns its directory.
fn unprivileged(home: &Path) -> Result<String> {
    let passwd = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let found = account(&passwd, "postgres").or_else(|| account(&passwd, "nobody"));
    let (name, uid, gid) = found.context("as root, Postgres needs a user `postgres` or `nobody` to run as")?;
    chown(home, Some(uid), Some(gid)).context("giving the directory of Postgres to its user")?;
    for above in home.ancestors().skip(1) {
        let seen = fs::metadata(above)?;
        ensure!(
            may_pass(&seen, uid, gid),
            "--data-dir: as root, Postgres runs as {name}, who cannot pass through {} (mode {:o}); \
             use a directory such as /var/lib/vigilo, or chmod o+x it",
            above.display(),
            seen.permissions().mode() & 0o777
        );
    }
    Ok(name)
}

fn account(passwd: &str, name: &str) -> Option<(String, u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((
        name.to_owned(),
        fields.next()?.parse().ok()?,
        fields.next()?.parse().ok()?,
    ))
}

/// The one class of bits that counts for this user.
fn may_pass(directory: &fs::Metadata, uid: u32, gid: u32) -> bool {
    let bit = match (directory.uid() == uid, directory.gid() == gid) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    directory.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn fresh() -> PathBuf {
        let directory = std::env::temp_dir().join(format!("vigilo-cluster-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&directory).expect("a directory");
        directory.canonicalize().expect("its real path")
    }

    #[test]
    fn a_pid_file_is_removed_only_when_nobody_works_in_the_cluster() {
        let cluster = fresh();
        let file = cluster.join("postmaster.pid");
        fs::write(&file, "1\n").expect("a pid file that names a living stranger");
        let mut orphan = Command::new("sleep")
            .arg("1000")
            .current_dir(&cluster)
            .stdin(Stdio::null())
            .spawn()
            .expect("a process");
        let said = make_way(&cluster).expect_err("it is in use").to_string();
        assert!(said.contains(&orphan.id().to_string()) && file.exists(), "{said}");
        orphan.kill().expect("killed");
        orphan.wait().expect("gone");
        make_way(&cluster).expect("free");
        assert!(!file.exists());
        fs::remove_dir_all(cluster).expect("removed");
    }

    #[test]
    fn an_account_is_read_from_its_own_line() {
        let passwd = "postgres2:x:7:8:::\npostgres:x:101:104:PostgreSQL,,,:/var/lib:/bin/bash\n";
        assert_eq!(account(passwd, "postgres"), Some(("postgres".to_owned(), 101, 104)));
        assert_eq!(account(passwd, "nobody"), None);
    }

    #[test]
    fn only_the_bits_of_the_users_own_class_count() {
        let directory = fresh();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o701)).expect("a mode");
        let seen = fs::metadata(&directory).expect("metadata");
        let (uid, gid) = (seen.uid(), seen.gid());
        assert!(may_pass(&seen, uid, gid) && may_pass(&seen, uid + 1, gid + 1));
        assert!(!may_pass(&seen, uid + 1, gid));
        fs::remove_dir_all(directory).expect("removed");
    }
}
