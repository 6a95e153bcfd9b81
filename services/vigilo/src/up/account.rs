//! As whom our own Postgres runs when we are root, which it refuses to be.
//!
//! In: the users of this machine. Out: one of them, or a new one. Touches: the list of users, at
//! most once. Never: a user whom other programs share, while another can be had: who is that user
//! has our record.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::unistd::User;
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use tracing::warn;

/// A user of its own; Debian's package of Postgres makes the second.
const WANTED: [&str; 2] = ["vigilo-postgres", "postgres"];
const LAST_RESORT: &str = "nobody";
const USERADD: [&str; 2] = ["/usr/sbin/useradd", "/sbin/useradd"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: Uid,
    pub gid: Gid,
}

/// The owner of the cluster that is there; for a new one a user of its own.
pub fn of_postgres(home: &Path) -> Result<Account> {
    let there = home
        .symlink_metadata()
        .ok()
        .map(|seen| seen.uid())
        .filter(|uid| *uid != 0);
    if let Some(uid) = there {
        let owner = User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
        let home = home.display();
        return owner
            .map(Account::from)
            .with_context(|| format!("{home} belongs to the user {uid}, and this machine has no such user"));
    }
    choose(&named, make)
}

fn choose(named: &dyn Fn(&str) -> Option<Account>, make: impl FnOnce(&str) -> bool) -> Result<Account> {
    if let Some(account) = WANTED.into_iter().find_map(named) {
        return Ok(account);
    }
    let [own, _] = WANTED;
    if let Some(account) = make(own).then(|| named(own)).flatten() {
        return Ok(account);
    }
    let shared = named(LAST_RESORT).with_context(|| {
        format!("as root, Postgres needs a user of its own: `useradd --system --shell /usr/sbin/nologin {own}`")
    })?;
    warn!(
        "Postgres runs as the user {LAST_RESORT}, whom other programs share: make the user {own} before the first start"
    );
    Ok(shared)
}

fn named(name: &str) -> Option<Account> {
    User::from_name(name).ok().flatten().map(Account::from)
}

fn make(name: &str) -> bool {
    let Some(useradd) = USERADD.into_iter().find(|path| Path::new(path).is_file()) else {
        return false;
    };
    let mut command = Command::new(useradd);
    command.args([
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
    ]);
    command.args([
        "--shell",
        "/usr/sbin/nologin",
        "--comment",
        "Postgres of vigilo up",
        name,
    ]);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            uid: Uid::from_raw(user.uid.as_raw()),
            gid: Gid::from_raw(user.gid.as_raw()),
        }
    }
}

impl Account {
    /// Lets it pass through our data directory, and no other user; what is above must let it pass
    /// already.
    pub fn let_through(&self, data_dir: &Path) -> Result<()> {
        let closed = || {
            chown(data_dir, None, Some(self.gid))?;
            chmod(data_dir, Mode::RWXU | Mode::XGRP)
        };
        closed().with_context(|| format!("opening {} to {}", data_dir.display(), self.name))?;
        for above in data_dir.ancestors().skip(1) {
            let seen = std::fs::metadata(above)?;
            ensure!(
                self.may_pass(&seen),
                "--data-dir: as root, Postgres runs as {}, who cannot pass through {} (mode {:o}); \
                 use a directory such as /var/lib/vigilo, or chmod o+x it",
                self.name,
                above.display(),
                seen.mode() & 0o777
            );
        }
        Ok(())
    }

    /// The one class of bits that counts for this user.
    fn may_pass(&self, directory: &std::fs::Metadata) -> bool {
        let (owns, shares) = (
            directory.uid() == self.uid.as_raw(),
            directory.gid() == self.gid.as_raw(),
        );
        let bit = match (owns, shares) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        directory.mode() & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn account(name: &str, uid: u32, gid: u32) -> Account {
        Account {
            name: name.to_owned(),
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
        }
    }

    #[test]
    fn a_user_of_its_own_comes_before_one_that_others_share() {
        let made = Cell::new(false);
        let only = |there: &'static [&'static str]| {
            let made = &made;
            move |name: &str| {
                let there = there.contains(&name) || (made.get() && name == "vigilo-postgres");
                there.then(|| account(name, 7, 8))
            }
        };
        let all = choose(&only(&["nobody", "postgres", "vigilo-postgres"]), |_| {
            panic!("none is needed")
        });
        assert_eq!(all.expect("an account").name, "vigilo-postgres");
        let debian = choose(&only(&["nobody", "postgres"]), |_| panic!("none is needed"));
        assert_eq!(debian.expect("an account").name, "postgres");
        let poor = choose(&only(&["nobody"]), |_| false);
        assert_eq!(poor.expect("an account").name, "nobody");
        let make = |name: &str| {
            assert_eq!(name, "vigilo-postgres");
            made.set(true);
            true
        };
        assert_eq!(
            choose(&only(&["nobody"]), make).expect("an account").name,
            "vigilo-postgres"
        );
        made.set(false);
        let said = choose(&only(&[]), |_| false).expect_err("none").to_string();
        assert!(said.contains("useradd") && said.contains("vigilo-postgres"), "{said}");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn only_the_bits_of_the_users_own_class_count() {
        let directory = std::env::temp_dir().join(format!("vigilo-account-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&directory).expect("a directory");
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o701)).expect("a mode");
        let seen = std::fs::metadata(&directory).expect("metadata");
        let (uid, gid) = (seen.uid(), seen.gid());
        let may = |uid, gid| account("x", uid, gid).may_pass(&seen);
        assert!(may(uid, gid) && may(uid + 1, gid + 1));
        assert!(!may(uid + 1, gid));
        std::fs::remove_dir(directory).expect("removed");
    }
}
