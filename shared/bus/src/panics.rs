//! A panic costs what was being done, never the process: caught where one message is handled, or
//! one round of a loop.
//!
//! In: a piece of work. Out: what came of it, or the panic's own words. Never: a secret; the types
//! that hold them print none. What a piece of work holds is dropped with it: transactions roll
//! back, locks of ours are taken over as they are.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use domain::text::clean_line;
use futures::FutureExt;
use tracing::error;

const LONGEST: usize = 300;

/// What a panic said; the place stands in the process's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a defect of this service ({0})")]
pub struct Panicked(pub String);

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| payload.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("a panic without words");
        Self(clean_line(said.chars().take(LONGEST).collect::<String>()))
    }
}

/// Carries it out; a panic is logged and given back.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| {
        let panicked = Panicked::of(&*payload);
        error!(%panicked, "a panic is caught; report it with the lines before it");
        panicked
    })
}

/// Catches a panic in one round of a loop; the loop goes on with its next round.
pub async fn or_next_round<E>(round: impl Future<Output = Result<(), E>>) -> Result<(), E> {
    caught(round).await.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_given_back_in_one_line() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let said = caught::<()>(async { panic!("no {}\nyear", 10_000) }).await;
        assert_eq!(said, Err(Panicked("no 10000\u{FFFD}year".to_owned())));
        let long = caught::<()>(async { panic!("{}", "x".repeat(5_000)) })
            .await
            .expect_err("a panic");
        assert_eq!(long.0.len(), LONGEST);
        let wordless = caught::<()>(async { std::panic::panic_any(7_u8) }).await;
        assert_eq!(wordless, Err(Panicked("a panic without words".to_owned())));
    }
}
