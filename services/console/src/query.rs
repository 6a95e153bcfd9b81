//! Query parameters: where a page begins and how long it is. An unknown parameter is refused.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use domain::Invalid;
use serde::de::DeserializeOwned;

use crate::body::in_words;
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
            let problem = problem.strip_prefix(&format!("{field}: ")).unwrap_or(problem);
            let (problem, remedy) = in_words(problem, "GET /api/v1/openapi.yaml lists the parameters of each path");
            Invalid::new(field, problem, remedy)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_within_bounds() {
        assert_eq!((limit(None), limit(Some("1000"))), (Ok(USUAL), Ok(1000)));
        for wrong in ["0", "1001", "-1", "x", ""] {
            assert_eq!(limit(Some(wrong)).expect_err(wrong).field, "limit");
        }
    }
}
