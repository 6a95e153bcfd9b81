//! When to try again if the other side did not say: a doubling wait with jitter, from the number of failures.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(600);

/// After this many failures of one step in a row a person is asked.
pub const PATIENCE: u32 = 5;

/// The wait before try `failures + 1`. `jitter` lies in `0.0..1.0` and takes up to half of the wait away, so that
/// a thousand runs that failed together do not return together.
pub fn wait_after(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    let full = doubled.min(LONGEST);
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_jitter_only_shortens() {
        assert_eq!(wait_after(0, 0.0), FIRST);
        assert_eq!(wait_after(3, 0.0), FIRST * 8);
        assert_eq!(wait_after(u32::MAX, 0.0), LONGEST);
        assert_eq!(wait_after(1, 1.0), FIRST);
    }
}
