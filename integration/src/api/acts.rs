//! What a story does by the API. Whatever is refused is an error.

use std::collections::BTreeMap;
use std::fmt::Display;

use anyhow::{Context, Result, bail};
use api::Bounded;
use api::acts::{RunAct, RunsAct, ToldMany};
use api::budget::{Budget, NewBudget};
use api::hosts::HostDetail;
use api::imports::Imported;
use api::jobs::{Commit, JobNote, JobTaken, NewJob};
use api::pacing::{NewLimit, NewTagWindows, TagWindows};
use api::providers::Provider;
use api::renewals::{Answered, Renewal};
use domain::JobId;
use domain::host::{Host, NewHost};
use domain::job::JobSpec;
use domain::limit::Limit;
use domain::policy::Policy;
use domain::provider::NewProvider;
use domain::run::Mode;
use protocol::request::AmendedRun;
use reqwest::Method;
use serde::Serialize;

use super::Api;

impl Api {
    /// Imports and insists that nothing was refused.
    pub async fn import(&self, noun: &str, items: &[impl Serialize]) -> Result<()> {
        let imported: Imported = self.submit(&format!("/{noun}/import"), &items).await?;
        if !imported.refused.is_empty() || imported.created != items.len() {
            bail!("the import of {noun} was not complete: {imported:?}");
        }
        Ok(())
    }

    pub async fn add_host(&self, host: &NewHost) -> Result<Host> {
        self.submit("/hosts", host).await
    }

    /// Has a host looked at now.
    pub async fn check(&self, host: impl Display) -> Result<HostDetail> {
        self.submit(&format!("/hosts/{host}/check"), &()).await
    }

    /// Changes these fields of the policy of a host.
    pub async fn change_policy(&self, host: impl Display, fields: &impl Serialize) -> Result<Policy> {
        self.send(Method::PATCH, &format!("/policies/{host}"), fields).await
    }

    pub async fn add_provider(&self, provider: &NewProvider) -> Result<Provider> {
        self.submit("/providers", provider).await
    }

    pub async fn set_budget(&self, budget: NewBudget) -> Result<Budget> {
        self.send(Method::PUT, "/budget", &budget).await
    }

    pub async fn set_limit(&self, id: &str, limit: &NewLimit) -> Result<Limit> {
        self.send(Method::PUT, &format!("/limits/{id}"), limit).await
    }

    pub async fn set_tag_windows(&self, tag: &str, windows: &NewTagWindows) -> Result<TagWindows> {
        self.send(Method::PUT, &format!("/tag-windows/{tag}"), windows).await
    }

    /// Asks for runs; each hostname is accepted or refused for itself.
    pub async fn ask(&self, renewal: &Renewal) -> Result<Answered> {
        self.submit("/renewals", renewal).await
    }

    /// Asks for runs, and insists that all are accepted; gives hostname → run.
    pub async fn begin(&self, renewal: &Renewal) -> Result<BTreeMap<String, String>> {
        let answered = self.ask(renewal).await?;
        if !answered.refused.is_empty() {
            bail!("not all renewals were accepted: {:?}", answered.refused);
        }
        let accepted = answered.accepted.into_iter();
        Ok(accepted
            .map(|one| (one.hostname.into(), one.run_id.to_string()))
            .collect())
    }

    /// Begins live renewals of these hosts, or of all; gives hostname → run.
    pub async fn renew(&self, hostnames: Option<&[&str]>) -> Result<BTreeMap<String, String>> {
        let renewal = match hostnames {
            Some(hostnames) => of_hosts(hostnames, Mode::Live),
            None => Renewal {
                all: true,
                mode: Some(Mode::Live),
                ..Renewal::default()
            },
        };
        self.begin(&renewal).await
    }

    /// Begins a dry run of a host; gives the run.
    pub async fn rehearse(&self, hostname: &str) -> Result<String> {
        let runs = self.begin(&of_hosts(&[hostname], Mode::DryRun)).await?;
        runs.into_values().next().context("a run")
    }

    /// Lets a run that asks go on.
    pub async fn resume(&self, run: impl Display) -> Result<AmendedRun> {
        self.resume_with(run, &RunAct::default()).await
    }

    pub async fn resume_with(&self, run: impl Display, act: &RunAct) -> Result<AmendedRun> {
        self.submit(&format!("/runs/{run}/resume"), act).await
    }

    pub async fn resume_many(&self, act: &RunsAct) -> Result<ToldMany> {
        self.submit("/runs/resume", act).await
    }

    /// Lets a run that failed begin again.
    pub async fn retry_with(&self, run: impl Display, act: &RunAct) -> Result<AmendedRun> {
        self.submit(&format!("/runs/{run}/retry"), act).await
    }

    pub async fn cancel(&self, run: impl Display) -> Result<AmendedRun> {
        self.submit(&format!("/runs/{run}/cancel"), &()).await
    }

    /// Has a bulk renewal planned.
    pub async fn plan(&self, spec: JobSpec) -> Result<JobId> {
        let idempotency_key = None;
        let new = NewJob { spec, idempotency_key };
        let taken: JobTaken = self.submit("/jobs", &new).await?;
        Ok(taken.job_id)
    }

    pub async fn commit(&self, job: impl Display) -> Result<JobTaken> {
        self.submit(&format!("/jobs/{job}/commit"), &Commit::default()).await
    }

    pub async fn pause_job(&self, job: impl Display, note: &str) -> Result<JobTaken> {
        self.submit(&format!("/jobs/{job}/pause"), &job_note(note)).await
    }

    pub async fn resume_job(&self, job: impl Display, note: &str) -> Result<JobTaken> {
        self.submit(&format!("/jobs/{job}/resume"), &job_note(note)).await
    }

    pub async fn cancel_job(&self, job: impl Display, note: &str) -> Result<JobTaken> {
        self.submit(&format!("/jobs/{job}/cancel"), &job_note(note)).await
    }
}

fn of_hosts(hostnames: &[&str], mode: Mode) -> Renewal {
    let hostnames = hostnames.iter().map(|name| (*name).to_owned()).collect();
    Renewal {
        hostnames: Some(Bounded(hostnames)),
        mode: Some(mode),
        ..Renewal::default()
    }
}

fn job_note(note: &str) -> JobNote {
    let note = Some(note.to_owned());
    JobNote { note }
}
