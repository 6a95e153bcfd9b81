//! Our own NATS: one server with JetStream on the loopback interface, behind a password.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};
use bus::Connection;
use bus::permissions::User;
use domain::WorkspaceId;
use rustix::process::Signal;

use super::child::Program;
use super::data_dir::{DataDir, made_secret, write_private};
use super::find::Tool;
use super::ports;
use crate::nats_config::{accounts_block, entry};

const USER: &str = "vigilo";

/// Chooses port and password and writes the configuration; starts nothing. Where others may connect, the
/// workspace has an account of its own.
pub fn prepare(data: &DataDir, listen: Option<SocketAddr>) -> Result<(Connection, Program)> {
    let program = Tool::NatsServer.find()?;
    let at = match listen {
        Some(at) => at,
        None => (Ipv4Addr::LOCALHOST, data.port("nats.port", ports::NATS)?).into(),
    };
    let password = data.secret("nats.password")?;
    let ours = format!("      {{ user: {USER}, password: \"{password}\" }}\n");
    let workspaces = match listen {
        Some(_) => vec![of_workspace(data)?],
        None => Vec::new(),
    };
    let (config, store) = (data.path("nats.conf"), data.path("nats"));
    // A power cut loses what was not synced: once a second is the bargain (the record is in Postgres).
    let text = format!(
        "server_name: vigilo\nlisten: \"{at}\"\nmax_payload: 4MB\n\
         jetstream {{ store_dir: {store:?}, sync_interval: 1s }}\n{}",
        accounts_block(&[ours], &workspaces)
    );
    write_private(&config, &text)?;
    let connection = Connection {
        url: format!("nats://{}", reached(at)),
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

/// The other systems of the workspace that exists from the first start on.
fn of_workspace(data: &DataDir) -> Result<(WorkspaceId, String)> {
    let workspace = WorkspaceId::default_workspace();
    let user = User::Workspace(workspace.clone());
    let directory = data.path("nats-users");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    let entry = entry(&user, &made_secret(&directory.join(user.name()))?);
    Ok((workspace, entry))
}

/// Where our own services connect: a server that listens everywhere is here too.
fn reached(at: SocketAddr) -> SocketAddr {
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        _ => at,
    }
}
