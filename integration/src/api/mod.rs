//! A client of the API, as another program would write one.
//!
//! In: requests, mostly of the types of `api`. Out: answers in the types of `api`. Touches: one console. Never: an answer as
//! untyped JSON, because a story that misreads its field would pass or fail for the wrong reason.

mod acts;
mod counts;
mod reads;
mod waits;

use std::time::Duration;

use ::api::Page;
use ::api::errors::Problem;
use anyhow::{Context, Result, bail};
use domain::Invalid;
use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::counts::Counts;
pub use self::reads::served;

/// A page of a list has at most so many items.
const PAGE: usize = 1_000;

#[derive(Clone)]
pub struct Api {
    url: String,
    token: String,
    client: Client,
}

/// An answer with its status, for tests of refusals.
#[derive(Debug)]
pub struct ApiResponse {
    pub status: u16,
    /// As it came.
    pub body: String,
}

impl ApiResponse {
    /// Why it was refused.
    pub fn problem(&self) -> Result<Problem> {
        serde_json::from_str(&self.body).with_context(|| format!("no refusal: {self:?}"))
    }

    /// The first field that was refused, and why.
    pub fn refused(&self) -> Result<Invalid> {
        let mut errors = self.problem()?.errors.into_iter();
        errors.next().with_context(|| format!("no field is refused: {self:?}"))
    }

    fn good<T: DeserializeOwned>(self) -> Result<T> {
        if !(200..300).contains(&self.status) {
            bail!("the API answered {}: {}", self.status, self.body);
        }
        serde_json::from_str(&self.body).with_context(|| self.body)
    }
}

impl Api {
    pub fn new(url: &str, token: &str) -> Result<Self> {
        crate::install_crypto();
        let client = Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self {
            url: format!("{url}/api/v1"),
            token: token.trim().to_owned(),
            client,
        })
    }

    /// Posts whatever a story likes, and gives what is said to it.
    pub async fn answer_to_post(&self, path: &str, body: &impl Serialize) -> Result<ApiResponse> {
        self.respond(self.request(Method::POST, path).json(body)).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn respond(&self, request: reqwest::RequestBuilder) -> Result<ApiResponse> {
        let answer = request.bearer_auth(&self.token).send().await?;
        Ok(ApiResponse {
            status: answer.status().as_u16(),
            body: answer.text().await?,
        })
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.respond(self.request(Method::GET, path)).await?;
        answer.good().with_context(|| path.to_owned())
    }

    async fn submit<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.send(Method::POST, path, body).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> Result<T> {
        let answer = self.respond(self.request(method, path).json(body)).await?;
        answer.good().with_context(|| path.to_owned())
    }

    /// Every item of a list, page after page.
    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let (mut all, mut after) = (Vec::new(), String::new());
        let and = if path.contains('?') { '&' } else { '?' };
        loop {
            let page: Page<T> = self.read(&format!("{path}{and}limit={PAGE}{after}")).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(all),
            }
        }
    }
}
