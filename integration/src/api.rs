//! A small client of the API, as another program would write one.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testkit::wait;

#[derive(Clone)]
pub struct Api {
    url: String,
    token: String,
    client: reqwest::Client,
}

/// An answer with its status, for tests of refusals.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Api {
    pub fn new(url: &str, token: &str) -> Result<Self> {
        crate::install_crypto();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self {
            url: format!("{url}/api/v1"),
            token: token.trim().to_owned(),
            client,
        })
    }

    pub async fn answer_to_get(&self, path: &str) -> Result<Answer> {
        self.answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn answer_to_post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.answer(self.client.post(format!("{}{path}", self.url)).json(body))
            .await
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        good(self.answer_to_get(path).await?)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        good(self.answer_to_post(path, body).await?)
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.put(format!("{}{path}", self.url)).json(body);
        good(self.answer(request).await?)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status().as_u16();
        let body = answer.text().await?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
        })
    }

    /// Imports and insists that nothing was refused.
    pub async fn import(&self, noun: &str, items: &[Value]) -> Result<()> {
        let answer = self.post(&format!("/{noun}/import"), &json!(items)).await?;
        let refused = answer["refused"].as_array().map_or(0, Vec::len);
        if refused > 0 || answer["created"] != json!(items.len()) {
            bail!("the import of {noun} was not complete: {answer}");
        }
        Ok(())
    }

    /// Asks for live renewals of these hosts, or of all; insists that all were accepted; gives hostname → run.
    pub async fn renew(&self, hostnames: Option<&[&str]>) -> Result<BTreeMap<String, String>> {
        let body = match hostnames {
            Some(names) => json!({"hostnames": names, "mode": "live"}),
            None => json!({"all": true, "mode": "live"}),
        };
        let answer = self.post("/renewals", &body).await?;
        if answer["refused"].as_array().is_some_and(|refused| !refused.is_empty()) {
            bail!("not all renewals were accepted: {}", answer["refused"]);
        }
        let accepted = answer["accepted"].as_array().context("accepted")?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        accepted
            .iter()
            .map(|one| Ok((text(&one["hostname"])?, text(&one["run_id"])?)))
            .collect()
    }

    /// How many runs stand in each status.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let counts = self.get("/runs/counts").await?;
        Ok(serde_json::from_value(counts)?)
    }

    /// Waits until no run is queued or running; gives the counts.
    pub async fn all_settled(&self, bound: Duration) -> Result<BTreeMap<String, u64>> {
        wait::until("every run has ended or asks a person", bound, async || {
            let counts = self.counts().await.ok()?;
            let open = counts.get("queued").unwrap_or(&0) + counts.get("running").unwrap_or(&0);
            (open == 0).then_some(counts)
        })
        .await
    }

    /// Waits until a run stands in this status; gives the run.
    pub async fn run_is(&self, run: &str, status: &str, bound: Duration) -> Result<Value> {
        wait::until(&format!("run {run} is {status}"), bound, async || {
            let found = self.get(&format!("/runs/{run}")).await.ok()?;
            (found["status"] == status).then_some(found)
        })
        .await
    }
}

fn good(answer: Answer) -> Result<Value> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    bail!("the API answered {}: {}", answer.status, answer.body)
}
