//! HTTP to the API, and its refusals in one line.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, Url};
use serde_json::Value;

use super::{Failed, Global};

/// A renewal of 100,000 hosts is answered in parts of 500: give it time.
const TIMEOUT: Duration = Duration::from_secs(300);
/// For what is followed: years.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
const PAGE: &str = "1000";

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    pub json: bool,
}

impl Client {
    pub fn new(global: &Global) -> Result<Self, Failed> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build();
        let http = http.map_err(|e| Failed::Unreachable(e.to_string()))?;
        let base = format!("{}/api/v1", global.url.trim_end_matches('/'));
        Ok(Self {
            http,
            base,
            token: token(global)?,
            json: global.json,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failed> {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Value, Failed> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.send(self.http.get(url)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        self.send(self.http.post(self.url(path)?).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        self.send(self.http.put(self.url(path)?).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        self.send(self.http.patch(self.url(path)?).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failed> {
        self.send(self.http.delete(self.url(path)?)).await
    }

    /// What is no JSON, as it came.
    pub async fn text(&self, path: &str) -> Result<String, Failed> {
        match self.send(self.http.get(self.url(path)?)).await? {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    }

    /// Every page of a list.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>, Failed> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .get_with(path, &[("limit", Some(PAGE.to_owned())), ("after", after)])
                .await?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    fn url(&self, path: &str) -> Result<Url, Failed> {
        let text = format!("{}{path}", self.base);
        Url::parse(&text).map_err(|e| Failed::Refused(format!("--url: {text} is no URL: {e}; use http://host:port")))
    }

    /// An answer that comes bit by bit, as long as it may; `behind` is the last event that was read of it.
    pub async fn stream(&self, path: &str, behind: Option<&str>) -> Result<Response, Failed> {
        let mut request = self.http.get(self.url(path)?).timeout(FOR_EVER);
        if let Some(id) = behind {
            request = request.header("last-event-id", id);
        }
        let answer = self.answer(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refused(answer).await)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, Failed> {
        let answer = self.answer(request).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        let text = answer.text().await.map_err(|e| self.unreachable(&e))?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let answer = request.bearer_auth(&self.token).send().await;
        answer.map_err(|e| self.unreachable(&e))
    }

    async fn refused(&self, answer: Response) -> Failed {
        let status = answer.status();
        let text = match answer.text().await {
            Ok(text) => text,
            Err(error) => return self.unreachable(&error),
        };
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let why = refusal(&body).unwrap_or_else(|| format!("the API answered {status}"));
        if status.is_server_error() {
            Failed::Unreachable(why)
        } else {
            Failed::Refused(why)
        }
    }

    pub fn unreachable(&self, error: &reqwest::Error) -> Failed {
        let base = &self.base;
        Failed::Unreachable(format!(
            "the API at {base} cannot be reached ({error}); is `vigilo up` running? see --url"
        ))
    }
}

/// The problem+json in one line: every field with what was wrong and what is right.
fn refusal(body: &Value) -> Option<String> {
    let errors = body["errors"].as_array().filter(|errors| !errors.is_empty());
    match errors {
        Some(errors) => Some(errors.iter().map(invalid).collect::<Vec<_>>().join("\n        ")),
        None => body["detail"].as_str().or(body["title"].as_str()).map(str::to_owned),
    }
}

/// One part of a path or query, whatever somebody typed: a `/` or `?` in it leads nowhere else.
pub fn part(typed: &str) -> String {
    if typed.is_empty() {
        // Without it the path of the whole list would be meant.
        return "%20".to_owned();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    let dots_only = typed.bytes().all(|byte| byte == b'.');
    let one = |byte: u8| match byte {
        b'.' if !dots_only => ".".to_owned(),
        // A part of dots alone would lead upwards, encoded or not: it is made one that nothing is called.
        b'.' => "%EF%BC%8E".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    typed.bytes().map(one).collect()
}

pub fn invalid(one: &Value) -> String {
    let part = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    format!("{}: {}; {}", part("field"), part("problem"), part("remedy"))
}

fn token(global: &Global) -> Result<String, Failed> {
    if let Some(token) = &global.token {
        return Ok(token.clone());
    }
    let file = "./.vigilo/owner.token";
    std::fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(|e| {
            Failed::Refused(format!(
                "--token: none was given and {file} cannot be read ({e}); set VIGILO_TOKEN"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_one_part_of_the_path() {
        for (typed, sent) in [
            ("h1.example.org", "/x/h1.example.org/y"),
            ("a/../b", "/x/a%2F..%2Fb/y"),
            ("..", "/x/%EF%BC%8E%EF%BC%8E/y"),
            ("", "/x/%20/y"),
            ("a b?c=d&e#f%", "/x/a%20b%3Fc%3Dd%26e%23f%25/y"),
            ("ü", "/x/%C3%BC/y"),
        ] {
            let url = Url::parse(&format!("http://127.0.0.1/x/{}/y", part(typed))).expect("a URL");
            assert_eq!((url.path(), url.query()), (sent, None), "{typed}");
        }
    }
}
