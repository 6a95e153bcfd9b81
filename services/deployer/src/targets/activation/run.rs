//! Runs one command without a shell.
//!
//! In: program and arguments, a timeout. Out: what it printed, the end of it at most. Never: a
//! shell, our environment, a process that outlives the timeout.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::unistd::{User, geteuid};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::output::Tail;
use crate::targets::error::TargetError;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A daemon that the command started may hold our pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What the command printed, or how it failed.
pub type Outcome = Result<String, TargetError>;

/// The program of the command as a file that we may run.
pub fn program(command: &[String]) -> Result<PathBuf, TargetError> {
    let name = command.first().map_or("", String::as_str);
    let runnable = |path: &Path| path.is_file() && accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    let found = if name.contains('/') {
        Some(PathBuf::from(name)).filter(|path| runnable(path))
    } else {
        PATH.split(':')
            .map(|directory| Path::new(directory).join(name))
            .find(|path| runnable(path))
    };
    found.ok_or_else(|| TargetError::Misconfigured {
        what: format!("the program {name:?} of the activation does not exist here or may not be run"),
        remedy: format!(
            "install it, give its absolute path in the activation's command in the deployer's configuration, or make it \
             executable (searched: {PATH})"
        ),
    })
}

/// The end of it: an exit code of 0, another one, or none within `limit`, which is what is left of
/// so many seconds.
pub async fn run(words: &[String], limit: Duration, seconds: u32) -> Outcome {
    let command = words.join(" ");
    let (mut child, output) = start(words)?;
    let mut group = Group::of(&child);
    let mut tail = Tail::default();
    let Ok(ended) = timeout(limit, end_of(&mut child, output, &mut tail)).await else {
        group.kill();
        // Dead by now; waiting takes it off the process table.
        drop(child.wait().await);
        group.is_over();
        return Err(TargetError::HookHung {
            command,
            seconds,
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
            what: format!("lost sight of the command `{command}`: {e}"),
        }),
    }
}

fn start(words: &[String]) -> Result<(Child, Receiver), TargetError> {
    let program = program(words)?;
    let failed = |e: std::io::Error| TargetError::Unavailable {
        what: format!("the program {} could not be started: {e}", program.display()),
    };
    // One pipe for both streams keeps their lines in order.
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let mut command = Command::new(&program);
    command.args(words.get(1..).unwrap_or_default());
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

/// A missing interpreter, a file that is no program, a file system without execution: nothing that
/// passes by itself.
fn not_run(program: &Path, error: &std::io::Error) -> TargetError {
    let what = format!("the program {} could not be started: {error}", program.display());
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

/// The command and whatever it started. Killed when dropped before its end: a hard stop leaves
/// nothing behind.
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

    /// The number may belong to another process from here on.
    fn is_over(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
