//! A CA that is told to behave oddly, and the processes that are its clients.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use bus::Bus;
use issuer::Config;
use issuer::ca::acme::Acme;
use issuer::challenge::{Http01, http01};
use issuer::eyes::{Dns, Eyes};
use issuer::handler::Issue;
use protocol::order::{IssueSpec, Order};
use testkit::faulty_ca::FaultyCa;
use tokio::net::TcpListener;

use crate::world::{Issuer, OpenKeys, bus, config_for, order_at, rest};

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
        let router = http01::router(Http01::new(bus.challenge_tokens().await?));
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
        let http01 = Http01::new(self.bus.challenge_tokens().await?);
        let eyes = Eyes::new(Dns::new(&config.resolvers), http01);
        Ok(Issue::new(self.acme_with(config).await?, eyes))
    }

    /// The CAs of such a process, without its handlers.
    pub async fn acme(&self) -> Result<Acme<OpenKeys>> {
        self.acme_with(self.config()?).await
    }

    async fn acme_with(&self, config: Config) -> Result<Acme<OpenKeys>> {
        let http01 = Http01::new(self.bus.challenge_tokens().await?);
        let claims = self.bus.finalize_claims(Duration::from_secs(35)).await?;
        Ok(Acme::new(config, OpenKeys, http01, claims)?)
    }

    /// An order of a workspace that has its key; nothing is at the CA for it.
    pub async fn order(&self, issuer: &Issuer, names: &[&str]) -> Result<Order<IssueSpec>> {
        let mut order = order_at(&self.ca.directory_url(), names)?;
        rest(issuer, &mut order).await?;
        Ok(order)
    }
}
