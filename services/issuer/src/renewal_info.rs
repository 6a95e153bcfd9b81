//! Asks CAs about certificates, beside any run, whenever the planner wants to know.
//!
//! In: asks. Out: what the CA answered, by name. Never: takes a slot from the orders of runs, keeps anything.

use std::sync::Arc;

use bus::aside::serve_each;
use bus::inbox::{Delivery, Inbox};
use bus::topology::Reader;
use bus::{Bus, BusError, SystemClock};
use domain::clock::Clock;
use protocol::SCHEMA;
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ca::acme::RenewalInfo;

/// A question is one small GET.
const AT_ONCE: usize = 16;

/// Answers asks until `stop`; those in hand are finished.
pub(crate) async fn answer(bus: Bus, cas: RenewalInfo, stop: &CancellationToken) -> Result<(), BusError> {
    let asks = Inbox::open(bus.clone(), Reader::renewal_info_asks(), AT_ONCE).await?;
    let desk = Arc::new(Desk { bus, cas });
    serve_each(asks, AT_ONCE, stop, |ask| Arc::clone(&desk).serve(ask)).await
}

struct Desk {
    bus: Bus,
    cas: RenewalInfo,
}

impl Desk {
    /// An ask that is too old has been asked again. What cannot be told now is delivered again.
    async fn serve(self: Arc<Self>, ask: Delivery<RenewalInfoAsk>) {
        if SystemClock.now() < ask.value.until {
            let told = self.told(&ask.value).await;
            if let Err(error) = self.bus.publish_renewal_info_told(&told).await {
                warn!(%error, host = %ask.value.host_id, "what a CA answered could not be told; it is asked again");
                return;
            }
        }
        ask.ack().await;
    }

    async fn told(&self, ask: &RenewalInfoAsk) -> RenewalInfoTold {
        let answer = self.cas.ask(&ask.directory_url, &ask.cert_id).await;
        RenewalInfoTold {
            schema: SCHEMA,
            workspace: ask.workspace.clone(),
            host_id: ask.host_id,
            cert_id: ask.cert_id.clone(),
            asked_at: ask.asked_at,
            told_at: SystemClock.now(),
            answer,
        }
    }
}
