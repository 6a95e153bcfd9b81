//! How a foreign process is started: its command, its clean environment, its account, and how it likes to end.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use rustix::process::Signal;

use crate::ready::Ready;
use crate::tools::{Account, Tool};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How to start a process, what says that it is ready, and how it likes to be stopped.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(super) name: String,
    program: PathBuf,
    args: Vec<String>,
    pub(super) directory: PathBuf,
    env: Vec<(String, String)>,
    account: Option<Account>,
    pub(super) ready: Ready,
    pub(super) stop: Signal,
    on_parent_death: &'static str,
}

impl Spec {
    /// A process that works in `directory` (its log is `directory/log`), with an environment of `PATH`, `HOME` (the
    /// directory), `LANG` and `TZ` only.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>, directory: &Path, ready: Ready) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            directory: directory.to_owned(),
            env: Vec::new(),
            account: None,
            ready,
            stop: Signal::TERM,
            on_parent_death: "KILL",
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Runs as this account instead of ours.
    #[must_use]
    pub fn account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// The signal that asks for a quick, orderly end. Without it: SIGTERM.
    #[must_use]
    pub fn stop_by(mut self, signal: Signal) -> Self {
        self.stop = signal;
        self
    }

    /// For servers whose workers survive a master that was killed: asks the master to end when the tests die.
    #[must_use]
    pub fn ask_on_parent_death(mut self) -> Self {
        self.on_parent_death = "TERM";
        self
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    pub(super) fn command(&self) -> Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(Tool::Setpriv.find()?);
        command.args(["--pdeathsig", self.on_parent_death]);
        if let Some(Account { uid, gid }) = self.account {
            command.args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command.arg("--").arg(&self.program).args(&self.args);
        command
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", &self.directory);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.directory).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}
