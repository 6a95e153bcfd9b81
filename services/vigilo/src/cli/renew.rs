//! `vigilo renew`: asks, and with `--wait` watches until every run has ended or asks a person.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Client, invalid};
use super::{Failed, show};

const LOOK_AGAIN: Duration = Duration::from_millis(300);
const AT_ONCE: usize = 1_000;
/// So many are read by a person; the others are in `vigilo run ID`.
const MOST_REHEARSALS: usize = 20;

#[derive(Args)]
pub struct RenewArgs {
    /// Hostnames with a policy
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    hosts: Vec<String>,
    /// Every active policy
    #[arg(long)]
    all: bool,
    /// Rehearse: the same checks, no certificate asked for
    #[arg(long)]
    dry_run: bool,
    /// Renew, also where the policy makes a rehearsal of what does not say so (dry_run_default)
    #[arg(long, conflicts_with = "dry_run")]
    live: bool,
    /// Who issues: cost-aware takes the cheapest that policy and workspace name; without it each policy's own provider
    #[arg(long, value_enum)]
    strategy: Option<super::Strategy>,
    /// Do not wait for the maintenance windows of the hosts
    #[arg(long)]
    now: bool,
    /// Where a policy's cooldown has not ended, wait for its end instead of being refused
    #[arg(long)]
    when_allowed: bool,
    /// Wait for the end and report it in the exit code
    #[arg(long)]
    wait: bool,
    /// How many seconds --wait waits at most
    #[arg(long, default_value_t = 3600)]
    timeout: u64,
    /// The same key asks once, however often it is sent
    #[arg(long)]
    idempotency_key: Option<String>,
}

pub async fn run(client: &Client, what: &RenewArgs) -> Result<(), Failed> {
    let mode = match (what.dry_run, what.live) {
        (true, _) => Some("dry_run"),
        (false, true) => Some("live"),
        (false, false) => None,
    };
    let mut body = json!({"mode": mode, "at_once": what.now, "when_allowed": what.when_allowed});
    if what.all {
        body["all"] = json!(true);
    } else {
        body["hostnames"] = json!(what.hosts);
    }
    if let Some(strategy) = what.strategy {
        body["strategy"] = json!(super::word(strategy));
    }
    if let Some(key) = &what.idempotency_key {
        body["idempotency_key"] = json!(key);
    }
    let answer = client.post("/renewals", &body).await?;
    let refused = answer["refused"].as_array().cloned().unwrap_or_default();
    for one in &refused {
        eprintln!("refused {}: {}", show::text(&one["hostname"]), invalid(&one["reason"]));
    }
    if let Some(warning) = answer["warning"].as_str() {
        eprintln!("warning: {warning}");
    }
    let accepted = answer["accepted"].as_array().cloned().unwrap_or_default();
    if !what.wait {
        told(client, &answer, &accepted);
        return if refused.is_empty() {
            Ok(())
        } else {
            Err(none_left(&refused))
        };
    }
    let ids: Vec<Value> = accepted.iter().map(|one| one["run_id"].clone()).collect();
    let mut runs = watch(client, &ids, Duration::from_secs(what.timeout)).await?;
    if !what.live {
        rehearsed(client, &mut runs).await?;
    }
    if !report(client, &runs, refused.len()) {
        return Err(Failed::Report);
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(none_left(&refused))
    }
}

fn none_left(refused: &[Value]) -> Failed {
    Failed::Refused(format!("{} host(s) were refused", refused.len()))
}

fn told(client: &Client, answer: &Value, accepted: &[Value]) {
    if client.json {
        return show::line(&answer.to_string());
    }
    for one in accepted {
        show::line(&format!(
            "{}  {}",
            show::text(&one["run_id"]),
            show::text(&one["hostname"])
        ));
    }
}

/// Looks until no run is queued or running. An API that is gone for a while is waited for like a run.
async fn watch(client: &Client, ids: &[Value], patience: Duration) -> Result<Vec<Value>, Failed> {
    let bar = bar(ids.len() as u64);
    let (began, mut open, mut settled) = (Instant::now(), ids.to_vec(), Vec::new());
    let mut told = false;
    while !open.is_empty() {
        let trouble = look(client, &mut open, |run| {
            if is_settled(run) {
                unless_good(&bar, run);
                settled.push(run.clone());
            } else if !told && is_untaken(run) {
                told = true;
                say(
                    &bar,
                    &format!("{}: {}", show::text(&run["hostname"]), show::reason(run)),
                );
            }
        });
        let trouble = match trouble.await {
            Err(Failed::Unreachable(why)) => Some(why),
            ended => ended.map(|()| None)?,
        };
        bar.set_position(settled.len() as u64);
        let good = settled.iter().filter(|run| is_good(run)).count();
        let said = trouble.clone().unwrap_or_else(|| format!("{good} good"));
        bar.set_message(said);
        if open.is_empty() {
            break;
        }
        if began.elapsed() > patience {
            bar.abandon();
            return Err(trouble.map_or_else(|| still_going(open.len()), Failed::Unreachable));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    bar.finish();
    Ok(settled)
}

fn still_going(runs: usize) -> Failed {
    Failed::OutOfTime(format!("{runs} run(s) are still going; see `vigilo runs`"))
}

/// One look at all open runs. A run stays open until the API says that it is settled: one that the answer does not
/// name is not taken for good.
async fn look(client: &Client, open: &mut Vec<Value>, mut see: impl FnMut(&Value)) -> Result<(), Failed> {
    for chunk in open.clone().chunks(AT_ONCE) {
        let answer = client.post("/runs/status", &json!({"ids": chunk})).await?;
        answer["items"].as_array().into_iter().flatten().for_each(&mut see);
        let ended = settled_ids(&answer);
        open.retain(|id| !id.as_str().is_some_and(|id| ended.contains(id)));
    }
    Ok(())
}

fn settled_ids(answer: &Value) -> HashSet<&str> {
    let items = answer["items"].as_array().into_iter().flatten();
    items
        .filter(|run| is_settled(run))
        .filter_map(|run| run["id"].as_str())
        .collect()
}

/// What a rehearsal is for: every check, of so many runs at most. A policy may have made one of what did not say so.
async fn rehearsed(client: &Client, runs: &mut [Value]) -> Result<(), Failed> {
    for run in runs.iter_mut().take(MOST_REHEARSALS) {
        *run = client.get(&format!("/runs/{}", show::text(&run["id"]))).await?;
        if !client.json && is_rehearsal(run) {
            show::whole(run);
        }
    }
    Ok(())
}

/// Drawn on a terminal only.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} renewed or settled, {msg} [{elapsed}]");
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn is_rehearsal(run: &Value) -> bool {
    run["mode"] == "dry_run"
}

fn is_settled(run: &Value) -> bool {
    !matches!(run["status"].as_str(), Some("queued" | "running") | None)
}

/// Nobody has picked its order up: one such word is enough, the service is the same for all.
fn is_untaken(run: &Value) -> bool {
    run["because"] == "working" && run["waits_for"].is_string()
}

fn is_good(run: &Value) -> bool {
    run["status"] == "succeeded"
}

/// What needs a person is shown at once, above the bar or as a line.
fn unless_good(bar: &ProgressBar, run: &Value) {
    if is_good(run) {
        return;
    }
    let line = format!(
        "{} {}: {}",
        show::text(&run["status"]),
        show::text(&run["hostname"]),
        show::reason(run)
    );
    say(bar, &line);
}

fn say(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() {
        eprintln!("{line}")
    } else {
        bar.println(line)
    }
}

fn report(client: &Client, runs: &[Value], refused: usize) -> bool {
    let count = |status: &str| runs.iter().filter(|run| run["status"] == status).count();
    let (succeeded, failed) = (count("succeeded"), count("failed"));
    let (manual, cancelled) = (count("needs_manual"), count("cancelled"));
    if client.json {
        let counts = json!({"runs": runs.len(), "succeeded": succeeded, "failed": failed, "needs_manual": manual,
                            "cancelled": cancelled, "refused": refused, "items": runs});
        show::line(&counts.to_string());
    } else {
        show::line(&format!(
            "{succeeded} succeeded, {failed} failed, {manual} need a person, {cancelled} cancelled, {refused} refused"
        ));
        let rehearsals = runs.iter().filter(|run| is_rehearsal(run)).count();
        if rehearsals > 0 {
            let least = if runs.len() > MOST_REHEARSALS { "at least " } else { "" };
            show::line(&format!(
                "{least}{rehearsals} of them rehearsed only: nothing was renewed there"
            ));
        }
    }
    succeeded == runs.len()
}
