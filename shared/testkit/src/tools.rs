//! Where the foreign programs are.
//!
//! In: the machine's `PATH`, the usual Debian directories, and the tools directory that `cargo xtask setup` fills.
//! Out: the path of a program, or an error with the command that installs it. Never: runs or installs anything.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A program that the tests start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    NatsServer,
    Pebble,
    PebbleChalltestsrv,
    Postgres,
    Initdb,
    Nginx,
    Setpriv,
}

/// The program is not on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{program} is not installed (looked in PATH and in {tools}): run `cargo xtask setup`", tools = tools.display())]
pub struct Missing {
    program: &'static str,
    tools: PathBuf,
}

impl Tool {
    pub const ALL: [Self; 7] = [
        Self::NatsServer,
        Self::Pebble,
        Self::PebbleChalltestsrv,
        Self::Postgres,
        Self::Initdb,
        Self::Nginx,
        Self::Setpriv,
    ];

    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server",
            Self::Pebble => "pebble",
            Self::PebbleChalltestsrv => "pebble-challtestsrv",
            Self::Postgres => "postgres",
            Self::Initdb => "initdb",
            Self::Nginx => "nginx",
            Self::Setpriv => "setpriv",
        }
    }

    /// The program's path: the one that setup put into the tools directory before any other, since the tests were
    /// written for its version. Symbolic links are resolved (Postgres finds its own files relative to it).
    ///
    /// # Errors
    /// [`Missing`], with the install command, if there is none or only one that is too old.
    pub fn find(self) -> Result<PathBuf, Missing> {
        let ours = tools_dir().join("bin").join(self.program());
        let others = self.search_path().map(|directory| directory.join(self.program()));
        // Setup has looked at the version of what it put there, and the look reads the whole file.
        std::iter::once(ours)
            .filter(|path| is_program(path))
            .chain(others.filter(|path| is_program(path) && self.is_new_enough(path)))
            .next()
            .map(|path| fs::canonicalize(&path).unwrap_or(path))
            .ok_or_else(|| Missing {
                program: self.program(),
                tools: tools_dir(),
            })
    }

    /// Where to look besides the tools directory.
    #[expect(clippy::disallowed_methods, reason = "looks for programs where the machine has them")]
    fn search_path(self) -> impl Iterator<Item = PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let from_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
        let postgres = match self {
            Self::Postgres | Self::Initdb => postgres_dirs(),
            Self::NatsServer | Self::Pebble | Self::PebbleChalltestsrv | Self::Nginx | Self::Setpriv => Vec::new(),
        };
        // Debian's directories before PATH: `postgres` and `initdb` must be of the same version.
        postgres.into_iter().chain(from_path).chain(sbin)
    }

    /// Debian 12 packages a Pebble (2.4) that knows neither renewal information nor profiles, and no release says its
    /// version. The management call that came with what we need tells them apart.
    #[must_use]
    pub fn is_new_enough(self, path: &Path) -> bool {
        const SINCE_2_8: &[u8] = b"/set-renewal-info/";
        match self {
            Self::Pebble => fs::read(path).is_ok_and(|bytes| contains(&bytes, SINCE_2_8)),
            Self::NatsServer
            | Self::PebbleChalltestsrv
            | Self::Postgres
            | Self::Initdb
            | Self::Nginx
            | Self::Setpriv => true,
        }
    }
}

/// The directory that `cargo xtask setup` fills: `$VIGILO_TOOLS`, else a cache directory. Root's own home is closed to
/// the unprivileged user that the servers run as, so root uses the system's cache.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "looks for programs where the machine has them")]
pub fn tools_dir() -> PathBuf {
    if let Some(chosen) = std::env::var_os("VIGILO_TOOLS").filter(|value| !value.is_empty()) {
        return PathBuf::from(chosen);
    }
    if is_root() {
        return PathBuf::from("/var/cache/vigilo/tools");
    }
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| ".".into())).join(".cache");
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("vigilo/tools")
}

/// The interpreter that the example clients run in.
#[must_use]
pub fn clients_python() -> PathBuf {
    tools_dir().join("clients/bin/python")
}

/// Whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    own_uid() == 0
}

/// The user that this process runs as.
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Debian keeps every Postgres version in a directory of its own; the newest goes first.
fn postgres_dirs() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions
        .iter()
        .map(|version| Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin"))
        .collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// An unprivileged account of this machine, for servers that refuse to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// The account that servers run as: `None` if this process is unprivileged itself.
///
/// # Errors
/// If this process is root and the machine knows neither `postgres` nor `nobody`.
pub fn server_account() -> anyhow::Result<Option<Account>> {
    if !is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let account = ["postgres", "nobody"].iter().find_map(|name| account_of(&passwd, name));
    let hint = "root needs an unprivileged account for Postgres, and /etc/passwd has neither `postgres` nor `nobody`";
    account
        .map(Some)
        .ok_or_else(|| anyhow::anyhow!("{hint}: run `cargo xtask setup`"))
}

fn account_of(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(Account {
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

/// Whether the directory is ours alone: another user could have put one with the same name into a shared place.
pub(crate) fn belongs_to_us(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|meta| meta.is_dir() && meta.uid() == own_uid())
}

/// Whether some directory of the search path has a program of this name.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "looks for programs where the machine has them")]
pub fn on_path(program: impl AsRef<OsStr>) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| is_program(&directory.join(program.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_its_line_only() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8:::\npostgres:x:101:104:PostgreSQL,,,:/var/lib:/bin/bash\n";
        assert_eq!(account_of(passwd, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(account_of(passwd, "nobody"), None);
    }

    #[test]
    fn a_missing_program_names_the_command_that_installs_it() {
        let missing = Missing {
            program: "nats-server",
            tools: PathBuf::from("/t"),
        };
        let said = missing.to_string();
        assert!(
            said.contains("nats-server") && said.contains("cargo xtask setup"),
            "{said}"
        );
    }
}
