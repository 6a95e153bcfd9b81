//! `vigilo up` on real engines: started, broken, started again.
//!
//! Needs `nats-server` and Postgres (`cargo xtask setup`). Every process here dies with the test.

mod closed;
mod others;
mod pacing;
mod room;
mod stops;
mod world;

use std::io::Read;
use std::process::Stdio;

use rustix::process::Signal;

use world::{Up, parent_and_name, port, send, start, until};

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
    let mut second = start(&up.directory, port(), &[]);
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
    let mut second = start(&up.directory, up.api, &[]);
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
