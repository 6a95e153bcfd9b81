//! Which hosts of a workspace are meant. Everything that is said must hold; what is not said does not matter.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::host::{Criticality, NewHost};
use crate::invalid::Invalid;
use crate::names::Hostname;
use crate::policy::Provider;

/// More names would not fit into one message; a filter says the same in fewer words.
pub const MOST_HOSTNAMES: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<Hostname>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname_glob: Option<Glob>,
    /// One of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// One of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criticalities: Vec<Criticality>,
    /// The host carries all of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The policy's own provider is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    /// What is served ends within so many days, or has ended. A host that was never seen serving is not meant then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_until_expiry: Option<u16>,
}

/// A host as the filter looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub host: &'a NewHost,
    /// Of its active policy.
    pub provider: Option<Provider>,
    pub served_until: Option<Timestamp>,
}

impl Filter {
    pub fn check(&self) -> Result<(), Invalid> {
        if self.hostnames.len() > MOST_HOSTNAMES {
            let many = self.hostnames.len();
            let problem = format!("{many} names are too many");
            let remedy = format!("give at most {MOST_HOSTNAMES}, or say it by environment, tags or hostname_glob");
            return Err(Invalid::new("filter.hostnames", problem, remedy));
        }
        Ok(())
    }

    /// When what is served must have ended at the latest.
    pub fn served_until_at_most(&self, now: Timestamp) -> Option<Timestamp> {
        const DAY: u64 = 86_400;
        let days = u64::from(self.days_until_expiry?);
        Some(now.plus(std::time::Duration::from_secs(days * DAY)))
    }

    pub fn matches(&self, subject: Subject<'_>, now: Timestamp) -> bool {
        let host = subject.host;
        let name = &host.hostname;
        (self.hostnames.is_empty() || self.hostnames.contains(name))
            && self.hostname_glob.as_ref().is_none_or(|glob| glob.matches(name))
            && (self.environments.is_empty() || self.environments.contains(&host.environment))
            && (self.criticalities.is_empty() || self.criticalities.contains(&host.criticality))
            && self.tags.iter().all(|tag| host.tags.contains(tag))
            && (self.providers.is_empty() || subject.provider.is_some_and(|one| self.providers.contains(&one)))
            && self
                .served_until_at_most(now)
                .is_none_or(|end| subject.served_until.is_some_and(|until| until <= end))
    }
}

/// A pattern of hostnames: `*` stands for any characters, dots included, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9.*?-]{1,253}$"))]
pub struct Glob(String);

impl Glob {
    /// As SQL's LIKE spells it; a pattern holds nothing that would need an escape.
    pub fn like(&self) -> String {
        self.0.replace('*', "%").replace('?', "_")
    }

    pub fn matches(&self, name: &Hostname) -> bool {
        fits(self.0.as_bytes(), name.as_str().as_bytes())
    }
}

/// Goes back to the last `*` when the rest does not fit: linear for one star, never exponential.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

impl FromStr for Glob {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let pattern = text.trim().to_ascii_lowercase();
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '*' | '?');
        if (1..=253).contains(&pattern.len()) && pattern.chars().all(known) {
            return Ok(Self(pattern));
        }
        Err(Invalid::new(
            "hostname_glob",
            format!("{text:?} is no pattern of hostnames"),
            "use letters, digits, dots and -, * for any characters and ? for one, such as *.shop.example.org",
        ))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Glob {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: serde_json::Value) -> bool {
        let filter: Filter = serde_json::from_value(filter).expect("a filter");
        let host: NewHost = serde_json::from_value(serde_json::json!({
            "hostname": "www.shop.example.org", "environment": "staging", "criticality": "high", "tags": ["edge", "eu"],
        }))
        .expect("a host");
        let subject = Subject {
            host: &host,
            provider: Some(Provider::Acme),
            served_until: Timestamp::from_unix(10 * 86_400),
        };
        filter.matches(subject, Timestamp::EPOCH)
    }

    #[test]
    fn all_that_is_said_must_hold() {
        for (said, meant) in [
            (serde_json::json!({}), true),
            (serde_json::json!({"environments": ["prod", "staging"]}), true),
            (serde_json::json!({"environments": ["prod"]}), false),
            (
                serde_json::json!({"criticalities": ["high"], "tags": ["eu", "edge"]}),
                true,
            ),
            (serde_json::json!({"tags": ["eu", "dmz"]}), false),
            (serde_json::json!({"providers": ["letsencrypt"]}), false),
            (serde_json::json!({"days_until_expiry": 10}), true),
            (serde_json::json!({"days_until_expiry": 9}), false),
            (serde_json::json!({"hostname_glob": "*.shop.*"}), true),
            (serde_json::json!({"hostnames": ["www.example.org"]}), false),
        ] {
            assert_eq!(matches(said.clone()), meant, "{said}");
        }
    }

    #[test]
    fn a_pattern_is_of_hostnames() {
        let name: Hostname = "www.a.example.org".parse().expect("a hostname");
        for (pattern, fits) in [
            ("*", true),
            ("www.?.example.org", true),
            ("*.example.org", true),
            ("*a*e*g", true),
            ("*.example", false),
            ("www", false),
            ("www.a.example.org*", true),
        ] {
            assert_eq!(
                pattern.parse::<Glob>().expect(pattern).matches(&name),
                fits,
                "{pattern}"
            );
        }
        let refused = "a_b".parse::<Glob>().expect_err("an underscore");
        assert_eq!(refused.field, "hostname_glob");
        assert_eq!(
            "*.Example.org".parse::<Glob>().expect("a pattern").like(),
            "%.example.org"
        );
    }
}
