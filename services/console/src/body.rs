//! Reading JSON that people wrote: what is no JSON says where, what is refused says which field and what is right.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::Invalid;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Code, Problem};

const DESCRIBED: &str = "GET /api/v1/openapi.yaml describes it";

/// A body of this type.
pub(crate) struct Body<T>(pub T);

/// A body of this type, or none at all.
pub(crate) struct Perhaps<T>(pub T);

/// The items of an import, each still to be read.
pub(crate) struct Bulk(pub Vec<Box<RawValue>>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(read(&bytes(request, state).await?)?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Perhaps<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let text = bytes(request, state).await?;
        let nothing = matches!(text.trim_ascii(), b"" | b"null");
        Ok(Self(if nothing { T::default() } else { read(&text)? }))
    }
}

impl<S: Send + Sync> FromRequest<S> for Bulk {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(parse(&bytes(request, state).await?)?))
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|refused| {
        let too_large = refused.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let code = if too_large { Code::TooLarge } else { Code::BadJson };
        Problem::new(code, format!("{}; send less at once", refused.body_text()))
    })
}

/// Why a text could not be read.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// No JSON: what and where.
    Syntax(String),
    Field(Invalid),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Syntax(problem) => Self::new(Code::BadJson, problem),
            Fault::Field(refused) => refused.into(),
        }
    }
}

/// Reads one thing; what no database keeps is no part of it.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    if has_nul(text) {
        let problem = "a text contains the character U+0000, which no database keeps";
        return Err(Fault::Field(Invalid::new("body", problem, "leave it out")));
    }
    parse(text)
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| Fault::Syntax(error.to_string()))?;
    Ok(value)
}

fn has_nul(text: &[u8]) -> bool {
    let escapes = text.windows(6).enumerate().filter(|(_, six)| *six == b"\\u0000");
    let mut escaping = escapes.map(|(at, _)| text[..at].iter().rev().take_while(|byte| **byte == b'\\').count());
    escaping.any(|before| before % 2 == 0)
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    if !error.inner().is_data() {
        return Fault::Syntax(error.inner().to_string());
    }
    let whole = error.inner().to_string();
    let message = whole
        .rsplit_once(" at line ")
        .map_or(whole.as_str(), |(message, _)| message);
    let path = error.path().to_string();
    let path = if path == "." { "" } else { &path };
    Fault::Field(ours(path, message).unwrap_or_else(|| theirs(path, message)))
}

/// A refusal of one of our own types, as its `Display` writes it.
fn ours(path: &str, message: &str) -> Option<Invalid> {
    let (field, rest) = message.split_once(": ")?;
    let (problem, remedy) = rest.rsplit_once("; ")?;
    let is_field = !field.is_empty() && field.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_field.then(|| Invalid::new(if path.is_empty() { field } else { path }, problem, remedy))
}

/// What serde says of a value that does not fit.
fn theirs(path: &str, message: &str) -> Invalid {
    let (problem, remedy) = match message.split_once(", expected ") {
        Some((problem, right)) => (problem, format!("give {right}; {DESCRIBED}")),
        None if message.starts_with("relative URL without a base") => (
            "it is no URL",
            "give a whole URL such as https://ca.example.org/directory".to_owned(),
        ),
        None => (message, DESCRIBED.to_owned()),
    };
    let named = ["missing field `", "unknown field `"].into_iter().find_map(|start| {
        let (name, _) = problem.strip_prefix(start)?.split_once('`')?;
        Some(name)
    });
    let field = match named {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
        Some(_) | None if path.is_empty() => "body".to_owned(),
        Some(_) | None => path.to_owned(),
    };
    Invalid::new(field, problem, remedy)
}

#[cfg(test)]
mod tests {
    use domain::host::NewHost;
    use domain::policy::NewPolicy;

    use super::*;

    fn refused<T: DeserializeOwned>(text: &str) -> Invalid {
        match read::<T>(text.as_bytes()) {
            Err(Fault::Field(refused)) => refused,
            Err(Fault::Syntax(said)) => panic!("{text}: {said}"),
            Ok(_) => panic!("{text} was accepted"),
        }
    }

    #[test]
    fn every_fault_names_its_field() {
        for (text, field, right) in [
            (r#"{"hostname":"a_b.org"}"#, "hostname", "www.example.org"),
            (r#"{"hostname":"a.org","port":"x"}"#, "port", "u16"),
            (r#"{"hostname":"a.org","port":70000}"#, "port", "u16"),
            (r#"{"hostname":"a.org","colour":1}"#, "colour", "probe_interval_seconds"),
            (r#"{"port":443}"#, "hostname", "openapi"),
            (
                r#"{"hostname":"a.org","criticality":"huge"}"#,
                "criticality",
                "`critical`",
            ),
            (
                r#"{"hostname":"a.org","environment":"a\u0000b"}"#,
                "body",
                "leave it out",
            ),
            ("7", "body", "struct NewHost"),
        ] {
            let said = refused::<NewHost>(text);
            assert_eq!(said.field, field, "{text}: {said}");
            assert!(said.remedy.contains(right), "{text}: {said}");
        }
    }

    #[test]
    fn a_field_of_a_list_is_named_by_its_place() {
        let target = r#"{"hostname":"a.org","targets":[{"kind":"file","chain_path":"/c"}]}"#;
        assert_eq!(refused::<NewPolicy>(target).field, "targets[0].key_path");
        let sans = r#"{"hostname":"a.org","sans":["b.org","c_.org"],"targets":[]}"#;
        let said = refused::<NewPolicy>(sans);
        assert_eq!(said.field, "sans[1]");
        assert!(said.problem.contains("c_.org"), "{said}");
        let key = r#"{"hostname":"a.org","key_algorithm":"rsa1024","targets":[]}"#;
        assert!(refused::<NewPolicy>(key).remedy.contains("rsa2048"));
    }

    #[test]
    fn what_is_no_json_says_where() {
        for (text, place) in [
            ("{", "line 1 column 1"),
            ("{\n\"hostname\":}", "line 2 column"),
            ("{\"hostname\":\"a.org\"} x", "line 1 column 22"),
        ] {
            let fault = read::<NewHost>(text.as_bytes()).expect_err(text);
            assert!(
                matches!(&fault, Fault::Syntax(said) if said.contains(place)),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn a_written_out_escape_is_no_nul() {
        assert!(!has_nul(br#"{"a":"\\u0000"}"#) && has_nul(br#"{"a":"\\\u0000"}"#) && has_nul(br#""\u0000""#));
    }
}
