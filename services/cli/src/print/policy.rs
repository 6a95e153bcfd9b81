//! Policies.

use api::policies::Policy;
use domain::ari::RenewalInfoAnswer;
use domain::{Hostname, counted};

use super::{Text, or_dash};

pub fn list(items: &[Policy]) -> Text {
    super::list(items, policy)
}

pub fn changed(hostname: &Hostname) -> Text {
    Text::of(format!("changed {hostname}"))
}

/// When it renews itself comes last, with the reason: that has no width of its own. So does what is wrong with the CA's
/// renewal information; that a CA has none is usual.
fn policy(policy: &Policy) -> String {
    let spec = &policy.policy.spec;
    let usual = RenewalInfoAnswer::NotOffered.trouble();
    let trouble = policy.renewal_info.as_ref().and_then(|info| info.last_error.clone());
    let trouble = trouble.filter(|said| usual.as_ref() != Some(said));
    let aside = trouble.map_or_else(String::new, |said| format!("; renewal information: {said}"));
    format!(
        "{:<40} {:<12} {:<12} {:<8} {}  due {:<20}  {}{aside}",
        spec.hostname.as_str(),
        policy.status,
        spec.provider.as_str(),
        spec.key_algorithm.as_str(),
        counted(spec.targets.len(), "target"),
        or_dash(policy.due_at),
        or_dash(policy.due_why.as_ref()),
    )
}
