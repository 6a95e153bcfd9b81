//! How often each service asked for what: an opening too many of one of them is seen by its number.
//!
//! In: every answer. Out: a line of the log for who asked, once a minute. Never: a secret, a workspace, an end of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::secret::Purpose;
use protocol::custody::CustodyAnswer;
use protocol::subjects::Asker;
use tokio_util::sync::CancellationToken;
use tracing::info;

const EVERY: Duration = Duration::from_secs(60);

/// Who, what for, with which purpose.
type Key = (Asker, &'static str, &'static str);

#[derive(Default)]
pub(super) struct Tally(Mutex<BTreeMap<Key, Count>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    served: u64,
    refused: u64,
    /// Since this process began.
    ever: u64,
}

impl Tally {
    pub(super) fn count(&self, asker: Asker, what: &'static str, purpose: Purpose, answer: &CustodyAnswer) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((asker, what, purpose.as_str())).or_default();
        count.ever += 1;
        match answer {
            CustodyAnswer::Opened { .. } | CustodyAnswer::Sealed { .. } | CustodyAnswer::Recipient { .. } => {
                count.served += 1;
            }
            CustodyAnswer::Denied { .. } | CustodyAnswer::Unavailable { .. } => count.refused += 1,
        }
    }

    /// Tells what was counted, until `stop`, and then the rest.
    pub(super) async fn tell(&self, stop: &CancellationToken) {
        while chassis::pause(EVERY, stop).await.is_some() {
            self.tell_once();
        }
        self.tell_once();
    }

    fn tell_once(&self) {
        for ((who, what, purpose), count) in self.taken() {
            let Count { served, refused, ever } = count;
            info!(%who, what, purpose, served, refused, ever, "custody, since the line before");
        }
    }

    /// What was counted since the last time.
    pub(super) fn taken(&self) -> Vec<(Key, Count)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = counts.iter_mut().filter(|(_, count)| count.served + count.refused > 0);
        news.map(|(key, count)| {
            let told = *count;
            (count.served, count.refused) = (0, 0);
            (*key, told)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use protocol::subjects::Worker;

    use super::*;

    #[test]
    fn each_asker_is_counted_for_itself_and_told_once() {
        let tally = Tally::default();
        let denied = CustodyAnswer::Denied {
            reason: "no".to_owned(),
        };
        let opened = CustodyAnswer::Recipient {
            public_key: "k".to_owned(),
        };
        let (issuer, deployer) = (Asker::Worker(Worker::Issuer), Asker::Worker(Worker::Deployer));
        for answer in [&opened, &denied, &denied] {
            tally.count(issuer, "open", Purpose::AcmeAccount, answer);
        }
        tally.count(deployer, "open", Purpose::LeafKey, &opened);
        let of = |asker, told: &[(Key, Count)]| {
            told.iter()
                .find(|((who, ..), _)| *who == asker)
                .map(|(_, count)| *count)
        };
        let told = tally.taken();
        let count = |served, refused, ever| Some(Count { served, refused, ever });
        assert_eq!(
            (of(issuer, &told), of(deployer, &told)),
            (count(1, 2, 3), count(1, 0, 1))
        );
        assert_eq!(tally.taken(), []);
        tally.count(issuer, "open", Purpose::AcmeAccount, &opened);
        assert_eq!(of(issuer, &tally.taken()), count(1, 0, 4));
    }
}
