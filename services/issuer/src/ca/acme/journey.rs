//! The way of one order at the CA (RFC 8555 §7.1.6), from whatever state it is in.
//!
//! ```text
//! pending ──present, set ready──▶ (validated) ──▶ ready ──finalize──▶ processing ──▶ valid ──▶ the chain
//!    └────────────── a challenge failed ──────────────▶ invalid: the cause, name by name
//! ```
//!
//! Never blind: each turn looks at the state and does what that state lacks, so it can begin
//! anywhere and be repeated.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bus::StepContext;
use bus::claims::Claims;
use domain::Timestamp;
use domain::run::Check;
use domain::solver::Receipt;
use instant_acme::{Account, Error, Order, OrderStatus};

use super::authorizations::{fetch_authorizations, not_presented, over};
use super::client::Obstacle;
use super::nonce_proof;
use super::pace::{Pace, Waits};
use super::translate::{is, is_bad_nonce, of_order, problem, translate};
use crate::ca::{CaError, NameProblem, Problem, ProblemKind};
use crate::challenge::solvers::{Record, Settled, Solver};

pub struct Journey<'a> {
    pub account: &'a Account,
    pub solver: Box<dyn Solver + 'a>,
    /// The solver as the order names it.
    pub answers: &'a domain::solver::Solver,
    pub claims: &'a Claims,
    pub pace: Pace,
    pub ctx: &'a StepContext,
}

/// How far an order may be brought.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// What is saved; nothing else is placed.
    pub placed: &'a Receipt,
    pub csr_der: &'a [u8],
    /// Otherwise every name is proven, and no certificate asked for.
    pub finalize: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obtained {
    /// PEM, leaf first, as the CA delivered it.
    Chain(String),
    /// The certificate may be asked for: the claim was not to do that.
    Ready,
    /// What the order is to be proven with is known now, and must be saved before it is placed.
    ToPlace(Receipt),
    /// It is placed, and cannot be seen everywhere yet.
    NotSettled { look_at: Timestamp },
}

/// What this execution has placed.
struct Shown {
    receipt: Receipt,
    /// This process has told the CA to look: so it was there when the CA did.
    attended: bool,
}

impl Journey<'_> {
    pub async fn load(&self, url: &str) -> Result<Order, CaError> {
        nonce_proof!(self.account.order(url.to_owned())).map_err(|error| of_order(error, url))
    }

    /// Until the certificate is there; an error when the CA wants to be left alone for long.
    pub async fn complete(&self, order: &mut Order, claim: &Claim<'_>) -> Result<Obtained, CaError> {
        let mut waits = self.pace.begin();
        let mut shown = None;
        loop {
            match order.state().status {
                OrderStatus::Pending if shown.is_none() => {
                    let records = self.records(order).await.map_err(unattended)?;
                    let receipt = self.solver.locate(&records).await.map_err(not_presented)?;
                    if !claim.placed.covers(&receipt) {
                        return Ok(Obtained::ToPlace(receipt));
                    }
                    if let Settled::NotYet { look_at } = self.present(&records, &receipt).await? {
                        return Ok(Obtained::NotSettled { look_at });
                    }
                    let attended = self.set_ready(order).await?;
                    shown = Some(Shown { receipt, attended });
                }
                OrderStatus::Pending => {
                    if let Err(stalled) = self.look_again(order, &mut waits).await {
                        return Err(self.dead(order.url()).await.unwrap_or(stalled));
                    }
                }
                OrderStatus::Processing => self.look_again(order, &mut waits).await?,
                OrderStatus::Ready if !claim.finalize => return Ok(Obtained::Ready),
                OrderStatus::Ready => self.finalize(order, claim.csr_der, &mut waits).await?,
                OrderStatus::Valid => return self.download(order).await.map(Obtained::Chain),
                OrderStatus::Invalid => return Err(self.failed(order, shown).await),
            }
        }
    }

    /// The CA does not ask for what was placed any more.
    async fn failed(&self, order: &Order, shown: Option<Shown>) -> CaError {
        let attended = shown.as_ref().is_some_and(|shown| shown.attended);
        if let Some(shown) = shown
            && let Err(remaining) = self.solver.remove(&shown.receipt).await
        {
            self.ctx
                .warn(format!("a challenge response was not removed: {}", remaining.why), &[]);
        }
        let cause = self.cause(order.url()).await;
        if attended { cause } else { unattended(cause) }
    }

    /// Until the CA has seen every name, and no further.
    pub async fn prove(&self, order: &mut Order, records: &[Record]) -> Result<(), CaError> {
        let mut waits = self.pace.begin();
        if order.state().status == OrderStatus::Pending {
            let receipt = self.solver.locate(records).await.map_err(not_presented)?;
            while self.present(records, &receipt).await? != Settled::Yes {
                waits.pause(OrderStatus::Pending).await?;
            }
            self.set_ready(order).await?;
        }
        loop {
            match order.state().status {
                OrderStatus::Pending => self.look_again(order, &mut waits).await?,
                OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => return Ok(()),
                OrderStatus::Invalid => return Err(self.cause(order.url()).await),
            }
        }
    }

    async fn look_again(&self, order: &mut Order, waits: &mut Waits) -> Result<(), CaError> {
        let before = order.state().status;
        waits.pause(before).await?;
        self.refresh(order).await?;
        if order.state().status != before {
            waits.quicken();
        }
        Ok(())
    }

    async fn refresh(&self, order: &mut Order) -> Result<(), CaError> {
        let url = order.url().to_owned();
        nonce_proof!(async { order.refresh().await.map(|_| ()) }).map_err(|error| of_order(error, &url))
    }

    /// One process of the fleet finalizes; the others look until the order has moved. A second
    /// finalize is `orderNotReady` while the first is in work: then the state is looked at again
    /// too.
    async fn finalize(&self, order: &mut Order, csr_der: &[u8], waits: &mut Waits) -> Result<(), CaError> {
        let claim = BASE64_URL_SAFE_NO_PAD.encode(order.url());
        if !self.claims.take(&claim).await.map_err(not_claimed)? {
            return self.look_again(order, waits).await;
        }
        self.ctx
            .check(Check::tick("the CA has seen every name", "the order is ready"));
        match nonce_proof!(order.finalize_csr(csr_der)) {
            // A CA that takes the CSR and says `ready` again is not asked in a circle.
            Ok(()) if order.state().status == OrderStatus::Ready => self.look_again(order, waits).await,
            Ok(()) => {
                waits.quicken();
                Ok(())
            }
            // It has done nothing with the CSR: it is asked again as soon as it says `ready`, at
            // the pace of the looks.
            Err(error) if is(&error, &ProblemKind::OrderNotReady) => {
                self.claims.give_back(&claim).await.map_err(not_claimed)?;
                let looked = self.look_again(order, waits).await;
                looked.map_err(|stalled| not_ready(stalled, &error))
            }
            Err(error) => {
                if was_answered(&error) {
                    self.claims.give_back(&claim).await.map_err(not_claimed)?;
                }
                Err(translate(error))
            }
        }
    }

    /// The order is known and valid: whatever is answered to the download but a chain is no reason
    /// for another order.
    async fn download(&self, order: &mut Order) -> Result<String, CaError> {
        match nonce_proof!(order.certificate()) {
            Ok(Some(chain)) => Ok(chain),
            Ok(None) => Err(undelivered("the order is valid and has no certificate yet")),
            // The library's own: no text, or no address of a certificate.
            Err(Error::Str(why)) => Err(undelivered(why)),
            Err(error) => Err(match translate(error) {
                CaError::Refused(said) | CaError::Denied(said) => undelivered(said),
                other => other,
            }),
        }
    }

    /// What makes an order that does not move a dead one: an authorization that ended without the
    /// order.
    async fn dead(&self, url: &str) -> Option<CaError> {
        let mut order = self.load(url).await.ok()?;
        fetch_authorizations(&mut order).await.ok()?;
        over(&mut order).await.err()
    }

    /// Why the order is invalid: the library's copies are outdated, so everything is fetched anew.
    async fn cause(&self, url: &str) -> CaError {
        match self.fetch_cause(url).await {
            Ok((names, order)) => CaError::OrderInvalid { names, order },
            Err(error) => error,
        }
    }

    async fn fetch_cause(&self, url: &str) -> Result<(Vec<NameProblem>, Option<Problem>), CaError> {
        let mut order = self.load(url).await?;
        fetch_authorizations(&mut order).await?;
        let whole = order.state().error.as_ref().map(problem);
        let (mut names, mut all) = (Vec::new(), order.authorizations());
        while let Some(next) = all.next().await {
            let authorization = next.map_err(translate)?;
            let name = authorization.identifier().to_string();
            let failed = authorization
                .challenges
                .iter()
                .filter_map(|challenge| challenge.error.as_ref());
            names.extend(failed.map(|said| NameProblem {
                name: name.clone(),
                problem: problem(said),
            }));
        }
        Ok((names, whole))
    }
}

fn undelivered(what: impl ToString) -> CaError {
    let what = what.to_string();
    CaError::Undelivered { what }
}

/// The CA contradicts itself for as long as anybody waits: both things that it says are told.
fn not_ready(stalled: CaError, refusal: &Error) -> CaError {
    let refusal = translate_refusal(refusal);
    match stalled {
        CaError::Unavailable { until, what } => CaError::Unavailable {
            until,
            what: format!("{what}: it says that the order is ready, and to the CSR {refusal}"),
        },
        other => other,
    }
}

fn translate_refusal(refusal: &Error) -> String {
    match refusal {
        Error::Api(said) => problem(said).to_string(),
        other => other.to_string(),
    }
}

/// An order that an earlier execution left to the CA, and that failed because the CA reached no
/// issuer: most likely that execution was killed while the CA looked.
fn unattended(cause: CaError) -> CaError {
    let unreached = |names: &[NameProblem]| {
        let connection = |one: &NameProblem| one.problem.kind == ProblemKind::Connection;
        !names.is_empty() && names.iter().all(connection)
    };
    match cause {
        CaError::OrderInvalid { ref names, .. } if unreached(names) => CaError::Unattended {
            what: cause.to_string(),
        },
        other => other,
    }
}

/// The CA has said no, or when it wants to be asked again: nothing was begun, and the next try need
/// not wait for the claim to end by itself.
fn was_answered(error: &Error) -> bool {
    match error {
        Error::Api(_) => true,
        Error::Other(inner) => inner.downcast_ref::<Obstacle>().is_some_and(Obstacle::is_an_answer),
        _ => false,
    }
}

fn not_claimed(error: bus::BusError) -> CaError {
    CaError::NotClaimed {
        what: error.to_string(),
    }
}
