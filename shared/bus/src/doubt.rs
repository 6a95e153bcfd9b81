//! Which orders may have been carried out already.
//!
//! JetStream counts what it delivers again. But after a kill or a power cut a server's disk is up to a second behind, and what
//! was acknowledged comes back as if for the first time. So whatever was stored before we knew the server as it runs now is
//! in doubt, and asked about before anything is done.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::Message;
use domain::Timestamp;

/// So far apart are the clocks of a network at most.
const APART: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Doubt(Mutex<Option<Server>>);

/// A server has another identity after each start.
struct Server {
    id: String,
    known_since: Timestamp,
}

impl Doubt {
    pub(crate) fn is_about(&self, order: &Message, server: &str, now: Timestamp) -> bool {
        let since = self.known_since(server, now).plus(APART);
        let in_doubt = |info: async_nats::jetstream::message::Info<'_>| {
            info.delivered > 1 || Timestamp::new(info.published) < since
        };
        order.info().is_ok_and(in_doubt)
    }

    /// Now, when it is another one than before.
    pub(crate) fn known_since(&self, server: &str, now: Timestamp) -> Timestamp {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(same) if same.id == server => same.known_since,
            Some(_) | None => {
                *known = Some(Server {
                    id: server.to_owned(),
                    known_since: now,
                });
                now
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_since_its_start_was_seen() {
        let at = |seconds| Timestamp::EPOCH.plus(Duration::from_secs(seconds));
        let doubt = Doubt::default();
        let since: Vec<Timestamp> = [("a", 1), ("a", 5), ("b", 7), ("b", 9), ("a", 11)]
            .into_iter()
            .map(|(server, now)| doubt.known_since(server, at(now)))
            .collect();
        assert_eq!(since, [at(1), at(1), at(7), at(7), at(11)]);
    }
}
