//! While `vigilo up` runs: the room on its disk, and a NATS that stores nothing any more.
//!
//! In: the data directory, the login of the system account. Out: log lines when something changes, a restart of our own
//! NATS. Never: a restart while the disk is full (it would help nothing), or one after the other.

use std::path::PathBuf;
use std::time::Duration;

use bus::{Bus, Connection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::child::Restart;
use super::room;

const EVERY: Duration = Duration::from_secs(2);
/// A server that starts is given this long to be well.
const BETWEEN_RESTARTS: Duration = Duration::from_secs(20);
/// With less the store would meet the next write error at once.
const ROOM_FOR_A_RESTART_MIB: u64 = 16;

pub struct Watch {
    pub directory: PathBuf,
    pub low_mib: u64,
    /// Of our own NATS.
    pub nats: Option<(Connection, Restart)>,
}

impl Watch {
    pub async fn keep(self, stop: CancellationToken) {
        let mut room = Room { low: false };
        let mut nats = None;
        let mut restarted: Option<Instant> = None;
        while chassis::pause(EVERY, &stop).await.is_some() {
            let free = room::free_mib(&self.directory);
            room.tell(free, self.low_mib);
            let Some((login, restart)) = &self.nats else { continue };
            let rested = restarted.is_none_or(|at| at.elapsed() > BETWEEN_RESTARTS);
            let complaint = stop.run_until_cancelled(complaint(&mut nats, login)).await.flatten();
            if let Some(said) = complaint.filter(|_| rested && free >= ROOM_FOR_A_RESTART_MIB) {
                warn!(
                    said,
                    free_mib = free,
                    "NATS stores nothing any more: it is started anew, which heals it"
                );
                restart.now();
                restarted = Some(Instant::now());
            }
        }
    }
}

/// What the server says is wrong with its store. One that does not answer is started or reached again by others.
async fn complaint(bus: &mut Option<Bus>, login: &Connection) -> Option<String> {
    if bus.is_none() {
        *bus = Bus::connect(login, "vigilo up").await.ok();
    }
    bus.as_ref()?
        .server_complaint()
        .await
        .ok()
        .flatten()
        .filter(|said| is_stuck(said))
}

/// As nats-server 2.15 says it; other complaints, such as streams that are being read again, pass by themselves.
fn is_stuck(said: &str) -> bool {
    said.contains("write error")
}

struct Room {
    low: bool,
}

impl Room {
    /// Once for each change.
    fn tell(&mut self, free: u64, low_mib: u64) {
        let low = free < low_mib;
        if low && !self.low {
            warn!(
                "the disk of --data-dir has {free} MiB left, less than the {low_mib} MiB of up.room.low_mib: make room \
                 before NATS and Postgres cannot store"
            );
        }
        if !low && self.low {
            info!("the disk of --data-dir has {free} MiB left again");
        }
        self.low = low;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_error_is_healed_by_a_restart() {
        let full = "JetStream stream 'VIGILO > RUNS' write error: write 1.blk: no space left on device";
        assert!(is_stuck(full) && !is_stuck("JetStream is not current with the meta leader"));
    }

    #[test]
    fn a_disk_that_becomes_full_is_told_once() {
        let mut room = Room { low: false };
        room.tell(100, 512);
        assert!(room.low);
        room.tell(600, 512);
        assert!(!room.low);
    }
}
