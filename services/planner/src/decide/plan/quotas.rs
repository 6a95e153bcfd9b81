//! What the CAs' limits leave for a plan: the counters of now, drawn from in memory line by line. Pure.
//!
//! In: limits, counters, orders. Out: when an order fits, and which limit says so. Never: a promise; other runs draw from
//! the same counters meanwhile, and the ledger has the last word.

use std::collections::HashMap;

use domain::ari::{self, Predecessor};
use domain::ca::CaRef;
use domain::forecast::{Forecast, Slot};
use domain::limit::{self, Ask, Book, Bucket, Limit, Renewal, Scope};
use domain::plan::Plan;
use domain::{DnsName, Timestamp, WorkspaceId};
use store::{BucketRow, PlannedOrder};

use crate::decide::quota::REMEMBERED;

/// Where it goes, for which names, and what it replaces.
type Order<'a> = (&'a CaRef, &'a [DnsName], Option<&'a Predecessor>);

fn order(plan: &Plan) -> Order<'_> {
    (&plan.choice.ca, &plan.names, plan.replaces.as_ref())
}

pub(crate) struct Quotas {
    /// Without limits nothing need be looked up.
    any: bool,
    /// Of exact sets of names.
    sets: Vec<Limit>,
    issued_at: HashMap<Bucket, Timestamp>,
    forecast: Forecast,
}

impl Quotas {
    pub(crate) fn new(limits: Vec<Limit>, rows: Vec<BucketRow>) -> Self {
        let issued = rows.iter().filter_map(|row| Some((row.bucket.clone(), row.issued_at?)));
        let issued_at = issued.collect();
        let book = Book::of(rows.into_iter().map(|row| (row.bucket, row.tat)));
        let is_set = |limit: &&Limit| limit.scope == Scope::ExactSet && limit.enabled;
        Self {
            any: limits.iter().any(|limit| limit.enabled),
            sets: limits.iter().filter(is_set).cloned().collect(),
            issued_at,
            forecast: Forecast::new(limits, book),
        }
    }

    /// When the order of this plan fits, not before `at`.
    pub(crate) fn slot(&self, workspace: &WorkspaceId, plan: &Plan, at: Timestamp) -> Slot {
        self.forecast.slot(&self.ask(workspace, order(plan), at), at)
    }

    /// Counts it as placed then.
    pub(crate) fn take(&mut self, workspace: &WorkspaceId, plan: &Plan, at: Timestamp) {
        let ask = self.ask(workspace, order(plan), at);
        self.forecast.take(&ask, at);
    }

    pub(crate) fn are_any(&self) -> bool {
        self.any
    }

    /// Counts an order of a line that was kept by another planner.
    pub(crate) fn take_again(&mut self, workspace: &WorkspaceId, order: &PlannedOrder) {
        let ask = self.ask(workspace, (&order.ca, &order.names, None), order.start_at);
        self.forecast.take(&ask, order.start_at);
    }

    fn ask<'a>(&self, workspace: &'a WorkspaceId, of: Order<'a>, at: Timestamp) -> Ask<'a> {
        let (ca, names, replaces) = of;
        let mut ask = Ask {
            workspace,
            ca,
            names,
            renewal: Renewal::No,
        };
        if ari::exempt(replaces, names, at) {
            ask.renewal = Renewal::Ari;
        } else if self.issued_before(&ask, at) {
            ask.renewal = Renewal::SameSet;
        }
        ask
    }

    fn issued_before(&self, ask: &Ask, at: Timestamp) -> bool {
        let of_ca = self.sets.iter().filter(|limit| limit.ca == *ask.ca);
        let mut buckets = of_ca.flat_map(|limit| {
            let keys = limit::keys(limit.scope, ask).into_iter();
            keys.map(|key| Bucket {
                limit: limit.id.clone(),
                key,
            })
        });
        buckets.any(|bucket| {
            self.issued_at
                .get(&bucket)
                .is_some_and(|issued| at < issued.plus(REMEMBERED))
        })
    }
}
