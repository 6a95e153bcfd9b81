//! States that a story waits for.

use std::fmt::Display;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::hosts::HostDetail;
use api::runs::{Question, RunDetail};
use domain::run::Status;
use testkit::wait;

use super::{Api, Counts};

impl Api {
    /// Waits until no run is queued or running; gives the counts.
    pub async fn all_settled(&self, bound: Duration) -> Result<Counts> {
        wait::until("every run has ended or asks a person", bound, async || {
            let counts = self.counts().await.ok()?;
            (counts.open() == 0).then_some(counts)
        })
        .await
    }

    /// Waits until a run stands in this status; gives the run.
    pub async fn reaches(&self, run: impl Display, status: Status, bound: Duration) -> Result<RunDetail> {
        wait::until(&format!("run {run} is {}", status.as_str()), bound, async || {
            let found = self.run(&run).await.ok()?;
            (found.run.standing.status == status).then_some(found)
        })
        .await
    }

    /// Waits until a run has succeeded; gives the run.
    pub async fn succeeds(&self, run: impl Display, bound: Duration) -> Result<RunDetail> {
        self.reaches(run, Status::Succeeded, bound).await
    }

    /// Waits until a run asks a person, and insists that it asks with this code; gives the question.
    pub async fn asks(&self, run: impl Display, code: &str, bound: Duration) -> Result<Question> {
        let asking = self.reaches(&run, Status::NeedsManual, bound).await?;
        let question = asking.run.standing.question;
        let question = question.with_context(|| format!("run {run} asks nothing"))?;
        ensure!(question.failure.code.as_str() == code, "no {code}: {question:?}");
        Ok(question)
    }

    /// Waits until what is shown of a host is as wanted.
    pub async fn shows(&self, host: &str, wanted: impl Fn(&HostDetail) -> bool, bound: Duration) -> Result<HostDetail> {
        wait::until(&format!("another look at {host}"), bound, async || {
            let shown = self.host(host).await.ok()?;
            wanted(&shown).then_some(shown)
        })
        .await
    }
}
