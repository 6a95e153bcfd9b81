//! Waits that a stop ends.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits so long; nothing when `stop` came before.
#[expect(clippy::disallowed_methods, reason = "the place where a wait is bound to a stop")]
pub async fn pause(time: Duration, stop: &CancellationToken) -> Option<()> {
    stop.run_until_cancelled(tokio::time::sleep(time)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_ends_with_its_time_or_with_a_stop() {
        let stop = CancellationToken::new();
        assert_eq!(pause(Duration::ZERO, &stop).await, Some(()));
        stop.cancel();
        assert_eq!(pause(Duration::MAX, &stop).await, None);
    }
}
