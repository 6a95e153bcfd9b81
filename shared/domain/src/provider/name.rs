//! How a provider is named: by its id in the catalogue, or by the directory of an ACME CA that is not in it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::directory;
use crate::ids::is_slug;
use crate::invalid::Invalid;

/// The id of a provider: a slug.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId(String);

/// What a policy names in `fallbacks`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum ProviderName {
    Id(ProviderId),
    Directory(Url),
}

impl ProviderId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_slug(text) {
            return Ok(Self(text.to_owned()));
        }
        let remedy = "use 1 to 40 of a-z, 0-9 and -, not at an edge; vigilo provider list shows those that there are";
        Err(Invalid::new("id", format!("{text:?} is no provider's id"), remedy))
    }
}

impl TryFrom<String> for ProviderId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Directory(url) => url.fmt(f),
        }
    }
}

impl TryFrom<String> for ProviderName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let wrong = |problem: String| {
            let remedy = "give a provider's id (vigilo provider list), or the https URL of an ACME directory";
            Invalid::new("fallbacks", problem, remedy)
        };
        if !text.contains(':') {
            return text
                .parse()
                .map(Self::Id)
                .map_err(|refused: Invalid| wrong(refused.problem));
        }
        match Url::parse(&text) {
            Ok(url) => match directory::check("fallbacks", &url) {
                Ok(()) => Ok(Self::Directory(url)),
                Err(refused) => Err(wrong(refused.problem)),
            },
            Err(error) => Err(wrong(format!("{text:?} is no URL: {error}"))),
        }
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.to_string()
    }
}
