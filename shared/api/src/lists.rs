//! Lists: whole, page by page, and bounded ones in requests.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The most items of one list in a request.
pub const MOST_ITEMS: usize = 100_000;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Given as `after`, it asks for the next page; null at the end of the list.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// From up to `limit` + 1 rows: the one too many says that there is more.
    pub fn of(mut rows: Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next }
    }

    /// # Errors
    /// The first one that an item meets.
    pub fn try_map<U, E>(self, shown: impl Fn(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            items: self.items.into_iter().map(shown).collect::<Result<_, E>>()?,
            next: self.next,
        })
    }

    pub fn map<U>(self, shown: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(shown).collect(),
            next: self.next,
        }
    }
}

/// A list that is answered as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Items<T> {
    pub items: Vec<T>,
}

/// A list in a request, whose items are counted while they are read: one that is too long costs no more than one that is
/// not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bounded<T>(pub Vec<T>);

impl<T: JsonSchema> JsonSchema for Bounded<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bounded{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ITEMS,
            "items": generator.subschema_for::<T>(),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Counting(PhantomData))
    }
}

struct Counting<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Counting<T> {
    type Value = Bounded<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST_ITEMS {
            match list.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Bounded(items)),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            None => Ok(Bounded(items)),
            Some(_) => Err(A::Error::custom(format_args!(
                "its items are too many, expected at most {MOST_ITEMS} at once"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_begins_only_when_there_is_one() {
        let page = |rows: &[u8]| Page::of(rows.to_vec(), 2, ToString::to_string);
        assert_eq!(
            (page(&[1, 2, 3]).items, page(&[1, 2, 3]).next),
            (vec![1, 2], Some("2".to_owned()))
        );
        assert_eq!((page(&[1, 2]).items, page(&[1, 2]).next), (vec![1, 2], None));
        assert_eq!(page(&[]).next, None);
    }

    #[test]
    fn a_list_has_no_more_items_than_allowed() {
        let list = |items: usize| serde_json::from_str::<Bounded<u8>>(&format!("[{}1]", "1,".repeat(items - 1)));
        assert_eq!(list(MOST_ITEMS).expect("as many as allowed").0.len(), MOST_ITEMS);
        assert!(
            list(MOST_ITEMS + 1)
                .expect_err("one more")
                .to_string()
                .contains("too many")
        );
    }
}
