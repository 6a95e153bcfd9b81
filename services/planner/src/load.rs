//! Loads what a judgement needs to know, in one place for requests, the schedule and bulk plans.
//!
//! In: hostnames of a workspace. Out: their facts. Touches: Postgres, read only. Never: a decision.

use domain::policy::PolicyFacts;
use domain::{PolicyId, Timestamp, WorkspaceId};
use store::{Store, StoreError};

use crate::decide::facts::Facts;

impl Facts {
    /// Of these hosts, those with an active policy.
    pub(crate) async fn load(
        store: &Store,
        workspace: &WorkspaceId,
        hostnames: &[String],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let policies: Vec<PolicyFacts> = store.policy_facts(workspace, hostnames).await?;
        let ids: Vec<PolicyId> = policies.iter().map(|one| one.policy.id).collect();
        let active = store.active_runs(&ids).await?;
        let catalogue = store.catalogue(workspace, now).await?;
        Ok(Self::new(catalogue, now).with(policies, active))
    }
}
