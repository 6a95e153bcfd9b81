//! How the names of an order are proven: its authorizations and their challenges (RFC 8555 §7.1.4,
//! §7.1.5).
//!
//! In: an order at the CA. Out: what the solver places for it, and the word to the CA that it may
//! look. Never: anything placed before the caller has saved what will be.

use domain::policy::Challenge;
use domain::run::Check;
use domain::solver::Receipt;
use instant_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Order};

use super::authorizations::{fetch_authorizations, not_presented, over};
use super::journey::Journey;
use super::nonce_proof;
use super::translate::{is_bad_nonce, translate};
use crate::ca::CaError;
use crate::challenge::solvers::{Proof, Record, Settled};

impl Journey<'_> {
    /// What the names of the order are to be proven with; nothing is placed.
    pub async fn locate_responses(&self, order: &mut Order) -> Result<Receipt, CaError> {
        let records = self.records(order).await?;
        self.solver.locate(&records).await.map_err(not_presented)
    }

    /// For the challenges of all names that are not yet proven. An order with an authorization that
    /// is over is over itself, whatever state the CA shows: nothing can be proven in it any more
    /// (RFC 8555 §7.1.6).
    pub async fn records(&self, order: &mut Order) -> Result<Vec<Record>, CaError> {
        fetch_authorizations(order).await?;
        over(order).await?;
        let (mut records, mut all) = (Vec::new(), order.authorizations());
        while let Some(next) = all.next().await {
            let mut authorization = next.map_err(translate)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let called = called(self.answers);
            let Some(challenge) = called.and_then(|kind| authorization.challenge(kind)) else {
                return Err(CaError::NoSuchChallenge {
                    name,
                    challenge: word(self.answers),
                });
            };
            let proof = Proof::Http01 {
                token: challenge.token.clone(),
                key_authorization: challenge.key_authorization().as_str().to_owned(),
            };
            records.push(Record { name, proof });
        }
        Ok(records)
    }

    pub(super) async fn present(&self, records: &[Record], located: &Receipt) -> Result<Settled, CaError> {
        self.solver.present(records, located).await.map_err(not_presented)?;
        for record in records {
            self.ctx.check(Check::tick(
                format!("challenge presented for {}", record.name),
                self.answers.body().title(),
            ));
        }
        self.solver.check_settled(located).await.map_err(not_presented)
    }

    /// Each challenge that is still `pending`: a second time would be `malformed`. Whether that was
    /// every one.
    pub(super) async fn set_ready(&self, order: &mut Order) -> Result<bool, CaError> {
        let (mut every_one, mut all) = (true, order.authorizations());
        while let Some(next) = all.next().await {
            let mut authorization = next.map_err(translate)?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let called = called(self.answers);
            let Some(mut challenge) = called.and_then(|kind| authorization.challenge(kind)) else {
                continue;
            };
            if challenge.status != ChallengeStatus::Pending {
                every_one = false;
                continue;
            }
            match nonce_proof!(challenge.set_ready()) {
                Ok(()) => {}
                // Another worker was faster, or the challenge has failed already: the order's state
                // tells which.
                Err(Error::Api(said)) => {
                    every_one = false;
                    self.ctx.warn(format!("the CA did not take the challenge: {said}"), &[]);
                }
                Err(other) => return Err(translate(other)),
            }
        }
        Ok(every_one)
    }
}

/// How ACME calls the challenge that the solver answers; nothing for what is no challenge of this
/// version.
fn called(solver: &domain::solver::Solver) -> Option<ChallengeType> {
    match solver.body().challenge() {
        Challenge::Http01 => Some(ChallengeType::Http01),
        Challenge::Dns01 | Challenge::None => None,
    }
}

fn word(solver: &domain::solver::Solver) -> &'static str {
    match solver.body().challenge() {
        Challenge::Http01 => "http-01",
        Challenge::Dns01 => "dns-01",
        Challenge::None => "none",
    }
}
