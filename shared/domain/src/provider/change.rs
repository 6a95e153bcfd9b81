//! What people say of providers: a CA of their own, or a change of an entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Provider;
use super::{Abilities, Day, ProviderEntry, ProviderId, Scope};
use crate::clock::Timestamp;
use crate::invalid::Invalid;
use crate::price::Price;

/// An ACME CA that the catalogue does not know; the body of `POST /providers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    pub id: ProviderId,
    pub title: String,
    pub directory_url: Url,
    #[serde(default)]
    pub staging_url: Option<Url>,
    /// Absent: not known.
    #[serde(default)]
    pub price: Price,
    #[serde(default)]
    pub abilities: Abilities,
    #[serde(default)]
    pub max_validity_days: Option<u16>,
    #[serde(default)]
    pub source: String,
    /// Absent: today.
    #[serde(default)]
    pub last_verified: Option<Day>,
    #[serde(default = "last")]
    pub rank: i16,
}

fn last() -> i16 {
    100
}

/// What is absent stays as it is; `price` and `abilities` are taken as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderChange {
    pub title: Option<String>,
    pub directory_url: Option<Url>,
    pub staging_url: Option<Url>,
    pub price: Option<Price>,
    pub abilities: Option<Abilities>,
    pub max_validity_days: Option<u16>,
    pub source: Option<String>,
    /// Absent where facts change: today.
    pub last_verified: Option<Day>,
    pub enabled: Option<bool>,
    pub rank: Option<i16>,
}

impl NewProvider {
    pub fn entry(self, now: Timestamp) -> Result<ProviderEntry, Invalid> {
        let entry = ProviderEntry {
            id: self.id,
            scope: Scope::Workspace,
            kind: Provider::Acme,
            title: self.title,
            directory_url: Some(self.directory_url),
            staging_url: self.staging_url,
            price: self.price,
            abilities: self.abilities,
            max_validity_days: self.max_validity_days,
            source: self.source,
            last_verified: Some(self.last_verified.unwrap_or(Day::of(now))),
            enabled: true,
            served: true,
            rank: self.rank,
        };
        entry.check(now)?;
        Ok(entry)
    }
}

impl ProviderChange {
    /// The entry as it is afterwards: the workspace's own, whosever it was before.
    pub fn applied_to(self, entry: &ProviderEntry, now: Timestamp) -> Result<ProviderEntry, Invalid> {
        self.allowed_for(entry)?;
        let facts = self.price.is_some() || self.abilities.is_some() || self.max_validity_days.is_some();
        let looked = self.last_verified.or(if facts { Some(Day::of(now)) } else { None });
        let old = entry.clone();
        let changed = ProviderEntry {
            scope: Scope::Workspace,
            title: self.title.unwrap_or(old.title),
            directory_url: self.directory_url.or(old.directory_url),
            staging_url: self.staging_url.or(old.staging_url),
            price: self.price.unwrap_or(old.price),
            abilities: self.abilities.unwrap_or(old.abilities),
            max_validity_days: self.max_validity_days.or(old.max_validity_days),
            source: self.source.unwrap_or(old.source),
            last_verified: looked.or(old.last_verified),
            enabled: self.enabled.unwrap_or(old.enabled),
            rank: self.rank.unwrap_or(old.rank),
            ..old
        };
        changed.check(now)?;
        Ok(changed)
    }

    /// Where a well-known provider is, is no opinion.
    fn allowed_for(&self, entry: &ProviderEntry) -> Result<(), Invalid> {
        let own = entry.kind == Provider::Acme && entry.served;
        let moved = [
            ("directory_url", &self.directory_url),
            ("staging_url", &self.staging_url),
        ];
        match moved.into_iter().find(|(_, url)| url.is_some() && !own) {
            Some((field, _)) => {
                let problem = format!("where {} is cannot be changed", entry.title);
                Err(Invalid::new(
                    field,
                    problem,
                    "add another ACME CA as a provider of its own",
                ))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000).expect("an instant")
    }

    fn own() -> ProviderEntry {
        let new: NewProvider = serde_json::from_value(serde_json::json!({
            "id": "inhouse", "title": "Our own CA", "directory_url": "https://ca.example.org/dir",
            "last_verified": "2026-01-31",
        }))
        .expect("a provider");
        new.entry(now()).expect("an entry")
    }

    fn change(body: serde_json::Value) -> Result<ProviderEntry, String> {
        let change: ProviderChange = serde_json::from_value(body).map_err(|e| e.to_string())?;
        change.applied_to(&own(), now()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_changed_fact_was_looked_at_today_and_a_rank_is_no_fact() {
        let priced = change(serde_json::json!({"price": {"micro_usd": 5}})).expect("a change");
        assert_eq!(priced.last_verified, Some(Day::of(now())));
        let moved = change(serde_json::json!({"rank": 3, "enabled": false})).expect("a change");
        assert_eq!(
            (moved.last_verified, moved.rank, moved.enabled),
            (own().last_verified, 3, false)
        );
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (body, field) in [
            (serde_json::json!({"title": " "}), "title"),
            (
                serde_json::json!({"directory_url": "http://ca.example.org/dir"}),
                "directory_url",
            ),
            (serde_json::json!({"last_verified": "2030-01-01"}), "last_verified"),
            (serde_json::json!({"last_verified": "soon"}), "last_verified"),
            (
                serde_json::json!({"abilities": {"max_names": 0}}),
                "abilities.max_names",
            ),
            (serde_json::json!({"abilities": {"colour": 1}}), "colour"),
            (serde_json::json!({"max_validity_days": 0}), "max_validity_days"),
            (serde_json::json!({"served": true}), "served"),
        ] {
            let said = change(body).expect_err(field);
            assert!(said.contains(field), "{said} must name {field}");
        }
    }

    #[test]
    fn where_a_well_known_provider_is_cannot_be_changed() {
        let known = ProviderEntry {
            kind: Provider::Letsencrypt,
            ..own()
        };
        let change = ProviderChange {
            staging_url: own().directory_url,
            ..ProviderChange::default()
        };
        assert_eq!(
            change.applied_to(&known, now()).expect_err("moved").field,
            "staging_url"
        );
    }

    #[test]
    fn old_facts_are_flagged_and_those_that_nobody_verified() {
        assert!(own().stale(now()).is_some_and(|why| why.contains("2026-01-31")));
        let fresh = change(serde_json::json!({"last_verified": "2026-09-01"})).expect("a change");
        assert_eq!(fresh.stale(now()), None);
        let never = ProviderEntry {
            last_verified: None,
            ..own()
        };
        assert!(never.stale(now()).is_some_and(|why| why.contains("never")));
    }
}
