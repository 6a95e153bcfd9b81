//! What people have said that paces the runs: limits of CAs, and how many targets of a group at once.
//!
//! In: rows. Out: a copy that is a few seconds old at most, so that no release reads them. Never: the counters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::ca::CaRef;
use domain::lane::Lane;
use domain::limit::Limit;
use store::{Store, StoreError};

const FRESH: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Rules {
    limits: Vec<Limit>,
    at_once: HashMap<Lane, u32>,
    has_holds: bool,
}

impl Rules {
    pub(crate) fn of(limits: Vec<Limit>, groups: impl IntoIterator<Item = (Lane, u32)>) -> Self {
        Self {
            limits: limits.into_iter().filter(|limit| limit.enabled).collect(),
            at_once: groups.into_iter().collect(),
            has_holds: false,
        }
    }

    /// Whether CAs have said something of whole accounts or domains that stands.
    pub(crate) fn has_holds(&self) -> bool {
        self.has_holds
    }

    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    pub(crate) fn limit(&self, id: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.id == id)
    }

    pub(crate) fn limits_of(&self, ca: &CaRef) -> bool {
        self.limits.iter().any(|limit| limit.ca == *ca)
    }

    /// None: as many as the deployers can.
    pub(crate) fn at_once(&self, group: &Lane) -> Option<u32> {
        self.at_once.get(group).copied()
    }
}

/// The copy, and how old it is.
#[derive(Default)]
pub(crate) struct RuleBook {
    copy: Mutex<Option<(Timestamp, Arc<Rules>)>>,
}

impl RuleBook {
    /// What was read is old already.
    pub(crate) fn forget(&self) {
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) async fn current(&self, store: &Store, now: Timestamp) -> Result<Arc<Rules>, StoreError> {
        if let Some((read_at, rules)) = &*self.copy.lock().unwrap_or_else(PoisonError::into_inner)
            && now < read_at.plus(FRESH)
        {
            return Ok(Arc::clone(rules));
        }
        let groups = store.target_groups(None).await?.into_iter().filter_map(|group| {
            let workspace = group.workspace.parse().ok()?;
            Some((Lane::group(&workspace, &group.name), group.at_once))
        });
        let has_holds = store.has_ca_holds().await?;
        let rules = Arc::new(Rules {
            has_holds,
            ..Rules::of(store.limits().await?, groups)
        });
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&rules)));
        Ok(rules)
    }
}
