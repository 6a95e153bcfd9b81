//! Whether a policy can work at all. Pure.
//!
//! In: a policy as it is stored or given. Out: nothing, or the field that is wrong, with what is right. Never: what only a
//! catalogue knows, or a combination of parts (see `feasible`).

use crate::feasible;
use crate::invalid::Invalid;
use crate::names::DnsName;
use crate::provider::{Provider, ProviderName};
use crate::target::{self, MOST_ENDPOINTS, Origin};
use crate::window;

use super::NewPolicy;

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
}

fn is_address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.len() <= LONGEST_ADDRESS
}
