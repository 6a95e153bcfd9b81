//! How many orders a lane may have out. Pure.

use std::collections::HashMap;

use domain::plan::Lane;
use store::LaneRoom;

use crate::config::Windows;

/// The places of every lane, counted down as orders are released.
pub(crate) struct Rooms {
    windows: Windows,
    out: HashMap<Lane, i64>,
}

impl Rooms {
    pub(crate) fn new(windows: Windows, out: Vec<LaneRoom>) -> Self {
        Self {
            windows,
            out: out.into_iter().map(|room| (room.lane, room.out)).collect(),
        }
    }

    pub(crate) fn free(&self, lane: &Lane) -> i64 {
        (window(self.windows, lane) - self.out.get(lane).copied().unwrap_or(0)).max(0)
    }

    pub(crate) fn take(&mut self, lane: Lane) {
        *self.out.entry(lane).or_default() += 1;
    }

    pub(crate) fn give_back(&mut self, lane: Lane) {
        *self.out.entry(lane).or_default() -= 1;
    }
}

fn window(windows: Windows, lane: &Lane) -> i64 {
    i64::from(match lane.as_str() {
        "key-signer" => windows.key_signer,
        "deployer" => windows.deployer,
        "verifier" => windows.verifier,
        "tidy" => windows.tidy,
        "incident" => windows.incident,
        // One lane per CA: `issue <directory>`.
        _ => windows.acme_orders_per_ca,
    })
}
