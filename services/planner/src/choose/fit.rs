//! Why a provider cannot issue what a policy asks for.

use std::borrow::Cow;

use domain::counted;
use domain::policy::{Challenge, NewPolicy};
use domain::provider::{Abilities, ProviderEntry};

type Against = Option<Cow<'static, str>>;

/// The first thing that speaks against it; nothing when it fits.
pub(super) fn misfit(entry: &ProviderEntry, says: &NewPolicy) -> Against {
    of_account(entry, says)
        .map(Cow::Borrowed)
        .or_else(|| of_proof(&entry.abilities, says))
        .or_else(|| of_key(&entry.abilities, says))
        .or_else(|| of_targets(&entry.abilities, says))
}

fn of_account(entry: &ProviderEntry, says: &NewPolicy) -> Option<&'static str> {
    let can = &entry.abilities;
    if can.exports_key_for_money && !says.allow_exportable_acm {
        return Some("paid for at every renewal, and the policy does not say allow_exportable_acm");
    }
    if can.external_account {
        return Some("it wants an account that is bound to an external one, which this version cannot make");
    }
    if !entry.served {
        return Some("not served by this version");
    }
    (!entry.enabled).then_some("disabled in the catalogue")
}

fn of_proof(can: &Abilities, says: &NewPolicy) -> Against {
    if !can.challenges.contains(&says.challenge) {
        return Some(format!("it does not offer {}", spelt(says.challenge)).into());
    }
    if let Some(profile) = says
        .profile
        .as_ref()
        .filter(|one| !can.profiles.is_empty() && !can.profiles.contains(one))
    {
        return Some(format!("it has no profile {profile}").into());
    }
    let names = says.sans.len() + 1;
    if let Some(most) = can.max_names.filter(|most| names > usize::from(*most)) {
        return Some(format!("it takes {}, the policy has {names}", counted(most, "name")).into());
    }
    let wildcard = says.sans.iter().find(|name| name.is_wildcard())?;
    if !can.wildcard {
        return Some(format!("it issues no wildcard such as {wildcard}").into());
    }
    (says.challenge == Challenge::Http01).then(|| format!("{wildcard} needs dns-01").into())
}

fn of_key(can: &Abilities, says: &NewPolicy) -> Against {
    if !can.key_algorithms.contains(&says.key_algorithm) {
        return Some(format!("it takes no {} keys", says.key_algorithm.as_str()).into());
    }
    (!can.key_backends.contains(&says.key_backend)).then_some("it takes no CSR of the policy's key backend".into())
}

fn of_targets(can: &Abilities, says: &NewPolicy) -> Against {
    if can.targets.is_empty() {
        return None;
    }
    let other = says
        .targets
        .iter()
        .find(|target| !can.targets.iter().any(|kind| kind == target.body().common().kind))?;
    Some(format!("what it issues cannot be used at {}", other.body().title()).into())
}

const fn spelt(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Http01 => "http-01",
        Challenge::Dns01 => "dns-01",
        Challenge::None => "issuance without a challenge",
    }
}
