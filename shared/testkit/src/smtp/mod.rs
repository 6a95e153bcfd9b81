//! A mail server that keeps what it is given.
//!
//! In: what it shall refuse and who may log in. Out: the mails that were sent, whole. It speaks as
//! much of RFC 5321, 3207 and 4954 as a client needs: a real mail server would need a domain, and
//! hides what it took. It can be stopped, and started again on the same port.

mod talk;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::pki::{self, LocalServer};
use crate::ports::{self, Port};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MailTls {
    #[default]
    None,
    /// From the first byte.
    Required,
    Starttls,
}

/// A mail as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body, unstuffed.
    pub data: String,
}

impl Mail {
    /// The value of a header, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }

    /// The body, with its transfer encoding (RFC 2045) taken off if that is quoted-printable.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.data.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        if self.header("Content-Transfer-Encoding").as_deref() != Some("quoted-printable") {
            return body.to_owned();
        }
        let joined = body.replace("=\r\n", "");
        let mut parts = joined.split('=');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (code, rest) = part.split_at(part.len().min(2));
            bytes.extend(hex::decode(code).unwrap_or_default());
            bytes.extend(rest.as_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[derive(Default)]
struct Kept {
    mails: Vec<Mail>,
    refused: BTreeSet<String>,
    sessions: usize,
}

/// What a session needs.
#[derive(Clone)]
struct MailStore {
    kept: Arc<Mutex<Kept>>,
    tls: MailTls,
    acceptor: TlsAcceptor,
    login: Option<(String, String)>,
}

impl MailStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct MailServer {
    port: Port,
    store: MailStore,
    pki: LocalServer,
    running: Option<JoinHandle<()>>,
}

impl MailServer {
    /// Starts one; with a login it accepts mail only from a client that logs in.
    ///
    /// # Errors
    /// If no port is free, or the cryptography refuses.
    pub async fn start(tls: MailTls, login: Option<(&str, &str)>) -> Result<Self> {
        let pki = pki::local_server()?;
        let store = MailStore {
            kept: Arc::default(),
            tls,
            acceptor: talk::acceptor(&pki)?,
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
        };
        let mut server = Self {
            port: ports::lease()?,
            store,
            pki,
            running: None,
        };
        server.start_again().await?;
        Ok(server)
    }

    /// Listens again where it did before.
    ///
    /// # Errors
    /// If the port was taken meanwhile.
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn start_again(&mut self) -> Result<()> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()));
        let listener = TcpListener::bind(at).await.context("listening for mail")?;
        self.running = Some(tokio::spawn(serve(listener, self.store.clone())));
        Ok(())
    }

    /// Ends it with every session; what it took stays.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            // The end of an aborted task is an error on purpose.
            let _ = running.await;
        }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// The root of its certificate, for `localhost`.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.pki.root_pem
    }

    /// Mail for this address is refused from now on.
    pub fn refuse(&self, address: &str) {
        self.store.kept().refused.insert(address.to_owned());
    }

    /// Everything that was sent, the oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.store.kept().mails.clone()
    }

    /// Connections that were greeted.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.store.kept().sessions
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

async fn serve(listener: TcpListener, store: MailStore) {
    // Aborted with this task: a server that is stopped holds no session open.
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let store = store.clone();
        sessions.spawn(async move {
            // A client that goes away in the middle is its own affair; the tests look at what was
            // kept.
            let _ = talk::session(stream, &store).await;
        });
    }
}
