//! Our own NATS: one server with JetStream, behind a login that sends no secret.
//!
//! In: the data directory, and where others may connect. Out: its configuration, how it is started, and the two logins:
//! ours, and that of the system account, which asks how the server is. Never: a password of ours on the wire: who takes
//! the port while the server is down hears a signature of his own question (NKeys), and nothing that he could use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, Result};
use bus::Connection;
use bus::permissions::User;
use chassis::ConfigError;
use domain::WorkspaceId;
use nkeys::KeyPair;
use rustix::process::Signal;

use super::child::Program;
use super::data_dir::{DataDir, made_secret, write_private};
use super::find::Tool;
use super::ports;
use crate::nats_config::{accounts_with, entry};

/// Its inbox is named by it.
const USER: &str = "vigilo";
const SYSTEM: &str = "SYS";

pub struct OwnNats {
    pub connection: Connection,
    /// Of the system account.
    pub system: Connection,
    pub program: Program,
}

/// Chooses port and keys and writes the configuration; starts nothing. Where others may connect, the workspace has an
/// account of its own.
pub fn prepare(data: &DataDir, listen: Option<SocketAddr>) -> Result<OwnNats> {
    let program = Tool::NatsServer.find()?;
    let at = match listen {
        Some(at) => free(at)?,
        None => (Ipv4Addr::LOCALHOST, data.port("nats.port", ports::NATS)?).into(),
    };
    let (ours, asks) = (Key::of(data, "nats.nkey")?, Key::of(data, "nats-system.nkey")?);
    let workspaces = match listen {
        Some(_) => vec![of_workspace(data)?],
        None => Vec::new(),
    };
    let fleet = format!("      {{ nkey: {} }}\n", ours.public);
    let system = format!("  {SYSTEM} {{ users = [ {{ nkey: {} }} ] }}\n", asks.public);
    let (config, store) = (data.path("nats.conf"), data.path("nats"));
    // A power cut loses what was not synced: once a second is the bargain (the record is in Postgres). What the streams
    // may hold is their own bounds: by itself the server would want room for all of it at its start, and not come back
    // where there is less. The room on the disk is watched by us.
    let text = format!(
        "server_name: vigilo\nlisten: \"{at}\"\nmax_payload: 4MB\n\
         jetstream {{ store_dir: {store:?}, sync_interval: 1s, max_file_store: 1TB }}\n\
         system_account: {SYSTEM}\n{}",
        accounts_with(&system, &[fleet], &workspaces)
    );
    write_private(&config, &text)?;
    let argv = [
        program.display().to_string(),
        "-c".to_owned(),
        config.display().to_string(),
    ];
    Ok(OwnNats {
        connection: ours.connection(at, USER),
        system: asks.connection(at, SYSTEM),
        program: Program {
            name: "nats-server",
            argv: argv.to_vec(),
            user: None,
            log: data.path("nats.log"),
            stop: Signal::TERM,
            hindrance: None,
        },
    })
}

/// An NKey: the server knows the public half.
struct Key {
    file: PathBuf,
    public: String,
}

impl Key {
    /// Made at the first start.
    fn of(data: &DataDir, name: &str) -> Result<Self> {
        let file = data.path(name);
        if !file.exists() {
            let seed = KeyPair::new_user().seed().context("making an NKey")?;
            write_private(&file, &format!("{seed}\n"))?;
        }
        let key = KeyPair::from_seed(&data.secret(name)?);
        let key = key.with_context(|| format!("{} holds no seed of an NKey; remove it", file.display()))?;
        Ok(Self {
            public: key.public_key(),
            file,
        })
    }

    fn connection(self, at: SocketAddr, user: &str) -> Connection {
        Connection {
            url: format!("nats://{}", reached(at)),
            user: Some(user.to_owned()),
            nkey_file: Some(self.file),
            ..Connection::default()
        }
    }
}

/// The server itself would say so in its log only, again and again.
fn free(at: SocketAddr) -> Result<SocketAddr, ConfigError> {
    match TcpListener::bind(at) {
        Ok(_) => Ok(at),
        Err(e) => Err(ConfigError(format!(
            "--nats-listen {at}: {e}; give an address and port that nothing else uses"
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn the_configuration_holds_no_secret_of_ours_and_the_keys_stay() {
        if Tool::NatsServer.find().is_err() {
            panic!("nats-server is missing: run `cargo xtask setup`");
        }
        let root = std::env::temp_dir().join(format!("vigilo-nats-{}", uuid::Uuid::now_v7()));
        let data = DataDir::open(&root).expect("a data directory");
        let first = prepare(&data, None).expect("prepared");
        let text = std::fs::read_to_string(data.path("nats.conf")).expect("the configuration");
        for name in ["nats.nkey", "nats-system.nkey"] {
            let seed = data.secret(name).expect("a seed");
            assert!(seed.starts_with("SU") && !text.contains(&seed), "{name}");
        }
        assert!(!text.contains("password"), "{text}");
        let again = prepare(&data, None).expect("prepared again");
        assert_eq!(again.connection.nkey_file, first.connection.nkey_file);
        assert_eq!(std::fs::read_to_string(data.path("nats.conf")).expect("it"), text);
        std::fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn a_port_that_is_taken_names_the_flag() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let at = taken.local_addr().expect("an address");
        let said = free(at).expect_err("taken").to_string();
        assert!(
            said.contains(&format!("--nats-listen {at}")) && said.contains("in use"),
            "{said}"
        );
    }
}
