//! Which orders may have been carried out already.
//!
//! JetStream counts what it delivers again. But after a kill or a power cut a server's disk is up to a second behind, and what
//! was acknowledged comes back as if for the first time. So whatever was stored before we knew the server as it runs now is
//! in doubt, and asked about before anything is done.

use async_nats::jetstream::Message;
use tokio::sync::Mutex;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::streams::StreamName;

#[derive(Default)]
pub(crate) struct Doubt(Mutex<Option<Known>>);

struct Known {
    /// It has another one after each start.
    server: String,
    /// The last order that the stream had when we saw it there first.
    last: u64,
}

impl Doubt {
    pub(crate) async fn is_about(&self, order: &Message, bus: &Bus) -> bool {
        let Ok((delivered, place)) = order.info().map(|info| (info.delivered, info.stream_sequence)) else {
            return false;
        };
        if delivered > 1 {
            return true;
        }
        match self.last_of_before(bus).await {
            Ok(last) => place <= last,
            Err(error) => {
                warn!(%error, "whether an order was carried out already cannot be told by its place");
                true
            }
        }
    }

    /// Looked up once for each start of the server.
    pub(crate) async fn last_of_before(&self, bus: &Bus) -> Result<u64, BusError> {
        let server = bus.client.server_info().server_id;
        let mut known = self.0.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.server == server) {
            return Ok(known.last);
        }
        let orders = bus.stream.get_stream(StreamName::Orders.as_str()).await;
        let last = orders.map_err(BusError::unavailable)?.cached_info().state.last_sequence;
        *known = Some(Known { server, last });
        Ok(last)
    }
}
