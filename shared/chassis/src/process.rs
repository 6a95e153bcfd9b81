//! The life and death of a process.
//!
//! The one rustls provider → telemetry → signals → health *not ready* → the service → ready → soft
//! stop → drain → hard stop → flush → exit code. The configuration was read before: a bad one ends
//! the process before it does anything.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::{ConfigError, Settings};
use crate::crew::Crew;
use crate::{health, telemetry};

/// `EX_CONFIG` would be 78; 64 is what this house promises for a configuration that cannot be used.
pub const EXIT_CONFIG: u8 = 64;
/// `EX_UNAVAILABLE`: something that is needed is missing or not reachable.
pub const EXIT_MISSING: u8 = 69;
/// What a service may still take after the hard stop before it is left behind.
const LEAVE: Duration = Duration::from_secs(10);

/// Something that is needed is missing, or does not answer: what, and what helps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// Runs the service to its end. It is given the crew to put itself (or its parts) into.
///
/// # Errors
/// What the service ended with, a port that is taken, or that it ended without being asked to.
pub fn run<F, Fut>(name: &str, settings: &Settings, service: F) -> anyhow::Result<()>
where
    F: FnOnce(Crew) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    install_provider();
    open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let outcome = runtime.block_on(live(name, settings, service));
    // A task that hangs in the background must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// The one cryptography of the process. Done by `run`; programs without `run` that speak TLS call
/// it first.
pub fn install_provider() {
    // An error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// As many open files as the machine allows: hosts that hang keep their connections, and Debian
/// begins with 1,024 for those programs that cannot count further (getrlimit(2), RLIMIT_NOFILE).
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Then it stays as it is: a connection that finds no room says so.
    let _ = setrlimit(Resource::Nofile, most);
}

/// Explains a bad configuration on stderr.
pub fn refuse(error: &ConfigError) -> ExitCode {
    eprintln!("vigilo: the configuration cannot be used: {error}");
    ExitCode::from(EXIT_CONFIG)
}

/// The exit code for what `run` ended with; the reason was written already.
pub fn exit_code(outcome: &anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) if failed.chain().any(|cause| cause.is::<ConfigError>()) => ExitCode::from(EXIT_CONFIG),
        Err(failed) if failed.chain().any(|cause| cause.is::<Missing>()) => ExitCode::from(EXIT_MISSING),
        Err(_) => ExitCode::FAILURE,
    }
}

async fn live<F, Fut>(name: &str, settings: &Settings, service: F) -> anyhow::Result<()>
where
    F: FnOnce(Crew) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    // Until telemetry is set up, log lines go nowhere.
    let telemetry = telemetry::start(name, settings).inspect_err(|error| {
        let _printed = refuse(error);
    })?;
    info!(service = name, version = env!("CARGO_PKG_VERSION"), "starting");
    let outcome = serve(settings, service).await;
    match &outcome {
        Ok(()) => info!(service = name, "stopped"),
        Err(failed) => error!(service = name, "ended: {failed:#}"),
    }
    telemetry.flush().await;
    outcome
}

#[expect(
    clippy::disallowed_methods,
    reason = "the root of all tasks: its handles are awaited or aborted at the end"
)]
async fn serve<F, Fut>(settings: &Settings, service: F) -> anyhow::Result<()>
where
    F: FnOnce(Crew) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let signals = Signals::listen()?;
    let crew = Crew::new();
    let health = match settings.health_listen {
        Some(at) => Some(tokio::spawn(health::serve(health::bind(at).await?, crew.clone()))),
        None => None,
    };
    let outcome = until_end(tokio::spawn(service(crew.clone())), &crew, signals, settings).await;
    if let Some(health) = health {
        health.abort();
    }
    outcome
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds the wait for work in flight after a stop"
)]
async fn until_end(
    mut service: JoinHandle<anyhow::Result<()>>,
    crew: &Crew,
    mut signals: Signals,
    settings: &Settings,
) -> anyhow::Result<()> {
    let life = crew.process_life();
    tokio::select! {
        ended = &mut service => {
            life.soft().cancel();
            life.hard().cancel();
            return flat(ended).and_then(|()| anyhow::bail!("the service ended without being asked to"));
        }
        () = signals.next() => info!(seconds = settings.drain_seconds, "stopping: work in flight is finished first"),
    }
    life.soft().cancel();
    tokio::select! {
        ended = &mut service => return flat(ended),
        () = signals.next() => warn!("second signal: stopping at once"),
        () = tokio::time::sleep(settings.drain()) => warn!("work in flight did not end in time: stopping hard"),
    }
    life.hard().cancel();
    match tokio::time::timeout(LEAVE, service).await {
        Ok(ended) => flat(ended),
        Err(_elapsed) => anyhow::bail!("the service did not stop and was left behind"),
    }
}

fn flat(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    ended.context("the service panicked").flatten()
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use rustix::process::{getpid, kill_process};

    use super::*;

    fn signal_us(signal: rustix::process::Signal) -> anyhow::Result<()> {
        Ok(kill_process(getpid(), signal)?)
    }

    /// Signals reach the whole test program, so only one of these tests lives at a time.
    fn alone() -> MutexGuard<'static, ()> {
        static LIFE: Mutex<()> = Mutex::new(());
        LIFE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn the_first_signal_asks_and_the_second_insists() {
        let _alone = alone();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let note = move |text| notes.lock().expect("the notes").push(text);
        let outcome = run("test", &Settings::default(), async move |crew: Crew| {
            let life = crew.member("test");
            signal_us(rustix::process::Signal::TERM)?;
            life.soft().cancelled().await;
            note(if life.hard().is_cancelled() {
                "hard at once"
            } else {
                "soft"
            });
            signal_us(rustix::process::Signal::INT)?;
            life.hard().cancelled().await;
            note("hard");
            Ok(())
        });
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(*seen.lock().expect("the notes"), ["soft", "hard"]);
    }

    #[test]
    fn a_service_that_ends_or_panics_by_itself_is_an_error() {
        let _alone = alone();
        let ended = run("test", &Settings::default(), async |_| Ok(())).expect_err("nobody asked");
        assert!(ended.to_string().contains("without being asked"), "{ended}");
        let panicked = run("test", &Settings::default(), async |_| panic!("a test of panics")).expect_err("a panic");
        assert!(panicked.to_string().contains("panicked"), "{panicked}");
    }

    #[test]
    fn a_service_that_refuses_its_configuration_ends_with_64() {
        let _alone = alone();
        let refused = || Err(ConfigError("slots: 0 is out of range".to_owned()).into());
        let outcome = run("test", &Settings::default(), async move |_| {
            let refused: anyhow::Result<()> = refused();
            refused.context("the issuer")
        });
        let code = |code| format!("{:?}", ExitCode::from(code));
        assert_eq!(format!("{:?}", exit_code(&outcome)), code(EXIT_CONFIG));
        for (error, number) in [
            (anyhow::anyhow!("a defect"), 1),
            (
                anyhow::Error::from(Missing("NATS is gone".to_owned())).context("the issuer"),
                EXIT_MISSING,
            ),
        ] {
            assert_eq!(format!("{:?}", exit_code(&Err(error))), code(number));
        }
    }
}
