//! Directories for one test process, readable by the account that the servers run as.
//!
//! In: a name. Out: a fresh directory. A process holds a lock on its own directory as long as it
//! lives; directories of processes that were killed are removed by the next one. Never: touches a
//! directory that belongs to another user.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

use crate::tools::{Account, belongs_to_us, own_uid};

/// The directory that all test processes of this user share: port leases, cached templates, run
/// directories.
///
/// # Errors
/// If it cannot be made, or exists and belongs to another user.
pub fn base() -> Result<PathBuf> {
    let base = std::env::temp_dir().join(format!("vigilo-testkit-{}", own_uid()));
    make(&base)?;
    ensure!(
        belongs_to_us(&base),
        "{} belongs to another user: remove it or set TMPDIR",
        base.display()
    );
    Ok(base)
}

/// A fresh directory for one server of this process, owned by `owner` if given.
///
/// # Errors
/// If the file system refuses.
pub fn fresh(name: &str, owner: Option<Account>) -> Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = of_this_process()?.join(format!("{number}-{name}"));
    make(&directory)?;
    give_to(&directory, owner)?;
    Ok(directory)
}

/// Writes a file and hands it to `owner`; only the owner may read it, since it may hold a key or a
/// password.
///
/// # Errors
/// If the file system refuses.
pub fn write(path: &Path, content: impl AsRef<[u8]>, owner: Option<Account>) -> Result<()> {
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    give_to(path, owner)
}

/// Hands a file or directory to `owner`.
///
/// # Errors
/// If the file system refuses.
pub fn give_to(path: &Path, owner: Option<Account>) -> Result<()> {
    let Some(Account { uid, gid }) = owner else {
        return Ok(());
    };
    chown(path, Some(uid), Some(gid)).with_context(|| format!("giving {} to user {uid}", path.display()))
}

/// Makes a directory that everybody may enter, whatever the umask.
pub(crate) fn make(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    if belongs_to_us(directory) {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

pub(crate) fn open_lock(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

struct Run {
    directory: PathBuf,
    _alive: File,
}

/// The run's directory lives until the process ends; a statically shared server still uses it in
/// the last test.
fn of_this_process() -> Result<&'static Path> {
    static RUN: OnceLock<Result<Run, String>> = OnceLock::new();
    let run = RUN.get_or_init(|| begin_run().map_err(|error| format!("{error:#}")));
    run.as_ref()
        .map(|run| run.directory.as_path())
        .map_err(|error| anyhow::anyhow!("{error}"))
}

fn begin_run() -> Result<Run> {
    let runs = base()?.join("runs");
    make(&runs)?;
    // One process sweeps and begins at a time: else a sweep could meet a run between its lock file
    // and its lock.
    let door = open_lock(&runs.join(".door"))?;
    door.lock()?;
    sweep(&runs);
    let directory = runs.join(std::process::id().to_string());
    make(&directory)?;
    let alive = open_lock(&directory.join(".alive"))?;
    alive
        .try_lock()
        .context("another process holds our own run directory")?;
    Ok(Run {
        directory,
        _alive: alive,
    })
}

/// Removes the directories of processes that are gone. What cannot be removed is left to the next
/// sweep.
fn sweep(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let dead = open_lock_existing(&entry.path().join(".alive")).is_some_and(|lock| lock.try_lock().is_ok());
        if dead {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn open_lock_existing(path: &Path) -> Option<File> {
    OpenOptions::new().write(true).open(path).ok()
}
