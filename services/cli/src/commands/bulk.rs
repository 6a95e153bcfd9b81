//! `vigilo bulk`: plan a bulk renewal, look at it, commit it.

use std::path::PathBuf;
use std::time::Duration;

use api::jobs::{Commit, JobTaken};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::job::{self, Until};
use super::{import, window};
use crate::args::{Criticality, Global, word};
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

#[derive(Subcommand)]
pub enum BulkCommand {
    /// Say what would happen: which hosts, at which CA, at what price, when, and who is left out;
    /// nothing happens yet
    Plan {
        #[command(flatten)]
        spec: Box<BulkSpecArgs>,
        #[command(flatten)]
        global: Global,
    },
    /// Create the runs of a plan, exactly as it shows them
    Commit {
        /// The id of the job
        id: String,
        /// Also when the plan is older than an hour
        #[arg(long)]
        stale_ok: bool,
        /// Wait for the end and report it in the exit code
        #[arg(long)]
        wait: bool,
        /// How many seconds --wait waits at most
        #[arg(long, default_value_t = 86_400)]
        timeout: u64,
        #[command(flatten)]
        global: Global,
    },
}

#[derive(Args)]
pub struct BulkSpecArgs {
    /// Only these hostnames
    hosts: Vec<String>,
    /// Only the hostnames in this file, one a line; `-` reads standard input
    #[arg(long)]
    hosts_file: Option<PathBuf>,
    /// Every host of the workspace; needed when nothing else says which
    #[arg(long)]
    all: bool,
    /// Hosts of this environment; may be repeated
    #[arg(long = "environment")]
    environments: Vec<String>,
    /// Hosts this critical; may be repeated
    #[arg(long = "criticality", value_enum)]
    criticalities: Vec<Criticality>,
    /// Hosts with all of these tags
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// Hosts whose policy names this kind of provider: letsencrypt, acme, aws_acm, gcp_cm,
    /// vault_pki or manual; may be repeated
    #[arg(long = "provider")]
    providers: Vec<String>,
    /// Hosts whose certificate ends within so many days
    #[arg(long, value_name = "DAYS")]
    expires_within: Option<u16>,
    /// Hosts whose name fits; * stands for any characters, ? for one
    #[arg(long)]
    glob: Option<String>,
    /// The cheapest CA that fits, instead of the policy's own
    #[arg(long)]
    cost_aware: bool,
    /// Rehearse: the same checks, no certificate asked for
    #[arg(long)]
    dry_run: bool,
    /// No run begins before, such as 2026-11-25T22:00:00Z
    #[arg(long, value_name = "TIME")]
    start_at: Option<String>,
    /// Runs begin inside this window: "CRON;MINUTES;ZONE", such as "0 22 * * *;480;Europe/Berlin";
    /// may be repeated
    #[arg(long = "window", value_name = "WINDOW")]
    windows: Vec<String>,
    /// What could begin only later is left out
    #[arg(long, value_name = "TIME")]
    ends_at: Option<String>,
    /// Spend at most this
    #[arg(long, value_name = "USD")]
    budget: Option<String>,
    /// Also what the month's budget does not allow
    #[arg(long)]
    beyond_month: bool,
    /// Runs under way at once, at most
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Let hosts inside their cooldown begin when it ends, instead of leaving them out
    #[arg(long)]
    schedule_cooldown: bool,
    /// Renew hosts inside their cooldown all the same, for example when what they serve was revoked
    #[arg(long, conflicts_with = "schedule_cooldown")]
    ignore_cooldown: bool,
    /// Let so many go first, such as 5 or 1%; the others wait until these are verified
    #[arg(long, value_name = "N|N%")]
    canary: Option<String>,
    /// Stop what shares a cause when more than this part of its runs fail; 100 never stops
    #[arg(long, value_name = "PERCENT", default_value_t = 20)]
    halt_percent: u8,
    /// ... and at least so many
    #[arg(long, value_name = "N", default_value_t = 3)]
    halt_at_least: u32,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Requests with one key are planned once, however often they are sent
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Print the id of the job and do not wait for the plan
    #[arg(long)]
    no_wait: bool,
    /// How many seconds the plan is waited for at most
    #[arg(long, default_value_t = 600)]
    timeout: u64,
}

pub async fn run(command: BulkCommand) -> Result<(), Failed> {
    match command {
        BulkCommand::Plan { spec, global } => plan(&Client::new(&global)?, &spec).await,
        BulkCommand::Commit {
            id,
            stale_ok,
            wait,
            timeout,
            global,
        } => {
            let client = Client::new(&global)?;
            let path = format!("/jobs/{}/commit", part(&id));
            let taken: JobTaken = client.post(&path, &Commit { stale_ok }).await?;
            if wait {
                return job::wait(&client, &id, Until::Ended, Duration::from_secs(timeout)).await;
            }
            out::answer(client.json, &taken, print::job::committed);
            Ok(())
        }
    }
}

async fn plan(client: &Client, spec: &BulkSpecArgs) -> Result<(), Failed> {
    let mut body = json!({"spec": spec.spec()?});
    if let Some(key) = &spec.idempotency_key {
        body["idempotency_key"] = json!(key);
    }
    let taken: JobTaken = client.post("/jobs", &body).await?;
    if spec.no_wait {
        out::answer(client.json, &taken, print::job::planned);
        return Ok(());
    }
    let id = taken.job_id.to_string();
    let patience = Duration::from_secs(spec.timeout);
    job::wait(client, &id, Until::Planned, patience).await
}

impl BulkSpecArgs {
    fn spec(&self) -> Result<Value, Failed> {
        Ok(json!({
            "filter": self.filter()?,
            "strategy": if self.cost_aware { "cost-aware" } else { "policy-default" },
            "mode": if self.dry_run { "dry_run" } else { "live" },
            "start_at": self.start_at, "ends_at": self.ends_at,
            "windows": self.windows.iter().map(|text| window::read(text)).collect::<Result<Vec<Value>, Failed>>()?,
            "budget_micro_usd": self.budget()?,
            "beyond_month": self.beyond_month,
            "concurrency": self.concurrency,
            "cooldown": self.cooldown(),
            "canary": self.canary.as_deref().map(canary).transpose()?,
            "halt": {"percent": self.halt_percent, "at_least": self.halt_at_least},
            "reason": self.reason.as_deref().filter(|reason| !reason.trim().is_empty()),
        }))
    }

    fn budget(&self) -> Result<Option<u64>, Failed> {
        let read = self.budget.as_deref().map(domain::price::parse_usd).transpose();
        read.map_err(|why| Failed::Refused(format!("--budget: {why}")))
    }

    fn cooldown(&self) -> &'static str {
        match (self.schedule_cooldown, self.ignore_cooldown) {
            (true, _) => "schedule",
            (false, true) => "ignore",
            (false, false) => "leave_out",
        }
    }

    fn filter(&self) -> Result<Value, Failed> {
        let mut names = self.hosts.clone();
        if let Some(file) = &self.hosts_file {
            let text = import::read(file)?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            names.extend(lines.map(str::to_owned));
            if names.is_empty() {
                return Err(refused("--hosts-file", "it names no host", "give one hostname a line"));
            }
        }
        let criticalities: Vec<String> = self.criticalities.iter().copied().map(word).collect();
        let mut filter = json!({
            "hostnames": names, "environments": self.environments, "criticalities": criticalities, "tags": self.tags,
            "providers": self.providers, "days_until_expiry": self.expires_within, "hostname_glob": self.glob,
        });
        let said = filter.as_object_mut().into_iter().flatten();
        let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let nothing = said.filter(|(_, value)| !empty(value)).count() == 0;
        match (nothing, self.all) {
            (true, false) => Err(refused(
                "filter",
                "it does not say which hosts are meant",
                "name hosts, say --environment, --tag, --glob, --expires-within and so on, or --all",
            )),
            (false, true) => Err(refused(
                "--all",
                "other options say which hosts are meant",
                "leave one of them out",
            )),
            _ => Ok(filter),
        }
    }
}

fn refused(field: &str, problem: &str, remedy: &str) -> Failed {
    Failed::Refused(format!("{field}: {problem}; {remedy}"))
}

/// `5` runs, or `1%` of them.
fn canary(text: &str) -> Result<Value, Failed> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let read = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| json!({"percent": percent})),
        None => number(text).map(|count| json!({"count": count})),
    };
    read.ok_or_else(|| refused("--canary", &format!("{text:?} is no part of a job"), "give 5, or 1%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_a_number_or_a_part() {
        assert_eq!(canary("1%").expect("a part"), json!({"percent": 1}));
        assert_eq!(canary("5").expect("a number"), json!({"count": 5}));
        assert!(canary("some").is_err());
    }
}
