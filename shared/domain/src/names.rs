//! DNS names as certificates carry them (RFC 5280 §4.2.1.6, RFC 1123 §2.1): ASCII, lower case, no final dot.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// The name of a host: a DNS name of at least two labels, no wildcard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "hostname"))]
pub struct Hostname(String);

/// A name in a certificate: a hostname, or a wildcard in the leftmost label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl Hostname {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DnsName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether a certificate that carries this name is good for `host` (RFC 6125 §6.4.3: a wildcard is one label).
    pub fn covers(&self, host: &Hostname) -> bool {
        match self.0.strip_prefix("*.") {
            Some(parent) => host.as_str().split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => self.0 == host.0,
        }
    }
}

impl From<&Hostname> for DnsName {
    fn from(host: &Hostname) -> Self {
        Self(host.0.clone())
    }
}

fn checked(text: &str, field: &str) -> Result<String, Invalid> {
    let wrong = |problem: String| {
        Err(Invalid::new(
            field,
            problem,
            "give a DNS name such as www.example.org (international names as xn--…)",
        ))
    };
    let name = text.trim().to_ascii_lowercase();
    if name.is_empty() || name.len() > 253 {
        return wrong(format!(
            "{text:?} has {} characters, a DNS name has 1 to 253",
            name.len()
        ));
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return wrong(format!("{text:?} is an IP address"));
    }
    let labels: Vec<&str> = name.split('.').collect();
    if labels.len() < 2 {
        return wrong(format!("{text:?} has one label only"));
    }
    if let Some(bad) = labels.iter().find(|label| !is_label(label)) {
        return wrong(format!(
            "{text:?} is no DNS name: the label {bad:?} is not 1 to 63 of a-z, 0-9 and inner -"
        ));
    }
    if labels.last().is_some_and(|top| top.chars().all(|c| c.is_ascii_digit())) {
        return wrong(format!("{text:?} ends in a label of digits only"));
    }
    Ok(name)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl FromStr for Hostname {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        checked(text, "hostname").map(Self)
    }
}

impl FromStr for DnsName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim().strip_prefix("*.") {
            Some(parent) => checked(parent, "sans").map(|name| Self(format!("*.{name}"))),
            None => checked(text, "sans").map(Self),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

as_text!(Hostname);
as_text!(DnsName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_checked() {
        assert_eq!(
            "WWW.Example.ORG".parse::<Hostname>().map(String::from),
            Ok("www.example.org".to_owned())
        );
        for wrong in [
            "",
            "localhost",
            "a..b",
            "-a.org",
            "a_b.org",
            "10.0.0.1",
            "müller.de",
            "*.example.org",
            "a.b.",
        ] {
            assert!(wrong.parse::<Hostname>().is_err(), "{wrong} must be refused");
        }
        assert!(format!("{}.org", "a".repeat(64)).parse::<Hostname>().is_err());
    }

    #[test]
    fn the_refusal_names_field_fault_and_remedy() {
        let refused = "bad_host.example"
            .parse::<Hostname>()
            .expect_err("an underscore is no DNS label");
        assert_eq!(refused.field, "hostname");
        assert!(refused.problem.contains("bad_host"));
        assert!(refused.remedy.contains("www.example.org"));
    }

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let name: DnsName = "*.example.org".parse().expect("a wildcard");
        let covers = |host: &str| name.covers(&host.parse().expect("a hostname"));
        assert!(covers("www.example.org"));
        assert!(!covers("example.org") && !covers("a.b.example.org"));
    }
}
