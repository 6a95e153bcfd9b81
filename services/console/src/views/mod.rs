//! How the record is shown: pure functions from rows to JSON. What is sealed never gets through.

pub(crate) mod emergency;
pub(crate) mod host;
pub(crate) mod incident;
pub(crate) mod job;
pub(crate) mod log;
pub(crate) mod policy;
pub(crate) mod run;
mod waiting;

use domain::secret::Envelope;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::StoreError;

/// Reports, logs and probes are shown as the services wrote them, unless a service let an envelope
/// slip in.
pub(crate) fn open_only(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(Envelope::PREFIX) => Value::String("(sealed, not shown)".to_owned()),
        Value::Array(items) => items.into_iter().map(open_only).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, open_only(value)))
            .collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// A part of the record, read, without what is sealed; `table` is where it is from.
pub(crate) fn open<T: DeserializeOwned>(value: Value, table: &'static str) -> Result<T, StoreError> {
    let id = value.get("id").and_then(Value::as_str).unwrap_or("–").to_owned();
    serde_json::from_value(open_only(value)).map_err(|why| StoreError::Corrupt {
        table,
        id,
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_envelope_is_cut_out_wherever_it_stands() {
        let shown = open_only(json!({"a": [{"b": "key cmek:v1:AAAA"}, "plain"], "n": 1}));
        assert_eq!(shown, json!({"a": [{"b": "(sealed, not shown)"}, "plain"], "n": 1}));
    }
}
