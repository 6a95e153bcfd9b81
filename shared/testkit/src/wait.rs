//! Waiting for a state, never for a time.
//!
//! In: what is awaited in words, a bound, and a look at the world. Out: what the look found. Never: a bare sleep.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something, at most for `bound`. A look that hangs counts into the bound.
///
/// # Errors
/// After the bound, with `what` in the message.
///
/// ```
/// # use std::time::Duration;
/// # async fn example() -> anyhow::Result<()> {
/// let answer = testkit::wait::until("an answer", Duration::from_secs(1), async || Some(42)).await?;
/// # Ok(()) }
/// ```
pub async fn until<T>(what: &str, bound: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    until_ok(what, bound, async || look().await.ok_or("it did not come")).await
}

/// Like [`until`], for looks that can say what they see instead: the last reason is part of the error.
///
/// # Errors
/// After the bound, with `what` and the last reason in the message.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at a server, until it is as the test wants it"
)]
pub async fn until_ok<T, E: std::fmt::Display>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let until = Instant::now() + bound;
    let mut last = String::from("the first look did not return");
    loop {
        match timeout_at(until, look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(reason)) => last = format!("{reason:#}"),
            Err(_elapsed) => return Err(anyhow!("waited {bound:?} for {what}: {last}")),
        }
        if Instant::now() >= until {
            return Err(anyhow!("waited {bound:?} for {what}: {last}"));
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_appears_within_the_bound_is_found() -> Result<()> {
        let mut looks = 0;
        let found = until("the third look", Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some("there")
        });
        assert_eq!(found.await?, "there");
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn the_bound_ends_the_wait_and_says_what_was_awaited_and_last_seen() {
        let never = until_ok("a verdict", Duration::from_secs(5), async || {
            Err::<(), _>("still pending")
        });
        let said = never.await.expect_err("nothing ever came").to_string();
        assert_eq!(said, "waited 5s for a verdict: still pending");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_cut_off_too() {
        let hung = until("a silent peer", Duration::from_secs(5), async || {
            std::future::pending::<()>().await;
            Some(())
        });
        assert!(hung.await.is_err());
    }
}
