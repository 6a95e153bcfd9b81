//! A CA, a bus, one issuer that answers challenges, and any number of issuers that carry out orders.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bus::claims::Claims;
use bus::tokens::ChallengeTokens;
use bus::{Bus, Connection, Progress, Signer, StepContext, StepError, StepHandler, SystemClock};
use custody::{CustodyError, OnBehalf};
use domain::disposition::{Disposition, Failure, Question};
use domain::policy::Challenge;
use domain::run::{Checkpoint, IssuedCertificate, Mode, Product, Step};
use domain::secret::Envelope;
use domain::solver::Solver;
use domain::{RunId, Timestamp, WorkspaceId};
use issuer::ca::Authorities;
use issuer::ca::acme::{AccountKeys, Acme};
use issuer::challenge::solvers::Solvers;
use issuer::challenge::solvers::http01::Http01;
use issuer::challenge::{Responder, responder};
use issuer::dns::Dns;
use issuer::eyes::Eyes;
use issuer::handler::Issue;
use issuer::{Config, DirectoryConfig};
use protocol::SCHEMA;
use protocol::order::{IssueSpec, Order};
use testkit::{Pebble, PebbleOptions};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use zeroize::Zeroizing;

pub type Issuer = Issue;

/// Account keys in envelopes that hide nothing: sealing is tested with the key-signer.
#[derive(Clone, Copy)]
pub struct OpenKeys;

#[async_trait]
impl AccountKeys for OpenKeys {
    async fn seal(&self, _: &WorkspaceId, pkcs8: &[u8]) -> Result<Envelope, CustodyError> {
        let text = format!("{}{}", Envelope::PREFIX, BASE64_STANDARD.encode(pkcs8));
        Envelope::try_from(text).map_err(|e| CustodyError::Denied { reason: e.to_string() })
    }

    async fn open(
        &self,
        _: &WorkspaceId,
        sealed: &Envelope,
        _: OnBehalf<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let text = &sealed.as_str()[Envelope::PREFIX.len()..];
        let denied = |e: base64::DecodeError| CustodyError::Denied { reason: e.to_string() };
        BASE64_STANDARD.decode(text).map(Zeroizing::new).map_err(denied)
    }
}

pub struct World {
    pub pebble: Pebble,
    pub tokens: ChallengeTokens,
    pub claims: Claims,
    _responder: DropGuard,
}

impl World {
    pub async fn start() -> Result<Self> {
        Self::with(PebbleOptions::default()).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn with(options: PebbleOptions) -> Result<Self> {
        // A process of the product does it before anything else; only the first test of this one can.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pebble = Pebble::start(options).await?;
        let bus = bus().await?;
        let tokens = bus.challenge_tokens().await?;
        let claims = bus.finalize_claims(Duration::from_secs(5)).await?;
        let stop = CancellationToken::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, pebble.http_port())).await?;
        // A replica of its own: it knows of no token but by NATS.
        let router = responder::router(Responder::new(tokens.clone()));
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::spawn(async move { serving.await });
        Ok(Self {
            pebble,
            tokens,
            claims,
            _responder: stop.drop_guard(),
        })
    }

    /// A process that has just started: it remembers nothing.
    pub fn issuer(&self) -> Result<Issuer> {
        self.issuer_with(self.config()?)
    }

    pub fn issuer_with(&self, config: Config) -> Result<Issuer> {
        process(config, self.tokens.clone(), self.claims.clone())
    }

    /// The CAs of such a process, without its handlers.
    pub fn authorities(&self) -> Result<Arc<Authorities>> {
        let config = self.config()?;
        let solvers = self.solvers(&config);
        authorities(config, solvers, self.claims.clone())
    }

    /// The solvers of such a process.
    pub fn solvers(&self, config: &Config) -> Arc<Solvers> {
        solvers(config, self.tokens.clone())
    }

    /// With the eyes of the CA: its DNS, and the port where it asks.
    pub fn config(&self) -> Result<Config> {
        let mut config = config_for(
            &self.pebble.directory_url(),
            Some(self.pebble.api_root_path().to_owned()),
        )?;
        config.resolvers = vec![self.pebble.dns_address()];
        config.directories[0].http01_port = self.pebble.http_port();
        Ok(config)
    }

    pub fn order(&self, names: &[&str]) -> Result<Order<IssueSpec>> {
        order_at(&self.pebble.directory_url(), names)
    }
}

pub fn solvers(config: &Config, tokens: ChallengeTokens) -> Arc<Solvers> {
    let (responder, dns) = (Responder::new(tokens), Dns::new(&config.resolvers));
    Arc::new(Solvers::new(Http01::new(responder, dns, config.reach())))
}

pub fn authorities(config: Config, solvers: Arc<Solvers>, claims: Claims) -> Result<Arc<Authorities>> {
    Ok(Arc::new(Authorities::new(Acme::new(
        config, OpenKeys, solvers, claims,
    )?)))
}

/// A process with this configuration, its tokens and claims.
pub fn process(config: Config, tokens: ChallengeTokens, claims: Claims) -> Result<Issuer> {
    let solvers = solvers(&config, tokens);
    let eyes = Eyes::new(Dns::new(&config.resolvers));
    let authorities = authorities(config, Arc::clone(&solvers), claims)?;
    Ok(Issue::new(authorities, solvers, eyes))
}

pub async fn nats() -> Connection {
    let nats = testkit::shared::nats().await;
    let (user, password) = (nats.user().to_owned(), nats.password().to_owned());
    let connection = Connection {
        url: nats.url(),
        user: Some(user),
        password: Some(password),
        ..Connection::default()
    };
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    let keys = KEYS.get_or_init(|| testkit::run_dir::fresh("keys", None).expect("a directory"));
    connection.with_keys_in(keys, Some(Signer::Planner)).expect("keys")
}

/// A connection that has made, as the planner does, what the issuer finds.
pub async fn bus() -> Result<Bus> {
    let bus = Bus::connect(&nats().await, "issuer-test").await?.keeping_buckets();
    bus.apply_topology().await?;
    Ok(bus)
}

pub fn config_for(directory: &str, root_file: Option<PathBuf>) -> Result<Config> {
    let directory = DirectoryConfig {
        root_file,
        ..DirectoryConfig::public(directory.parse()?)
    };
    Ok(Config {
        directories: vec![directory],
        request_timeout_seconds: 10,
        ..Config::default()
    })
}

/// The first order of a run: no account key, nothing begun.
pub fn order_at(directory: &str, names: &[&str]) -> Result<Order<IssueSpec>> {
    let names = names
        .iter()
        .map(|name| name.parse())
        .collect::<Result<Vec<domain::DnsName>, _>>()?;
    let plain = names[0].as_str().trim_start_matches("*.");
    Ok(Order {
        schema: SCHEMA,
        run_id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        hostname: plain.parse()?,
        step: Step::Issue,
        attempt: 1,
        mode: Mode::Live,
        failures: 0,
        wait_seconds: 60,
        deadline: ctx().now().plus(Duration::from_secs(180)),
        checkpoint: None,
        spec: IssueSpec {
            ca: directory.parse()?,
            account_key: None,
            csr_pem: Some(csr_pem(&names)?),
            names,
            challenge: Challenge::Http01,
            solver: Solver::default(),
            profile: None,
            replaces: None,
            save_before_finalize: false,
        },
    })
}

fn csr_pem(names: &[domain::DnsName]) -> Result<String> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = rcgen::KeyPair::generate()?;
    Ok(rcgen::CertificateParams::new(names)?.serialize_request(&key)?.pem()?)
}

pub fn ctx() -> StepContext {
    StepContext::new(Arc::new(SystemClock))
}

/// What the ledger does with a checkpoint.
pub fn save(order: &mut Order<IssueSpec>, checkpoint: Checkpoint) {
    if let Checkpoint::AcmeAccountKey { sealed_key } = &checkpoint {
        order.spec.account_key.get_or_insert_with(|| sealed_key.clone());
    }
    order.checkpoint = Some(checkpoint);
    order.attempt += 1;
}

/// One order; it must rest, and the ledger saves where.
pub async fn rest(issuer: &Issuer, order: &mut Order<IssueSpec>) -> Result<StepContext> {
    let ctx = ctx();
    match issuer.carry_out(order, &ctx).await.map_err(told)? {
        Progress::Resting { checkpoint, until: _ } => save(order, checkpoint),
        Progress::Done(product) => bail!("it is done already: {product:?}"),
    }
    Ok(ctx)
}

/// Order after order until the certificate is there.
pub async fn drive(issuer: &Issuer, order: &mut Order<IssueSpec>) -> Result<IssuedCertificate> {
    loop {
        match issuer.carry_out(order, &ctx()).await.map_err(told)? {
            Progress::Resting { checkpoint, until: _ } => save(order, checkpoint),
            Progress::Done(product) => return issued(product),
        }
    }
}

/// An account that the CA knows, and an order with it from which nothing has been begun.
pub async fn with_account(world: &World, issuer: &Issuer, names: &[&str]) -> Result<Order<IssueSpec>> {
    let mut first = world.order(&["first.example.org"])?;
    drive(issuer, &mut first).await?;
    let mut order = world.order(names)?;
    order.spec.account_key = first.spec.account_key;
    Ok(order)
}

pub fn issued(product: Product) -> Result<IssuedCertificate> {
    match product {
        Product::Issued(certificate) => Ok(*certificate),
        other => bail!("no certificate but {other:?}"),
    }
}

pub fn told(error: StepError) -> anyhow::Error {
    anyhow::anyhow!("{:?}, forget {}", error.disposition, error.forget_checkpoint)
}

/// The error of an order that must not go through.
pub async fn refusal(issuer: &Issuer, order: &Order<IssueSpec>) -> Result<StepError> {
    issuer
        .carry_out(order, &ctx())
        .await
        .err()
        .context("it must not go through")
}

pub fn question(error: StepError) -> Result<Question> {
    match error.disposition {
        Disposition::NeedsHuman(question) => Ok(question),
        other => bail!("no question but {other:?}"),
    }
}

pub fn failure(error: StepError) -> Result<Failure> {
    match error.disposition {
        Disposition::Fail(failure) => Ok(failure),
        other => bail!("no failure but {other:?}"),
    }
}

pub fn retry(error: StepError) -> Result<(Timestamp, Failure)> {
    match error.disposition {
        Disposition::RetryAt(at, failure) => Ok((at, failure)),
        other => bail!("no retry but {other:?}"),
    }
}

pub fn tokens_of(order: &Order<IssueSpec>) -> Result<Vec<String>> {
    match &order.checkpoint {
        Some(checkpoint) if checkpoint.is_open() => Ok(checkpoint.leftovers().tokens),
        other => bail!("no opened order but {other:?}"),
    }
}
