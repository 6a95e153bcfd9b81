//! A real nginx that serves many TLS hostnames on one port.
//!
//! In: the hostnames, and whether new files need a reload. Out: for each host the files to replace and what to run
//! afterwards. It begins with an old certificate for every host, as an estate does before its renewal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::process::{Peer, Spec};
use crate::ready::Ready;
use crate::tools::{Tool, is_root};
use crate::{pki, ports, run_dir};

/// How nginx comes to know a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// One server block with files of its own per host, read at start and at every reload: how most estates do it.
    PerHost,
    /// One server block for all, its file names made from the name that the client asks for: the next handshake
    /// serves a new file, without a reload.
    Dynamic,
}

/// One nginx of its own. Dropping it stops it.
#[derive(Debug)]
pub struct NginxHosts {
    peer: Peer,
    port: ports::Port,
    program: PathBuf,
    hosts: Vec<String>,
}

/// The two files of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl NginxHosts {
    /// Starts nginx with an old certificate for each hostname. It runs as this process' own user, so it can read what
    /// a deployer in this process writes.
    ///
    /// # Errors
    /// If nginx is not installed, does not start, or a name is no plain hostname.
    pub async fn start(hosts: impl IntoIterator<Item = impl Into<String>>, serving: Serving) -> Result<Self> {
        let program = Tool::Nginx.find()?;
        let hosts: Vec<String> = hosts.into_iter().map(Into::into).collect();
        let directory = run_dir::fresh("nginx", None)?;
        run_dir::make(&directory.join("tls"))?;
        for host in &hosts {
            ensure!(
                is_plain(host),
                "{host:?} cannot be served: a hostname of letters, digits, `-` and `.` is needed"
            );
            write_old_certificate(&directory, host)?;
        }
        let port = ports::lease()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let config = configuration(&directory, address, &hosts, serving);
        run_dir::write(&directory.join("nginx.conf"), &config, None)?;
        let spec = Spec::new("nginx", &program, &directory, Ready::Tcp(address))
            .args(location(&directory))
            .ask_on_parent_death();
        Ok(Self {
            peer: Peer::start(spec).await?,
            port,
            program,
            hosts,
        })
    }

    /// Where all the hosts are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// The files from which a host is served.
    #[must_use]
    pub fn files(&self, host: &str) -> HostFiles {
        files(self.peer.directory(), host)
    }

    /// The command, with its arguments, that makes nginx read its files again. It returns before the new workers
    /// serve: look with [`crate::handshake::served_leaf`].
    #[must_use]
    pub fn reload_command(&self) -> Vec<String> {
        let mut command = vec![self.program.display().to_string()];
        command.extend(location(self.peer.directory()));
        command.extend(["-s".to_owned(), "reload".to_owned()]);
        command
    }

    /// The command by which nginx says whether it could use its configuration and files.
    #[must_use]
    pub fn test_command(&self) -> Vec<String> {
        let mut command = vec![self.program.display().to_string()];
        command.extend(location(self.peer.directory()));
        command.push("-t".to_owned());
        command
    }

    /// Runs [`NginxHosts::reload_command`].
    ///
    /// # Errors
    /// If nginx refuses, with what it says.
    pub async fn reload(&self) -> Result<()> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.reload_command()[1..]).stdin(Stdio::null());
        let output = command.output().await.context("running nginx")?;
        ensure!(
            output.status.success(),
            "nginx refused to reload: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }
}

fn is_plain(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !host.is_empty() && host.chars().all(plain) && !host.starts_with(['-', '.'])
}

fn files(directory: &Path, host: &str) -> HostFiles {
    let tls = directory.join("tls");
    HostFiles {
        chain: tls.join(format!("{host}.crt")),
        key: tls.join(format!("{host}.key")),
    }
}

fn write_old_certificate(directory: &Path, host: &str) -> Result<()> {
    let old = pki::about_to_expire(host)?;
    let files = files(directory, host);
    run_dir::write(&files.chain, &old.chain_pem, None)?;
    run_dir::write(&files.key, &old.key_pem, None)
}

/// The arguments by which nginx finds this instance: to start it, and to signal it.
fn location(directory: &Path) -> [String; 6] {
    let at = |name: &str| directory.join(name).display().to_string();
    let prefix = directory.display().to_string();
    [
        "-p".to_owned(),
        prefix,
        "-e".to_owned(),
        at("error.log"),
        "-c".to_owned(),
        at("nginx.conf"),
    ]
}

fn configuration(directory: &Path, address: SocketAddr, hosts: &[String], serving: Serving) -> String {
    let server = |name: &str, file: &str| {
        let files = files(directory, file);
        let (chain, key) = (files.chain.display(), files.key.display());
        format!(
            "server {{ listen {address} ssl; server_name {name}; ssl_certificate {chain}; ssl_certificate_key {key}; \
             return 200 \"{name}\\n\"; }}\n"
        )
    };
    let servers = match serving {
        Serving::PerHost => {
            let refuse_others = format!("server {{ listen {address} ssl default_server; ssl_reject_handshake on; }}\n");
            hosts
                .iter()
                .map(|host| server(host, host))
                .fold(refuse_others, |all, one| all + &one)
        }
        Serving::Dynamic => server("_", "$ssl_server_name"),
    };
    format!("{}{servers}}}\n", preamble())
}

/// Workers run as the user that writes the files: with `$ssl_server_name` it is they who read the private keys.
fn preamble() -> String {
    let user = if is_root() { "user root;\n" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary
        .iter()
        .map(|kind| format!("{kind}_temp_path tmp-{kind};\n"))
        .collect();
    format!(
        "{user}daemon off;\nworker_processes 1;\nworker_shutdown_timeout 2s;\npid nginx.pid;\n\
         error_log stderr warn;\nevents {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n\
         server_names_hash_max_size 65536;\nserver_names_hash_bucket_size 256;\n{temporary}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_the_directory_or_the_configuration_is_refused() {
        for bad in ["", "../x", "a b", "a;b", "*.example.test", "-x", "$host"] {
            assert!(!is_plain(bad), "{bad:?} was taken");
        }
        assert!(is_plain("www-1.example.test"));
    }
}
