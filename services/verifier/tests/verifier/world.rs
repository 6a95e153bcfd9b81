//! A verifier that trusts the test's CA, servers that it looks at, and orders.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bus::{Progress, StepContext, StepError, StepHandler, SystemClock};
use domain::certificate::{Seen, Served, Snapshot};
use domain::clock::Clock;
use domain::disposition::{Disposition, Question};
use domain::run::{Check, Mode, Product, Rehearsal, Step};
use domain::{RunId, WorkspaceId};
use protocol::order::{ExpectedCertificate, Order, VerifySpec};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
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

pub fn confirmer(patience: Duration) -> Result<Confirm> {
    Ok(Confirm::new(lookout(&Ca::new()?, patience)?))
}

fn lookout(ca: &Ca, patience: Duration) -> Result<Lookout> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.root.clone())?;
    let trust = Trust::in_roots(roots).map_err(anyhow::Error::msg)?;
    let look = Patience {
        connect: Duration::from_secs(5),
        handshake: Duration::from_millis(700),
    };
    Ok(Lookout::new(Arc::new(Prober::new(trust, look)?), patience))
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
        Seen::Served(served) => Ok(served),
        Seen::Unreachable { probe_error } => bail!("nothing was served: {probe_error}"),
    }
}

/// Serves a chain to whoever asks, until the test ends.
pub async fn serve(chain: &[CertificateDer<'static>], key_pem: &str) -> Result<SocketAddr> {
    serve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), chain, key_pem).await
}

pub async fn serve_at(at: SocketAddr, chain: &[CertificateDer<'static>], key_pem: &str) -> Result<SocketAddr> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(at).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // A client that has seen enough goes away: no error of the server.
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    Ok(address)
}

/// Accepts, and never says a word.
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
