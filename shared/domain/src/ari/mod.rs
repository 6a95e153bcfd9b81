//! ACME renewal information (RFC 9773): how a certificate is named to its CA, when the CA wants it renewed, when to ask
//! again, and what a call for many at once looks like. Pure.
//!
//! In: certificates, what a CA said, `now`. Out: identifiers, instants, judgements. Never: a request, a clock.

mod asking;
mod cert_id;
mod predecessor;
mod revocation;
mod window;

pub use asking::{Asked, ROUND, RenewalInfoAnswer, WITHOUT_POLICY, first_ask, next_ask};
pub use cert_id::{CertId, NoCertId};
pub use predecessor::{Predecessor, Renewal, exempt};
pub use revocation::{Deadlines, Known, Threshold, calls_for_renewal};
pub use window::{Suggestion, Window, pick};

use std::time::Duration;

use sha2::{Digest, Sha256};

/// A share of `whole` that belongs to this id: the same for every planner, evenly spread over many ids.
fn share(id: uuid::Uuid, whole: Duration) -> Duration {
    let digest = Sha256::digest(id.as_bytes());
    let place = digest
        .iter()
        .take(8)
        .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    // More than 64 bits would not fit beside the place; they are 500,000 years.
    let whole = whole.as_micros().min(u128::from(u64::MAX));
    let micros = (whole * place) >> 64;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
