//! Foreign processes: started with a clean environment, watched, and taken down with the test process.
//!
//! In: a [`Spec`]. Out: a [`Peer`] that is ready, or an error with the end of its log. Never: a process that outlives
//! the tests, however these end.
//!
//! The kernel's parent-death signal does the last promise, by `setpriv`, which sets it and then becomes the program
//! (same process id). It follows the *thread* that forked, so one thread that never ends forks all of them.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::{sleep, timeout};

use crate::ready::Ready;
use crate::tools::{Account, Tool};

const POLL: Duration = Duration::from_millis(5);
/// One look at a starting server: one that accepts and then says nothing must not take the whole patience.
const LOOK: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const LOG_TAIL: usize = 25;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How to start a process, what says that it is ready, and how it likes to be stopped.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    program: PathBuf,
    args: Vec<String>,
    directory: PathBuf,
    env: Vec<(String, String)>,
    account: Option<Account>,
    ready: Ready,
    stop: Signal,
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

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn command(&self) -> Result<Command> {
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

/// A running process. Dropping it stops it.
#[derive(Debug)]
pub struct Peer {
    spec: Spec,
    life: Mutex<Life>,
}

/// The current incarnation, and where in the log it began.
#[derive(Debug)]
struct Life {
    child: Child,
    log_began_at: usize,
}

impl Peer {
    /// Starts the process and waits until it is ready, at most 30 seconds.
    ///
    /// # Errors
    /// If it cannot be started, ends by itself, or is not ready in time: with the last lines of its log.
    pub async fn start(spec: Spec) -> Result<Self> {
        let life = Mutex::new(begin(&spec)?);
        let peer = Self { spec, life };
        peer.until_ready().await?;
        Ok(peer)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.life().child.id()
    }

    /// Everything that the process has written, through all its restarts.
    #[must_use]
    pub fn log(&self) -> String {
        read_log(&self.spec)
    }

    /// What the process has written since it was last started.
    #[must_use]
    pub fn log_since_start(&self) -> String {
        let began_at = self.life().log_began_at;
        self.log().get(began_at..).unwrap_or_default().to_owned()
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.spec.directory
    }

    /// `None` while the process runs.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn exited(&self) -> Result<Option<ExitStatus>> {
        Ok(self.life().child.try_wait()?)
    }

    /// Sends a signal to the process alone.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut life = self.life();
        if let Some(status) = life.child.try_wait()? {
            bail!("{} has ended already ({status})", self.spec.name);
        }
        kill_process(pid_of(&life.child)?, signal).with_context(|| format!("signalling {}", self.spec.name))
    }

    /// Kills the process and its children without warning, and returns when they are gone.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn kill_hard(&self) -> Result<()> {
        let mut life = self.life();
        if life.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = pid_of(&life.child)?;
        // Postgres gives every backend a session of its own: the group does not reach them.
        let children = children_of(pid);
        // Each may have ended in between: that is what was wanted.
        let _ = kill_process_group(pid, Signal::KILL);
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        life.child.wait()?;
        drop(life);
        wait_blocking(Duration::from_secs(5), || {
            children.iter().all(|child| has_ended(*child))
        })
        .with_context(|| format!("children of {} survived SIGKILL", self.spec.name))
    }

    /// Asks the process to end and waits for it.
    ///
    /// # Errors
    /// If it does not end within ten seconds; it is then killed when the peer is dropped.
    pub async fn stop(&self) -> Result<ExitStatus> {
        self.signal(self.spec.stop)?;
        crate::wait::until_ok(
            &format!("{} to end", self.spec.name),
            Duration::from_secs(10),
            async || {
                self.exited()?
                    .ok_or_else(|| anyhow!("it still runs:\n{}", tail(&self.log())))
            },
        )
        .await
    }

    /// Starts an ended process once more, with the same command, directory and ports.
    ///
    /// # Errors
    /// If it still runs, and as [`Peer::start`].
    pub async fn start_again(&self) -> Result<()> {
        if self.exited()?.is_none() {
            bail!("{} still runs: stop or kill it first", self.spec.name);
        }
        let next = begin(&self.spec)?;
        *self.life() = next;
        self.until_ready().await
    }

    async fn until_ready(&self) -> Result<()> {
        let name = &self.spec.name;
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.exited()? {
                bail!(
                    "{name} ended at its start ({status}):\n{}",
                    tail(&self.log_since_start())
                );
            }
            let look = timeout(LOOK, self.spec.ready.look(&self.log_since_start())).await;
            let reason = match look {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(reason)) => format!("{reason:#}"),
                Err(_elapsed) => String::from("no answer"),
            };
            if Instant::now() > until {
                bail!(
                    "{name} not ready after {PATIENCE:?} ({reason}):\n{}",
                    tail(&self.log_since_start())
                );
            }
            sleep(POLL).await;
        }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        // A test that panicked while it held the lock leaves a child that must still be stopped.
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.signal(self.spec.stop).is_ok() {
            // Past this time the hard way follows, so the outcome of the wait does not matter.
            drop(wait_blocking(Duration::from_millis(500), || {
                matches!(self.exited(), Ok(Some(_)))
            }));
        }
        drop(self.kill_hard());
    }
}

type Job = (Command, mpsc::Sender<std::io::Result<Child>>);

fn begin(spec: &Spec) -> Result<Life> {
    let log_began_at = read_log(spec).len();
    let (reply, answer) = mpsc::channel();
    spawner().send((spec.command()?, reply))?;
    let child = answer.recv()?.with_context(|| format!("starting {}", spec.name))?;
    Ok(Life { child, log_began_at })
}

fn spawner() -> &'static mpsc::Sender<Job> {
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // Whoever asked may have given up: the child then dies by the drop of the unread answer's owner.
                if let Err(mpsc::SendError(Ok(mut orphan))) = reply.send(command.spawn()) {
                    drop(orphan.kill());
                }
            }
        });
        jobs
    })
}

fn read_log(spec: &Spec) -> String {
    fs::read(spec.log())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}

fn pid_of(child: &Child) -> Result<Pid> {
    Pid::from_raw(i32::try_from(child.id())?).context("a child without a process id")
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let numbered = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbered.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| stat_of(*pid).is_some_and(|stat| stat.parent == parent.as_raw_nonzero().get()))
        .collect()
}

fn has_ended(pid: Pid) -> bool {
    // A zombie that its new parent does not collect holds nothing any more.
    stat_of(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

struct Stat {
    state: char,
    parent: i32,
}

/// proc(5): `pid (name) state parent …`, and the name may hold spaces and parentheses.
fn stat_of(pid: Pid) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut fields = line.get(line.rfind(')')? + 1..)?.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}

fn wait_blocking(bound: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let until = Instant::now() + bound;
    while !done() {
        if Instant::now() > until {
            bail!("not done after {bound:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
