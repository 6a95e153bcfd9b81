//! Who takes part in a choice: those whom the policy names, and the catalogue.

use std::borrow::Cow;

use domain::ca::CaRef;
use domain::feasible::{feasible, in_words};
use domain::plan::Candidate;
use domain::policy::{NewPolicy, Provider};
use domain::provider::{Catalogue, ProviderEntry, ProviderId, ProviderName};

/// A provider that is looked at.
pub(super) struct Contender<'a> {
    entry: Option<&'a ProviderEntry>,
    kind: Provider,
    /// Its place in the policy: 0 is the own one, then the fallbacks.
    named: Option<usize>,
    cost: Option<u64>,
    /// Where it would be asked, or what speaks against it.
    standing: Result<CaRef, Cow<'static, str>>,
}

/// A contender that nothing speaks against.
pub(super) struct Fit<'a> {
    pub entry: Option<&'a ProviderEntry>,
    pub kind: Provider,
    pub named: Option<usize>,
    /// Nothing when it is not known.
    pub cost: Option<u64>,
    pub ca: CaRef,
}

impl<'a> Fit<'a> {
    pub fn id(&self) -> Option<&'a ProviderId> {
        self.entry.map(|entry| &entry.id)
    }

    pub fn title(&self) -> String {
        self.entry
            .map_or_else(|| self.ca.to_string(), |entry| entry.title.clone())
    }

    pub fn lost(self, because: String) -> Candidate {
        Candidate {
            provider: self.kind,
            id: self.id().cloned(),
            ca: Some(self.ca),
            cost_micro_usd: self.cost,
            because,
        }
    }
}

/// Those that fit, in order, and the others with what speaks against them.
pub(super) fn sorted(all: Vec<Contender<'_>>) -> (Vec<Fit<'_>>, Vec<Candidate>) {
    let (mut fits, mut misfits) = (Vec::new(), Vec::new());
    for one in all {
        let Contender {
            entry,
            kind,
            named,
            cost,
            standing,
        } = one;
        match standing {
            Ok(ca) => fits.push(Fit {
                entry,
                kind,
                named,
                cost,
                ca,
            }),
            Err(because) => misfits.push(Candidate {
                provider: kind,
                id: entry.map(|entry| entry.id.clone()),
                ca: entry.and_then(|entry| entry.ca(false)),
                cost_micro_usd: cost,
                because: because.into_owned(),
            }),
        }
    }
    (fits, misfits)
}

impl<'a> Contender<'a> {
    fn of_entry(entry: &'a ProviderEntry, spec: &NewPolicy) -> Self {
        let staging = spec.staging;
        Self {
            entry: Some(entry),
            kind: entry.kind,
            named: None,
            cost: price(entry, staging, spec),
            standing: standing(entry, entry.ca(staging), spec),
        }
    }

    fn impossible(kind: Provider, against: impl Into<Cow<'static, str>>) -> Self {
        Self {
            entry: None,
            kind,
            named: None,
            cost: None,
            standing: Err(against.into()),
        }
    }

    /// The CA holds as the policy writes it. Of a CA that is not in the catalogue only that is
    /// known: whether it can issue shows when it is asked.
    fn at(ca: &CaRef, kind: Provider, spec: &NewPolicy, catalogue: &'a Catalogue) -> Self {
        let Some(entry) = catalogue.at(ca) else {
            return Self {
                standing: Ok(ca.clone()),
                ..Self::impossible(kind, "")
            };
        };
        let staging = entry.ca(false).as_ref() != Some(ca);
        Self {
            cost: price(entry, staging, spec),
            standing: standing(entry, Some(ca.clone()), spec),
            ..Self::of_entry(entry, spec)
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self.entry, other.entry) {
            (Some(one), Some(two)) => one.id == two.id && self.standing == other.standing,
            (None, None) => self.standing == other.standing,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// What a staging issues is of no use, and is not sold.
fn price(entry: &ProviderEntry, staging: bool, spec: &NewPolicy) -> Option<u64> {
    if staging {
        Some(0)
    } else {
        entry.price.of(&spec.names())
    }
}

fn standing(entry: &ProviderEntry, ca: Option<CaRef>, spec: &NewPolicy) -> Result<CaRef, Cow<'static, str>> {
    if let Err(reasons) = feasible(spec, entry) {
        return Err(in_words(&reasons).into());
    }
    match ca {
        Some(ca) => Ok(ca),
        None if spec.staging => Err("it has no staging, which the policy asks for".into()),
        None => Err("its directory is not known".into()),
    }
}

/// The policy's own provider and its fallbacks, in this order, none twice.
pub(super) fn named<'a>(spec: &NewPolicy, catalogue: &'a Catalogue) -> Vec<Contender<'a>> {
    let others = spec.fallbacks.iter().map(|name| match name {
        ProviderName::Id(id) => match catalogue.get(id) {
            Some(entry) => Contender::of_entry(entry, spec),
            None => Contender::impossible(Provider::Acme, format!("there is no provider {id}")),
        },
        ProviderName::Directory(url) => Contender::at(&CaRef::Acme(url.clone()), Provider::Acme, spec, catalogue),
    });
    let mut chain: Vec<Contender<'a>> = Vec::with_capacity(1 + spec.fallbacks.len());
    for one in std::iter::once(own(spec, catalogue)).chain(others) {
        if !chain.iter().any(|other| other.is(&one)) {
            let named = Some(chain.len());
            chain.push(Contender { named, ..one });
        }
    }
    chain
}

fn own<'a>(spec: &NewPolicy, catalogue: &'a Catalogue) -> Contender<'a> {
    match spec.provider {
        Provider::Letsencrypt | Provider::Acme => match spec.ca() {
            Ok(ca) => Contender::at(&ca, spec.provider, spec, catalogue),
            Err(refused) => Contender::impossible(spec.provider, refused.to_string()),
        },
        Provider::AwsAcm | Provider::GcpCm | Provider::VaultPki | Provider::Manual => {
            let of_kind = catalogue.entries().iter().filter(|entry| entry.kind == spec.provider);
            match of_kind.min_by_key(|entry| entry.rank) {
                Some(entry) => Contender::of_entry(entry, spec),
                None => Contender::impossible(spec.provider, "it is not in the catalogue"),
            }
        }
    }
}

/// Those whom the policy names, then the rest of the catalogue, each once.
pub(super) fn everyone<'a>(spec: &NewPolicy, catalogue: &'a Catalogue) -> Vec<Contender<'a>> {
    let mut all = named(spec, catalogue);
    let of_policy = all.len();
    for entry in catalogue.entries() {
        let named = all[..of_policy].iter().filter_map(|one| one.entry);
        if named.into_iter().all(|other| other.id != entry.id) {
            all.push(Contender::of_entry(entry, spec));
        }
    }
    for one in &mut all {
        if let (Ok(_), Some(against)) = (&one.standing, not_allowed(one, spec, catalogue)) {
            one.standing = Err(against.into());
        }
    }
    all
}

/// A CA that neither the policy nor the workspace has named is never chosen.
fn not_allowed(one: &Contender<'_>, spec: &NewPolicy, catalogue: &Catalogue) -> Option<&'static str> {
    let preferred = one.entry.is_some_and(|entry| catalogue.preference(&entry.id).is_some());
    match one.named {
        Some(0) => None,
        Some(_) | None if spec.provider_pinned => Some("the policy pins its own provider"),
        Some(_) => None,
        None if preferred => None,
        None => Some("neither the policy nor preferred_provider names it"),
    }
}
