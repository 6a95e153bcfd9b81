//! Reading JSON that people wrote: what is no JSON says where, what is refused says which field and what is right.

use api::Bounded;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use domain::Invalid;
use domain::text::has_nul;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Code, Problem};

const DESCRIBED: &str = "GET /api/v1/openapi.yaml describes it";

/// A body of this type.
pub(crate) struct Body<T>(pub T);

/// A body of this type, or none at all.
pub(crate) struct Perhaps<T>(pub T);

/// The items of an import, each still to be read: no more than an import may have.
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
        let Bounded(items) = parse(&bytes(request, state).await?)?;
        Ok(Self(items))
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
    let (problem, remedy) = in_words(message, DESCRIBED);
    let problem = problem.as_str();
    let named = ["missing field `", "unknown field `"].into_iter().find_map(|start| {
        let (name, _) = problem.strip_prefix(start)?.split_once('`')?;
        Some(name)
    });
    let field = match named {
        Some(name) if path.is_empty() && !name.is_empty() => name.to_owned(),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
        Some(_) | None if path.is_empty() => "body".to_owned(),
        Some(_) | None => path.to_owned(),
    };
    Invalid::new(field, problem, remedy)
}

/// What a reader of JSON or of a query says of a value, as a problem and what is right.
pub(crate) fn in_words(message: &str, described: &str) -> (String, String) {
    match message.split_once(", expected ") {
        Some((problem, right)) => (
            wrong_in_words(problem),
            format!("give {}; {described}", right_in_words(right)),
        ),
        None if message.starts_with("relative URL without a base") => (
            "it is no URL".to_owned(),
            "give a whole URL such as https://ca.example.org/directory".to_owned(),
        ),
        None => (wrong_in_words(message), described.to_owned()),
    }
}

/// The names of the reader's types, in the words of JSON.
fn right_in_words(right: &str) -> String {
    let word = match right {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "string or map" => "a text",
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "true or false",
        other
            if ["struct ", "internally tagged enum ", "tuple struct "]
                .iter()
                .any(|kind| other.starts_with(kind)) =>
        {
            "an object: {\"name\": value, …}"
        }
        other => other,
    };
    word.to_owned()
}

fn wrong_in_words(problem: &str) -> String {
    let value = |found: &str| {
        let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
        let value = value.trim_matches('`');
        match kind {
            "string" => format!("{value} is a text"),
            "integer" | "floating" => format!("{} is a number", value.trim_start_matches("point `")),
            "boolean" => format!("{value} is true or false"),
            "null" => "it is null".to_owned(),
            "map" => "it is an object".to_owned(),
            "sequence" => "it is a list".to_owned(),
            _ => format!("it is {found}"),
        }
    };
    if let Some(found) = problem.strip_prefix("invalid type: ") {
        return value(found);
    }
    if let Some(found) = problem.strip_prefix("invalid value: ") {
        let number = found.strip_prefix("integer `").and_then(|rest| rest.strip_suffix('`'));
        return number.map_or_else(|| value(found), |number| format!("{number} is out of range"));
    }
    if problem.starts_with("invalid length ") {
        return "it is a list".to_owned();
    }
    problem.to_owned()
}

#[cfg(test)]
mod fuzz {
    use domain::host::NewHost;
    use domain::job::JobSpec;
    use domain::policy::NewPolicy;

    use super::*;

    #[test]
    fn bodies() {
        let seeds: Vec<Vec<u8>> = [
            r#"{"hostname":"www.example.org","port":443,"addresses":["192.0.2.1"],"tags":["edge"]}"#,
            r#"[{"hostname":"www.example.org"},{"hostname":"b.example.org","sans":[],"targets":[{"kind":"file","chain_path":"/c","key_path":"/k"}]}]"#,
            r#"{"filter":{"tags":["edge"]},"start_at":"2026-12-01T18:00:00Z","ends_at":"2026-12-02T18:00:00Z"}"#,
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "bodies", &seeds, |input| {
            let refusals = [
                read::<NewHost>(input).err(),
                read::<NewPolicy>(input).err(),
                read::<JobSpec>(input).err(),
                parse::<Bounded<Box<RawValue>>>(input).err(),
            ];
            for refused in refusals.into_iter().flatten() {
                if let Fault::Field(refused) = refused {
                    assert!(!refused.field.is_empty() && !refused.remedy.is_empty(), "{refused:?}");
                }
            }
            if let Ok(Bounded(items)) = parse::<Bounded<Box<RawValue>>>(input) {
                let _ = crate::import::Import::<NewHost>::read(&items, NewHost::check, |new| new.hostname.as_str());
            }
        });
    }

    #[test]
    fn uploaded_keys() {
        let seeds = ["PRIVATE", "EC PRIVATE", "RSA PRIVATE"].map(|kind| {
            format!("-----BEGIN {kind} KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END {kind} KEY-----\n").into_bytes()
        });
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "keys", &seeds, |input| {
            let _ = custody::LeafKey::read(input).map(|key| key.public().len());
        });
    }
}

#[cfg(test)]
mod tests {
    use domain::host::NewHost;
    use domain::policy::NewPolicy;

    use api::lists::MOST_ITEMS;

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
            (r#"{"hostname":"a!b.org"}"#, "hostname", "www.example.org"),
            (r#"{"hostname":"a.org","port":"x"}"#, "port", "from 0 to 65535"),
            (r#"{"hostname":"a.org","port":70000}"#, "port", "from 0 to 65535"),
            (r#"{"hostname":null}"#, "hostname", "a text"),
            (r#"{"hostname":"a.org","tags":"edge"}"#, "tags", "a list"),
            ("[]", "body", "an object"),
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
            ("7", "body", "an object"),
        ] {
            let said = refused::<NewHost>(text);
            assert_eq!(said.field, field, "{text}: {said}");
            assert!(said.remedy.contains(right), "{text}: {said}");
            let said = said.to_string();
            for of_the_reader in ["struct", "u16", "invalid type", "invalid length", "sequence"] {
                assert!(!said.contains(of_the_reader), "{text}: {said}");
            }
        }
    }

    #[test]
    fn a_field_of_a_list_is_named_by_its_place() {
        let target = r#"{"hostname":"a.org","targets":[{"kind":"file","chain_path":"/c"}]}"#;
        assert_eq!(refused::<NewPolicy>(target).field, "targets[0].key_path");
        let sans = r#"{"hostname":"a.org","sans":["b.org","c!.org"],"targets":[]}"#;
        let said = refused::<NewPolicy>(sans);
        assert_eq!(said.field, "sans[1]");
        assert!(said.problem.contains("c!.org"), "{said}");
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
    fn items_are_counted_while_they_are_read() {
        let list = |many: usize| format!("[{}]", vec!["{}"; many].join(","));
        let read = |text: &str| parse::<Bounded<Box<RawValue>>>(text.as_bytes());
        assert_eq!(read(&list(MOST_ITEMS)).expect("as many as may be").0.len(), MOST_ITEMS);
        // The rest is not even read: it may be as long, and as wrong, as it likes.
        let fault = read(&(list(MOST_ITEMS).replace(']', ",{},") + "nonsense")).expect_err("one more");
        let Fault::Field(refused) = fault else {
            panic!("{fault:?}")
        };
        assert!(
            refused.problem.contains("too many") && refused.remedy.contains("at most 100000"),
            "{refused}"
        );
        assert!(matches!(read("[{},"), Err(Fault::Syntax(_))) && matches!(read("[{}] x"), Err(Fault::Syntax(_))));
        let fault = read("{}").expect_err("no list");
        assert!(
            matches!(&fault, Fault::Field(said) if said.remedy.contains("a list")),
            "{fault:?}"
        );
    }
}
