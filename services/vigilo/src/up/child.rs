//! A child process that is started again when it ends, and that dies with us.
//!
//! In: a program and how it likes to be stopped. Out: a running process, again and again. Never:
//! one that outlives us: the kernel kills it when we end, however that happens.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::data_dir::open_log;
use super::find::Tool;
use super::log_tail;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A child that lived this long did not end because of its start.
const LIVED: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Of its log, when it ends by itself: it usually says why.
const LAST_WORDS: usize = 2;

/// How to start it, as whom, and by which signal it likes to stop.
#[derive(Clone)]
pub struct Program {
    pub name: &'static str,
    pub argv: Vec<String>,
    /// Another user, when we are root and the program refuses to be.
    pub user: Option<String>,
    pub log: PathBuf,
    pub stop: Signal,
    /// Looked at before every start: why it must not be started now, if so.
    pub hindrance: Option<Hindrance>,
}

/// What may stand in the way of a start in this directory.
#[derive(Clone)]
pub struct Hindrance {
    pub directory: PathBuf,
    pub look: fn(&std::path::Path) -> Result<()>,
}

pub struct Supervised {
    stop: CancellationToken,
    task: JoinHandle<()>,
    ear: Arc<Ear>,
}

/// What is said to the task that keeps it, and heard from it.
#[derive(Default)]
struct Ear {
    again: Notify,
    /// How often it ended by itself.
    ended: AtomicU32,
}

/// Has the child stopped in order and started again.
#[derive(Clone)]
pub struct Restart(Arc<Ear>);

impl Restart {
    pub fn now(&self) {
        self.0.again.notify_one();
    }
}

impl Program {
    /// Starts it and keeps it running.
    #[expect(
        clippy::disallowed_methods,
        reason = "its handle is kept and awaited when the program is stopped"
    )]
    pub fn supervise(self) -> Supervised {
        let (stop, ear) = (CancellationToken::new(), Arc::<Ear>::default());
        let task = tokio::spawn(keep(self, stop.clone(), Arc::clone(&ear)));
        Supervised { stop, task, ear }
    }

    /// `setpriv` asks the kernel to end the child when we end, and then becomes it.
    fn command(&self) -> Result<Command> {
        let mut command = Command::new(Tool::Setpriv.find()?);
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"))
                .arg("--clear-groups");
        }
        command.arg("--").args(&self.argv).stdin(Stdio::null()).process_group(0);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", "/")
            .current_dir("/");
        Ok(command)
    }

    /// Runs it to its end, which must be a good one.
    pub async fn run_once(&self) -> Result<()> {
        let mut command = self.command()?;
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let output = spawn(command).await?.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.success(),
            "{} failed ({}): {}",
            self.name,
            output.status,
            said.trim()
        );
        Ok(())
    }

    async fn start(&self) -> Result<Child> {
        if let Some(Hindrance { directory, look }) = &self.hindrance {
            look(directory)?;
        }
        let log = open_log(&self.log)?;
        let mut command = self.command()?;
        command.stdout(log.try_clone()?).stderr(log);
        spawn(command).await.with_context(|| format!("starting {}", self.name))
    }
}

async fn keep(program: Program, stop: CancellationToken, ear: Arc<Ear>) {
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let log_before = log_tail::length(&program.log);
        match program.start().await {
            Ok(mut child) => tokio::select! {
                ended = child.wait() => {
                    let how = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
                    let said = log_tail::since(&program.log, log_before, LAST_WORDS);
                    warn!(name = program.name, how, said, log = %program.log.display(), "it ended and is started again");
                    ear.ended.fetch_add(1, Ordering::Relaxed);
                }
                () = ear.again.notified() => {
                    end(&program, child).await;
                    wait = FIRST_WAIT;
                    continue;
                }
                () = stop.cancelled() => return end(&program, child).await,
            },
            Err(error) => warn!(name = program.name, "it cannot be started now: {error:#}"),
        }
        if began.elapsed() > LIVED {
            wait = FIRST_WAIT;
        }
        // A stop ends the wait; the loop's condition sees it.
        chassis::pause(wait, &stop).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn end(program: &Program, mut child: Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // It may have ended by itself just now.
        let _ = kill_process(pid, program.stop);
    }
    if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
        warn!(name = program.name, "it did not stop in time and is killed");
        let _ = child.kill().await;
    }
    info!(name = program.name, "stopped");
}

impl Supervised {
    pub fn restart(&self) -> Restart {
        Restart(Arc::clone(&self.ear))
    }

    /// How often it ended without being asked to.
    pub fn ended(&self) -> u32 {
        self.ear.ended.load(Ordering::Relaxed)
    }

    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The kernel's promise holds for the *thread* that forked: a runtime may end its threads, so one
/// of our own that never ends forks all children.
async fn spawn(mut command: Command) -> Result<Child> {
    static FORKS: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let forks = FORKS.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        std::thread::spawn(move || inbox.into_iter().for_each(|job| job()));
        jobs
    });
    let (reply, answer) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let job = move || {
        let _inside = runtime.enter();
        // The child ends with the process.
        let _ = reply.send(command.spawn());
    };
    let gone = |_| anyhow!("the thread that starts children is gone");
    forks
        .send(Box::new(job))
        .map_err(|_| anyhow!("no thread starts children"))?;
    Ok(answer.await.map_err(gone)??)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sh(script: &str, log: &Path) -> Program {
        Program {
            name: "sh",
            argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
            user: None,
            log: log.to_owned(),
            stop: Signal::TERM,
            hindrance: None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn log() -> PathBuf {
        std::env::temp_dir().join(format!("vigilo-child-{}.log", uuid::Uuid::now_v7()))
    }

    #[expect(clippy::disallowed_methods, reason = "a test waits for what a program prints")]
    async fn until_said(log: &Path, times: usize) {
        let seen = async {
            while std::fs::read_to_string(log).unwrap_or_default().lines().count() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen)
            .await
            .expect("it was started");
    }

    #[tokio::test]
    async fn a_child_that_ends_is_started_again_until_it_is_stopped() {
        let log = log();
        let child = sh("echo begun; exit 3", &log).supervise();
        until_said(&log, 3).await;
        assert!(child.ended() >= 2);
        child.stop().await;
        std::fs::remove_file(log).expect("removed");
    }

    #[tokio::test]
    async fn a_child_that_shall_start_again_does_and_did_not_end_by_itself() {
        let log = log();
        let child = sh("echo begun; exec sleep 1000", &log).supervise();
        until_said(&log, 1).await;
        child.restart().now();
        until_said(&log, 2).await;
        assert_eq!(child.ended(), 0);
        child.stop().await;
        std::fs::remove_file(log).expect("removed");
    }

    #[tokio::test]
    async fn a_stop_asks_by_the_signal_that_the_program_likes() {
        let log = log();
        // Not a shell: it can lose a signal that comes just before it waits. This one looks again
        // all the time.
        let script = r#"exec perl -e '$| = 1; $SIG{INT} = sub { print "asked\n"; exit 0 };
                        print "begun\n"; select undef, undef, undef, 0.05 while 1'"#;
        let child = Program {
            stop: Signal::INT,
            ..sh(script, &log)
        }
        .supervise();
        until_said(&log, 1).await;
        child.stop().await;
        assert_eq!(std::fs::read_to_string(&log).expect("a log"), "begun\nasked\n");
        std::fs::remove_file(log).expect("removed");
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_waited_for() {
        let log = log();
        let block = log.with_extension("block");
        std::fs::write(&block, "").expect("a file");
        let look = |file: &Path| {
            anyhow::ensure!(!file.exists(), "in the way");
            Ok(())
        };
        let program = Program {
            hindrance: Some(Hindrance {
                directory: block.clone(),
                look,
            }),
            ..sh("echo begun; exec sleep 1000", &log)
        };
        assert!(program.start().await.is_err());
        let child = program.supervise();
        std::fs::remove_file(block).expect("removed");
        until_said(&log, 1).await;
        child.stop().await;
        std::fs::remove_file(log).expect("removed");
    }

    #[tokio::test]
    async fn what_runs_once_says_why_it_failed() {
        let said = sh("echo no room >&2; exit 5", &log()).run_once().await.expect_err("5");
        assert!(said.to_string().contains("no room"), "{said}");
        sh("exit 0", &log()).run_once().await.expect("a good end");
    }
}
