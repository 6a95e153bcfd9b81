//! `vigilo up` on real engines: started, broken, started again.
//!
//! Needs `nats-server` and Postgres (`cargo xtask setup`). Every process here dies with the test.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const BOUND: Duration = Duration::from_secs(60);

/// A port below those of outgoing connections and beside those of the test kit and of our own engines.
fn port() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(12_000..19_000_u16))
        .find(free)
        .expect("a free port")
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let waited = runtime
        .expect("a runtime")
        .block_on(testkit::wait::until(what, BOUND, async || look()));
    waited.expect("within the bound")
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("it lives");
}

/// Its parent is the fifth word after the name in parentheses (proc(5)).
fn parent_and_name(pid: u32) -> Option<(u32, String)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = (line.split_once('(')?.1.rsplit_once(')')?.0, line.rsplit_once(')')?.1);
    let mut fields = rest.split_whitespace();
    let alive = fields.next()? != "Z";
    alive.then_some((fields.next()?.parse().ok()?, name.to_owned()))
}

struct Up {
    child: Child,
    directory: PathBuf,
    api: u16,
}

impl Up {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("vigilo-up-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&directory).expect("a directory");
        // As root, Postgres is another user, who must pass through.
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let api = port();
        let child = start(&directory, api);
        let up = Self { child, directory, api };
        up.until_well();
        up
    }

    fn again(&mut self) {
        self.child = start(&self.directory, self.api);
        self.until_well();
    }

    fn until_well(&self) {
        let well = || {
            self.command(&["host", "list"])
                .status()
                .expect("the binary runs")
                .success()
                .then_some(())
        };
        until("the API", well);
    }

    /// Which child of ours runs this program.
    fn engine(&self, name: &str) -> Option<u32> {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| parent_and_name(*pid).is_some_and(|(parent, found)| parent == self.child.id() && found == name))
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.directory.join("data/owner.token"))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigilo"));
        let (url, token) = (format!("http://127.0.0.1:{}", self.api), self.token());
        // An empty token is what there is before the first start has made one.
        command.args(args).args(["--url", &url, "--token", &token]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        send(self.child.id(), signal);
        until("the end", || self.child.try_wait().expect("a child"))
    }

    /// Asks it to stop, which must end well.
    fn stop(&mut self) {
        let status = self.end(Signal::TERM);
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        assert!(status.success(), "{status}:\n{log}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Ended already, or killed with its engines.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn start(directory: &Path, api: u16) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(directory.join("log"))
        .expect("a log");
    // Nobody's death by panic may leave it behind.
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "--",
        env!("CARGO_BIN_EXE_vigilo"),
        "up",
        "--data-dir",
    ]);
    command
        .arg(directory.join("data"))
        .arg("--api-listen")
        .arg(format!("127.0.0.1:{api}"));
    command.arg("--http01-listen").arg(format!("127.0.0.1:{}", port()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("vigilo starts")
}

#[test]
fn an_engine_that_is_killed_comes_back_and_nothing_is_lost() {
    let up = Up::new();
    assert!(
        up.command(&["host", "add", "www.example.org"])
            .status()
            .expect("runs")
            .success()
    );
    for engine in ["nats-server", "postgres"] {
        let before = up.engine(engine).expect(engine);
        send(before, Signal::KILL);
        let after = until("its successor", || up.engine(engine).filter(|pid| *pid != before));
        assert_ne!(before, after);
        up.until_well();
    }
    // The first answer may have come from a backend that outlived its postmaster for a moment.
    until("the host in the list", || {
        listed(&up).contains("www.example.org").then_some(())
    });
}

#[test]
fn a_killed_vigilo_takes_its_engines_with_it_and_starts_again_on_the_same_data() {
    let mut up = Up::new();
    assert!(
        up.command(&["host", "add", "www.example.org"])
            .status()
            .expect("runs")
            .success()
    );
    let (engines, token) = (
        ["nats-server", "postgres"].map(|name| up.engine(name).expect(name)),
        up.token(),
    );
    up.end(Signal::KILL);
    for engine in engines {
        until("the engine's end", || parent_and_name(engine).is_none().then_some(()));
    }
    // Its number belongs to a living process by now: this test.
    let stale = up.directory.join("data/postgres/data/postmaster.pid");
    let text = std::fs::read_to_string(&stale).expect("the pid file that a killed server leaves");
    let (_old, rest) = text.split_once('\n').expect("lines");
    std::fs::write(&stale, format!("{}\n{rest}", std::process::id())).expect("written");
    up.again();
    assert_eq!(up.token(), token);
    assert!(listed(&up).contains("www.example.org"));
}

#[test]
fn a_first_start_that_was_interrupted_is_made_anew() {
    let mut up = Up::new();
    up.stop();
    let home = up.directory.join("data/postgres");
    // As if initdb had been killed half way.
    std::fs::rename(home.join("data"), home.join("draft")).expect("moved");
    std::fs::remove_dir_all(home.join("draft/base")).expect("removed");
    up.again();
}

#[test]
fn a_stop_ends_the_engines_in_order() {
    let mut up = Up::new();
    let engines = ["nats-server", "postgres"].map(|name| up.engine(name).expect(name));
    up.stop();
    assert!(engines.iter().all(|pid| parent_and_name(*pid).is_none()));
    let log = std::fs::read_to_string(up.directory.join("data/postgres.log")).expect("a log");
    assert!(log.contains("database system is shut down"), "{log}");
}

#[test]
fn a_second_vigilo_on_the_same_data_is_refused_and_told_who_has_it() {
    let up = Up::new();
    let mut second = start(&up.directory, port());
    let status = until("the refusal", || second.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(69));
    let log = std::fs::read_to_string(up.directory.join("log")).expect("a log");
    assert!(
        log.contains(&format!("is in use by process {}", up.child.id())),
        "{log}"
    );
}

#[test]
fn an_api_port_that_is_taken_is_named_and_the_engines_are_stopped() {
    let mut up = Up::new();
    up.stop();
    let taken = std::net::TcpListener::bind(("127.0.0.1", up.api)).expect("the port of the API");
    let mut second = start(&up.directory, up.api);
    let status = until("the refusal", || second.try_wait().expect("a child"));
    assert!(!status.success());
    drop(taken);
    let mut log = String::new();
    std::fs::File::open(up.directory.join("log"))
        .and_then(|mut file| file.read_to_string(&mut log))
        .expect("a log");
    assert!(
        log.contains(&format!("127.0.0.1:{}", up.api)) && log.contains("listen"),
        "{log}"
    );
    let postgres = std::fs::read_to_string(up.directory.join("data/postgres.log")).expect("a log");
    assert_eq!(
        postgres.matches("database system is shut down").count(),
        2,
        "{postgres}"
    );
}

fn listed(up: &Up) -> String {
    let mut list = up.command(&["host", "list"]);
    let output = list.stdout(Stdio::piped()).output().expect("the binary runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
