//! How the domain's words are spelt in columns, and read back without trust.

use domain::Timestamp;
use domain::host::Criticality;
use domain::text::{remove_nul, remove_nul_of};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo};
use sqlx::types::Json;
use sqlx::{Encode, Postgres, Type};
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

pub(crate) fn words(values: impl IntoIterator<Item = impl Serialize>) -> Vec<String> {
    values.into_iter().map(word).collect()
}

/// Criticalities in the order in which they are served, for `order by array_position`.
pub(crate) fn most_first() -> Vec<String> {
    words(Criticality::MOST_FIRST)
}

pub(crate) fn from_word<T: DeserializeOwned>(text: String) -> Result<T, String> {
    serde_json::from_value(Value::String(text)).map_err(|e| e.to_string())
}

/// The last net under what others sent: no text of it says U+0000, which Postgres refuses.
pub(crate) fn json(value: impl Serialize) -> Result<Value, StoreError> {
    let mut value = serde_json::to_value(value).map_err(|e| StoreError::corrupt("outgoing value", "", e))?;
    remove_nul_of(&mut value);
    Ok(value)
}

/// Text without NUL characters, which a column of text cannot hold.
pub(crate) fn text(said: &str) -> String {
    said.replace('\0', "\u{FFFD}")
}

/// A value that is written to jsonb without NUL characters, and without a copy.
#[derive(Debug)]
pub(crate) struct Jsonb<T>(pub T);

impl<T> Type<Postgres> for Jsonb<T> {
    fn type_info() -> PgTypeInfo {
        <Json<T> as Type<Postgres>>::type_info()
    }
}

impl<T> PgHasArrayType for Jsonb<T> {
    fn array_type_info() -> PgTypeInfo {
        <Json<T> as PgHasArrayType>::array_type_info()
    }
}

impl<T: Serialize> Encode<'_, Postgres> for Jsonb<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        /// The version of jsonb on the wire.
        const VERSION: u8 = 1;
        buffer.push(VERSION);
        let begin = buffer.len();
        serde_json::to_writer(&mut **buffer, &self.0)?;
        remove_nul(&mut buffer[begin..]);
        Ok(IsNull::No)
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}

pub(crate) fn at(column: OffsetDateTime) -> Timestamp {
    Timestamp::nearest(column)
}

pub(crate) fn number(column: i32) -> Result<u32, String> {
    u32::try_from(column).map_err(|_| format!("{column} is negative"))
}

pub(crate) fn column(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
