//! Whether NATS stores what it is given, and whether the events of runs reach back as far as is promised.
//!
//! In: a block that is stored every few seconds, what RUNS holds, the number of hosts. Out: the answer to who asks
//! (`vigilo.planner.conditions`), a larger RUNS. Touches: NATS, the record by one count. Never: a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::storing::{CONDITIONS, Conditions, RunsHeld};
use bus::{Bus, StreamBounds};
use domain::Timestamp;
use domain::clock::Clock;
use domain::counted;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const EVERY: Duration = Duration::from_secs(5);
/// Of those looks, how many are between two at the hosts and at RUNS.
const LOOKS_BETWEEN: u32 = 12;
/// What RUNS promises to those who follow runs.
const PROMISED_DAYS: i64 = 30;

pub(crate) struct Storing {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) bounds: StreamBounds,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Storing {
    #[expect(clippy::disallowed_methods, reason = "what is around it ends at a stop")]
    pub(crate) async fn watch(self, stop: &CancellationToken) -> anyhow::Result<()> {
        let known = Arc::new(Mutex::new(Conditions::default()));
        let told = Arc::clone(&known);
        let answer = self.bus.answer(CONDITIONS, "planner", stop, move |_, _| {
            let now = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { now }
        });
        let looking = async {
            let mut looks = 0_u32;
            loop {
                let nats = self.nats().await;
                let runs = if looks.is_multiple_of(LOOKS_BETWEEN) {
                    self.runs().await
                } else {
                    known.lock().unwrap_or_else(PoisonError::into_inner).runs.clone()
                };
                let before = std::mem::replace(
                    &mut *known.lock().unwrap_or_else(PoisonError::into_inner),
                    Conditions {
                        nats: nats.clone(),
                        runs,
                    },
                );
                tell(before.nats.as_deref(), nats.as_deref());
                looks = looks.wrapping_add(1);
                tokio::time::sleep(EVERY).await;
            }
        };
        let looking = stop.run_until_cancelled(looking);
        let (answered, _stopped) = tokio::join!(answer, looking);
        Ok(answered?)
    }

    async fn nats(&self) -> Option<String> {
        let error = self.bus.store_canary().await.err()?;
        Some(format!(
            "NATS does not store what it is given ({error}): see the room on its disk; a store that met a write error \
             takes nothing until nats-server is started anew (`vigilo up` does that by itself)"
        ))
    }

    /// RUNS grows with the hosts; what it cannot hold is said.
    async fn runs(&self) -> Option<String> {
        match self.store.count_all_hosts().await {
            Ok(hosts) => {
                let grown = self.bus.set_runs_bound(self.bounds.runs_for(hosts)).await;
                if let Err(error) = grown {
                    warn!(%error, "the bound of RUNS cannot be applied; trying again");
                }
            }
            Err(error) => warn!(%error, "the hosts cannot be counted; trying again"),
        }
        short(self.bus.runs_held().await.ok()?, self.clock.now())
    }
}

fn tell(before: Option<&str>, now: Option<&str>) {
    match (before, now) {
        (None, Some(said)) => warn!("{said}"),
        (Some(_), None) => info!("NATS stores what it is given again"),
        (_, _) => {}
    }
}

/// In words, when it is full and its oldest event is too young.
fn short(held: RunsHeld, now: Timestamp) -> Option<String> {
    let full = held.bytes >= held.most_bytes / 10 * 9;
    let days = (now.get() - held.oldest?).whole_days();
    (full && days < PROMISED_DAYS).then(|| {
        format!(
            "the events of runs reach back {} and not {PROMISED_DAYS}: the stream RUNS is full at {} MiB; \
             raise streams.runs_mib (or runs_most_mib) of the planner",
            counted(days, "day"),
            held.most_bytes >> 20
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bytes: u64, days: i64) -> RunsHeld {
        RunsHeld {
            oldest: Some(at(100 - days).get()),
            bytes,
            most_bytes: 64 << 20,
        }
    }

    fn at(day: i64) -> Timestamp {
        Timestamp::from_unix(day * 86_400).expect("an instant")
    }

    #[test]
    fn a_full_stream_that_does_not_reach_back_is_said_with_its_numbers() {
        let said = short(held(63 << 20, 12), at(100)).expect("it is short");
        assert!(
            said.contains("12 days") && said.contains("64 MiB") && said.contains("streams.runs_mib"),
            "{said}"
        );
    }

    #[test]
    fn a_young_stream_with_room_and_an_old_full_one_are_fine() {
        assert_eq!(short(held(1 << 20, 12), at(100)), None);
        assert_eq!(short(held(64 << 20, 30), at(100)), None);
        let empty = RunsHeld {
            oldest: None,
            ..held(0, 0)
        };
        assert_eq!(short(empty, at(100)), None);
    }
}
