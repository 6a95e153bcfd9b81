//! What the API shows, one method for each noun. An id is whatever is written as one.

use std::fmt::Display;

use anyhow::Result;
use api::Items;
use api::budget::Budget;
use api::emergencies::{Emergency, EmergencyDetail};
use api::health::Health;
use api::hosts::{Host, HostDetail, Snapshot};
use api::incidents::{Incident, IncidentDetail};
use api::jobs::{Job, JobDetail, JobLine};
use api::policies::Policy;
use api::runs::{Line, Run, RunCounts, RunDetail, RunIds, Standing};
use domain::RunId;
use protocol::report::Exchange;

use super::{Api, Counts};

impl Api {
    pub async fn health(&self) -> Result<Health> {
        self.read("/health").await
    }

    pub async fn budget(&self) -> Result<Budget> {
        self.read("/budget").await
    }

    pub async fn hosts(&self) -> Result<Vec<Host>> {
        self.list("/hosts").await
    }

    pub async fn host(&self, host: impl Display) -> Result<HostDetail> {
        self.read(&format!("/hosts/{host}")).await
    }

    /// What was seen of a host, newest first.
    pub async fn snapshots(&self, host: impl Display) -> Result<Vec<Snapshot>> {
        self.items(&format!("/hosts/{host}/snapshots?limit=1000")).await
    }

    pub async fn policies(&self) -> Result<Vec<Policy>> {
        self.list("/policies").await
    }

    pub async fn run(&self, run: impl Display) -> Result<RunDetail> {
        self.read(&format!("/runs/{run}")).await
    }

    /// Every run, newest first.
    pub async fn runs(&self) -> Result<Vec<Run>> {
        self.list("/runs").await
    }

    /// The runs of a host, newest first.
    pub async fn runs_of(&self, hostname: &str) -> Result<Vec<Run>> {
        self.list(&format!("/runs?hostname={hostname}")).await
    }

    /// The runs of a job that wait.
    pub async fn queued_of(&self, job: impl Display) -> Result<Vec<Run>> {
        self.list(&format!("/runs?job={job}&status=queued")).await
    }

    /// Where these runs stand.
    pub async fn standing(&self, ids: Vec<RunId>) -> Result<Vec<Standing>> {
        let all: Items<Standing> = self.submit("/runs/status", &RunIds { ids }).await?;
        Ok(all.items)
    }

    pub async fn log(&self, run: impl Display) -> Result<Vec<Line>> {
        self.items(&format!("/runs/{run}/log")).await
    }

    /// What the run and its CA said to each other, oldest first.
    pub async fn exchange(&self, run: impl Display) -> Result<Vec<Exchange>> {
        self.items(&format!("/runs/{run}/exchange")).await
    }

    /// How many runs stand in each status.
    pub async fn counts(&self) -> Result<Counts> {
        let counts: RunCounts = self.read("/runs/counts").await?;
        Ok(counts.into())
    }

    /// Every incident but those that went into another, newest first.
    pub async fn incidents(&self) -> Result<Vec<Incident>> {
        self.list("/incidents").await
    }

    pub async fn open_incidents(&self) -> Result<Vec<Incident>> {
        self.list("/incidents?state=open").await
    }

    pub async fn incident(&self, id: impl Display) -> Result<IncidentDetail> {
        self.read(&format!("/incidents/{id}")).await
    }

    pub async fn emergencies(&self) -> Result<Vec<Emergency>> {
        self.items("/emergencies").await
    }

    pub async fn emergency(&self, id: impl Display) -> Result<EmergencyDetail> {
        self.read(&format!("/emergencies/{id}")).await
    }

    pub async fn jobs(&self) -> Result<Vec<Job>> {
        self.list("/jobs").await
    }

    pub async fn job(&self, id: impl Display) -> Result<JobDetail> {
        self.read(&format!("/jobs/{id}")).await
    }

    /// What was decided of each host, in the order of the plan.
    pub async fn job_lines(&self, id: impl Display) -> Result<Vec<JobLine>> {
        self.list(&format!("/jobs/{id}/lines")).await
    }

    async fn items<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let all: Items<T> = self.read(path).await?;
        Ok(all.items)
    }
}

/// The fingerprint of what the newest look at a host saw, if it saw anything.
#[must_use]
pub fn served(host: &Host) -> Option<&str> {
    let served = host.snapshot.as_ref()?.served()?;
    Some(served.leaf.fingerprint.as_str())
}
