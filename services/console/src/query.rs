//! Query parameters: where a page begins and how long it is. What nobody knows is refused.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use domain::Invalid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Problem;

const MOST: i64 = 1_000;
const USUAL: i64 = 100;

/// The query parameters of a path.
pub(crate) struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|refused| {
            let said = refused.body_text();
            let problem = said
                .rsplit_once("string: ")
                .map_or(said.as_str(), |(_, problem)| problem);
            let field = problem.split('`').nth(1).unwrap_or("query");
            Invalid::new(
                field,
                problem,
                "GET /api/v1/openapi.yaml lists the parameters of each path",
            )
        })?;
        Ok(Self(params))
    }
}

/// The length of a page.
pub(crate) fn limit(text: Option<&str>) -> Result<i64, Invalid> {
    let Some(text) = text else { return Ok(USUAL) };
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| {
        Invalid::new(
            "limit",
            format!("{text:?} is out of range"),
            format!("give 1 to {MOST}"),
        )
    })
}

/// A parameter that is true or false; absent means false.
pub(crate) fn yes(field: &str, text: Option<&str>) -> Result<bool, Invalid> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Invalid::new(
            field,
            format!("{other:?} is no yes or no"),
            "give true or false",
        )),
    }
}

/// A part of a list, and where the next part begins.
#[derive(Serialize)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// From up to `limit` + 1 rows: the one too many says that there is more.
    pub(crate) fn of(mut rows: Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next }
    }

    pub(crate) fn map<U>(self, shown: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(shown).collect(),
            next: self.next,
        }
    }
}

/// A list that is answered as a whole.
#[derive(Serialize)]
pub(crate) struct Items<T> {
    pub items: Vec<T>,
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
    fn a_limit_is_within_bounds() {
        assert_eq!((limit(None), limit(Some("1000"))), (Ok(USUAL), Ok(1000)));
        for wrong in ["0", "1001", "-1", "x", ""] {
            assert_eq!(limit(Some(wrong)).expect_err(wrong).field, "limit");
        }
    }
}
