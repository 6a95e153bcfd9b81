//! The issuer gets certificates from CAs, and proves to them that we hold the names.
//!
//! In: Issue and Tidy orders, and questions when CAs want certificates renewed. Out: an order's checkpoint, then the
//! chain; what the CAs answered. Touches: the CAs that the configuration
//! allows, the http-01 port, the tokens on NATS, the key-signer for the key of one ACME account, and in a rehearsal
//! the DNS. Never: a database, a certificate's private key, a second certificate for one step.

pub mod ca;
pub mod certificate;
pub mod challenge;
pub mod config;
pub mod dns;
pub mod eyes;
pub mod handler;
mod order;
mod rehearsal;
mod renewal_info;
pub mod tidy;
pub mod verdict;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::work::Work;
use bus::{Bus, Signer};
use chassis::{ConfigError, Life};
use custody::Custody;
use protocol::subjects::Worker;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::{Config, DirectoryConfig, PollConfig};

use crate::ca::Authorities;
use crate::ca::acme::Acme;
use crate::challenge::solvers::Solvers;
use crate::challenge::solvers::http01::Http01;
use crate::challenge::{Responder, responder};
use crate::dns::Dns;
use crate::eyes::Eyes;
use crate::handler::Issue;
use crate::tidy::Tidy;

/// The claim on a finalization outlives the request itself by this much.
const BEYOND_A_REQUEST: Duration = Duration::from_secs(5);

/// Works until the soft stop, and finishes what is in flight then; the responder answers until that is done.
#[expect(
    clippy::too_many_lines,
    reason = "the wiring of the service, in the order in which it starts"
)]
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.check()?;
    config
        .nats
        .believes(&[Signer::Planner, Signer::KeySigner])
        .map_err(ConfigError)?;
    let listener = TcpListener::bind(config.http01_listen).await.map_err(|e| {
        let address = config.http01_listen;
        ConfigError(format!(
            "http01_listen: {address} cannot be listened on ({e}); give a free address, or stop what has it"
        ))
    })?;
    let bus = Bus::connect(&config.nats, "issuer")
        .await
        .context("the issuer needs NATS")?
        .until(life.soft());
    let tokens = bus
        .challenge_tokens()
        .await
        .context("the issuer needs its http-01 tokens on NATS")?;
    let claims = bus
        .finalize_claims(config.request_timeout() + BEYOND_A_REQUEST)
        .await
        .context("the issuer needs its claims on NATS")?;
    let responder = Responder::new(tokens);
    let (slots, dns) = (config.slots, Dns::new(&config.resolvers));
    let http01 = Http01::new(responder.clone(), dns.clone(), config.reach());
    let solvers = Arc::new(Solvers::new(http01));
    let keys = Custody::new(bus.clone(), Worker::Issuer);
    let acme = Acme::new(config, keys, Arc::clone(&solvers), claims)?;
    let authorities = Arc::new(Authorities::new(acme));
    let asks = renewal_info::open(&bus)
        .await
        .context("the issuer needs the questions to CAs on NATS")?;
    let asks = renewal_info::answer(bus.clone(), asks, Arc::clone(&authorities), life.soft());
    // A hard stop leaves questions as they are: they are asked again.
    let asks = async { life.hard().run_until_cancelled(asks).await.unwrap_or(Ok(())) };
    let work = Work::new(bus, Worker::Issuer, slots)
        .handles(Issue::new(Arc::clone(&authorities), solvers, Eyes::new(dns)))
        .handles(Tidy::new(authorities));

    let worked = CancellationToken::new();
    // Each in a box: together they are more than the stack of a test's thread holds.
    let serving = Box::pin(serve(listener, responder, worked.clone()));
    let (asks, orders) = (Box::pin(asks), Box::pin(work.run(life.soft(), life.hard())));
    let working = async {
        let _ends = worked.drop_guard();
        life.ready();
        let (worked, asked) = tokio::join!(orders, asks);
        worked.context("the issuer's worker loop")?;
        asked.context("the issuer's questions to CAs")
    };
    tokio::try_join!(working, serving).map(|_| ())
}

async fn serve(listener: TcpListener, responder: Responder, until: CancellationToken) -> anyhow::Result<()> {
    let routes = responder::router(responder.clone());
    tokio::join!(
        chassis::http::serve(listener, routes, responder::LIMITS, &until),
        responder.listen(&until)
    );
    Ok(())
}
