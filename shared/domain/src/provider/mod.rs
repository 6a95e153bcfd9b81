//! The catalogue of providers: who issues, what an issuance costs there, and what can be had from
//! it.
//!
//! In: rows, and the changes that people make. Out: checked entries, and the catalogue that a
//! choice is made from. Never: a price or an ability that no person has stated; what is not known
//! is nothing.

mod abilities;
mod catalogue;
mod change;
mod kind;
mod name;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::well_known::Iso8601;
use url::Url;

use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::directory;
use crate::invalid::Invalid;
use crate::price::Price;

pub use abilities::Abilities;
pub use catalogue::Catalogue;
pub use change::{NewProvider, ProviderChange};
pub use kind::Provider;
pub use name::{ProviderId, ProviderName};

/// One provider, as the catalogue of a workspace has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderEntry {
    pub id: ProviderId,
    /// Whose entry it is: everybody's, or the workspace's own, which hides everybody's of the same
    /// id.
    pub scope: Scope,
    pub kind: Provider,
    pub title: String,
    pub directory_url: Option<Url>,
    pub staging_url: Option<Url>,
    pub price: Price,
    pub abilities: Abilities,
    pub max_validity_days: Option<u16>,
    /// Where price and abilities were read.
    pub source: String,
    /// Absent: no person has verified them.
    pub last_verified: Option<Day>,
    pub enabled: bool,
    /// Whether this version can have certificates issued there; no operator can change that.
    pub served: bool,
    /// Smaller is taken first where nothing else tells two apart.
    pub rank: i16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProviderScope")]
pub enum Scope {
    Global,
    Workspace,
}

/// A day as prices and limits are verified: `2026-08-05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// Facts older than this are flagged wherever they are used.
const OLDEST_DAYS: i64 = 180;

impl Day {
    pub const fn new(date: Date) -> Self {
        Self(date)
    }

    pub const fn get(self) -> Date {
        self.0
    }

    pub fn of(at: Timestamp) -> Self {
        Self(at.get().date())
    }

    /// The day cannot lie in the future.
    pub fn not_after(self, now: Timestamp) -> Result<(), Invalid> {
        if self <= Self::of(now) {
            return Ok(());
        }
        let remedy = "give the day on which a person looked, or leave it out for today";
        Err(Invalid::new("last_verified", "it lies in the future", remedy))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Date::parse(&text, &Iso8601::DATE).map(Self).map_err(|_| {
            let remedy = "give year, month and day, for example 2026-08-05";
            Invalid::new("last_verified", format!("{text:?} is no day"), remedy)
        })
    }
}

impl ProviderEntry {
    /// The CA that it stands for, or its staging.
    pub fn ca(&self, staging: bool) -> Option<CaRef> {
        let url = if staging {
            &self.staging_url
        } else {
            &self.directory_url
        };
        url.clone().map(CaRef::Acme)
    }

    /// Why its facts should be looked at again; nothing when they are fresh.
    pub fn stale(&self, now: Timestamp) -> Option<String> {
        match self.last_verified {
            None => Some("its price and abilities were never verified".to_owned()),
            Some(day) if (Day::of(now).get() - day.get()).whole_days() > OLDEST_DAYS => Some(format!(
                "its price and abilities were last verified on {day}, more than {OLDEST_DAYS} days ago"
            )),
            Some(_) => None,
        }
    }

    /// What the types alone cannot refuse.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        if self.title.trim().is_empty() || self.title.len() > 100 {
            let remedy = "say in 1 to 100 characters what people call it";
            return Err(Invalid::new("title", "it is empty or too long", remedy));
        }
        for (field, url) in [
            ("directory_url", &self.directory_url),
            ("staging_url", &self.staging_url),
        ] {
            url.as_ref().map_or(Ok(()), |url| directory::check(field, url))?;
        }
        if self.served && self.kind == Provider::Acme && self.directory_url.is_none() {
            let remedy = "give the https URL of the CA's ACME directory";
            return Err(Invalid::new("directory_url", "it is missing", remedy));
        }
        self.last_verified.map_or(Ok(()), |day| day.not_after(now))?;
        if self.max_validity_days == Some(0) {
            let remedy = "give the days that a certificate is good for, at least 1";
            return Err(Invalid::new("max_validity_days", "0 days is no validity", remedy));
        }
        self.abilities.check().map_err(|refused| refused.within("abilities"))
    }
}
