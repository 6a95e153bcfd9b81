//! Errors of the library and of the client, translated once into the words of the seam.

use std::error::Error as _;

use instant_acme::{Error, Subproblem};

use super::client::Obstacle;
use super::{paused, recorder, redact};
use crate::ca::{CaError, Concern, NameProblem, Problem, ProblemKind};
use crate::config;

/// What the CA says of anything but an order that it shall know.
pub fn translate(error: Error) -> CaError {
    match error {
        Error::Api(said) => refused(problem(&said)),
        Error::Other(inner) => match inner.downcast::<Obstacle>() {
            Ok(obstacle) => stopped(*obstacle),
            Err(other) => unavailable(other.to_string()),
        },
        Error::Json(error) => unavailable(no_json(&error)),
        Error::KeyRejected => CaError::Misconfigured {
            what: "the account key is no ES256 key in PKCS#8".to_owned(),
        },
        other => unavailable(match other.source() {
            Some(cause) => format!("{other}: {cause}"),
            None => other.to_string(),
        }),
    }
}

/// The library says where the text ceases to be JSON; people want to see what came instead.
fn no_json(error: &serde_json::Error) -> String {
    match recorder::no_json() {
        Some(words) => format!("its answer is no JSON but begins with {words:?}"),
        None => format!("its answer is not what RFC 8555 says: {error}"),
    }
}

/// Translates the error of a look-up of an order by its URL: one that is not there, or not ours, is
/// gone.
pub fn of_order(error: Error, url: &str) -> CaError {
    match translate(error) {
        CaError::Refused(Problem {
            kind: ProblemKind::Malformed,
            ..
        })
        | CaError::Denied(Problem {
            kind: ProblemKind::Unauthorized,
            ..
        }) => gone(url),
        CaError::Refused(Problem {
            kind: ProblemKind::Other(kind),
            ..
        }) if kind == NOT_FOUND => gone(url),
        other => other,
    }
}

/// How an answer without a problem document is named.
const NOT_FOUND: &str = "HTTP status 404";

pub fn is_bad_nonce(error: &Error) -> bool {
    is(error, &ProblemKind::BadNonce)
}

pub fn is(error: &Error, kind: &ProblemKind) -> bool {
    matches!(error, Error::Api(said) if problem(said).kind == *kind)
}

pub fn problem(said: &instant_acme::Problem) -> Problem {
    let (whole, of_names) = said
        .subproblems
        .iter()
        .partition::<Vec<_>, _>(|part| part.identifier.is_none());
    let own = said.detail.iter().cloned();
    let parts = whole.into_iter().map(|part| part_problem(part).to_string());
    Problem {
        kind: kind(said.r#type.as_deref()),
        detail: detail(own.chain(parts)),
        of_names: of_names.into_iter().filter_map(of_name).collect(),
    }
}

fn of_name(part: &Subproblem) -> Option<NameProblem> {
    let name = part.identifier.as_ref()?.authorized(false).to_string();
    Some(NameProblem {
        name,
        problem: part_problem(part),
    })
}

fn part_problem(part: &Subproblem) -> Problem {
    Problem {
        kind: kind(part.r#type.as_deref()),
        detail: detail(part.detail.iter().cloned()),
        of_names: Vec::new(),
    }
}

fn kind(urn: Option<&str>) -> ProblemKind {
    ProblemKind::parse(urn.unwrap_or("about:blank"))
}

fn detail(said: impl Iterator<Item = String>) -> String {
    let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
    if said.is_empty() {
        "no detail given".to_owned()
    } else {
        redact::paths(&said.join("; "))
    }
}

fn refused(problem: Problem) -> CaError {
    match problem.concern() {
        Concern::ForgottenAccount => CaError::AccountGone,
        Concern::Limit => match paused::portal(&problem.detail) {
            Some(portal) => CaError::Paused {
                portal,
                said: problem.detail,
            },
            None => CaError::RateLimited {
                until: recorder::retry_after(),
                said: problem.to_string(),
            },
        },
        Concern::Passing => CaError::Unavailable {
            until: recorder::retry_after(),
            what: problem.to_string(),
        },
        Concern::Account => CaError::Denied(problem),
        Concern::Name | Concern::Key | Concern::Proof | Concern::Request => CaError::Refused(problem),
    }
}

fn stopped(obstacle: Obstacle) -> CaError {
    match obstacle {
        Obstacle::RateLimited { until, said } => match paused::portal(&said) {
            Some(portal) => CaError::Paused { portal, said },
            None => CaError::RateLimited { until, said },
        },
        Obstacle::Unavailable { until, said } => CaError::Unavailable { until, what: said },
        Obstacle::Unexpected { status, said } => CaError::Refused(Problem {
            kind: ProblemKind::Other(format!("HTTP status {status}")),
            detail: said,
            of_names: Vec::new(),
        }),
        Obstacle::Untrusted { said } => CaError::Misconfigured {
            what: format!("the HTTPS certificate of the CA is not trusted ({said}): see issuer.directories.root_file"),
        },
        Obstacle::Foreign { ref url } => CaError::Misconfigured {
            what: format!(
                "{obstacle}; if it belongs to the CA, put this line below the directory in issuer.directories: {}",
                config::line_of_origin(url)
            ),
        },
        Obstacle::NoAddress { .. } => CaError::Refused(Problem {
            kind: ProblemKind::Other("no address".to_owned()),
            detail: obstacle.to_string(),
            of_names: Vec::new(),
        }),
        Obstacle::Moved { from, to, status } => CaError::Moved { from, to, status },
    }
}

fn gone(url: &str) -> CaError {
    CaError::OrderGone { url: url.to_owned() }
}

fn unavailable(what: String) -> CaError {
    CaError::Unavailable { until: None, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(kind: &str) -> Error {
        let said = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"because"}}"#);
        Error::Api(serde_json::from_str(&said).expect("a problem"))
    }

    fn status(status: u16) -> Error {
        Error::Other(Box::new(Obstacle::Unexpected {
            status,
            said: String::new(),
        }))
    }

    #[test]
    fn the_remedy_decides_not_the_librarys_variant() {
        assert_eq!(translate(api("accountDoesNotExist")), CaError::AccountGone);
        assert!(matches!(
            translate(api("rateLimited")),
            CaError::RateLimited { until: None, .. }
        ));
        assert!(matches!(translate(api("badNonce")), CaError::Unavailable { .. }));
        assert!(matches!(translate(api("userActionRequired")), CaError::Denied(_)));
        assert!(matches!(translate(api("rejectedIdentifier")), CaError::Refused(_)));
        assert!(matches!(
            translate(Error::Str("no nonce found")),
            CaError::Unavailable { .. }
        ));
    }

    #[test]
    fn each_name_of_a_compound_keeps_its_own_type_and_detail() {
        let said = r#"{"type":"urn:ietf:params:acme:error:compound","detail":"two names","subproblems":[
            {"type":"urn:ietf:params:acme:error:caa","detail":"forbidden","identifier":{"type":"dns","value":"a.example"}},
            {"type":"urn:ietf:params:acme:error:rejectedIdentifier","identifier":{"type":"dns","value":"b.example"}}]}"#;
        let error = translate(Error::Api(serde_json::from_str(said).expect("a problem")));
        let CaError::Refused(problem) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            problem.to_string(),
            "two names (compound); a.example: forbidden (caa); b.example: no detail given (rejectedIdentifier)"
        );
    }

    #[test]
    fn an_order_that_is_not_there_or_not_ours_is_gone() {
        for error in [api("malformed"), api("unauthorized"), status(404)] {
            assert!(matches!(of_order(error, "u"), CaError::OrderGone { .. }));
        }
        assert!(matches!(of_order(status(400), "u"), CaError::Refused(_)));
        assert_eq!(of_order(api("accountDoesNotExist"), "u"), CaError::AccountGone);
    }
}
