//! What the routes are given; each takes the part that it uses.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use bus::{Bus, SystemClock};
use custody::Sealer;
use domain::Timestamp;
use domain::clock::Clock;
use protocol::subjects::Asker;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::auth::Keys;
use crate::config::Config;
use crate::engines::Engines;
use crate::follow::Followers;
use crate::incidents::IncidentService;
use crate::planner::Planner;
use crate::rooms::Rooms;
use crate::routes::health::Checkup;

#[derive(Clone, FromRef)]
pub struct Console {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) planner: Planner,
    pub(crate) incidents: IncidentService,
    pub(crate) sealer: Sealer,
    pub(crate) keys: Keys,
    pub(crate) now: Now,
    pub(crate) timeout: Timeout,
    pub(crate) engines: Engines,
    pub(crate) followers: Followers,
    pub(crate) rooms: Rooms,
    pub(crate) checkup: Checkup,
}

/// Where the routes read the time.
#[derive(Clone)]
pub(crate) struct Now(Arc<dyn Clock>);

impl Now {
    pub(crate) fn read(&self) -> Timestamp {
        self.0.now()
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Timeout(pub Duration);

impl Console {
    pub fn new(config: &Config, store: Store, bus: Bus) -> Self {
        Self {
            store,
            planner: Planner::new(bus.clone()),
            incidents: IncidentService::new(bus.clone()),
            sealer: Sealer::new(bus.clone(), Asker::Console),
            bus,
            keys: Keys::new(&config.owner_token),
            now: Now(Arc::new(SystemClock)),
            timeout: Timeout(config.timeout()),
            engines: Engines::new(config.disk.clone()),
            followers: Followers::until(CancellationToken::new()),
            rooms: Rooms::default(),
            checkup: Checkup::default(),
        }
    }

    /// This state, with streams that end when the token fires.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.followers = Followers::until(stop);
        self
    }

    /// This state, reading the time from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.now = Now(Arc::new(clock));
        self
    }
}
