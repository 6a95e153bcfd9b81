//! The data directory: locked by one process, closed to everybody else, its secrets readable by its
//! owner only.
//!
//! In: `--data-dir`. Out: an open directory, its secrets. Touches: the disk. Never: a directory or
//! a secret of another user, or a link where a file of ours should be: who can put one there could
//! give us a token of his choice.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chassis::ConfigError;
use rustix::fs::OFlags;

use super::ports;

/// For the owner only.
const CLOSED: u32 = 0o700;

pub struct DataDir {
    root: PathBuf,
    owner_token: String,
    _lock: File,
}

impl DataDir {
    /// Opens or makes it; refuses when another process has it.
    pub fn open(root: &Path) -> Result<Self> {
        make(root).map_err(|e| refused(root, &format!("cannot be made: {e}")))?;
        let given = root;
        let root = root.canonicalize().map_err(|e| refused(given, &e.to_string()))?;
        close(&root)?;
        let lock = lock(&root.join("lock"))?;
        let owner_token = secret(&root.join("owner.token"))?;
        Ok(Self {
            root,
            owner_token,
            _lock: lock,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn owner_token(&self) -> &str {
        &self.owner_token
    }

    /// A random secret that stays the same from start to start.
    pub fn secret(&self, name: &str) -> Result<String> {
        secret(&self.path(name))
    }

    /// The port of the last start, when it is free still, or another free one of the range.
    pub fn port(&self, name: &str, range: RangeInclusive<u16>) -> Result<u16> {
        let file = self.path(name);
        let last = fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.trim().parse::<u16>().ok());
        let port = ports::choose(last, range)?;
        fs::write(&file, port.to_string()).with_context(|| format!("writing {}", file.display()))?;
        Ok(port)
    }
}

/// A random secret in this file, made once.
pub fn made_secret(file: &Path) -> Result<String> {
    secret(file)
}

/// A file of ours: a link in its place is refused.
fn ours(read: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(read).write(!read).mode(0o600);
    options.custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default());
    options
}

/// Writes a file that only its owner may read, from its first byte on.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = ours(false).create(true).truncate(true).open(path)?;
        // A file that was there keeps the mode that it had.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// A log of a child, to append to. It may hold what a child was asked: its owner alone reads it.
pub fn open_log(path: &Path) -> Result<File> {
    let open = || {
        let file = ours(false).create(true).append(true).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        Ok::<_, std::io::Error>(file)
    };
    open().with_context(|| format!("opening {}", path.display()))
}

fn refused(root: &Path, why: &str) -> ConfigError {
    let root = root.display();
    ConfigError(format!(
        "--data-dir {root}: {why}; give a directory that the user of vigilo owns and may write to"
    ))
}

/// Its parents as other programs make them; itself closed from the start.
fn make(root: &Path) -> std::io::Result<()> {
    if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(CLOSED).create(root) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Ours, and readable by no other user.
fn close(root: &Path) -> Result<()> {
    let seen = fs::metadata(root).map_err(|e| refused(root, &e.to_string()))?;
    if !seen.is_dir() {
        return Err(refused(root, "it is no directory").into());
    }
    own(&seen).map_err(|why| refused(root, &why))?;
    let tightened = fs::set_permissions(root, fs::Permissions::from_mode(CLOSED));
    tightened.map_err(|e| refused(root, &format!("it cannot be closed to other users: {e}")).into())
}

fn own(seen: &Metadata) -> Result<(), String> {
    let (owner, us) = (seen.uid(), rustix::process::geteuid().as_raw());
    if owner == us {
        return Ok(());
    }
    Err(format!(
        "it belongs to the user {owner}, and vigilo runs as the user {us}"
    ))
}

fn lock(path: &Path) -> Result<File> {
    let root = path.parent().unwrap_or(path);
    let opened = ours(false).read(true).create(true).truncate(false).open(path);
    let mut file = opened.map_err(|e| refused(root, &format!("it cannot be written to: {e}")))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            bail!(
                "--data-dir {} is in use by process {}; stop it first, or use another directory",
                root.display(),
                holder.trim()
            );
        }
        Err(TryLockError::Error(e)) => return Err(e).context("locking the data directory"),
    }
    let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    written.with_context(|| format!("writing {}", path.display()))?;
    Ok(file)
}

fn secret(path: &Path) -> Result<String> {
    match believed(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
    }
    let made = hex::encode(rand::random::<[u8; 24]>());
    write_private(path, &format!("{made}\n"))?;
    Ok(made)
}

/// Its text, if no other user can have written it.
fn believed(path: &Path) -> std::io::Result<String> {
    let mut file = ours(true).open(path)?;
    let seen = file.metadata()?;
    own(&seen).map_err(std::io::Error::other)?;
    if seen.mode() & 0o022 != 0 {
        let mode = seen.mode() & 0o777;
        return Err(std::io::Error::other(format!(
            "others may write to it (mode {mode:o}); chmod 600 it when you know what it holds"
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn fresh() -> PathBuf {
        std::env::temp_dir().join(format!("vigilo-data-{}", uuid::Uuid::now_v7()))
    }

    #[test]
    fn a_second_process_is_refused_and_told_who_has_it() {
        let root = fresh();
        let first = DataDir::open(&root).expect("the first");
        let refused = DataDir::open(&root).err().expect("refused").to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        DataDir::open(&root).expect("free again");
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn secrets_stay_and_only_their_owner_may_read_them() {
        let root = fresh();
        let data = DataDir::open(&root).expect("a data directory");
        let again = data.secret("owner.token").expect("the token");
        assert_eq!((again.as_str(), again.len()), (data.owner_token(), 48));
        let mode = fs::metadata(data.path("owner.token"))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(data);
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn the_directory_is_closed_and_one_that_was_open_is_closed_too() {
        let root = fresh();
        fs::create_dir(&root).expect("made by somebody with a loose umask");
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).expect("a mode");
        drop(DataDir::open(&root).expect("ours"));
        assert_eq!(fs::metadata(&root).expect("metadata").mode() & 0o777, 0o700);
        fs::remove_dir_all(&root).expect("removed");
        drop(DataDir::open(&root).expect("made"));
        assert_eq!(fs::metadata(&root).expect("metadata").mode() & 0o777, 0o700);
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_a_fault_of_the_configuration() {
        let file = fresh();
        fs::write(&file, "no directory").expect("a file");
        for (path, why) in [(file.clone(), "no directory"), (file.join("below"), "cannot be made")] {
            let error = DataDir::open(&path).err().expect("refused");
            assert!(error.is::<ConfigError>(), "{error:#}");
            let said = error.to_string();
            assert!(said.contains("--data-dir") && said.contains(why), "{said}");
        }
        fs::remove_file(file).expect("removed");
    }

    #[test]
    fn a_secret_of_somebody_else_is_not_believed() {
        let root = fresh();
        let data = DataDir::open(&root).expect("a data directory");
        fs::write(data.path("planted"), "0123456789abcdef").expect("a file");
        std::os::unix::fs::symlink(data.path("planted"), data.path("link")).expect("a link");
        assert!(data.secret("link").is_err(), "a link is followed");
        fs::set_permissions(data.path("planted"), fs::Permissions::from_mode(0o666)).expect("a mode");
        let said = format!("{:#}", data.secret("planted").expect_err("others may write to it"));
        assert!(said.contains("planted") && said.contains("666"), "{said}");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(data.path("planted"), Some(65_534), None).expect("given away");
            let said = format!("{:#}", data.secret("planted").expect_err("of another user"));
            assert!(said.contains("65534"), "{said}");
            drop(data);
            std::os::unix::fs::chown(&root, Some(65_534), None).expect("given away");
            let error = DataDir::open(&root).err().expect("of another user");
            assert!(
                error.is::<ConfigError>() && error.to_string().contains("65534"),
                "{error:#}"
            );
        }
        fs::remove_dir_all(root).expect("removed");
    }
}
