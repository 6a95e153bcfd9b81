//! Following with a durable reader what incidents are about: of a hundred thousand runs that go well, one event each.

use std::time::Duration;

use domain::run::Status;
use protocol::event::RunEvent;

use crate::connection::{Bus, BusError};
use crate::inbox::{Gather, Inbox};
use crate::readers::Reader;

const AT_ONCE: usize = 64;
/// One look at the record tells for all of them that nothing is to be mended.
const GATHER: Gather = Gather {
    most: Duration::from_millis(50),
    enough: AT_ONCE,
};
/// The statuses that are trouble, or may end it.
pub(crate) const TROUBLE_AND_ITS_END: [Status; 4] = [
    Status::Failed,
    Status::NeedsManual,
    Status::Succeeded,
    Status::Cancelled,
];

impl Bus {
    /// Every event of trouble, and of its end.
    pub async fn trouble_and_its_end(&self, durable: &str) -> Result<Inbox<RunEvent>, BusError> {
        let reader = Reader::runs(durable, &TROUBLE_AND_ITS_END);
        Ok(Inbox::open(self.clone(), reader, AT_ONCE).await?.gathering(GATHER))
    }
}
