//! Whom a CA means that says that it is too much. Pure.

use std::collections::BTreeSet;

use domain::limit::{self, Need, Scope};
use store::LoadedRun;

use crate::decide::holds::Limited;

/// A limit as the CA has said it: what it counts, and the names that it says it of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub scope: Scope,
    pub of: &'a [String],
}

impl Said<'_> {
    /// Whether it is said of this name, or of one below it.
    fn is_of(self, name: &str) -> bool {
        let is_below = |said: &str| {
            said.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.of.iter().any(|said| is_below(said))
    }

    /// Whom it means where none of the CA's limits is known.
    pub(super) fn limited(self, run: &LoadedRun) -> Limited {
        match self.scope {
            Scope::Account => Limited::Account,
            Scope::RegisteredDomain => {
                let domains: BTreeSet<&str> = run.plan.names.iter().map(limit::registered_domain).collect();
                let named: Vec<&str> = domains.iter().copied().filter(|domain| self.is_of(domain)).collect();
                let meant = if named.is_empty() {
                    domains.into_iter().collect()
                } else {
                    named
                };
                Limited::Domains(meant.into_iter().map(str::to_owned).collect())
            }
            Scope::ExactSet | Scope::FailedAuthorization | Scope::ConsecutiveFailure => Limited::Run,
        }
    }

    /// Which of these needs it means.
    pub(super) fn blamed(self, needs: &[Need]) -> Option<&Need> {
        let of_scope = || needs.iter().filter(|need| need.scope == self.scope);
        // The last word of a bucket's key is the domain or the name.
        let is_named = |need: &&Need| {
            need.bucket
                .key
                .split(' ')
                .next_back()
                .is_some_and(|name| self.is_of(name))
        };
        of_scope().find(is_named).or_else(|| of_scope().next())
    }
}
