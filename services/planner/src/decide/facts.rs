//! All that a judgement of policies needs to know, as it stood at one instant. Pure; `load` fills it from the record.

use std::collections::HashMap;

use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::{PolicyId, RunId, Timestamp};

/// What is known of some policies of one workspace.
pub(crate) struct Facts {
    /// As the record gives them.
    policies: Vec<PolicyFacts>,
    by_hostname: HashMap<String, usize>,
    active: HashMap<PolicyId, RunId>,
    pub catalogue: Catalogue,
    pub now: Timestamp,
}

/// A policy, and the live run of it that has not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownPolicy<'a> {
    pub facts: &'a PolicyFacts,
    pub active: Option<RunId>,
}

impl Facts {
    pub(crate) fn new(catalogue: Catalogue, now: Timestamp) -> Self {
        Self {
            policies: Vec::new(),
            by_hostname: HashMap::new(),
            active: HashMap::new(),
            catalogue,
            now,
        }
    }

    #[must_use]
    pub(crate) fn with(self, policies: Vec<PolicyFacts>, active: Vec<(PolicyId, RunId)>) -> Self {
        let hostnames = policies.iter().map(|one| one.policy.spec.hostname.to_string());
        Self {
            by_hostname: hostnames.zip(0..).collect(),
            active: active.into_iter().collect(),
            policies,
            ..self
        }
    }

    /// Nothing when the host has no active policy.
    pub(crate) fn of(&self, hostname: &str) -> Option<KnownPolicy<'_>> {
        let facts = self.policies.get(*self.by_hostname.get(hostname)?)?;
        Some(self.known(facts))
    }

    /// All of them, in the order of the record.
    pub(crate) fn all(&self) -> impl Iterator<Item = KnownPolicy<'_>> {
        self.policies.iter().map(|facts| self.known(facts))
    }

    fn known<'a>(&self, facts: &'a PolicyFacts) -> KnownPolicy<'a> {
        let active = self.active.get(&facts.policy.id).copied();
        KnownPolicy { facts, active }
    }
}
