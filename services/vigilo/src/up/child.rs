//! A child process that is started again when it ends, and that dies with us.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const AGAIN_AFTER: Duration = Duration::from_secs(1);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How to start it, as whom, and by which signal it likes to stop.
#[derive(Clone)]
pub struct Program {
    pub name: &'static str,
    pub argv: Vec<String>,
    /// Another user, when we are root and the program refuses to be.
    pub user: Option<String>,
    pub log: PathBuf,
    pub stop: Signal,
}

pub struct Supervised {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Program {
    /// Starts it and keeps it running.
    pub fn supervise(self) -> Result<Supervised> {
        let child = self.start()?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep(self, child, stop.clone()));
        Ok(Supervised { stop, task })
    }

    /// `setpriv` asks the kernel to end the child when we end, however that happens, and then becomes it.
    pub fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"))
                .arg("--clear-groups");
        }
        command
            .arg("--")
            .args(&self.argv)
            .stdin(Stdio::null())
            .env_clear()
            .process_group(0);
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", "/");
        command
    }

    fn start(&self) -> Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("opening {}", self.log.display()))?;
        let mut command = self.command();
        command.stdout(log.try_clone()?).stderr(log);
        command.spawn().with_context(|| format!("starting {}", self.name))
    }
}

async fn keep(program: Program, mut child: Child, stop: CancellationToken) {
    loop {
        tokio::select! {
            ended = child.wait() => warn!(name = program.name, ?ended, log = %program.log.display(), "ended; starting it again"),
            () = stop.cancelled() => return end(&program, child).await,
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(AGAIN_AFTER))
            .await
            .is_none()
        {
            return;
        }
        match program.start() {
            Ok(again) => child = again,
            Err(error) => {
                warn!(name = program.name, "cannot be started again: {error:#}");
                return;
            }
        }
    }
}

async fn end(program: &Program, mut child: Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It may have ended by itself just now.
        let _ = kill_process(pid, program.stop);
    }
    if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
        warn!(name = program.name, "did not stop in time; killed");
        let _ = child.kill().await;
    }
    info!(name = program.name, "stopped");
}

impl Supervised {
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
