//! Files with a secret in them: a password, a token, a shared secret, a private key.
//!
//! In: the path that the configuration names. Out: what is in it, wiped when it is dropped.
//! Touches: that file; one that is made is whole or not there. Never: a file that every user of the
//! machine can read, or one without an end; a file that exists is never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;
use zeroize::Zeroizing;

const OWNER_ONLY: u32 = 0o600;
/// Read, write or run by anybody but the owner.
const OTHERS: u32 = 0o077;
const LONGEST: u64 = 64 * 1024;
/// Read, write or run by who is neither the owner nor of the group.
const EVERYBODY: u32 = 0o007;

/// What stands in it, without the line break at its end; or what is wrong with it, and what is
/// right.
pub fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let about = file.metadata().map_err(|e| e.to_string())?;
    let mode = about.permissions().mode() & 0o777;
    if !about.is_file() {
        return Err("it is no file; give the path of a file with the secret in it".to_owned());
    }
    if mode & EVERYBODY != 0 {
        return Err(format!(
            "every user of this machine can open it (mode {mode:04o}); run chmod o= on it"
        ));
    }
    if about.len() > LONGEST {
        return Err(format!(
            "it has {} bytes; a secret has fewer than {LONGEST}",
            about.len()
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(about.len()).unwrap_or_default() + 1,
    ));
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|e| e.to_string())?;
    let whole = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(whole);
    if text.is_empty() {
        return Err("it is empty; put a long random text into it".to_owned());
    }
    Ok(text)
}

/// Whether it belongs to the user of this process, and no other user can open it: for what signs or
/// opens in the name of all. Else what is wrong with it, and what is right.
pub fn is_private(file: &File) -> Result<(), String> {
    let about = file.metadata().map_err(|e| format!("cannot be looked at: {e}"))?;
    let (mode, owner, own) = (about.mode() & 0o777, about.uid(), geteuid().as_raw());
    if !about.is_file() {
        return Err("is no file; give the path of the file with the key".to_owned());
    }
    if mode & OTHERS != 0 {
        return Err(format!("is open to other users (mode {mode:04o}); run chmod 600 on it"));
    }
    if owner != own {
        return Err(format!(
            "belongs to the user {owner} and this process runs as {own}; run chown {own} on it"
        ));
    }
    Ok(())
}

/// A new file of its owner alone. Written beside its place and linked into it: who starts at the
/// same moment sees a whole file or none, and the first wins.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where one is there.
pub fn make_private(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{:016x}.new", rand::random::<u64>()));
    let beside = Path::new(&beside);
    write_new(beside, content)?;
    let linked = fs::hard_link(beside, path);
    fs::remove_file(beside)?;
    linked?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("secret");
        write(&path, content).expect("a file");
        set_permissions(&path, Permissions::from_mode(mode)).expect("its mode");
        (dir, path)
    }

    #[test]
    fn a_secret_is_for_its_owner_and_group_alone() {
        for mode in [0o600, 0o400, 0o640] {
            let (_dir, path) = file(b"hush\n", mode);
            assert_eq!(read(&path).expect("a secret").as_str(), "hush", "{mode:o}");
        }
        for mode in [0o644, 0o604, 0o602] {
            let (_dir, path) = file(b"hush\n", mode);
            let said = read(&path).expect_err("open to all");
            assert!(said.contains("chmod o=") && !said.contains("hush"), "{said}");
        }
    }

    #[test]
    fn a_key_is_for_its_owner_alone() {
        for (mode, private) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            let (_dir, path) = file(b"key", mode);
            let judged = is_private(&File::open(path).expect("a file"));
            assert_eq!(judged.is_ok(), private, "{mode:o} {judged:?}");
            assert!(judged.err().is_none_or(|said| said.contains("chmod 600")));
        }
        let directory = File::open("/").expect("a directory");
        assert!(is_private(&directory).expect_err("no file").contains("is no file"));
    }

    #[test]
    fn a_file_is_made_once_and_whole_whoever_makes_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("own.key");
        let makers: Vec<_> = (0..8_u8)
            .map(|number| {
                let path = path.clone();
                std::thread::spawn(move || make_private(&path, &[number; 1_000]).map_err(|e| e.kind()))
            })
            .collect();
        let made: Vec<_> = makers
            .into_iter()
            .map(|maker| maker.join().expect("no panic"))
            .collect();
        assert_eq!(made.iter().filter(|one| one.is_ok()).count(), 1, "{made:?}");
        let late = made.iter().filter(|one| **one == Err(ErrorKind::AlreadyExists));
        assert_eq!(late.count(), 7, "{made:?}");
        let content = fs::read(&path).expect("the file");
        assert!(content.len() == 1_000 && content.iter().all(|byte| Some(byte) == content.first()));
        assert_eq!(is_private(&File::open(&path).expect("the file")), Ok(()));
        assert_eq!(
            fs::read_dir(dir.path()).expect("a directory").count(),
            1,
            "nothing lies beside it"
        );
        let nowhere = make_private(&dir.path().join("deeper/own.key"), b"x").expect_err("no such directory");
        assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_is_no_secret_says_why() {
        for (content, why) in [
            (&b"\n"[..], "empty"),
            (&[b'x'; 70_000], "70000 bytes"),
            (&[0xff], "UTF-8"),
        ] {
            let (_dir, path) = file(content, 0o600);
            let said = read(&path).expect_err(why);
            assert!(said.contains(why), "{said}");
        }
        assert!(read(Path::new("/dev/zero")).expect_err("a device").contains("no file"));
    }
}
