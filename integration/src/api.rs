//! A small client of the API, as another program would write one.

use std::collections::BTreeMap;
use std::time::Duration;

use ::api::acts::RunAct;
use ::api::emergencies::Emergency;
use ::api::hosts::HostDetail;
use ::api::imports::Imported;
use ::api::incidents::{Incident, IncidentDetail};
use ::api::jobs::JobDetail;
use ::api::policies::Policy;
use ::api::renewals::{Answered, Renewal};
use ::api::runs::{Run, RunCounts, RunDetail};
use ::api::{Bounded, Items, Page};
use anyhow::{Context, Result, bail};
use domain::run::{Mode, Status};
use protocol::request::AmendedRun;
use serde::de::DeserializeOwned;
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
pub struct ApiResponse {
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

    pub async fn answer_to_get(&self, path: &str) -> Result<ApiResponse> {
        self.answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn answer_to_post(&self, path: &str, body: &Value) -> Result<ApiResponse> {
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

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.patch(format!("{}{path}", self.url)).json(body);
        good(self.answer(request).await?)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<ApiResponse> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status().as_u16();
        let body = answer.text().await?;
        Ok(ApiResponse {
            status,
            body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
        })
    }

    /// What a path answers, as its type.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.get(path).await?;
        serde_json::from_value(answer).with_context(|| path.to_owned())
    }

    pub async fn run(&self, run: &str) -> Result<RunDetail> {
        self.read(&format!("/runs/{run}")).await
    }

    /// The runs of a host, newest first.
    pub async fn runs_of(&self, hostname: &str) -> Result<Vec<Run>> {
        let page: Page<Run> = self.read(&format!("/runs?hostname={hostname}&limit=1000")).await?;
        Ok(page.items)
    }

    /// Every run, newest first, as far as one page shows them.
    pub async fn runs(&self) -> Result<Vec<Run>> {
        let page: Page<Run> = self.read("/runs?limit=1000").await?;
        Ok(page.items)
    }

    pub async fn host(&self, host: &str) -> Result<HostDetail> {
        self.read(&format!("/hosts/{host}")).await
    }

    pub async fn policies(&self) -> Result<Vec<Policy>> {
        let page: Page<Policy> = self.read("/policies?limit=1000").await?;
        Ok(page.items)
    }

    pub async fn incidents(&self) -> Result<Vec<Incident>> {
        let page: Page<Incident> = self.read("/incidents?limit=1000").await?;
        Ok(page.items)
    }

    pub async fn incident(&self, id: &str) -> Result<IncidentDetail> {
        self.read(&format!("/incidents/{id}")).await
    }

    pub async fn emergencies(&self) -> Result<Vec<Emergency>> {
        let all: Items<Emergency> = self.read("/emergencies").await?;
        Ok(all.items)
    }

    pub async fn job(&self, id: &str) -> Result<JobDetail> {
        self.read(&format!("/jobs/{id}")).await
    }

    /// Lets a run that asks go on.
    pub async fn resume(&self, run: &str, act: &RunAct) -> Result<AmendedRun> {
        let answer = self.post(&format!("/runs/{run}/resume"), &json!(act)).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Imports and insists that nothing was refused.
    pub async fn import(&self, noun: &str, items: &[Value]) -> Result<()> {
        let answer = self.post(&format!("/{noun}/import"), &json!(items)).await?;
        let imported: Imported = serde_json::from_value(answer)?;
        if !imported.refused.is_empty() || imported.created != items.len() {
            bail!("the import of {noun} was not complete: {imported:?}");
        }
        Ok(())
    }

    /// Asks for live renewals of these hosts, or of all; insists that all were accepted; gives hostname → run.
    pub async fn renew(&self, hostnames: Option<&[&str]>) -> Result<BTreeMap<String, String>> {
        let renewal = Renewal {
            hostnames: hostnames.map(|names| Bounded(names.iter().map(|name| (*name).to_owned()).collect())),
            all: hostnames.is_none(),
            mode: Some(Mode::Live),
            ..Renewal::default()
        };
        let answer = self.post("/renewals", &json!(renewal)).await?;
        let answered: Answered = serde_json::from_value(answer)?;
        if !answered.refused.is_empty() {
            bail!("not all renewals were accepted: {:?}", answered.refused);
        }
        let accepted = answered.accepted.into_iter();
        Ok(accepted
            .map(|one| (one.hostname.into(), one.run_id.to_string()))
            .collect())
    }

    /// How many runs stand in each status.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let RunCounts(counts) = self.read("/runs/counts").await?;
        let counts = counts.into_iter().map(|(status, runs)| (status, runs.unsigned_abs()));
        Ok(counts.collect())
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
    pub async fn reaches(&self, run: &str, status: Status, bound: Duration) -> Result<RunDetail> {
        wait::until(&format!("run {run} is {}", status.as_str()), bound, async || {
            let found = self.run(run).await.ok()?;
            (found.run.standing.status == status).then_some(found)
        })
        .await
    }

    /// As [`Api::reaches`], as JSON.
    pub async fn run_is(&self, run: &str, status: &str, bound: Duration) -> Result<Value> {
        wait::until(&format!("run {run} is {status}"), bound, async || {
            let found = self.get(&format!("/runs/{run}")).await.ok()?;
            (found["status"] == status).then_some(found)
        })
        .await
    }
}

fn good(answer: ApiResponse) -> Result<Value> {
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    bail!("the API answered {}: {}", answer.status, answer.body)
}
