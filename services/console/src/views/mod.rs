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
use serde_json::Value;

/// Reports, logs and probes are shown as the services wrote them, unless somebody let an envelope slip in.
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
