//! A small ACME CA (RFC 8555) that misbehaves when it is told to: what Pebble cannot be made to do.
//!
//! In: where it validates http-01, and [`Fault`]s for [`Place`]s. Out: its directory URL, its
//! roots, and what it has issued for which name. It is a real CA otherwise: signatures, nonces and
//! challenges are checked, and the chain is good. Never: more than http-01 and ES256 accounts, and
//! nothing that survives it.

mod authority;
mod book;
mod faults;
mod jws;
mod problem;
mod quota;
mod routes;
mod tls;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

pub use self::authority::Chain;
pub use self::book::{Lapse, Reused};
pub use self::faults::{Fault, FaultPoint, RetryAfter};

use self::authority::Authority;
use self::book::Book;
use self::faults::Faults;
use self::quota::Quota;
use crate::{pki, ports, run_dir};

/// One CA of its own. Dropping it stops it.
pub struct FaultyCa {
    ca: Ca,
    api_root: PathBuf,
    serving: JoinHandle<()>,
    _port: ports::Port,
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
struct Ca(Arc<Inner>);

struct Inner {
    /// `https://127.0.0.1:port`
    base: String,
    /// Where http-01 is looked for, at 127.0.0.1.
    http_port: u16,
    http: reqwest::Client,
    authority: Authority,
    book: Mutex<Book>,
    /// Addresses are written relative to the CA's own.
    relative: AtomicBool,
    faults: Mutex<Faults>,
}

impl FaultyCa {
    /// Starts a friendly CA that asks for http-01 at this port of 127.0.0.1.
    ///
    /// # Errors
    /// If it cannot listen, or the cryptography library refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    pub async fn start(http_port: u16) -> Result<Self> {
        let port = ports::lease()?;
        let own = pki::local_server()?;
        let api_root = run_dir::fresh("faulty-ca", None)?.join("api-root.pem");
        run_dir::write(&api_root, &own.root_pem, None)?;
        let ca = Ca(Arc::new(Inner {
            base: format!("https://127.0.0.1:{}", port.number()),
            http_port,
            http: crate::http::client("").context("a client for the challenges")?,
            authority: Authority::new()?,
            book: Mutex::default(),
            relative: AtomicBool::new(false),
            faults: Mutex::default(),
        }));
        let listener = tls::Listener::bind(port.number(), &own.identity).await?;
        let router = routes::router(ca.clone());
        let serving = tokio::spawn(async move {
            // It ends with the task only.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            ca,
            api_root,
            serving,
            _port: port,
        })
    }

    #[must_use]
    pub fn directory_url(&self) -> String {
        format!("{}/dir", self.ca.0.base)
    }

    /// The root of its own HTTPS (PEM).
    #[must_use]
    pub fn api_root_path(&self) -> &Path {
        &self.api_root
    }

    /// The root of what it issues.
    #[must_use]
    pub fn issuance_root_pem(&self) -> &str {
        self.ca.0.authority.root_pem()
    }

    /// The next requests at this place meet the fault, one after another behind the faults that
    /// were set before.
    pub fn misbehave(&self, place: FaultPoint, fault: &Fault, times: usize) {
        self.ca.faults().push(place, fault, times);
    }

    /// Faults at this place that have not been met yet are forgotten.
    pub fn behave(&self, place: FaultPoint) {
        self.ca.faults().forget(place);
    }

    /// From now on it takes so many new orders at once, then one per period; the others are
    /// `rateLimited`.
    pub fn limit_orders(&self, burst: u32, period: Duration) {
        self.ca.book().quota = Some(Quota::new(burst, period));
    }

    /// Orders that were one too many.
    #[must_use]
    pub fn overdrawn(&self) -> usize {
        self.ca.book().quota.as_ref().map_or(0, Quota::refused)
    }

    /// The CA does not see the name: its challenge fails with this problem type and detail.
    pub fn refuse_name(&self, name: &str, kind: &str, detail: &str) {
        let problem = (kind.to_owned(), detail.to_owned());
        self.ca.book().refused_names.insert(name.to_owned(), problem);
    }

    /// Every name is judged by its challenge alone.
    pub fn accept_all_names(&self) {
        self.ca.book().refused_names.clear();
    }

    /// The time of all orders that are not finalized is over.
    pub fn expire_orders(&self, lapse: Lapse) {
        self.ca.book().expire(lapse);
    }

    /// From now on such chains are delivered.
    pub fn deliver(&self, chain: Chain) {
        self.ca.book().chain = chain;
    }

    /// From now on certificates are good for so long from the moment of their issuance.
    pub fn issue_for(&self, life: Duration) {
        self.ca.book().life = Some(life);
    }

    /// From now on orders that were finalized stay `processing`, with this `Retry-After`.
    pub fn stall(&self, wait: RetryAfter) {
        self.ca.book().stalled = Some(wait);
    }

    /// Orders that were stalled are `valid`.
    pub fn go_on(&self) {
        self.ca.book().stalled = None;
    }

    /// From now on the directory offers renewal information, and this is what is said of every
    /// certificate.
    pub fn offer_renewal_info(&self, answer: &str, retry_after: Option<RetryAfter>) {
        let renewals = &mut self.ca.book().renewals;
        renewals.answer = Some(answer.to_owned());
        renewals.retry_after = retry_after;
    }

    /// Orders do not say any more what they replace, though they should (RFC 9773 §5).
    pub fn keep_silent_about_predecessors(&self) {
        self.ca.book().renewals.silent = true;
    }

    /// From now on orders that name a predecessor are answered with this status and
    /// `serverInternal`.
    pub fn refuse_predecessors(&self, status: u16) {
        self.ca.book().renewals.refuses = Some(status);
    }

    /// It takes nothing any more from the accounts that it has now; a new key gets a new one.
    pub fn deactivate_accounts(&self) {
        let mut book = self.ca.book();
        book.deactivated = (0..book.accounts.len()).collect();
    }

    /// It takes every account again.
    pub fn reactivate_accounts(&self) {
        self.ca.book().deactivated.clear();
    }

    /// From now on orders for the name begin with an earlier authorization; nothing: with a new one
    /// again.
    pub fn reuse_authorization(&self, name: &str, state: Option<Reused>) {
        let reused = &mut self.ca.book().reused;
        match state {
            Some(state) => reused.insert(name.to_owned(), state),
            None => reused.remove(name),
        };
    }

    /// From now on an order stays `pending` when one of its names could not be proven.
    pub fn keep_orders_pending(&self) {
        self.ca.book().stubborn = true;
    }

    /// From now on addresses are written as paths (RFC 3986 §4.2).
    pub fn write_relative_urls(&self) {
        self.ca.0.relative.store(true, Ordering::Relaxed);
    }

    /// What each order was said to replace.
    #[must_use]
    pub fn replaced(&self) -> Vec<Option<String>> {
        let book = self.ca.book();
        book.orders.iter().map(|order| order.replaces.clone()).collect()
    }

    /// Certificates in all.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.ca.book().issued.len()
    }

    /// Certificates that carry the name.
    #[must_use]
    pub fn issued_for(&self, name: &str) -> usize {
        let book = self.ca.book();
        book.issued
            .iter()
            .filter(|names| names.iter().any(|one| one == name))
            .count()
    }

    /// Orders that were placed.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.ca.book().orders.len()
    }

    /// Accounts that were registered.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.ca.book().accounts.len()
    }

    /// Names that an account could still get a certificate for without proving anything again.
    #[must_use]
    pub fn proven_names(&self) -> Vec<String> {
        self.ca.book().proven_names()
    }

    /// Requests at this place, those that met a fault too.
    #[must_use]
    pub fn requests(&self, place: FaultPoint) -> usize {
        self.ca.faults().requests(place)
    }
}

impl Drop for FaultyCa {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Ca {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address as answers give it.
    fn written(&self, path: &str) -> String {
        if self.0.relative.load(Ordering::Relaxed) {
            path.to_owned()
        } else {
            self.url(path)
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.base)
    }
}
