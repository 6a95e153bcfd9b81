//! `vigilo up` in a directory of its own, and commands against it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub const BOUND: Duration = Duration::from_secs(60);

/// A port below those of outgoing connections and beside those of the test kit and of our own
/// engines.
pub fn port() -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(12_000..19_000_u16))
        .find(free)
        .expect("a free port")
}

pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let waited = runtime
        .expect("a runtime")
        .block_on(testkit::wait::until(what, BOUND, async || look()));
    waited.expect("within the bound")
}

pub fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("it lives");
}

/// Its parent is the fifth word after the name in parentheses (proc(5)).
pub fn parent_and_name(pid: u32) -> Option<(u32, String)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = (line.split_once('(')?.1.rsplit_once(')')?.0, line.rsplit_once(')')?.1);
    let mut fields = rest.split_whitespace();
    let alive = fields.next()? != "Z";
    alive.then_some((fields.next()?.parse().ok()?, name.to_owned()))
}

/// A directory of its own. As root, Postgres is another user, who must pass through.
#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
pub fn fresh() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("vigilo-up-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    directory
}

pub struct Up {
    pub child: Child,
    pub directory: PathBuf,
    pub api: u16,
    /// Of its command line, beside what every start here has.
    extra: Vec<String>,
    starts: usize,
}

impl Up {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(extra: &[&str]) -> Self {
        Self::at(fresh(), extra)
    }

    /// In a directory that is there.
    pub fn at(directory: PathBuf, extra: &[&str]) -> Self {
        let extra: Vec<String> = extra.iter().map(|word| (*word).to_owned()).collect();
        let api = port();
        let child = start(&directory, api, &extra);
        let up = Self {
            child,
            directory,
            api,
            extra,
            starts: 1,
        };
        up.until_well();
        up
    }

    pub fn again(&mut self) {
        self.child = start(&self.directory, self.api, &self.extra);
        self.starts += 1;
        self.until_well();
    }

    pub fn until_well(&self) {
        let well = || {
            self.command(&["host", "list"])
                .status()
                .expect("the binary runs")
                .success()
                .then_some(())
        };
        until("the API", well);
        // The API answers before the last service has found its streams.
        let ready = || (self.log().matches("every service is ready").count() >= self.starts).then_some(());
        until("every service to be ready", ready);
    }

    /// What `/health` says; nothing while the API does not answer.
    pub fn health(&self) -> Option<serde_json::Value> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.api)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let request = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Which child of ours runs this program.
    pub fn engine(&self, name: &str) -> Option<u32> {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| parent_and_name(*pid).is_some_and(|(parent, found)| parent == self.child.id() && found == name))
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.directory.join("data/owner.token"))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigilo"));
        let (url, token) = (format!("http://127.0.0.1:{}", self.api), self.token());
        // An empty token is what there is before the first start has made one.
        command.args(args).args(["--url", &url, "--token", &token]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        send(self.child.id(), signal);
        until("the end", || self.child.try_wait().expect("a child"))
    }

    /// Asks it to stop, which must end well.
    pub fn stop(&mut self) {
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

pub fn start(directory: &Path, api: u16, extra: &[String]) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(directory.join("log"))
        .expect("a log");
    // A panic must not leave it behind.
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
    command
        .args(extra)
        .arg("--http01-listen")
        .arg(format!("127.0.0.1:{}", port()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("vigilo starts")
}
