//! The way of one order at the CA (RFC 8555 §7.1.6), from whatever state it is in.
//!
//! ```text
//! pending ──present, set ready──▶ (validated) ──▶ ready ──finalize──▶ processing ──▶ valid ──▶ the chain
//!    └────────────── a challenge failed ──────────────▶ invalid: the cause, name by name
//! ```
//!
//! Never blind: each turn looks at the state and does what that state lacks, so it can begin anywhere and be repeated.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bus::StepContext;
use bus::claims::Claims;
use domain::run::Check;
use futures::future::try_join_all;
use instant_acme::{Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Order, OrderStatus};

use super::client::Obstacle;
use super::nonce_proof;
use super::pace::{Pace, Waits};
use super::translate::{is, is_bad_nonce, of_order, problem, translate};
use crate::ca::{CaError, Claim, NameProblem, Obtained, Problem, ProblemKind};
use crate::challenge::Http01;

pub struct Journey<'a> {
    pub account: &'a Account,
    pub http01: &'a Http01,
    pub claims: &'a Claims,
    pub pace: Pace,
    pub ctx: &'a StepContext,
}

/// What the CA wants to see for one name.
pub struct Proof {
    pub name: String,
    pub token: String,
    key_authorization: String,
}

/// What this process answers for by itself, until its part of the journey ends; the fleet goes on answering.
struct Presented<'a> {
    http01: &'a Http01,
    tokens: Vec<String>,
    /// This process has told the CA to look: so it was there when the CA did.
    attended: bool,
}

impl Drop for Presented<'_> {
    fn drop(&mut self) {
        for token in &self.tokens {
            self.http01.forget(token);
        }
    }
}

impl Journey<'_> {
    pub async fn load(&self, url: &str) -> Result<Order, CaError> {
        nonce_proof!(self.account.order(url.to_owned())).map_err(|error| of_order(error, url))
    }

    /// Until the certificate is there; an error when the CA wants to be left alone for long.
    pub async fn complete(&self, order: &mut Order, claim: &Claim<'_>) -> Result<Obtained, CaError> {
        let mut waits = self.pace.begin();
        let mut presented = None;
        loop {
            match order.state().status {
                OrderStatus::Pending if presented.is_none() => {
                    let proofs = self.proofs(order).await.map_err(unattended)?;
                    let tokens: Vec<String> = proofs.iter().map(|proof| proof.token.clone()).collect();
                    if tokens.iter().any(|token| !claim.tokens.contains(token)) {
                        return Ok(Obtained::Tokens(tokens));
                    }
                    presented = Some(self.answer(order, proofs).await?);
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
                OrderStatus::Invalid => {
                    let attended = presented.as_ref().is_some_and(|presented| presented.attended);
                    if let Some(presented) = presented {
                        // Nobody asks for these any more.
                        self.http01.withdraw_all(&presented.tokens, self.ctx).await;
                    }
                    let cause = self.cause(order.url()).await;
                    return Err(if attended { cause } else { unattended(cause) });
                }
            }
        }
    }

    /// Until the CA has seen every name, and no further.
    pub async fn prove(&self, order: &mut Order) -> Result<(), CaError> {
        let mut waits = self.pace.begin();
        let _presented = match order.state().status {
            OrderStatus::Pending => {
                let proofs = self.proofs(order).await?;
                Some(self.answer(order, proofs).await?)
            }
            OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid | OrderStatus::Invalid => None,
        };
        loop {
            match order.state().status {
                OrderStatus::Pending => self.look_again(order, &mut waits).await?,
                OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => return Ok(()),
                OrderStatus::Invalid => return Err(self.cause(order.url()).await),
            }
        }
    }

    /// The http-01 challenges of all names that are not yet proven. An order with an authorization that is over is over
    /// itself, whatever state the CA shows: nothing can be proven in it any more (RFC 8555 §7.1.6).
    pub async fn proofs(&self, order: &mut Order) -> Result<Vec<Proof>, CaError> {
        fetch_authorizations(order).await?;
        over(order).await?;
        let (mut proofs, mut all) = (Vec::new(), order.authorizations());
        while let Some(next) = all.next().await {
            let mut authorization = next.map_err(translate)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let Some(challenge) = authorization.challenge(ChallengeType::Http01) else {
                return Err(CaError::NoSuchChallenge {
                    name,
                    challenge: "http-01",
                });
            };
            proofs.push(Proof {
                name,
                token: challenge.token.clone(),
                key_authorization: challenge.key_authorization().as_str().to_owned(),
            });
        }
        Ok(proofs)
    }

    async fn answer(&self, order: &mut Order, proofs: Vec<Proof>) -> Result<Presented<'_>, CaError> {
        let tokens = proofs.iter().map(|proof| proof.token.clone()).collect();
        let mut presented_here = Presented {
            http01: self.http01,
            tokens,
            attended: false,
        };
        let presented = try_join_all(
            proofs
                .iter()
                .map(|proof| self.http01.present(&proof.token, &proof.key_authorization)),
        );
        presented.await.map_err(|error| CaError::NotPresented {
            what: error.to_string(),
        })?;
        for proof in &proofs {
            self.ctx.check(Check::tick(
                format!("challenge presented for {}", proof.name),
                "http-01, at every issuer",
            ));
        }
        presented_here.attended = self.set_ready(order).await?;
        Ok(presented_here)
    }

    /// Each challenge that is still `pending`: a second time would be `malformed`. Whether that was every one.
    async fn set_ready(&self, order: &mut Order) -> Result<bool, CaError> {
        let (mut every_one, mut all) = (true, order.authorizations());
        while let Some(next) = all.next().await {
            let mut authorization = next.map_err(translate)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
                continue;
            };
            if challenge.status != ChallengeStatus::Pending {
                every_one = false;
                continue;
            }
            match nonce_proof!(challenge.set_ready()) {
                Ok(()) => {}
                // Another worker was faster, or the challenge has failed already: the order's state tells which.
                Err(Error::Api(said)) => {
                    every_one = false;
                    self.ctx.warn(format!("the CA did not take the challenge: {said}"), &[]);
                }
                Err(other) => return Err(translate(other)),
            }
        }
        Ok(every_one)
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

    /// One process of the fleet finalizes; the others look until the order has moved. A second finalize is
    /// `orderNotReady` while the first is in work: then the state is looked at again too.
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
            // It has done nothing with the CSR: it is asked again as soon as it says `ready`, at the pace of the looks.
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

    /// The order is known and valid: whatever is answered to the download but a chain is no reason for another order.
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

    /// What makes an order that does not move a dead one: an authorization that ended without the order.
    async fn dead(&self, url: &str) -> Option<CaError> {
        let mut order = self.load(url).await.ok()?;
        fetch_authorizations(&mut order).await.ok()?;
        over(&mut order).await.err()
    }

    /// Why the order is invalid: the library's copies are of before, so everything is fetched anew.
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

/// Whether an authorization of the order can never be proven any more: each with the CA's reason. The authorizations are
/// here already.
async fn over(order: &mut Order) -> Result<(), CaError> {
    let (mut names, mut all) = (Vec::new(), order.authorizations());
    while let Some(next) = all.next().await {
        let authorization = next.map_err(translate)?;
        let state = match authorization.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Invalid => "invalid",
            AuthorizationStatus::Revoked => "revoked",
            AuthorizationStatus::Expired => "expired",
            AuthorizationStatus::Deactivated => "deactivated",
        };
        let said = authorization
            .challenges
            .iter()
            .find_map(|challenge| challenge.error.as_ref());
        let problem = said.map_or_else(|| without_reason(state), problem);
        let name = authorization.identifier().to_string();
        names.push(NameProblem { name, problem });
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(CaError::OrderInvalid { names, order: None })
}

fn without_reason(state: &str) -> Problem {
    Problem {
        kind: ProblemKind::Other(format!("authorization {state}")),
        detail: format!("the CA's authorization for the name is {state}, and it does not say why"),
        of_names: Vec::new(),
    }
}

/// The CA contradicts itself for as long as anybody waits: both things that it says are told.
fn not_ready(stalled: CaError, refusal: &Error) -> CaError {
    let refusal = translated(refusal);
    match stalled {
        CaError::Unavailable { until, what } => CaError::Unavailable {
            until,
            what: format!("{what}: it says that the order is ready, and to the CSR {refusal}"),
        },
        other => other,
    }
}

fn translated(refusal: &Error) -> String {
    match refusal {
        Error::Api(said) => problem(said).to_string(),
        other => other.to_string(),
    }
}

/// An order that an earlier execution left to the CA, and that failed because the CA reached nobody: most likely that
/// execution was killed while the CA looked.
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

/// The CA has said no, or when it wants to be asked again: nothing was begun, and the next try need not wait for the
/// claim to end by itself.
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

/// The library keeps what it has fetched: after an error the walk begins again, and only what is missing costs.
async fn fetch_authorizations(order: &mut Order) -> Result<(), CaError> {
    nonce_proof!(async {
        let mut all = order.authorizations();
        while let Some(next) = all.next().await {
            next?;
        }
        Ok(())
    })
    .map_err(translate)
}
