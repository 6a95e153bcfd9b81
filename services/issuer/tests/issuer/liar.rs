//! A CA that is told to behave oddly, and the processes that are its clients.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bus::Bus;
use bus::claims::Claims;
use bus::tokens::ChallengeTokens;
use issuer::Config;
use issuer::ca::Authorities;
use issuer::challenge::{Responder, responder};
use protocol::order::{IssueSpec, Order};
use testkit::faulty_ca::FaultyCa;
use tokio::net::TcpListener;

use crate::world::{Issuer, authorities, bus, config_for, order_at, process, rest, solvers};

/// A faulty CA, and what an issuer for it is made of.
pub struct Liar {
    pub ca: FaultyCa,
    pub bus: Bus,
}

impl Liar {
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn start() -> Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let bus = bus().await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let ca = FaultyCa::start(listener.local_addr()?.port()).await?;
        let router = responder::router(Responder::new(bus.challenge_tokens().await?));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { ca, bus })
    }

    pub fn config(&self) -> Result<Config> {
        config_for(&self.ca.directory_url(), Some(self.ca.api_root_path().to_owned()))
    }

    /// A process that has just started: it remembers nothing.
    pub async fn issuer(&self) -> Result<Issuer> {
        self.issuer_with(self.config()?).await
    }

    pub async fn issuer_with(&self, config: Config) -> Result<Issuer> {
        let (tokens, claims) = self.shared().await?;
        process(config, tokens, claims)
    }

    /// The CAs of such a process, without its handlers.
    pub async fn authorities(&self) -> Result<Arc<Authorities>> {
        let (config, (tokens, claims)) = (self.config()?, self.shared().await?);
        let solvers = solvers(&config, tokens);
        authorities(config, solvers, claims)
    }

    async fn shared(&self) -> Result<(ChallengeTokens, Claims)> {
        let claims = self.bus.finalize_claims(Duration::from_secs(35)).await?;
        Ok((self.bus.challenge_tokens().await?, claims))
    }

    /// An order of a workspace that has its key; nothing is at the CA for it.
    pub async fn order(&self, issuer: &Issuer, names: &[&str]) -> Result<Order<IssueSpec>> {
        let mut order = order_at(&self.ca.directory_url(), names)?;
        rest(issuer, &mut order).await?;
        Ok(order)
    }
}
