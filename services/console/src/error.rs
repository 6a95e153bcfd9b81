//! What the API says when it cannot do what was asked: RFC 9457 problems with stable codes (see `shared/codes`).

use api::errors;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bus::BusError;
use custody::CustodyError;
use domain::Invalid;
use store::StoreError;
use tracing::error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BadJson,
    Refused,
    Duplicate,
    NoSuchThing,
    NoSuchPath,
    WrongMethod,
    TooLarge,
    Unauthorized,
    OutOfPlace,
    DatabaseDown,
    BusDown,
    PlannerSilent,
    Unreadable,
    TooSlow,
    KeySignerSilent,
    TooMuch,
    Defect,
    IncidentSilent,
}

impl Code {
    /// Stable code, status, title.
    #[expect(clippy::too_many_lines, reason = "one arm for each code")]
    const fn says(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadJson => ("API-0001", StatusCode::BAD_REQUEST, "The body is not JSON"),
            Self::Refused => ("API-0002", StatusCode::UNPROCESSABLE_ENTITY, "A value was refused"),
            Self::Duplicate => ("API-0003", StatusCode::CONFLICT, "It exists already"),
            Self::NoSuchThing => ("API-0004", StatusCode::NOT_FOUND, "There is no such thing"),
            Self::NoSuchPath => ("API-0005", StatusCode::NOT_FOUND, "There is no such path"),
            Self::WrongMethod => (
                "API-0006",
                StatusCode::METHOD_NOT_ALLOWED,
                "The path does not know this method",
            ),
            Self::TooLarge => ("API-0007", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::Unauthorized => ("API-0008", StatusCode::UNAUTHORIZED, "A token is needed"),
            Self::OutOfPlace => ("API-0009", StatusCode::CONFLICT, "That cannot be done now"),
            Self::DatabaseDown => (
                "API-0010",
                StatusCode::SERVICE_UNAVAILABLE,
                "The database is out of reach",
            ),
            Self::BusDown => ("API-0011", StatusCode::SERVICE_UNAVAILABLE, "NATS is out of reach"),
            Self::PlannerSilent => (
                "API-0012",
                StatusCode::GATEWAY_TIMEOUT,
                "The planner has not answered yet",
            ),
            Self::Unreadable => (
                "API-0013",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something cannot be read or written",
            ),
            Self::TooSlow => ("API-0014", StatusCode::GATEWAY_TIMEOUT, "It took too long"),
            Self::KeySignerSilent => (
                "API-0015",
                StatusCode::SERVICE_UNAVAILABLE,
                "The key-signer does not seal",
            ),
            Self::TooMuch => ("API-0016", StatusCode::SERVICE_UNAVAILABLE, "Too much is asked at once"),
            Self::Defect => (
                "API-0017",
                StatusCode::INTERNAL_SERVER_ERROR,
                "The console met a defect of its own",
            ),
            Self::IncidentSilent => (
                "API-0018",
                StatusCode::SERVICE_UNAVAILABLE,
                "The incident service does not answer",
            ),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    errors: Vec<Invalid>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// A problem with one field.
    pub(crate) fn field(code: Code, refused: Invalid) -> Self {
        Self {
            code,
            detail: refused.to_string(),
            errors: vec![refused],
        }
    }

    pub(crate) fn absent(field: &str, id: impl std::fmt::Display) -> Self {
        let remedy = "use an id that the list shows";
        Self::field(
            Code::NoSuchThing,
            Invalid::new(field, format!("{id} is not in this workspace"), remedy),
        )
    }
}

impl From<Invalid> for Problem {
    fn from(refused: Invalid) -> Self {
        Self::field(Code::Refused, refused)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The cause stands in our log only: it may name hosts and users of the database.
        error!(%error, "the store");
        match &error {
            StoreError::Unavailable(_) => Self::new(
                Code::DatabaseDown,
                "try again; the health page and the console's log say more",
            ),
            StoreError::Duplicate { constraint } => Self::new(Code::Duplicate, format!("refused by {constraint}")),
            StoreError::Unknown { constraint } => Self::new(
                Code::Refused,
                format!("it refers to something that does not exist ({constraint})"),
            ),
            StoreError::Corrupt { table, id, .. } => Self::new(
                Code::Unreadable,
                format!("the row {id} of {table}; the console's log says why"),
            ),
            StoreError::Faulty(_)
            | StoreError::Migration(_)
            | StoreError::Foreign
            | StoreError::Insecure(_)
            | StoreError::RowCount { .. } => Self::new(
                Code::Unreadable,
                "the console and its database do not fit; its log says why",
            ),
        }
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        error!(%error, "the bus");
        match error {
            BusError::Unavailable(_) | BusError::TooOld { .. } | BusError::Disbelieved { .. } | BusError::Keys(_) => {
                Self::new(
                    Code::BusDown,
                    "try again; the health page and the console's log say more",
                )
            }
            BusError::NoResponders { .. } | BusError::Timeout { .. } => Self::new(
                Code::PlannerSilent,
                "the request is stored and is carried out once a planner runs; see whether one does",
            ),
            BusError::Malformed(_) => Self::new(
                Code::Unreadable,
                "the planner's answer; planner and console may be of different versions",
            ),
        }
    }
}

impl From<CustodyError> for Problem {
    fn from(error: CustodyError) -> Self {
        error!(%error, "the key-signer");
        let detail = "the private key was not kept anywhere; see whether the key-signer runs, then send it again";
        Self::new(Code::KeySignerSilent, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (code, status, title) = self.code.says();
        let wire = errors::Problem {
            r#type: format!("urn:vigilo:error:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            help: api::help(code),
            errors: self.errors,
        };
        let mut response = (status, Json(wire)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if self.code == Code::TooMuch {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Code; 18] = [
        Code::BadJson,
        Code::Refused,
        Code::Duplicate,
        Code::NoSuchThing,
        Code::NoSuchPath,
        Code::WrongMethod,
        Code::TooLarge,
        Code::Unauthorized,
        Code::OutOfPlace,
        Code::DatabaseDown,
        Code::BusDown,
        Code::PlannerSilent,
        Code::Unreadable,
        Code::TooSlow,
        Code::KeySignerSilent,
        Code::TooMuch,
        Code::Defect,
        Code::IncidentSilent,
    ];

    #[test]
    fn the_document_names_every_code_with_title_and_status() {
        let document: serde_json::Value = serde_saphyr::from_str(include_str!("../openapi.yaml")).expect("YAML");
        let named = &document["components"]["schemas"]["Problem"]["properties"]["type"]["oneOf"];
        let served: Vec<_> = ALL
            .map(Code::says)
            .into_iter()
            .map(|(code, status, title)| {
                serde_json::json!({
                    "const": format!("urn:vigilo:error:{code}"), "title": title, "description": status.as_u16().to_string(),
                })
            })
            .collect();
        assert_eq!(*named, serde_json::Value::from(served));
    }

    #[test]
    fn every_code_has_its_page_with_its_status() {
        let pages = codes::all().iter().filter(|page| page.code.starts_with("API-")).count();
        assert_eq!(pages, ALL.len());
        for code in ALL {
            let (name, status, _) = code.says();
            let page = codes::find(name).unwrap_or_else(|| panic!("{name} is not explained"));
            assert!(
                page.title.ends_with(&format!("({})", status.as_u16())),
                "{}",
                page.title
            );
        }
    }
}
