//! Policies: how one hostname is renewed.

mod by_itself;
mod entry;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ari::Renewal;
use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::directory;
use crate::feasible;
use crate::host::Criticality;
use crate::ids::{HostId, PolicyId, WorkspaceId};
use crate::invalid::Invalid;
use crate::key_source::{self, KeySource};
use crate::keys::{KeyAlgorithm, KeyRotation};
use crate::names::{DnsName, Hostname};
use crate::provider::ProviderName;
use crate::target::{self, MOST_ENDPOINTS, Origin, Target};
use crate::window::{self, Window};

pub use crate::provider::Provider;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Challenge {
    #[default]
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "dns-01")]
    Dns01,
    #[serde(rename = "none")]
    None,
}

const LETSENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LETSENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// Names in one certificate: Let's Encrypt's classic profile allows 100.
const MOST_NAMES: usize = 100;
/// Longer than any certificate lives is a slip of the hand: nothing would be renewed any more.
const LONGEST_COOLDOWN: u32 = 366 * 24 * 3600;
const MOST_FALLBACKS: usize = 5;
const LONGEST_PROFILE: usize = 64;
const MOST_TARGETS: usize = 32;
const MOST_NOTIFIED: usize = 32;
/// RFC 5321 §4.5.3.1.3, with the brackets.
const LONGEST_ADDRESS: usize = 256;

/// What an operator says of a policy; the API's body of `POST /policies` and one line of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = key_source::shown_with_fields_of_before)]
pub struct NewPolicy {
    pub hostname: Hostname,
    /// Further names of the certificate.
    #[serde(default)]
    pub sans: Vec<DnsName>,
    #[serde(default = "letsencrypt")]
    pub provider: Provider,
    /// The CA's ACME directory; needed for `acme`, derived for `letsencrypt`.
    #[serde(default)]
    pub directory_url: Option<Url>,
    /// The CA's staging is meant, of the own provider and of the fallbacks.
    #[serde(default, alias = "key_backend_config", deserialize_with = "key_source::staging")]
    pub staging: bool,
    /// Who is asked instead, in this order, while the policy's own provider is down or out of quota for too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<ProviderName>,
    /// A cost-aware choice keeps to the policy's own provider.
    #[serde(default)]
    pub provider_pinned: bool,
    /// Certificates of ACM whose key can be exported are paid for at every renewal: only with this word.
    #[serde(default)]
    pub allow_exportable_acm: bool,
    #[serde(default)]
    pub challenge: Challenge,
    /// The ACME profile that is asked for, one of those that the CA's directory names; absent: the CA decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where the private key lives.
    #[serde(default, alias = "key_backend", deserialize_with = "key_source::key_source")]
    pub key_source: KeySource,
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
    #[serde(default)]
    pub key_rotation: KeyRotation,
    /// The least time between two live runs.
    #[serde(default)]
    pub cooldown_seconds: u32,
    /// Whether it renews itself when it is due; otherwise only when asked to.
    #[serde(default = "yes")]
    pub auto_renew: bool,
    /// Days before the end of what is served; absent: a third of the life, half of a life below ten days.
    #[serde(default)]
    pub renew_before_days: Option<u16>,
    #[serde(default)]
    pub dry_run_default: bool,
    #[serde(default)]
    pub notify_on_failure: Vec<String>,
    /// When the host may be touched; absent: as the tags of the host say, else at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    pub targets: Vec<Target>,
}

fn yes() -> bool {
    true
}

fn letsencrypt() -> Provider {
    Provider::Letsencrypt
}

impl NewPolicy {
    /// A plan that cannot work is refused here, when the policy is saved, with the reason.
    #[expect(clippy::too_many_lines, reason = "one check for each field")]
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_names()?;
        self.check_provider()?;
        self.check_fallbacks()?;
        self.check_key()?;
        self.check_profile()?;
        if self.sans.len() >= MOST_NAMES {
            let problem = format!("{} further names are too many", self.sans.len());
            return Err(Invalid::new(
                "sans",
                problem,
                "a certificate carries at most 100 names: use several policies",
            ));
        }
        if let Err(reasons) = feasible::feasible_anywhere(self) {
            return feasible::refusal(&reasons).map_or(Ok(()), Err);
        }
        if let Some(address) = self.notify_on_failure.iter().find(|address| !is_address(address)) {
            let problem = format!("{address:?} is no e-mail address");
            return Err(Invalid::new(
                "notify_on_failure",
                problem,
                "give addresses such as ops@example.org",
            ));
        }
        if self.notify_on_failure.len() > MOST_NOTIFIED {
            let problem = format!("{} are too many", self.notify_on_failure.len());
            let remedy = format!("give at most {MOST_NOTIFIED}; a mailing list reaches more");
            return Err(Invalid::new("notify_on_failure", problem, remedy));
        }
        if self.cooldown_seconds > LONGEST_COOLDOWN {
            let problem = format!("{} seconds are out of range", self.cooldown_seconds);
            let remedy = format!("give 0 to {LONGEST_COOLDOWN} (a year)");
            return Err(Invalid::new("cooldown_seconds", problem, remedy));
        }
        if self.renew_before_days == Some(0) {
            let remedy = "give 1 or more, or leave it out for a third of the certificate's life";
            return Err(Invalid::new("renew_before_days", "0 days is too late", remedy));
        }
        window::check(&self.windows)?;
        if self.targets.is_empty() {
            return Err(Invalid::new(
                "targets",
                "the list is empty",
                "name at least one place where the certificate is put",
            ));
        }
        self.check_targets()
    }

    /// What can only be watched has no policy.
    fn check_names(&self) -> Result<(), Invalid> {
        let own = DnsName::from(&self.hostname);
        let named = std::iter::once(("hostname".to_owned(), &own));
        let further = self.sans.iter().enumerate();
        let mut all = named.chain(further.map(|(index, name)| (format!("sans[{index}]"), name)));
        let refused = all.find_map(|(field, name)| name.unissuable().map(|why| (field, name, why)));
        refused.map_or(Ok(()), |(field, name, why)| {
            let problem = format!("this version cannot get a certificate for {name}: {why}");
            let remedy = "leave it out of policies; it can be watched all the same: vigilo host add";
            Err(Invalid::new(field, problem, remedy))
        })
    }

    fn check_targets(&self) -> Result<(), Invalid> {
        if self.targets.len() > MOST_TARGETS {
            let problem = format!("{} are too many", self.targets.len());
            return Err(Invalid::new("targets", problem, format!("name at most {MOST_TARGETS}")));
        }
        for (index, target) in self.targets.iter().enumerate() {
            let within = |refused: Invalid| refused.within(&format!("targets[{index}]"));
            target.body().check(Origin::Stored).map_err(within)?;
        }
        let many: usize = self.targets.iter().map(|one| one.body().common().serves_at.len()).sum();
        if many > MOST_ENDPOINTS {
            let problem = format!("all targets together name {many} addresses in serves_at");
            return Err(Invalid::new(
                "targets",
                problem,
                format!("name at most {MOST_ENDPOINTS}"),
            ));
        }
        target::check_places(&self.targets)
    }

    /// What this policy replaces, each in its one spelling: no two policies may share one.
    pub fn places(&self) -> BTreeSet<String> {
        let places = self.targets.iter().flat_map(|target| target.body().common().places);
        places.map(|place| place.name).collect()
    }

    fn check_provider(&self) -> Result<(), Invalid> {
        match self.provider {
            Provider::Letsencrypt | Provider::Acme => self.directory().map(|_| ()),
            Provider::AwsAcm | Provider::GcpCm | Provider::VaultPki | Provider::Manual => {
                let problem = "this provider is not served by this version";
                Err(Invalid::new(
                    "provider",
                    problem,
                    "use letsencrypt, or acme with a directory_url",
                ))
            }
        }
    }

    /// Whether the catalogue knows them is the catalogue's to say.
    fn check_fallbacks(&self) -> Result<(), Invalid> {
        if self.fallbacks.len() > MOST_FALLBACKS {
            let problem = format!("{} are too many", self.fallbacks.len());
            let remedy = format!("name at most {MOST_FALLBACKS}, in the order in which they are to be asked");
            return Err(Invalid::new("fallbacks", problem, remedy));
        }
        let own = self.directory()?;
        for (index, name) in self.fallbacks.iter().enumerate() {
            let is_own = matches!(name, ProviderName::Directory(url) if *url == own);
            if is_own || self.fallbacks[..index].contains(name) {
                let problem = format!("{name} is named already");
                let remedy = "name each once, and not the policy's own provider";
                return Err(Invalid::new(format!("fallbacks[{index}]"), problem, remedy));
            }
        }
        Ok(())
    }

    /// Whether the CA has it is known at the rehearsal.
    fn check_profile(&self) -> Result<(), Invalid> {
        let is_name =
            |name: &String| (1..=LONGEST_PROFILE).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        match &self.profile {
            Some(name) if !is_name(name) => Err(Invalid::new(
                "profile",
                format!("{name:?} is no name of a profile"),
                "use a name that the CA's directory lists, for example tlsserver, or leave it out",
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn check_key(&self) -> Result<(), Invalid> {
        let checked = self.key_source.body().check();
        checked.map_err(|refused| refused.within("key_source"))
    }

    /// The CA that this policy's orders go to.
    pub fn ca(&self) -> Result<CaRef, Invalid> {
        self.directory().map(CaRef::Acme)
    }

    fn directory(&self) -> Result<Url, Invalid> {
        match (&self.directory_url, self.provider) {
            (Some(url), _) => directory::check("directory_url", url).map(|()| url.clone()),
            (None, Provider::Letsencrypt) => parsed(if self.staging { LETSENCRYPT_STAGING } else { LETSENCRYPT }),
            (None, _) => Err(Invalid::new(
                "directory_url",
                "it is missing",
                "give the https URL of the CA's ACME directory",
            )),
        }
    }

    /// All names of the certificate, the hostname first, none twice.
    pub fn names(&self) -> Vec<DnsName> {
        let mut names = vec![DnsName::from(&self.hostname)];
        for name in &self.sans {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

fn parsed(url: &str) -> Result<Url, Invalid> {
    Url::parse(url).map_err(|e| Invalid::new("directory_url", e.to_string(), "give an https URL"))
}

fn is_address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.len() <= LONGEST_ADDRESS
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    pub id: PolicyId,
    pub workspace: WorkspaceId,
    pub host_id: HostId,
    #[serde(flatten)]
    pub spec: NewPolicy,
    pub created_at: Timestamp,
}

/// A policy with what its host adds; what the planner judges and composes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFacts {
    pub policy: Policy,
    pub port: u16,
    pub addresses: Vec<std::net::IpAddr>,
    pub criticality: Criticality,
    /// When the last live run of this policy was asked for, unless it was cancelled or refused.
    pub last_live_at: Option<Timestamp>,
    /// When the certificate ends that was last seen there.
    pub served_until: Option<Timestamp>,
    /// Those of the tags of its host.
    pub tag_windows: Vec<Window>,
    /// The certificate that a renewal replaces, when a run of ours got it and its CA was asked about it.
    pub renewal: Option<Renewal>,
}

impl PolicyFacts {
    /// When the host may be touched: as its policy says, else as any of its tags does.
    pub fn windows(&self) -> &[Window] {
        let own = &self.policy.spec.windows;
        if own.is_empty() { &self.tag_windows } else { own }
    }
}

#[cfg(test)]
mod tests;
