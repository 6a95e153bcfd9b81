//! Policies and plans from before key sources had settings: `key_backend` was a word, and
//! `key_backend_config` held nothing but the CA's staging, which is of the provider and not of the
//! key.
//!
//! In: fields of either time. Out: what they mean today. Never: written again.

use schemars::Schema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::KeySource;
use crate::invalid::Invalid;
use crate::keys::KeyBackend;

/// What fields of policies were called before, and what they are called now.
pub const FIELDS_OF_BEFORE: [(&str, &str); 2] = [("key_backend", "key_source"), ("key_backend_config", "staging")];

/// A key source with its settings, or the word of earlier versions.
pub fn key_source<'de, D: Deserializer<'de>>(from: D) -> Result<KeySource, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_string() {
        let word = serde_json::from_value(value).map_err(Error::custom)?;
        return of_word(word).map_err(Error::custom);
    }
    serde_json::from_value(value).map_err(Error::custom)
}

/// The word alone says everything of a source without settings.
pub fn of_word(word: KeyBackend) -> Result<KeySource, String> {
    match word {
        KeyBackend::Local => Ok(KeySource::default()),
        KeyBackend::Vault | KeyBackend::AwsKms => {
            let refused = Invalid::new("key_source", "only local is served by this version", "use local");
            Err(refused.to_string())
        }
    }
}

/// Whether the CA's staging is meant, or the table of earlier versions that said so.
pub fn staging<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let refused = |field: &str, problem: String, remedy: &str| {
        let field = format!("key_backend_config.{field}");
        Err(D::Error::custom(Invalid::new(field, problem, remedy)))
    };
    match Value::deserialize(from)? {
        Value::Bool(staging) => Ok(staging),
        Value::Object(config) => {
            if let Some(other) = config.keys().find(|key| *key != "endpoint") {
                let remedy = "leave it out; endpoint is the only one";
                return refused(other, "the local backend knows no such key".to_owned(), remedy);
            }
            match config.get("endpoint") {
                None => Ok(false),
                Some(word) if word == "production" => Ok(false),
                Some(word) if word == "staging" => Ok(true),
                Some(other) => {
                    let remedy = "use \"staging\" or \"production\"";
                    refused("endpoint", format!("{other} is no endpoint"), remedy)
                }
            }
        }
        other @ (Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(D::Error::custom(format!("{other} is neither true nor false")))
        }
    }
}

/// Adds the fields of earlier versions to the schema of what is read: they are taken still.
pub fn shown_with_fields_of_before(schema: &mut Schema) {
    let of_before = [
        (
            "key_backend",
            json!({"type": "string", "const": "local", "deprecated": true,
                               "description": "What `key_source` was before; `local` stands for `{\"kind\": \"local\"}`."}),
        ),
        (
            "key_backend_config",
            json!({"type": "object", "deprecated": true, "additionalProperties": false,
                                      "properties": {"endpoint": {"enum": ["staging", "production"]}},
                                      "description": "What `staging` was before."}),
        ),
    ];
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties
        .into_iter()
        .for_each(|all| all.extend(of_before.clone().map(|(name, of)| (name.to_owned(), of))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::NewPolicy;

    fn policy(fields: Value) -> Result<NewPolicy, String> {
        let mut said = json!({"hostname": "www.example.org", "targets": []});
        for (key, value) in fields.as_object().into_iter().flatten() {
            said[key] = value.clone();
        }
        serde_json::from_value(said).map_err(|error| error.to_string())
    }

    /// As versions before this one have stored it.
    #[test]
    fn a_policy_of_before_says_the_same_as_one_of_today() {
        for (before, today) in [
            (json!({}), json!({})),
            (
                json!({"key_backend": "local", "key_backend_config": {}}),
                json!({"key_source": {"kind": "local"}, "staging": false}),
            ),
            (
                json!({"key_backend": "local", "key_backend_config": {"endpoint": "staging"}}),
                json!({"key_source": {"kind": "local"}, "staging": true}),
            ),
            (
                json!({"key_backend_config": {"endpoint": "production"}}),
                json!({"staging": false}),
            ),
        ] {
            let read = policy(before).expect("a policy of before");
            assert_eq!(Ok(&read), policy(today).as_ref());
            let written = serde_json::to_value(&read).expect("JSON");
            assert!(written.get("key_backend").is_none() && written.get("key_backend_config").is_none());
            assert_eq!(serde_json::from_value::<NewPolicy>(written).expect("a policy"), read);
        }
    }

    #[test]
    fn a_plan_of_before_has_the_key_source_that_it_named() {
        let plan = |key: &str, source: Value| -> crate::plan::Plan {
            let mut written = json!({
                "hostname": "www.example.org", "port": 443, "addresses": [], "criticality": "medium",
                "names": ["www.example.org"], "challenge": "http-01", "key_algorithm": "p256", "key_rotation": "always",
                "choice": {"provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "", "cost_micro_usd": 0},
                "targets": [],
            });
            written[key] = source;
            serde_json::from_value(written).expect("a plan")
        };
        let today = plan("key_source", json!({"kind": "local"}));
        assert_eq!(plan("key_backend", json!("local")), today);
    }

    #[test]
    fn what_was_refused_before_is_refused_still() {
        for (fields, said) in [
            (json!({"key_backend": "vault"}), "only local is served by this version"),
            (json!({"key_backend": "shelf"}), "shelf"),
            (
                json!({"key_backend_config": {"endpoint": "moon"}}),
                "key_backend_config.endpoint",
            ),
            (json!({"key_backend_config": {"path": "/"}}), "key_backend_config.path"),
            (json!({"staging": "yes"}), "neither true nor false"),
            (json!({"staging": true, "key_backend_config": {}}), "duplicate field"),
        ] {
            let refused = policy(fields).expect_err(said);
            assert!(refused.contains(said), "{refused}");
        }
    }
}
