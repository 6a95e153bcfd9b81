//! Asks CAs about certificates, beside any run, whenever the planner wants to know.
//!
//! In: asks. Out: what the CA answered, by name. Never: takes a slot from the orders of runs, keeps
//! anything.

use std::sync::Arc;

use bus::aside::serve_each;
use bus::inbox::{Delivery, Inbox};
use bus::readers::Reader;
use bus::{Bus, BusError, SystemClock};
use domain::ari::RenewalInfoAnswer;
use domain::clock::Clock;
use futures::future::join_all;
use protocol::SCHEMA;
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold, Served, Told};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::ca::Authorities;

/// Each is about a handful of certificates, and a question about one is a small GET: they go out
/// side by side.
const AT_ONCE: usize = 2;

pub(crate) async fn open(bus: &Bus) -> Result<Inbox<RenewalInfoAsk>, BusError> {
    Inbox::open(bus.clone(), Reader::renewal_info_asks(), AT_ONCE).await
}

/// Answers asks until `stop`; those in flight are finished.
pub(crate) async fn answer(
    bus: Bus,
    asks: Inbox<RenewalInfoAsk>,
    cas: Arc<Authorities>,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let responder = Arc::new(RenewalInfoResponder { bus, cas });
    serve_each(asks, AT_ONCE, stop, |ask| Arc::clone(&responder).serve(ask)).await
}

struct RenewalInfoResponder {
    bus: Bus,
    cas: Arc<Authorities>,
}

impl RenewalInfoResponder {
    /// An ask that is too old has been asked again. What cannot be told now is delivered again.
    async fn serve(self: Arc<Self>, ask: Delivery<RenewalInfoAsk>) {
        if SystemClock.now() < ask.value.until {
            let told = self.answer(&ask.value).await;
            if let Err(error) = self.bus.publish_renewal_info_told(&told).await {
                warn!(%error, ca = %ask.value.ca, "what a CA answered could not be told; it is asked again");
                return;
            }
        }
        ask.ack().await;
    }

    async fn answer(&self, ask: &RenewalInfoAsk) -> RenewalInfoTold {
        let more = join_all(ask.more.iter().map(|served| self.ask_ca(ask, served)));
        let (first, more) = tokio::join!(self.ask_ca(ask, &ask.first), more);
        RenewalInfoTold {
            schema: SCHEMA,
            workspace: ask.workspace.clone(),
            first,
            more,
        }
    }

    async fn ask_ca(&self, ask: &RenewalInfoAsk, served: &Served) -> Told {
        let answer = match self.cas.of(&ask.ca) {
            Ok(ca) => ca.renewal_info(&ask.ca, &served.cert_id).await,
            Err(_) => RenewalInfoAnswer::NotOffered,
        };
        Told {
            host_id: served.host_id,
            cert_id: served.cert_id.clone(),
            asked_at: ask.asked_at,
            told_at: SystemClock.now(),
            answer,
        }
    }
}
