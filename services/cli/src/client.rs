//! HTTP to the API, and its refusals in one line.

use std::time::Duration;

use api::Page;
use chassis::secret_arg;
use reqwest::{RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Global;
use crate::failed::Failed;
use crate::refusal;

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

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        self.get_with(path, &[]).await
    }

    pub async fn get_with<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, Option<String>)],
    ) -> Result<T, Failed> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.read(self.http.get(url)).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failed> {
        self.read(self.http.post(self.url(path)?).json(body)).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failed> {
        self.read(self.http.put(self.url(path)?).json(body)).await
    }

    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failed> {
        self.read(self.http.patch(self.url(path)?).json(body)).await
    }

    /// Of what answers when it is deleted.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        self.read(self.http.delete(self.url(path)?)).await
    }

    /// Of what answers nothing when it is deleted.
    pub async fn remove(&self, path: &str) -> Result<(), Failed> {
        self.send(self.http.delete(self.url(path)?)).await.map(|_nothing| ())
    }

    /// What is no JSON, as it came.
    pub async fn text(&self, path: &str) -> Result<String, Failed> {
        self.send(self.http.get(self.url(path)?)).await
    }

    /// Every page of a list.
    pub async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, Option<String>)],
    ) -> Result<Vec<T>, Failed> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let place = [("limit", Some(PAGE.to_owned())), ("after", after)];
            let query: Vec<_> = query.iter().cloned().chain(place).collect();
            let page: Page<T> = self.get_with(path, &query).await?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    fn url(&self, path: &str) -> Result<Url, Failed> {
        let text = format!("{}{path}", self.base);
        Url::parse(&text).map_err(|e| Failed::Refused(format!("--url: {text} is no URL: {e}; use http://host:port")))
    }

    /// An answer that comes bit by bit, as long as it may; `behind` is the last event that was read
    /// of it.
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

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failed> {
        let text = self.send(request).await?;
        serde_json::from_str(&text).map_err(|why| {
            Failed::Unreachable(format!(
                "the API at {} answers what this version cannot read ({why}); is it of another version?",
                self.base
            ))
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<String, Failed> {
        let answer = self.answer(request).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await);
        }
        answer.text().await.map_err(|e| self.unreachable(&e))
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
        let why = match serde_json::from_str(&text) {
            Ok(problem) => refusal::text(&problem),
            Err(_) => format!("the API answered {status}"),
        };
        if status.is_server_error() {
            Failed::Unreachable(why)
        } else {
            Failed::Refused(why)
        }
    }

    pub fn unreachable(&self, error: &reqwest::Error) -> Failed {
        let base = &self.base;
        // The library's own words name the URL once more, and not what broke.
        let why = match chassis::tls::cause(error) {
            Some(why) => why,
            None if error.is_timeout() => "it does not answer in time".to_owned(),
            None => "it answers no HTTP".to_owned(),
        };
        Failed::Unreachable(format!(
            "the API at {base} cannot be reached: {why}; is `vigilo up` running? see --url"
        ))
    }
}

/// One part of a path or query, whatever a person typed: a `/` or `?` in it leads nowhere else.
pub fn part(typed: &str) -> String {
    if typed.is_empty() {
        // Without it the path of the whole list would be meant.
        return "%20".to_owned();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    let dots_only = typed.bytes().all(|byte| byte == b'.');
    let one = |byte: u8| match byte {
        b'.' if !dots_only => ".".to_owned(),
        // A part of dots alone would lead upwards, encoded or not: it is made one that nothing is
        // called.
        b'.' => "%EF%BC%8E".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    typed.bytes().map(one).collect()
}

fn token(global: &Global) -> Result<String, Failed> {
    let file = global.token_file.as_deref();
    let given = secret_arg::given("--token-file", global.token.as_ref(), file).map_err(Failed::Refused)?;
    if let Some(token) = given {
        return Ok(token);
    }
    let file = "./.vigilo/owner.token";
    std::fs::read_to_string(file)
        .map(|text| text.trim().to_owned())
        .map_err(|e| {
            Failed::Refused(format!(
                "--token: none was given and {file} cannot be read ({e}); set VIGILO_TOKEN, or give --token-file"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_api_that_is_away_is_named_once_and_why() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", taken.local_addr().expect("an address"));
        drop(taken);
        chassis::process::install_provider();
        let http = reqwest::Client::new();
        let error = http.get(&base).send().await.expect_err("nobody is there");
        let client = Client {
            base: base.clone(),
            token: String::new(),
            json: false,
            http,
        };
        let Failed::Unreachable(said) = client.unreachable(&error) else {
            panic!("it is unreachable");
        };
        assert_eq!(said.matches(&base).count(), 1, "{said}");
        assert!(said.contains("the connection is refused"), "{said}");
    }

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
