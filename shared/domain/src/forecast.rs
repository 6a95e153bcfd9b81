//! When orders will fit under the limits of their CAs: the same buckets as the ledger's, drawn from in memory. Pure.
//!
//! In: limits, the present state of their buckets, one order after the other. Out: when each can go, and which limit
//! says so. Never: a promise; other runs draw from the same buckets meanwhile.

use crate::clock::Timestamp;
use crate::limit::{Ask, Book, Limit, needs};

#[derive(Debug, Clone, Default)]
pub struct Forecast {
    limits: Vec<Limit>,
    book: Book,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub at: Timestamp,
    /// The limit that keeps it from going earlier; none when nothing does.
    pub binding: Option<String>,
}

impl Forecast {
    pub fn new(limits: Vec<Limit>, book: Book) -> Self {
        Self { limits, book }
    }

    /// When this order can go, not before then. Takes nothing.
    pub fn slot(&self, ask: &Ask, not_before: Timestamp) -> Slot {
        let needs = needs(&self.limits, ask);
        match self.book.refusal(&needs, not_before) {
            None => Slot {
                at: not_before,
                binding: None,
            },
            Some(refusal) => Slot {
                at: refusal.allowed_at,
                binding: Some(refusal.need.title.clone()),
            },
        }
    }

    /// Counts this order as placed at that instant.
    pub fn take(&mut self, ask: &Ask, at: Timestamp) {
        for need in needs(&self.limits, ask).iter().filter(|need| need.takes) {
            self.book.spend(&need.bucket, need.rate, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ids::WorkspaceId;
    use crate::limit::{Renewal, Scope};
    use crate::names::DnsName;

    fn limit(id: &str, scope: Scope, burst: u32, period_seconds: u32) -> Limit {
        Limit {
            id: id.to_owned(),
            ca: "https://ca.example.org/dir".parse().expect("a CA"),
            scope,
            title: id.to_owned(),
            burst,
            period_seconds,
            source: "a test".to_owned(),
            last_verified: "2026-08-05".to_owned(),
            enabled: true,
        }
    }

    #[test]
    fn orders_are_laid_out_as_the_narrowest_limit_allows() {
        let limits = vec![
            limit("orders", Scope::Account, 3, 36),
            limit("domain", Scope::RegisteredDomain, 2, 600),
        ];
        let mut forecast = Forecast::new(limits, Book::default());
        let (workspace, ca) = (
            WorkspaceId::default_workspace(),
            "https://ca.example.org/dir".parse().expect("a CA"),
        );
        let start = Timestamp::EPOCH.plus(Duration::from_secs(1_000));
        let mut slots = Vec::new();
        for name in ["a.one.org", "b.one.org", "c.one.org", "a.two.org", "b.two.org"] {
            let names: Vec<DnsName> = vec![name.parse().expect("a name")];
            let ask = Ask {
                workspace: &workspace,
                ca: &ca,
                names: &names,
                renewal: Renewal::No,
            };
            let slot = forecast.slot(&ask, start);
            forecast.take(&ask, slot.at);
            slots.push((slot.at.since(start).as_secs(), slot.binding));
        }
        let bound = |limit: &str| Some(limit.to_owned());
        assert_eq!(slots[..2], [(0, None), (0, None)]);
        assert_eq!(slots[2], (600, bound("domain")));
        // The third order of the account was laid out late: what comes after it in the list goes after it.
        assert!(slots[3].0 >= 564 && slots[4].0 >= slots[3].0, "{slots:?}");
    }
}
