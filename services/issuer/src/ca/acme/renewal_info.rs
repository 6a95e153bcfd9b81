//! When a CA wants a certificate renewed (RFC 9773 §4): a plain GET of our own, because the library
//! gives up on an answer without `Retry-After` and hides every other one the same way.
//!
//! In: a directory and a certificate's name there. Out: one named answer, whatever happens.
//! Touches: the CAs that the configuration allows. Never: an account, the page that explains (it is
//! shown to people only).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Timestamp;
use domain::ari::{CertId, RenewalInfoAnswer, Suggestion, Window};
use domain::clock::NoInstant;
use http::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::answers::first_words;
use super::client::{self, Obstacle};
use super::directories::{Directories, Directory};
use super::translate::translate;
use crate::ca::CaError;

/// A directory changes seldom, and is asked about a hundred thousand certificates.
const LISTED_FOR: Duration = Duration::from_secs(3600);
const LONGEST_URL: usize = 500;

pub(super) struct RenewalInfo {
    directories: Arc<Directories>,
    /// The base of the questions at each directory; none: it offers no renewal information.
    bases: Mutex<HashMap<Url, (Instant, Option<Url>)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    suggested_window: Bounds,
    #[serde(default, rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Bounds {
    start: String,
    end: String,
}

impl RenewalInfo {
    pub(super) fn new(directories: Arc<Directories>) -> Self {
        let bases = Mutex::default();
        Self { directories, bases }
    }

    pub async fn ask(&self, directory: &Url, certificate: &CertId) -> RenewalInfoAnswer {
        match self.fetch(directory, certificate).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn fetch(&self, directory: &Url, certificate: &CertId) -> Result<RenewalInfoAnswer, RenewalInfoAnswer> {
        let directory = self.directories.of(directory).map_err(not_asked)?;
        let Some(mut url) = self.base(&directory).await? else {
            return Ok(RenewalInfoAnswer::NotOffered);
        };
        url.path_segments_mut()
            .map_err(|()| garbled("the directory's renewalInfo is no address".to_owned()))?
            .pop_if_empty()
            .push(certificate.as_str());
        let answer = directory.transport.get(&url).await.map_err(stopped)?;
        Ok(read(&answer))
    }

    async fn base(&self, directory: &Directory) -> Result<Option<Url>, RenewalInfoAnswer> {
        if let Some(known) = self.known(&directory.url) {
            return Ok(known);
        }
        let listing = directory.transport.look(&directory.url).await;
        let listed = listing.map_err(|error| not_asked(translate(error)))?.renewal_info;
        let base = listed.map(|text| Url::parse(&text).map_err(|e| garbled(format!("renewalInfo {text:?}: {e}"))));
        let base = base.transpose()?;
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        bases.insert(directory.url.clone(), (Instant::now(), base.clone()));
        Ok(base)
    }

    fn known(&self, directory: &Url) -> Option<Option<Url>> {
        let bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, base) = bases.get(directory)?;
        (read_at.elapsed() < LISTED_FOR).then(|| base.clone())
    }
}

/// What an answer means, by its status first.
fn read(answer: &Response<Bytes>) -> RenewalInfoAnswer {
    let (status, until) = (answer.status(), client::retry_after_of(answer.headers()));
    let said = || format!("it answered {status}: {}", first_words(answer.body()));
    match status {
        StatusCode::OK => suggestion(answer.body()).map_or_else(garbled, |suggestion| RenewalInfoAnswer::Suggested {
            suggestion,
            retry_at: until,
        }),
        StatusCode::NOT_FOUND => RenewalInfoAnswer::Unknown { said: said() },
        StatusCode::TOO_MANY_REQUESTS => RenewalInfoAnswer::Unavailable { until, said: said() },
        _ if status.is_server_error() => RenewalInfoAnswer::Unavailable { until, said: said() },
        _ => garbled(said()),
    }
}

fn suggestion(body: &[u8]) -> Result<Suggestion, String> {
    let read: Body = serde_json::from_slice(body).map_err(|e| format!("{e} in {}", first_words(body)))?;
    let (start, end) = (
        instant(&read.suggested_window.start)?,
        instant(&read.suggested_window.end)?,
    );
    let window = Window::new(start, end).map_err(|refused| refused.to_string())?;
    Ok(Suggestion {
        window,
        explanation_url: read.explanation_url.filter(|text| is_page(text)),
    })
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|e: NoInstant| e.to_string())
}

/// Whether it may be shown as a link.
fn is_page(text: &str) -> bool {
    let web = |url: Url| matches!(url.scheme(), "https" | "http");
    text.len() <= LONGEST_URL && Url::parse(text).is_ok_and(web)
}

fn garbled(said: String) -> RenewalInfoAnswer {
    RenewalInfoAnswer::Garbled { said }
}

fn stopped(obstacle: Obstacle) -> RenewalInfoAnswer {
    not_asked(translate(instant_acme::Error::Other(Box::new(obstacle))))
}

fn not_asked(error: CaError) -> RenewalInfoAnswer {
    let said = error.to_string();
    match error {
        CaError::NotAllowed { .. } | CaError::Misconfigured { .. } => RenewalInfoAnswer::NotAllowed { said },
        CaError::RateLimited { until, .. } | CaError::Unavailable { until, .. } => {
            RenewalInfoAnswer::Unavailable { until, said }
        }
        _ => garbled(said),
    }
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> RenewalInfoAnswer {
        let mut response = Response::builder().status(status);
        if let Some(value) = retry_after {
            response = response.header(RETRY_AFTER, value);
        }
        read(&response.body(Bytes::from(body.to_owned())).expect("an answer"))
    }

    const GOOD: &str = r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"},
                           "explanationURL":"https://acme.example.com/docs/ari"}"#;

    #[test]
    fn the_window_of_the_rfc_is_read() {
        let RenewalInfoAnswer::Suggested { suggestion, retry_at } = answer(200, Some("21600"), GOOD) else {
            panic!("it is a suggestion")
        };
        assert_eq!(suggestion.window.start().to_string(), "2025-01-02T04:00:00Z");
        assert_eq!(suggestion.window.end().to_string(), "2025-01-03T04:00:00Z");
        assert_eq!(
            suggestion.explanation_url.as_deref(),
            Some("https://acme.example.com/docs/ari")
        );
        assert!(retry_at.is_some());
    }

    #[test]
    fn a_window_that_no_calendar_has_is_left_out_with_the_reason() {
        for outside in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59"] {
            for end in ["2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z"] {
                let RenewalInfoAnswer::Garbled { said } = answer(200, None, &GOOD.replace(end, outside)) else {
                    panic!("{outside} is no instant")
                };
                assert!(said.contains(outside) && said.contains("the years 0 to 9999"), "{said}");
            }
        }
    }

    mod fuzz {
        use super::*;

        #[test]
        fn renewal_information() {
            let seeds = [GOOD.as_bytes().to_vec(), b"<html>busy</html>".to_vec()];
            ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "renewal-info", &seeds, |input| {
                for status in [200, 404, 429, 500, 302] {
                    let retry_after = String::from_utf8_lossy(input).into_owned();
                    let mut response = Response::builder().status(status);
                    if let Ok(value) = http::HeaderValue::from_str(&retry_after) {
                        response = response.header(RETRY_AFTER, value);
                    }
                    let read = read(&response.body(Bytes::from(input.to_vec())).expect("an answer"));
                    let written = serde_json::to_vec(&read).expect("it can be told");
                    let again: RenewalInfoAnswer = serde_json::from_slice(&written).expect("it can be heard");
                    assert_eq!(again, read);
                }
            });
        }
    }

    #[test]
    fn a_missing_retry_after_is_no_reason_to_drop_the_window() {
        let read = answer(200, None, GOOD);
        assert!(
            matches!(read, RenewalInfoAnswer::Suggested { retry_at: None, .. }),
            "{read:?}"
        );
    }

    #[test]
    fn a_link_that_is_no_page_is_left_out() {
        let read = answer(
            200,
            None,
            &GOOD.replace("https://acme.example.com", "javascript:alert(1)//"),
        );
        let RenewalInfoAnswer::Suggested { suggestion, .. } = read else {
            panic!("it is a suggestion")
        };
        assert_eq!(suggestion.explanation_url, None);
    }

    #[test]
    fn every_other_answer_has_a_name() {
        let backwards = GOOD.replace("2025-01-03", "2025-01-01");
        let garbage = [
            "",
            "<html>",
            "{}",
            r#"{"suggestedWindow":{"start":"soon","end":"later"}}"#,
            &backwards,
        ];
        for body in garbage {
            assert!(
                matches!(answer(200, Some("5"), body), RenewalInfoAnswer::Garbled { .. }),
                "{body:?}"
            );
        }
        assert!(matches!(answer(404, None, ""), RenewalInfoAnswer::Unknown { .. }));
        assert!(matches!(answer(302, None, ""), RenewalInfoAnswer::Garbled { .. }));
        assert!(matches!(
            answer(503, Some("60"), "busy"),
            RenewalInfoAnswer::Unavailable { until: Some(_), .. }
        ));
        assert!(matches!(
            answer(429, None, ""),
            RenewalInfoAnswer::Unavailable { until: None, .. }
        ));
    }
}
