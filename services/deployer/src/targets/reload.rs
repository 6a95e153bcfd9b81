//! Runs the command that makes a server read its files again.
//!
//! In: program and arguments, a timeout. Out: what it printed, the end of it at most. Never: a shell, our environment,
//! a process that outlives the timeout.
//!
//! Orders that name the same command at the same moment share one run of it: a run that *started* after the files of an
//! order were in place counts for that order.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use domain::target::Reload;
use nix::unistd::{User, geteuid};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::TargetError;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What is kept of the output: the end, because errors come last.
const KEPT: usize = 4096;
/// A daemon that the command started may hold our pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(250);

type Outcome = Result<String, TargetError>;

/// By command and timeout.
type Lanes = HashMap<(Vec<String>, u32), Arc<Lane>>;

/// The reloads of one deployer.
#[derive(Default)]
pub struct Reloads {
    lanes: Lock<Lanes>,
}

/// One command. A caller draws a ticket when its files are in place; a run covers all tickets drawn before its start.
#[derive(Default)]
struct Lane {
    tickets: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    covers: u64,
    outcome: Option<Outcome>,
}

impl Reloads {
    /// Returns after a run of the command that began after this call did.
    pub async fn ensure(&self, reload: &Reload) -> Outcome {
        let key = (reload.command.clone(), reload.timeout_seconds);
        let lane = self.lanes().entry(key.clone()).or_default().clone();
        let outcome = lane.ensure(reload).await;
        // Nobody else waits here: the map must not grow with every command that was ever used.
        let mut lanes = self.lanes();
        if Arc::strong_count(&lane) == 2 {
            lanes.remove(&key);
        }
        outcome
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    async fn ensure(&self, reload: &Reload) -> Outcome {
        let ticket = self.tickets.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let (true, Some(outcome)) = (last.covers >= ticket, &last.outcome) {
            return outcome.clone();
        }
        let covers = self.tickets.load(Ordering::SeqCst);
        let outcome = run(reload).await;
        *last = Last {
            covers,
            outcome: Some(outcome.clone()),
        };
        outcome
    }
}

/// The program of the command as a file that we may run.
pub fn program(reload: &Reload) -> Result<PathBuf, TargetError> {
    let name = reload.command.first().map_or("", String::as_str);
    let runnable = |path: &Path| path.is_file() && accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    let found = if name.contains('/') {
        Some(PathBuf::from(name)).filter(|path| runnable(path))
    } else {
        PATH.split(':')
            .map(|directory| Path::new(directory).join(name))
            .find(|path| runnable(path))
    };
    found.ok_or_else(|| TargetError::Misconfigured {
        what: format!("the reload program {name:?} does not exist here or may not be run"),
        remedy: format!(
            "install it, give its absolute path in reload.command, or make it executable (searched: {PATH})"
        ),
    })
}

async fn run(reload: &Reload) -> Outcome {
    let command = reload.command.join(" ");
    let (mut child, output) = start(reload)?;
    let mut group = Group::of(&child);
    let mut tail = Tail::default();
    let limit = Duration::from_secs(u64::from(reload.timeout_seconds));
    let Ok(ended) = timeout(limit, end_of(&mut child, output, &mut tail)).await else {
        group.kill();
        // Dead by now; waiting takes it off the process table.
        drop(child.wait().await);
        group.is_over();
        return Err(TargetError::HookHung {
            command,
            seconds: reload.timeout_seconds,
            output: tail.text(),
        });
    };
    group.is_over();
    match ended {
        Ok(status) if status.success() => Ok(tail.text()),
        Ok(status) => Err(TargetError::HookFailed {
            command,
            status: in_words(status),
            output: tail.text(),
        }),
        Err(e) => Err(TargetError::Unavailable {
            what: format!("lost sight of the reload command `{command}`: {e}"),
        }),
    }
}

fn start(reload: &Reload) -> Result<(Child, Receiver), TargetError> {
    let program = program(reload)?;
    let failed = |e: std::io::Error| TargetError::Unavailable {
        what: format!("the reload program {} could not be started: {e}", program.display()),
    };
    // One pipe for both streams keeps their lines in order.
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let mut command = Command::new(&program);
    command.args(&reload.command[1..]);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home())
        .env("LANG", "C.UTF-8");
    command.current_dir("/").process_group(0).kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(failed)?)
        .stderr(writer);
    let child = command.spawn().map_err(|e| not_run(&program, &e))?;
    let output = Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(failed)?;
    Ok((child, output))
}

/// A missing interpreter, a file that is no program, a file system without execution: nothing that passes by itself.
fn not_run(program: &Path, error: &std::io::Error) -> TargetError {
    let what = format!("the reload program {} could not be started: {error}", program.display());
    let passing = [
        ErrorKind::WouldBlock,
        ErrorKind::OutOfMemory,
        ErrorKind::ExecutableFileBusy,
    ];
    if passing.contains(&error.kind()) {
        return TargetError::Unavailable { what };
    }
    let remedy = "see that it is a program of this machine or a script whose first line names its interpreter";
    TargetError::Misconfigured {
        what,
        remedy: remedy.to_owned(),
    }
}

/// Waits for the end of the command, and of its output as long as that is worth it.
async fn end_of(child: &mut Child, mut output: Receiver, tail: &mut Tail) -> std::io::Result<ExitStatus> {
    let ended = tokio::select! {
        ended = child.wait() => Some(ended),
        () = tail.read(&mut output) => None,
    };
    match ended {
        Some(status) => {
            drop(timeout(LAST_WORDS, tail.read(&mut output)).await);
            status
        }
        None => child.wait().await,
    }
}

fn home() -> PathBuf {
    User::from_uid(geteuid())
        .ok()
        .flatten()
        .map_or_else(|| PathBuf::from("/"), |user| user.dir)
}

fn in_words(status: ExitStatus) -> String {
    status
        .code()
        .map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

/// The last bytes of a stream.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Until the stream ends. May be broken off and begun again.
    async fn read(&mut self, from: &mut Receiver) {
        let mut buffer = [0_u8; KEPT];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            self.kept.extend_from_slice(&buffer[..read]);
            if let Some(surplus @ 1..) = self.kept.len().checked_sub(KEPT) {
                self.kept.drain(..surplus);
                self.cut = true;
            }
        }
    }

    /// Printable: what a hook prints is shown in a console.
    fn text(&self) -> String {
        let shown = |c: char| {
            if c.is_control() && c != '\n' && c != '\t' {
                ' '
            } else {
                c
            }
        };
        let text: String = String::from_utf8_lossy(&self.kept).chars().map(shown).collect();
        let text = text.trim();
        if self.cut {
            format!("… {text}")
        } else {
            text.to_owned()
        }
    }
}

/// The command and whatever it started. Killed when dropped before its end: a hard stop leaves nothing behind.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn kill(&self) {
        if let Some(leader) = self.0 {
            // It may have ended in this moment: that is what was wanted.
            let _gone = kill_process_group(leader, Signal::KILL);
        }
    }

    /// The number may belong to somebody else from here on.
    fn is_over(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
