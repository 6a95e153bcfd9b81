//! Our own NATS: one server with JetStream on the loopback interface, behind a password.

use anyhow::Result;
use bus::Connection;
use rustix::process::Signal;

use super::child::Program;
use super::data_dir::{DataDir, write_private};
use super::find::Tool;
use super::ports;

const USER: &str = "vigilo";

/// Chooses port and password and writes the configuration; starts nothing.
pub fn prepare(data: &DataDir) -> Result<(Connection, Program)> {
    let program = Tool::NatsServer.find()?;
    let (port, password) = (data.port("nats.port", ports::NATS)?, data.secret("nats.password")?);
    let (config, store) = (data.path("nats.conf"), data.path("nats"));
    // A power cut loses what was not synced: once a second is the bargain (the record is in Postgres).
    let text = format!(
        "server_name: vigilo\nlisten: \"127.0.0.1:{port}\"\nmax_payload: 4MB\n\
         jetstream {{ store_dir: {store:?}, sync_interval: 1s }}\n\
         authorization {{ users = [ {{ user: {USER}, password: \"{password}\" }} ] }}\n"
    );
    write_private(&config, &text)?;
    let connection = Connection {
        url: format!("nats://127.0.0.1:{port}"),
        user: Some(USER.to_owned()),
        password: Some(password),
        ..Connection::default()
    };
    let argv = [
        program.display().to_string(),
        "-c".to_owned(),
        config.display().to_string(),
    ];
    let program = Program {
        name: "nats-server",
        argv: argv.to_vec(),
        user: None,
        log: data.path("nats.log"),
        stop: Signal::TERM,
        hindrance: None,
    };
    Ok((connection, program))
}
