//! Our own Postgres: one cluster behind a socket and a password, as an unprivileged user.
//!
//! In: the data directory. Out: a cluster that is made once, and how it is started. Never: a
//! half-made cluster (it is made aside and moved into place), a second server over processes that
//! still write to it, or a port that another user could take while the server is down.
//!
//! As root, the cluster belongs to another user (`account`). What he can reach he may have replaced
//! by a link: in his directory root follows none, and changes nothing but the names of the cluster
//! and its pid file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chassis::ConfigError;
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fchown, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::Signal;

use super::account::{self, Account};
use super::child::{Hindrance, Program};
use super::data_dir::DataDir;
use super::find::Tool;

/// Each service has a pool of its own.
const CONNECTIONS: &str = "max_connections=100";
/// Postgres' own default lets the log of changes grow to 1 GB before it is written back.
const LOG_OF_CHANGES: &str = "max_wal_size=512MB";
/// It only names the socket.
const PORT: u16 = 5432;
/// Of a socket's path (unix(7): 108 with the zero at its end).
const LONGEST_PATH: usize = 107;

const CLUSTER: &str = "data";
const DRAFT: &str = "draft";
const PID_FILE: &str = "postmaster.pid";
/// Of the socket; it lies in `DOOR` and holds the same number.
const LOCK_FILE: &str = ".s.PGSQL.5432.lock";
/// Beside the home of the cluster.
const DOOR: &str = "run";

pub struct OwnPostgres {
    pub url: String,
    pub program: Program,
    initdb: Program,
    home: PathBuf,
    /// In a directory that is ours: who owns the cluster cannot put a link there.
    password_file: PathBuf,
    password: String,
    account: Option<Account>,
}

/// Chooses password and user; starts nothing.
pub fn prepare(data: &DataDir) -> Result<OwnPostgres> {
    let (postgres, initdb) = (Tool::Postgres.find()?, Tool::Initdb.find()?);
    let password = data.secret("postgres.password")?;
    let (home, door) = (data.path("postgres"), data.path(DOOR));
    let root = rustix::process::geteuid().is_root();
    let account = root.then(|| account::of_postgres(&home)).transpose()?;
    if let Some(account) = &account {
        account.let_through(data.root())?;
    }
    for directory in [&home, &door] {
        give(directory, account.as_ref())?;
    }
    let password_file = data.path("initial.password");
    let program = |name, argv| Program {
        name,
        argv,
        user: account.as_ref().map(|account| account.name.clone()),
        log: data.path("postgres.log"),
        // Postgres' fast shutdown: open transactions are rolled back, the state is written.
        stop: Signal::INT,
        hindrance: None,
    };
    let hindrance = Some(Hindrance {
        directory: home.clone(),
        look: make_way,
    });
    let first = initdb_words(&initdb, &home.join(DRAFT), &password_file);
    Ok(OwnPostgres {
        url: url(&door, &password)?,
        program: Program {
            hindrance,
            ..program("postgres", server_words(&postgres, &home.join(CLUSTER), &door))
        },
        initdb: program("initdb", first),
        home,
        password_file,
        password,
        account,
    })
}

fn initdb_words(initdb: &Path, draft: &Path, password_file: &Path) -> Vec<String> {
    let words = [
        initdb.display().to_string(),
        format!("--pgdata={}", draft.display()),
        format!("--pwfile={}", password_file.display()),
    ];
    let flags = ["-U", "vigilo", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
    words.into_iter().chain(flags.map(str::to_owned)).collect()
}

/// A socket in a directory that only its user (and root) may enter: no stranger can stand where the
/// server is expected.
fn server_words(postgres: &Path, cluster: &Path, door: &Path) -> Vec<String> {
    let settings = [
        format!("port={PORT}"),
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", door.display()),
        CONNECTIONS.to_owned(),
        LOG_OF_CHANGES.to_owned(),
    ];
    let mut words = [postgres, Path::new("-D"), cluster]
        .map(|word| word.display().to_string())
        .to_vec();
    words.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    words
}

fn url(door: &Path, password: &str) -> Result<String, ConfigError> {
    let socket = door.join(format!(".s.PGSQL.{PORT}"));
    let bytes = socket.as_os_str().len();
    if bytes > LONGEST_PATH {
        return Err(ConfigError(format!(
            "--data-dir: the path of the socket of Postgres, {}, has {bytes} bytes and may have {LONGEST_PATH}; \
             use a directory with a shorter path",
            socket.display()
        )));
    }
    // Every byte as itself: a path may hold what a URL may not.
    let host: String = door
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    Ok(format!(
        "postgres://vigilo:{password}@localhost:{PORT}/postgres?host={host}"
    ))
}

/// Makes the directory, and gives it to the user of Postgres. It lies in a directory of ours.
fn give(directory: &Path, account: Option<&Account>) -> Result<()> {
    match fs::create_dir(directory) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => {
            return Err(e).with_context(|| format!("making {}", directory.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let opened = open_directory(directory)?;
    if let Some(Account { uid, gid, .. }) = account {
        fchown(&opened, Some(*uid), Some(*gid)).with_context(|| format!("giving away {}", directory.display()))?;
    }
    fchmod(&opened, Mode::RWXU).with_context(|| format!("closing {}", directory.display()))
}

/// Not what a link leads to.
fn open_directory(path: &Path) -> Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    opened.with_context(|| format!("opening the directory {}", path.display()))
}

impl OwnPostgres {
    /// Whether a cluster was made already.
    pub fn exists(&self) -> bool {
        self.home.join(CLUSTER).symlink_metadata().is_ok()
    }

    /// Makes the cluster at the first start. What an interrupted first start left is made anew.
    pub async fn initialise(&self) -> Result<()> {
        if self.exists() {
            return Ok(());
        }
        let draft = self.home.join(DRAFT);
        match fs::remove_dir_all(&draft) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("removing {}", draft.display()));
            }
            Ok(()) | Err(_) => {}
        }
        self.hand_over_password()?;
        let made = self.initdb.run_once().await;
        fs::remove_file(&self.password_file)?;
        made?;
        let home = open_directory(&self.home)?;
        renameat(&home, DRAFT, &home, CLUSTER).context("moving the cluster of Postgres into place")
    }

    /// A new file, which its reader owns from then on.
    fn hand_over_password(&self) -> Result<()> {
        let file = &self.password_file;
        let write = || {
            match fs::remove_file(file) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                Ok(()) | Err(_) => {}
            }
            let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
            opened.write_all(self.password.as_bytes())?;
            match &self.account {
                Some(Account { uid, gid, .. }) => Ok(fchown(&opened, Some(*uid), Some(*gid))?),
                None => Ok(()),
            }
        };
        write().with_context(|| format!("writing {}", file.display()))
    }
}

/// A killed server leaves its pid file, and another with its socket; when its number belongs to
/// another process by now, Postgres would refuse to start for ever. The files also guard against a
/// second server over backends that have not ended yet, so they are removed only when no process
/// works in the cluster: all processes of a server have it as their working directory.
fn make_way(home: &Path) -> Result<()> {
    let cluster = home.join(CLUSTER);
    if let Some(pid) = at_work_in(&cluster) {
        let cluster = cluster.display();
        anyhow::bail!(
            "process {pid} still works in {cluster}; it ends by itself when its server was killed, else stop it"
        );
    }
    if let Some(door) = home.parent().map(|data| data.join(DOOR)).filter(|door| door.is_dir()) {
        remove(&open_directory(&door)?, LOCK_FILE)?;
    }
    let home = open_directory(home)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let cluster = openat(&home, CLUSTER, flags, Mode::empty()).context("opening the cluster of Postgres")?;
    remove(&File::from(cluster), PID_FILE)
}

fn remove(directory: &File, stale: &str) -> Result<()> {
    match unlinkat(directory, stale, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(e).with_context(|| format!("removing the stale {stale}")),
    }
}

fn at_work_in(directory: &Path) -> Option<u32> {
    let numbered = fs::read_dir("/proc").ok()?.flatten();
    numbered
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::process::{Command, Stdio};

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn fresh() -> PathBuf {
        let directory = std::env::temp_dir().join(format!("vigilo-cluster-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&directory).expect("a directory");
        directory.canonicalize().expect("its real path")
    }

    #[test]
    fn a_pid_file_is_removed_only_when_nobody_works_in_the_cluster() {
        let home = fresh();
        let cluster = home.join(CLUSTER);
        fs::create_dir(&cluster).expect("a cluster");
        let file = cluster.join(PID_FILE);
        fs::write(&file, "1\n").expect("a pid file that names a living stranger");
        let mut orphan = Command::new("sleep")
            .arg("1000")
            .current_dir(&cluster)
            .stdin(Stdio::null())
            .spawn()
            .expect("a process");
        let said = make_way(&home).expect_err("it is in use").to_string();
        assert!(said.contains(&orphan.id().to_string()) && file.exists(), "{said}");
        orphan.kill().expect("killed");
        orphan.wait().expect("gone");
        make_way(&home).expect("free");
        assert!(!file.exists());
        fs::remove_dir_all(home).expect("removed");
    }

    #[test]
    fn no_link_of_the_user_of_postgres_is_followed() {
        let (home, elsewhere) = (fresh(), fresh());
        let kept = elsewhere.join(PID_FILE);
        fs::write(&kept, "of somebody else").expect("a file");
        symlink(&elsewhere, home.join(CLUSTER)).expect("a link in place of the cluster");
        make_way(&home).expect_err("a link is no cluster");
        assert!(kept.exists());
        let before = fs::metadata(&elsewhere).expect("metadata");
        let link = home.join("link");
        symlink(&elsewhere, &link).expect("a link in place of a directory");
        let nobody = Account {
            name: "nobody".to_owned(),
            uid: rustix::fs::Uid::from_raw(65_534),
            gid: rustix::fs::Gid::from_raw(65_534),
        };
        give(&link, Some(&nobody)).expect_err("a link is not given away");
        let after = fs::metadata(&elsewhere).expect("metadata");
        assert_eq!((after.uid(), after.mode()), (before.uid(), before.mode()));
        for directory in [home, elsewhere] {
            fs::remove_dir_all(directory).expect("removed");
        }
    }

    #[test]
    fn the_password_is_handed_over_in_a_new_file_whatever_stands_there() {
        let (home, victim) = (fresh(), fresh().join("shadow"));
        fs::write(&victim, "root:secret").expect("a file");
        let password_file = home.join("initial.password");
        symlink(&victim, &password_file).expect("a link");
        let program = Program {
            name: "initdb",
            argv: Vec::new(),
            user: None,
            log: home.join("log"),
            stop: Signal::INT,
            hindrance: None,
        };
        let own = OwnPostgres {
            url: String::new(),
            program: program.clone(),
            initdb: program,
            home: home.clone(),
            password_file: password_file.clone(),
            password: "hush".to_owned(),
            account: None,
        };
        own.hand_over_password().expect("a new file");
        assert_eq!(fs::read_to_string(&victim).expect("the victim"), "root:secret");
        let seen = fs::symlink_metadata(&password_file).expect("the file");
        assert!(seen.is_file() && seen.permissions().mode() & 0o777 == 0o600);
        fs::remove_dir_all(home).expect("removed");
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named_with_its_length() {
        let short = url(Path::new("/var/lib/vigilo/run"), "hush").expect("short enough");
        assert!(short.contains("host=%2F%76%61%72"), "{short}");
        let said = url(&Path::new("/").join("d".repeat(120)), "hush")
            .expect_err("too long")
            .to_string();
        assert!(
            said.contains("--data-dir") && said.contains("107") && !said.contains("hush"),
            "{said}"
        );
    }
}
