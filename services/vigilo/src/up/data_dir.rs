//! The data directory: locked by one process, its secrets readable by its owner only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::ports;

pub struct DataDir {
    root: PathBuf,
    owner_token: String,
    _lock: File,
}

impl DataDir {
    /// Opens or makes it; refuses when another process has it.
    pub fn open(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("--data-dir {} cannot be made", root.display()))?;
        let root = root.canonicalize()?;
        let lock = lock(&root.join("lock"))?;
        let owner_token = secret(&root.join("owner.token"))?;
        Ok(Self {
            root,
            owner_token,
            _lock: lock,
        })
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

/// Writes a file that only its owner may read, from its first byte on.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        // A file that was there keeps the mode that it had.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

fn lock(path: &Path) -> Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            let held = path.parent().unwrap_or(path).display();
            bail!(
                "--data-dir {held} is in use by process {}; stop it first, or use another directory",
                holder.trim()
            );
        }
        Err(TryLockError::Error(e)) => return Err(e).context("locking the data directory"),
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

fn secret(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
    }
    let made = hex::encode(rand::random::<[u8; 24]>());
    write_private(path, &format!("{made}\n"))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
