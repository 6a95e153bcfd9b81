//! Foreign processes: started with a clean environment, watched, and taken down with the test process.
//!
//! In: a [`Spec`]. Out: a [`Peer`] that is ready, or an error with the end of its log. Never: a process that outlives
//! the tests, however these end.
//!
//! The kernel's parent-death signal does the last promise, by `setpriv`, which sets it and then becomes the program
//! (same process id). It follows the *thread* that forked, so one thread that never ends forks all of them.

mod spec;
mod table;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::{sleep, timeout};

pub use spec::Spec;
use table::{children_of, has_ended};

const POLL: Duration = Duration::from_millis(5);
/// One look at a starting server: one that accepts and then says nothing must not take the whole patience.
const LOOK: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const LOG_TAIL: usize = 25;

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

    #[expect(
        clippy::disallowed_methods,
        reason = "between two looks at a server, until it is as the test wants it"
    )]
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
