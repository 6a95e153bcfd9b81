//! Starts that cannot succeed, and stops: quick, with the reason.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::world::{Up, fresh, port, send, start, until};

/// What nothing in flight may take, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_stop_with_nothing_in_flight_takes_a_moment() {
    let mut up = Up::new();
    let began = Instant::now();
    up.stop();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn an_address_for_other_systems_that_is_taken_is_named_at_once() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let at = taken.local_addr().expect("an address").to_string();
    let directory = fresh();
    let mut refused = start(&directory, port(), &["--nats-listen".to_owned(), at.clone()]);
    let status = until("the refusal", || refused.try_wait().expect("a child"));
    let log = std::fs::read_to_string(directory.join("log")).expect("a log");
    assert_eq!(status.code(), Some(64), "{log}");
    assert!(
        log.contains(&format!("--nats-listen {at}")) && log.contains("in use"),
        "{log}"
    );
    std::fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn a_port_that_is_taken_while_nats_is_down_is_told_and_holds_up_no_stop() {
    let mut up = Up::new();
    let nats = std::fs::read_to_string(up.directory.join("data/nats.port")).expect("its port");
    let nats: u16 = nats.trim().parse().expect("a number");
    let taken = until("its port", || {
        if let Some(pid) = up.engine("nats-server") {
            send(pid, Signal::KILL);
        }
        TcpListener::bind(("127.0.0.1", nats)).ok()
    });
    until("the reason in our own log", || {
        up.log().contains("address already in use").then_some(())
    });
    until("health says it", || (up.health()?["nats"] == "down").then_some(()));
    let began = Instant::now();
    up.stop();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    drop(taken);
}

#[test]
fn a_stop_during_the_start_takes_a_moment_too() {
    let directory = fresh();
    // No server answers there, and none ever will.
    let nowhere = ["--nats-url", "nats://127.0.0.1:1"].map(str::to_owned);
    let mut child = start(&directory, port(), &nowhere);
    until("Postgres is made", || {
        directory.join("data/postgres/data").exists().then_some(())
    });
    let began = Instant::now();
    send(child.id(), Signal::TERM);
    let status = until("the end", || child.try_wait().expect("a child"));
    assert!(
        status.success() && began.elapsed() < SOON,
        "{status}: {:?}",
        began.elapsed()
    );
    std::fs::remove_dir_all(directory).expect("removed");
}
