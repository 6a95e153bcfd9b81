//! The machine's clock behind the trait of `domain`: the one place where the wall clock is read.

use std::time::SystemTime;

use domain::Timestamp;
use domain::clock::Clock;

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp::nearest(SystemTime::now().into())
    }
}
