//! How the domain's words are spelt in columns, and read back without trust.

use domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::StoreError;

/// The one text of a closed set: as serde spells it.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(e) => e.to_string(),
    }
}

pub(crate) fn from_word<T: DeserializeOwned>(text: String) -> Result<T, String> {
    serde_json::from_value(Value::String(text)).map_err(|e| e.to_string())
}

pub(crate) fn json(value: impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|e| StoreError::corrupt("outgoing value", "", e))
}

pub(crate) fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}

pub(crate) fn at(column: OffsetDateTime) -> Timestamp {
    Timestamp::new(column)
}

pub(crate) fn number(column: i32) -> Result<u32, String> {
    u32::try_from(column).map_err(|_| format!("{column} is negative"))
}

pub(crate) fn column(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
