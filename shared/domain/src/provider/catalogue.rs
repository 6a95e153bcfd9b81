//! The catalogue of one workspace, loaded once and read for many choices.

use super::{ProviderEntry, ProviderId, ProviderName};
use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::feasible::{self, Reason, feasible};
use crate::invalid::Invalid;
use crate::policy::NewPolicy;

#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Vec<ProviderEntry>,
    preferred: Vec<ProviderId>,
    /// Why each entry should be verified again, in the order of the entries.
    stale: Vec<Option<String>>,
}

impl Catalogue {
    /// `preferred` is the workspace's order; `now` decides which entries are old.
    pub fn new(entries: Vec<ProviderEntry>, preferred: Vec<ProviderId>, now: Timestamp) -> Self {
        let stale = entries.iter().map(|entry| entry.stale(now)).collect();
        Self {
            entries,
            preferred,
            stale,
        }
    }

    pub fn entries(&self) -> &[ProviderEntry] {
        &self.entries
    }

    pub fn preferred(&self) -> &[ProviderId] {
        &self.preferred
    }

    pub fn get(&self, id: &ProviderId) -> Option<&ProviderEntry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// The entry whose CA this is, or whose staging.
    pub fn at(&self, ca: &CaRef) -> Option<&ProviderEntry> {
        let is = |entry: &&ProviderEntry| {
            [false, true]
                .iter()
                .any(|staging| entry.ca(*staging).as_ref() == Some(ca))
        };
        self.entries.iter().find(is)
    }

    /// Why an entry should be verified again.
    pub fn stale(&self, id: &ProviderId) -> Option<&str> {
        let place = self.entries.iter().position(|entry| entry.id == *id)?;
        self.stale.get(place)?.as_deref()
    }

    /// The place in `preferred_provider`; none: not in it.
    pub fn preference(&self, id: &ProviderId) -> Option<usize> {
        self.preferred.iter().position(|one| one == id)
    }

    /// A policy that names a provider which there is not, or which can never issue, is refused when
    /// it is saved.
    pub fn check(&self, policy: &NewPolicy) -> Result<(), Invalid> {
        for (index, name) in policy.fallbacks.iter().enumerate() {
            let ProviderName::Id(id) = name else { continue };
            self.can_be_named(id)
                .map_err(|refused| refused.within(&format!("fallbacks[{index}]")))?;
            let own = policy.ca()?;
            if self.at(&own).is_some_and(|entry| entry.id == *id) {
                let problem = format!("{id} is the policy's own provider");
                let remedy = "name who is asked instead of it: vigilo provider list";
                return Err(Invalid::new(format!("fallbacks[{index}]"), problem, remedy));
            }
        }
        self.check_combination(policy)
    }

    /// At least one of those that the policy names must be able to carry it out, as far as the
    /// catalogue knows them.
    fn check_combination(&self, policy: &NewPolicy) -> Result<(), Invalid> {
        let own = policy.ca()?;
        let others = policy.fallbacks.iter().map(|name| match name {
            ProviderName::Id(id) => self.get(id),
            ProviderName::Directory(url) => self.at(&CaRef::Acme(url.clone())),
        });
        let mut against: Vec<(&ProviderEntry, Vec<Reason>)> = Vec::new();
        for named in std::iter::once(self.at(&own)).chain(others) {
            let Some(entry) = named else { return Ok(()) };
            let mut reasons = feasible(policy, entry).err().unwrap_or_default();
            reasons.retain(Reason::is_of_the_combination);
            if reasons.is_empty() {
                return Ok(());
            }
            against.push((entry, reasons));
        }
        match against.as_slice() {
            [] => Ok(()),
            [(entry, reasons)] => feasible::refusal(reasons).map_or(Ok(()), |refused| {
                let problem = format!("{}: {}", entry.title, refused.problem);
                Err(Invalid { problem, ..refused })
            }),
            several => {
                let each = several
                    .iter()
                    .map(|(entry, reasons)| format!("{}: {}", entry.title, feasible::in_words(reasons)));
                let problem = each.collect::<Vec<_>>().join(". ");
                let remedy =
                    "change the policy, or name a provider that can; vigilo provider list shows what each can do";
                Err(Invalid::new("provider", problem, remedy))
            }
        }
    }

    /// Whether a policy or request may name it as what shall issue; the refusal has no field of its
    /// own.
    pub fn can_be_named(&self, id: &ProviderId) -> Result<(), Invalid> {
        let remedy = "vigilo provider list shows the providers, and which of them are served";
        match self.get(id) {
            None => Err(Invalid::new("", format!("there is no provider {id}"), remedy)),
            Some(entry) if !entry.served => {
                let problem = format!("{} is not served by this version", entry.title);
                Err(Invalid::new("", problem, remedy))
            }
            Some(_) => Ok(()),
        }
    }
}
