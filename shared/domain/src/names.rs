//! Names of hosts and names in certificates (RFC 5280 §4.2.1.6, RFC 1123 §2.1): ASCII, lower case, no final dot.
//! International names are converted by IDNA (UTS #46). What can be watched is more than what can be issued for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// What a host is reached by: a DNS name without wildcard, or an IP address. Names with an underscore, names of one label
/// and addresses can be watched; [`DnsName::unissuable`] says that no certificate can be had for them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

/// A name in a certificate: a hostname, or a wildcard in the leftmost label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl Hostname {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, where the host has no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// An international name as its readers write it; none where that is the same.
    pub fn unicode(&self) -> Option<String> {
        let (shown, valid) = Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
        (valid.is_ok() && shown != self.0).then(|| shown.into_owned())
    }
}

impl DnsName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Why this version gets no certificate for it.
    pub fn unissuable(&self) -> Option<&'static str> {
        let name = self.0.strip_prefix("*.").unwrap_or(&self.0);
        if name.parse::<IpAddr>().is_ok() {
            Some("it is an IP address")
        } else if name.contains('_') {
            Some("it has an underscore, which no name in a certificate may have")
        } else if !name.contains('.') {
            Some("it has one label only, and no public CA knows whose it is")
        } else {
            None
        }
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

const RIGHT: &str = "give a DNS name such as www.example.org, or an IP address";

fn checked(text: &str, field: &str) -> Result<String, Invalid> {
    let wrong = |problem: String, remedy: &str| Invalid::new(field, problem, remedy);
    let typed = text.trim();
    let bare = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(typed).parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    if let Some((problem, remedy)) = more_than_a_name(typed) {
        return Err(wrong(format!("{text:?} {problem}"), remedy));
    }
    let name = typed.strip_suffix('.').unwrap_or(typed);
    let converted = Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    let Ok(name) = converted else {
        let problem = format!("{text:?} is no international name: its punycode or one of its characters is not valid");
        return Err(wrong(
            problem,
            "give the name as it is written, such as müller.example, or its xn-- form",
        ));
    };
    match dns_problem(&name) {
        Some(problem) => Err(wrong(format!("{text:?} {problem}"), RIGHT)),
        None => Ok(name.into_owned()),
    }
}

/// What people paste in place of a name: what is wrong with it, and what is right.
fn more_than_a_name(text: &str) -> Option<(&'static str, &'static str)> {
    if text.contains("://") || text.contains('/') {
        return Some(("is a URL or a path", "give the name alone, such as www.example.org"));
    }
    let ported = text.rsplit_once(':');
    let has_port = ported.is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if has_port || text.parse::<SocketAddr>().is_ok() {
        return Some((
            "has a port",
            "give the name alone: the port has a field of its own (port, --port)",
        ));
    }
    text.contains(char::is_whitespace)
        .then_some(("has a blank in it", "give one name, such as www.example.org"))
}

/// RFC 1035 §2.3.4 and RFC 1123 §2.1; an underscore is taken, as the DNS does.
fn dns_problem(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > 253 {
        return Some(format!("has {} characters, a DNS name has 1 to 253", name.len()));
    }
    if let Some(bad) = name.split('.').find(|label| !is_label(label)) {
        let right = "1 to 63 of a-z, 0-9, _ and inner -";
        return Some(format!("is no DNS name: the label {bad:?} is not {right}"));
    }
    let top = name.rsplit('.').next().unwrap_or(name);
    let digits = top.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| "ends in a label of digits only".to_owned())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
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
            Some(parent) => match checked(parent, "sans")? {
                name if name.parse::<IpAddr>().is_ok() => {
                    let problem = format!("{text:?} is a wildcard of an IP address");
                    Err(Invalid::new("sans", problem, "give *. and a DNS name"))
                }
                name => Ok(Self(format!("*.{name}"))),
            },
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
    fn names_are_taken_as_people_write_them() {
        for (typed, kept) in [
            ("WWW.Example.ORG", "www.example.org"),
            ("www.example.org.", "www.example.org"),
            (" www.example.org ", "www.example.org"),
            ("Müller.example", "xn--mller-kva.example"),
            ("xn--mller-kva.example", "xn--mller-kva.example"),
            ("a_b.example", "a_b.example"),
            ("_dmarc.example.org", "_dmarc.example.org"),
            ("localhost", "localhost"),
            ("10.0.0.7", "10.0.0.7"),
            ("2001:DB8::0001", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(
                typed.parse::<Hostname>().map(String::from),
                Ok(kept.to_owned()),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused_by_what_it_is() {
        for (typed, said) in [
            ("", "characters"),
            (".", "characters"),
            ("a..b", "label"),
            ("a.b..", "label"),
            ("-a.org", "label"),
            ("a!b.org", "label"),
            ("*.example.org", "label"),
            ("1.2.3.4.5", "digits only"),
            ("www.example.org:8443", "has a port"),
            ("[2001:db8::1]:443", "has a port"),
            ("www.example.org a.example.org", "has a blank"),
            ("https://www.example.org/", "is a URL"),
            ("xn--99999999.example", "punycode"),
            ("xn--a.example", "punycode"),
        ] {
            let refused = typed.parse::<Hostname>().expect_err(typed);
            assert!(refused.problem.contains(said), "{typed}: {refused}");
        }
        assert!(format!("{}.org", "a".repeat(64)).parse::<Hostname>().is_err());
        assert!("*.10.0.0.7".parse::<DnsName>().is_err());
    }

    #[test]
    fn the_refusal_names_field_fault_and_remedy() {
        let refused = "bad host.example".parse::<Hostname>().expect_err("a blank");
        assert_eq!(refused.field, "hostname");
        assert!(refused.problem.contains("bad host"));
        assert!(refused.remedy.contains("www.example.org"));
    }

    #[test]
    fn an_international_name_is_shown_as_it_is_written() {
        let shown = |name: &str| name.parse::<Hostname>().expect("a hostname").unicode();
        assert_eq!(shown("xn--mller-kva.example").as_deref(), Some("müller.example"));
        assert_eq!((shown("www.example.org"), shown("10.0.0.7")), (None, None));
    }

    #[test]
    fn what_can_only_be_watched_says_why() {
        let why = |name: &str| name.parse::<DnsName>().expect("a name").unissuable();
        assert!(why("10.0.0.7").is_some_and(|why| why.contains("IP address")));
        assert!(why("a_b.example").is_some_and(|why| why.contains("underscore")));
        assert!(why("localhost").is_some_and(|why| why.contains("one label")));
        assert_eq!((why("müller.example"), why("*.example.org")), (None, None));
    }

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let name: DnsName = "*.example.org".parse().expect("a wildcard");
        let covers = |host: &str| name.covers(&host.parse().expect("a hostname"));
        assert!(covers("www.example.org"));
        assert!(!covers("example.org") && !covers("a.b.example.org"));
    }
}
