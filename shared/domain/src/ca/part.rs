//! The parts of a CA's name: an account, a region, a project; a namespace or a mount of Vault.

use std::fmt;
use std::str::FromStr;

use crate::invalid::Invalid;

/// An account, a region, a project or a location: 1 to 128 letters, digits and `- _ . :`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(String);

/// A namespace or a mount: 1 to 128 letters, digits and `- _ .`, and `/` between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mount(String);

const LONGEST: usize = 128;

impl Part {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Mount {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Part {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        checked(text, b"-_.:").map(Self)
    }
}

impl FromStr for Mount {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.split('/').any(str::is_empty) {
            return Err(refused(text));
        }
        checked(text, b"-_./").map(Self)
    }
}

fn checked(text: &str, signs: &[u8]) -> Result<String, Invalid> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || signs.contains(&b);
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err(refused(text))
    }
}

fn refused(text: &str) -> Invalid {
    let remedy = "use 1 to 128 letters, digits, hyphens, underscores and dots";
    Invalid::new("ca", format!("{text:?} cannot be a part of a CA's name"), remedy)
}
