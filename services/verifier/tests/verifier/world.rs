//! A verifier that trusts the test's CA, servers that it looks at, and orders.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bus::{Progress, StepContext, StepError, StepHandler, SystemClock};
use domain::certificate::{LookResult, Served, Snapshot};
use domain::clock::Clock;
use domain::disposition::{Disposition, Question};
use domain::reach::Reach;
use domain::run::{Check, Mode, Product, Rehearsal, Step};
use domain::{RunId, WorkspaceId};
use protocol::order::{ExpectedCertificate, Order, VerifySpec};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use verifier::confirm::Confirm;
use verifier::handler::Verify;
use verifier::lookout::Lookout;
use verifier::probe::{Patience, Prober};
use verifier::trust::Trust;

use crate::pki::{Ca, Issued};

pub const HOST: &str = "www.example.test";

/// Long enough for any reload under load.
pub const LONG: Duration = Duration::from_secs(20);
/// For what never becomes right.
pub const SHORT: Duration = Duration::from_millis(60);

pub fn verifier(ca: &Ca, patience: Duration) -> Result<Verify> {
    Ok(Verify::new(lookout(ca, patience)?))
}

/// One that may dial only this address and what is public.
pub fn short_sighted(ca: &Ca, sees: IpAddr) -> Result<Verify> {
    let reach = Reach {
        deny_private: true,
        allowed_networks: vec![sees.to_string().parse()?],
    };
    Ok(Verify::new(Lookout::new(Arc::new(prober(ca)?.reaching(reach)), SHORT)))
}

/// One that waits a moment only for a connection.
pub fn impatient(ca: &Ca) -> Result<Verify> {
    let connect = Duration::from_millis(300);
    Ok(Verify::new(Lookout::new(Arc::new(with_patience(ca, connect)?), SHORT)))
}

pub fn confirmer(patience: Duration) -> Result<Confirm> {
    Ok(Confirm::new(lookout(&Ca::new()?, patience)?))
}

fn lookout(ca: &Ca, patience: Duration) -> Result<Lookout> {
    Ok(Lookout::new(Arc::new(prober(ca)?), patience))
}

fn prober(ca: &Ca) -> Result<Prober> {
    with_patience(ca, Duration::from_secs(5))
}

fn with_patience(ca: &Ca, connect: Duration) -> Result<Prober> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.root.clone())?;
    let trust = Trust::in_roots(roots).map_err(anyhow::Error::msg)?;
    let look = Patience {
        connect,
        handshake: Duration::from_millis(700),
    };
    Ok(Prober::new(trust, look)?)
}

pub fn order(address: SocketAddr, expected: Option<&Issued>) -> Order<VerifySpec> {
    Order {
        schema: 1,
        run_id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        hostname: HOST.parse().expect("a hostname"),
        step: Step::Verify,
        attempt: 4,
        mode: if expected.is_some() { Mode::Live } else { Mode::DryRun },
        failures: 0,
        wait_seconds: 60,
        deadline: SystemClock.now().plus(Duration::from_secs(120)),
        checkpoint: None,
        spec: VerifySpec {
            port: address.port(),
            addresses: vec![address.ip()],
            names: vec![HOST.parse().expect("a name")],
            expected: expected.map(|issued| ExpectedCertificate {
                leaf: issued.leaf(),
                chain_pem: issued.chain_pem(),
            }),
            endpoints: Vec::new(),
            partial: false,
            was_mixed: false,
        },
    }
}

pub fn context() -> StepContext {
    StepContext::new(Arc::new(SystemClock))
}

/// Snapshots and checks of an order that succeeds.
pub async fn verified(verify: &Verify, order: &Order<VerifySpec>) -> Result<(Vec<Snapshot>, Vec<Check>)> {
    let ctx = context();
    match verify.carry_out(order, &ctx).await {
        Ok(Progress::Done(Product::Verified(verified))) => Ok((verified.snapshots, ctx.take_notes().checks)),
        other => bail!("the verification did not succeed: {other:?}"),
    }
}

pub async fn refused(verify: &Verify, order: &Order<VerifySpec>) -> Result<(Disposition, Vec<Check>)> {
    let ctx = context();
    match verify.carry_out(order, &ctx).await {
        Err(StepError { disposition, .. }) => Ok((disposition, ctx.take_notes().checks)),
        Ok(done) => bail!("an error was expected, not {done:?}"),
    }
}

pub async fn asked(verify: &Verify, order: &Order<VerifySpec>) -> Result<Question> {
    match refused(verify, order).await?.0 {
        Disposition::NeedsHuman(question) => Ok(question),
        other => bail!("a question was expected, not {other:?}"),
    }
}

pub async fn rehearsed(verify: &Verify, order: &Order<VerifySpec>) -> Result<Rehearsal> {
    let rehearsal = verify.rehearse(order, &context()).await;
    rehearsal.map_err(|error| anyhow::anyhow!("the rehearsal broke off: {error:?}"))
}

pub fn served(snapshot: &Snapshot) -> Result<&Served> {
    match &snapshot.seen {
        LookResult::Served(served) => Ok(served),
        LookResult::Unreachable { probe_error } => bail!("nothing was served: {probe_error}"),
    }
}

/// Serves a chain to whoever asks, until the test ends.
pub async fn serve(chain: &[CertificateDer<'static>], key_pem: &str) -> Result<SocketAddr> {
    serve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), chain, key_pem).await
}

pub async fn serve_at(at: SocketAddr, chain: &[CertificateDer<'static>], key_pem: &str) -> Result<SocketAddr> {
    by_turns_at(at, vec![acceptor(chain, key_pem)?]).await
}

/// A load balancer in front of servers that each have one of these: every connection gets the next.
pub async fn serve_by_turns(all: &[&Issued]) -> Result<SocketAddr> {
    let servers = all.iter().map(|one| acceptor(&one.chain, &one.key_pem));
    let servers = servers.collect::<Result<Vec<_>>>()?;
    by_turns_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), servers).await
}

fn acceptor(chain: &[CertificateDer<'static>], key_pem: &str) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn by_turns_at(at: SocketAddr, servers: Vec<TlsAcceptor>) -> Result<SocketAddr> {
    let listener = TcpListener::bind(at).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        for acceptor in servers.iter().cycle() {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            let acceptor = acceptor.clone();
            // A client that has seen enough goes away: no error of the server.
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    Ok(address)
}

/// What a firewall that drops everything looks like: the queue of this port is full, and no attempt to connect is answered. Until
/// the value is dropped.
pub async fn black_hole(at: SocketAddr) -> Result<(TcpListener, TcpStream)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(at)?;
    let listener = socket.listen(0)?;
    let fills_it = TcpStream::connect(at).await?;
    Ok((listener, fills_it))
}

/// Accepts, and never says a word.
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
pub async fn silence() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    Ok(address)
}

pub fn ip(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}
