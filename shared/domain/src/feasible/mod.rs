//! Whether a provider can issue what a policy asks for, and whether it can be used where the policy puts it: challenge × key ×
//! target × provider. Pure. Nothing else judges these: saving a policy and choosing its provider both ask here.

use std::fmt;

use crate::counted;
use crate::invalid::Invalid;
use crate::keys::KeyAlgorithm;
use crate::names::DnsName;
use crate::policy::{Challenge, NewPolicy};
use crate::provider::{Abilities, ProviderEntry};

/// One thing that speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// This version proves names by http-01 alone.
    ChallengeNotServed,
    KeySourceNotServed,
    WildcardByHttp01(DnsName),
    /// The key never leaves its source, and this target needs it.
    KeyStays {
        index: usize,
        target: String,
    },
    /// A secret that the key source or a target needs: this version keeps none by name.
    NoSuchSecret {
        field: String,
        name: String,
    },
    /// Paid for at every renewal, and the policy does not allow that.
    SoldAtEveryRenewal,
    ExternalAccount,
    ProviderNotServed,
    Disabled,
    NoSuchChallenge(Challenge),
    NoSuchProfile(String),
    TooManyNames {
        names: usize,
        most: u16,
    },
    NoWildcard(DnsName),
    NoSuchKey(KeyAlgorithm),
    NoCsrOfThisSource,
    NotUsableAt {
        index: usize,
        target: String,
    },
}

/// Every reason why this provider cannot carry out this policy.
pub fn feasible(policy: &NewPolicy, provider: &ProviderEntry) -> Result<(), Vec<Reason>> {
    let can = &provider.abilities;
    let mut reasons = Vec::new();
    reasons.extend(of_entry(policy, provider));
    reasons.extend(of_names(policy, can));
    reasons.extend(of_key(policy, can));
    reasons.extend(of_targets(policy, can));
    reasons.extend(alone(policy));
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

/// The part that holds whoever the provider is.
pub fn feasible_anywhere(policy: &NewPolicy) -> Result<(), Vec<Reason>> {
    let reasons: Vec<Reason> = alone(policy).collect();
    if reasons.is_empty() { Ok(()) } else { Err(reasons) }
}

fn alone(policy: &NewPolicy) -> impl Iterator<Item = Reason> {
    let source = policy.key_source.body();
    let is_proven_so = policy.challenge == Challenge::Http01;
    let wildcard = policy.sans.iter().find(|name| is_proven_so && name.is_wildcard());
    let targets = policy.targets.iter().enumerate();
    let stays = targets.filter(|(_, target)| !source.gives_key_away() && target.body().imports_key());
    let stays = stays.map(|(index, target)| Reason::KeyStays {
        index,
        target: target.body().title(),
    });
    let challenge = (!is_proven_so).then_some(Reason::ChallengeNotServed);
    let key = (!source.is_served()).then_some(Reason::KeySourceNotServed);
    let wildcard = wildcard.cloned().map(Reason::WildcardByHttp01);
    let made_so = challenge.into_iter().chain(key).chain(wildcard);
    made_so.chain(stays).chain(secrets(policy))
}

/// What is kept by name is nothing yet, and an order without a secret that it needs carries out nothing.
fn secrets(policy: &NewPolicy) -> impl Iterator<Item = Reason> {
    let of_source = policy.key_source.body().secrets();
    let of_source = of_source.into_iter().map(|name| ("key_source".to_owned(), name));
    let of_targets = policy.targets.iter().enumerate().flat_map(|(index, target)| {
        let names = target.body().secrets().into_iter();
        names.map(move |name| (format!("targets[{index}]"), name))
    });
    of_source.chain(of_targets).map(|(field, name)| Reason::NoSuchSecret {
        field,
        name: name.to_owned(),
    })
}

fn of_entry(policy: &NewPolicy, provider: &ProviderEntry) -> impl Iterator<Item = Reason> {
    let can = &provider.abilities;
    let is_sold = can.exports_key_for_money && !policy.allow_exportable_acm;
    let reasons = [
        is_sold.then_some(Reason::SoldAtEveryRenewal),
        can.external_account.then_some(Reason::ExternalAccount),
        (!provider.served).then_some(Reason::ProviderNotServed),
        (!provider.enabled).then_some(Reason::Disabled),
    ];
    reasons.into_iter().flatten()
}

fn of_names(policy: &NewPolicy, can: &Abilities) -> impl Iterator<Item = Reason> {
    let challenge = (!can.challenges.contains(&policy.challenge)).then_some(Reason::NoSuchChallenge(policy.challenge));
    let is_missing = |profile: &&String| !can.profiles.is_empty() && !can.profiles.contains(profile);
    let profile = policy.profile.as_ref().filter(is_missing);
    let names = policy.sans.len() + 1;
    let most = can.max_names.filter(|most| names > usize::from(*most));
    let wildcard = policy.sans.iter().find(|name| !can.wildcard && name.is_wildcard());
    let reasons = [
        challenge,
        profile.cloned().map(Reason::NoSuchProfile),
        most.map(|most| Reason::TooManyNames { names, most }),
        wildcard.cloned().map(Reason::NoWildcard),
    ];
    reasons.into_iter().flatten()
}

fn of_key(policy: &NewPolicy, can: &Abilities) -> impl Iterator<Item = Reason> {
    let is_taken = can.key_algorithms.contains(&policy.key_algorithm);
    let takes_csr = can.key_backends.contains(&policy.key_source.body().kind());
    let reasons = [
        (!is_taken).then_some(Reason::NoSuchKey(policy.key_algorithm)),
        (!takes_csr).then_some(Reason::NoCsrOfThisSource),
    ];
    reasons.into_iter().flatten()
}

fn of_targets(policy: &NewPolicy, can: &Abilities) -> impl Iterator<Item = Reason> {
    let targets = policy.targets.iter().enumerate().filter(|_| !can.targets.is_empty());
    let others = targets.filter(|(_, target)| {
        let kind = target.body().common().kind;
        can.targets.iter().all(|other| other != kind)
    });
    others.map(|(index, target)| Reason::NotUsableAt {
        index,
        target: target.body().title(),
    })
}

impl Reason {
    /// Whether only another policy, or another description of the provider, makes it good: such a policy is not saved. What an
    /// operator or a later version changes is no reason to refuse a policy.
    pub const fn is_of_the_combination(&self) -> bool {
        match self {
            Self::ChallengeNotServed
            | Self::KeySourceNotServed
            | Self::WildcardByHttp01(_)
            | Self::KeyStays { .. }
            | Self::NoSuchSecret { .. }
            | Self::NoSuchChallenge(_)
            | Self::NoSuchProfile(_)
            | Self::TooManyNames { .. }
            | Self::NoWildcard(_)
            | Self::NoSuchKey(_)
            | Self::NoCsrOfThisSource
            | Self::NotUsableAt { .. } => true,
            Self::SoldAtEveryRenewal | Self::ExternalAccount | Self::ProviderNotServed | Self::Disabled => false,
        }
    }

    /// The field of the policy that is in the way.
    fn field(&self) -> String {
        match self {
            Self::ChallengeNotServed | Self::NoSuchChallenge(_) => "challenge".to_owned(),
            Self::KeySourceNotServed | Self::NoCsrOfThisSource => "key_source".to_owned(),
            Self::WildcardByHttp01(_) | Self::TooManyNames { .. } | Self::NoWildcard(_) => "sans".to_owned(),
            Self::NoSuchSecret { field, .. } => field.clone(),
            Self::KeyStays { index, .. } | Self::NotUsableAt { index, .. } => format!("targets[{index}]"),
            Self::NoSuchProfile(_) => "profile".to_owned(),
            Self::NoSuchKey(_) => "key_algorithm".to_owned(),
            Self::SoldAtEveryRenewal => "allow_exportable_acm".to_owned(),
            Self::ExternalAccount | Self::ProviderNotServed | Self::Disabled => "provider".to_owned(),
        }
    }

    const fn remedy(&self) -> &'static str {
        match self {
            Self::ChallengeNotServed => "use http-01",
            Self::KeySourceNotServed => "use local",
            Self::WildcardByHttp01(_) => "leave the wildcard out: wildcards need dns-01 (RFC 8555 §7.1.3)",
            Self::KeyStays { .. } => "use the key source local, or a target that takes the chain alone",
            Self::NoSuchSecret { .. } => "use one that needs no secret",
            Self::SoldAtEveryRenewal => "say allow_exportable_acm, or use another provider",
            Self::TooManyNames { .. } => "use several policies, or another provider",
            Self::ExternalAccount
            | Self::ProviderNotServed
            | Self::Disabled
            | Self::NoSuchChallenge(_)
            | Self::NoSuchProfile(_)
            | Self::NoWildcard(_)
            | Self::NoSuchKey(_)
            | Self::NoCsrOfThisSource
            | Self::NotUsableAt { .. } => "use another provider; vigilo provider list shows what each can do",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChallengeNotServed => f.write_str("only http-01 is served by this version"),
            Self::KeySourceNotServed => f.write_str("only local is served by this version"),
            Self::WildcardByHttp01(name) => write!(f, "{name} cannot be proven by http-01"),
            Self::KeyStays { target, .. } => write!(f, "{target} needs the private key, which never leaves its source"),
            Self::NoSuchSecret { name, .. } => {
                write!(f, "it needs the secret {name}, and this version keeps none by name")
            }
            Self::SoldAtEveryRenewal => {
                f.write_str("paid for at every renewal, and the policy does not say allow_exportable_acm")
            }
            Self::ExternalAccount => {
                f.write_str("it wants an account that is bound to an external one, which this version cannot make")
            }
            Self::ProviderNotServed => f.write_str("not served by this version"),
            Self::Disabled => f.write_str("disabled in the catalogue"),
            Self::NoSuchChallenge(Challenge::Http01) => f.write_str("it does not offer http-01"),
            Self::NoSuchChallenge(Challenge::Dns01) => f.write_str("it does not offer dns-01"),
            Self::NoSuchChallenge(Challenge::None) => f.write_str("it does not offer issuance without a challenge"),
            Self::NoSuchProfile(profile) => write!(f, "it has no profile {profile}"),
            Self::TooManyNames { names, most } => {
                write!(f, "it takes {}, the policy has {names}", counted(*most, "name"))
            }
            Self::NoWildcard(name) => write!(f, "it issues no wildcard such as {name}"),
            Self::NoSuchKey(algorithm) => write!(f, "it takes no {} keys", algorithm.as_str()),
            Self::NoCsrOfThisSource => f.write_str("it takes no CSR of the policy's key source"),
            Self::NotUsableAt { target, .. } => write!(f, "what it issues cannot be used at {target}"),
        }
    }
}

/// All of them in one sentence without its full stop.
pub fn in_words(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
}

/// The refusal of a policy for all of these reasons, at the field of the first; nothing without any.
pub fn refusal(reasons: &[Reason]) -> Option<Invalid> {
    let first = reasons.first()?;
    let mut remedies: Vec<&str> = Vec::new();
    for reason in reasons {
        if !remedies.contains(&reason.remedy()) {
            remedies.push(reason.remedy());
        }
    }
    Some(Invalid::new(first.field(), in_words(reasons), remedies.join("; ")))
}

#[cfg(test)]
mod tests;
