//! The root key file: read, checked, and made on the first start if the configuration says so.
//!
//! In: a path. Out: the [`RootKey`]. Touches: that file. Never: replaces a file that exists; whoever loses the root key
//! loses every sealed secret.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use ::custody::RootKey;
use chassis::config::ConfigError;
use chassis::secret_file;
use domain::counted;
use tracing::warn;
use zeroize::Zeroizing;

/// # Errors
/// Names `root_key_file`, what is wrong with it, and what to do.
pub fn load(path: &Path, create: bool) -> Result<RootKey, ConfigError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && create => {
            make(path).map_err(|e| refused(path, &format!("could not be made: {e}; make its directory writable")))?;
            warn!(root_key_file = %path.display(), "made a new root key: back it up, no sealed secret opens without it");
            File::open(path).map_err(|e| refused(path, &format!("cannot be read: {e}")))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let remedy = "does not exist; copy it from another replica or a backup, or on the very first start set \
                          create_root_key = true";
            return Err(refused(path, remedy));
        }
        Err(error) => return Err(refused(path, &format!("cannot be read: {error}"))),
    };
    secret_file::is_private(&file).map_err(|problem| refused(path, &problem))?;
    let bytes = exactly(path, &mut file)?;
    Ok(RootKey::new(&bytes))
}

fn refused(path: &Path, problem: &str) -> ConfigError {
    ConfigError(format!("root_key_file {}: {problem}", path.display()))
}

fn exactly(path: &Path, file: &mut File) -> Result<Zeroizing<[u8; RootKey::LEN]>, ConfigError> {
    // One byte more than is right, so that a longer file is noticed.
    let mut read = Zeroizing::new([0; RootKey::LEN + 1]);
    let mut length = 0;
    while let Some(rest) = read.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(refused(path, &format!("cannot be read: {e}"))),
        }
    }
    let bytes = read.get(..length).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Zeroizing::new).ok_or_else(|| {
        let seen = if length > RootKey::LEN {
            "more than 32 bytes".to_owned()
        } else {
            counted(length, "byte")
        };
        refused(
            path,
            &format!("has {seen}; a root key is exactly 32 random bytes, without a newline"),
        )
    })
}

/// A replica that starts at the same moment may be first.
fn make(path: &Path) -> io::Result<()> {
    let mut key = Zeroizing::new([0; RootKey::LEN]);
    aws_lc_rs::rand::fill(key.as_mut_slice())
        .map_err(|_| io::Error::other("no random bytes from the operating system"))?;
    match secret_file::make_private(path, key.as_slice()) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use ::custody::Kek;
    use tempfile::TempDir;

    use super::*;

    const OWNER_ONLY: u32 = 0o600;

    fn room() -> (TempDir, PathBuf) {
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("root.key");
        (room, path)
    }

    fn refusal(path: &Path, create: bool) -> String {
        let refused = load(path, create).err().expect("must be refused").to_string();
        assert!(
            refused.starts_with(&format!("root_key_file {}: ", path.display())),
            "{refused}"
        );
        refused
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }

    #[test]
    fn it_is_made_once_and_read_again() {
        let (room, path) = room();
        let made = load(&path, true).expect("made").id();
        assert_eq!(load(&path, true).expect("read").id(), made);
        assert_eq!(load(&path, false).expect("read").id(), made);
        let metadata = fs::metadata(&path).expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, OWNER_ONLY);
        assert_eq!(
            fs::read_dir(room.path()).expect("a directory").count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn replicas_that_start_together_agree() {
        let (_room, path) = room();
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || load(&path, true).map(|root| root.id()).map_err(|e| e.to_string()))
            })
            .collect();
        let ids: Vec<_> = starts
            .into_iter()
            .map(|start| start.join().expect("no panic").expect("a key"))
            .collect();
        assert!(ids.iter().all(|id| Some(id) == ids.first()), "{ids:?}");
    }

    #[test]
    fn a_missing_file_is_not_made_unasked() {
        let (_room, path) = room();
        assert!(refusal(&path, false).contains("create_root_key = true"));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_of_the_wrong_length_is_refused() {
        let (_room, path) = room();
        for (bytes, seen) in [(0, "has 0 bytes"), (31, "has 31 bytes"), (33, "has more than 32 bytes")] {
            fs::write(&path, vec![7; bytes]).expect("written");
            mode(&path, OWNER_ONLY);
            assert!(refusal(&path, true).contains(seen));
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_room, path) = room();
        fs::write(&path, [7; RootKey::LEN]).expect("written");
        for open in [0o644, 0o640, 0o602] {
            mode(&path, open);
            assert!(refusal(&path, false).contains("chmod 600"));
        }
        mode(&path, 0o400);
        assert!(load(&path, false).is_ok());
    }

    #[test]
    fn a_directory_and_a_missing_directory_are_refused() {
        let (room, path) = room();
        mode(room.path(), 0o700);
        assert!(refusal(room.path(), false).contains("is no file"));
        assert!(refusal(&path.join("deeper"), true).contains("could not be made"));
    }
}
