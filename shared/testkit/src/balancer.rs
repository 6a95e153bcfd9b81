//! A load balancer at one address: every connection goes to the next of its servers, in their order.
//!
//! In: addresses of servers. Out: an address in front of them. Never: a look into what passes through.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::ports::{self, Port};

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    servers: Arc<Mutex<Servers>>,
    accepting: JoinHandle<()>,
    _port: Port,
}

#[derive(Debug)]
struct Servers {
    all: Vec<SocketAddr>,
    next: usize,
}

impl Balancer {
    /// In front of these servers; the first connection goes to the first.
    ///
    /// # Errors
    /// If no port is free.
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn start(servers: &[SocketAddr]) -> Result<Self> {
        let port = ports::lease()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let listener = TcpListener::bind(address).await.context("the balancer's port")?;
        let servers = Arc::new(Mutex::new(Servers {
            all: servers.to_vec(),
            next: 0,
        }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&servers)));
        Ok(Self {
            address,
            servers,
            accepting,
            _port: port,
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the next connection on only these have a turn.
    pub fn serve(&self, servers: &[SocketAddr]) {
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = Servers {
            all: servers.to_vec(),
            next: 0,
        };
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn accept(listener: TcpListener, servers: Arc<Mutex<Servers>>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = servers.lock().unwrap_or_else(PoisonError::into_inner).next();
        if let Some(server) = server {
            tokio::spawn(pass(client, server));
        }
    }
}

/// What breaks off on one side breaks off on the other.
async fn pass(mut client: TcpStream, server: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        let _over = copy_bidirectional(&mut client, &mut server).await;
    }
}

impl Servers {
    fn next(&mut self) -> Option<SocketAddr> {
        let server = self.all.get(self.next % self.all.len().max(1)).copied();
        self.next += 1;
        server
    }
}
