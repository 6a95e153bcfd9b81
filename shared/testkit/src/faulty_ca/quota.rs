//! How many new orders the CA takes: so many at once, then one per period (GCRA, as Boulder counts).

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Quota {
    burst: u32,
    period: Duration,
    /// The theoretical arrival time.
    next: Instant,
    refused: usize,
}

impl Quota {
    pub(super) fn new(burst: u32, period: Duration) -> Self {
        Self {
            burst,
            period,
            next: Instant::now(),
            refused: 0,
        }
    }

    /// Counts an order, or says how long to wait.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let reach = self.period * self.burst.saturating_sub(1);
        let ahead = self.next.saturating_duration_since(now);
        if ahead > reach {
            self.refused += 1;
            return Err(ahead - reach);
        }
        self.next = self.next.max(now) + self.period;
        Ok(())
    }

    pub(super) fn refused(&self) -> usize {
        self.refused
    }
}
