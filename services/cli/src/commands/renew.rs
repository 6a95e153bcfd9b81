//! `vigilo renew`: asks, and with `--wait` watches until every run has ended or asks a person.

use std::collections::HashSet;
use std::time::Duration;

use api::renewals::{Answered, Renewal};
use api::runs::{Because, RunDetail, RunIds, Standing};
use api::{Bounded, Items};
use clap::Args;
use domain::plan::Strategy;
use domain::run::{Mode, Status};
use domain::{RunId, counted};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;

use crate::client::Client;
use crate::failed::Failed;
use crate::print::renewal::Counts;
use crate::{args, out, print};

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
    /// Who issues: cost-aware takes the cheapest that policy and workspace name; without it each
    /// policy's own provider
    #[arg(long, value_enum)]
    strategy: Option<args::Strategy>,
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
    /// Requests with one key are carried out once, however often they are sent
    #[arg(long)]
    idempotency_key: Option<String>,
}

/// How a run ended: a rehearsal with all that it found, as far as that was asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Ended {
    Standing(Box<Standing>),
    Detail(Box<RunDetail>),
}

impl Ended {
    fn status(&self) -> Status {
        match self {
            Self::Standing(standing) => standing.status,
            Self::Detail(run) => run.run.standing.status,
        }
    }

    fn is_rehearsal(&self) -> bool {
        match self {
            Self::Standing(_) => false,
            Self::Detail(run) => run.run.mode == Mode::DryRun,
        }
    }
}

/// What became of all, as JSON for machines.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    counts: Counts,
    items: &'a [Ended],
}

impl RenewArgs {
    fn renewal(&self) -> Renewal {
        let strategy = self.strategy.map(|strategy| match strategy {
            args::Strategy::PolicyDefault => Strategy::PolicyDefault,
            args::Strategy::CostAware => Strategy::CostAware,
        });
        Renewal {
            hostnames: (!self.all).then(|| Bounded(self.hosts.clone())),
            all: self.all,
            mode: match (self.dry_run, self.live) {
                (true, _) => Some(Mode::DryRun),
                (false, true) => Some(Mode::Live),
                (false, false) => None,
            },
            strategy,
            idempotency_key: self.idempotency_key.clone(),
            at_once: self.now,
            when_allowed: self.when_allowed,
        }
    }
}

pub async fn run(client: &Client, what: &RenewArgs) -> Result<(), Failed> {
    let answered: Answered = client.post("/renewals", &what.renewal()).await?;
    out::aside(&print::renewal::asides(&answered));
    let refused = answered.refused.len();
    if what.wait {
        let ids: Vec<RunId> = answered.accepted.iter().map(|one| one.run_id).collect();
        let settled = watch(client, &ids, Duration::from_secs(what.timeout)).await?;
        let runs = if what.live {
            settled.into_iter().map(|one| Ended::Standing(Box::new(one))).collect()
        } else {
            rehearsed(client, settled).await?
        };
        let counts = Counts::of(runs.iter().map(Ended::status), refused);
        report(client, counts, &runs);
        if counts.succeeded != counts.runs {
            return Err(Failed::Report);
        }
    } else {
        out::answer(client.json, &answered, print::renewal::accepted);
    }
    match refused {
        0 => Ok(()),
        some => Err(Failed::Refused(format!("{} refused", counted(some, "host")))),
    }
}

/// Looks until no run is queued or running. An API that is gone for a while is waited for like a
/// run.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line waits as long as its user lets it"
)]
async fn watch(client: &Client, ids: &[RunId], patience: Duration) -> Result<Vec<Standing>, Failed> {
    let bar = bar(ids.len() as u64);
    let (began, mut open, mut settled) = (Instant::now(), ids.to_vec(), Vec::new());
    let mut told = false;
    while !open.is_empty() {
        let trouble = look(client, &mut open, |run| {
            if is_settled(&run) {
                if run.status != Status::Succeeded {
                    // What needs a person is shown at once, above the bar or as a line.
                    print::renewal::trouble(&run).lines().for_each(|line| say(&bar, line));
                }
                settled.push(run);
            } else if !told && is_undelivered(&run) {
                told = true;
                say(&bar, &format!("{}: {}", run.hostname, print::standing::reason(&run)));
            }
        });
        let trouble = match trouble.await {
            Err(Failed::Unreachable(why)) => Some(why),
            ended => ended.map(|()| None)?,
        };
        bar.set_position(settled.len() as u64);
        let good = settled.iter().filter(|run| run.status == Status::Succeeded).count();
        let said = trouble.clone().unwrap_or_else(|| format!("{good} good"));
        bar.set_message(out::shown_line(&said));
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
    Failed::OutOfTime(format!("not ended yet: {}; see `vigilo runs`", counted(runs, "run")))
}

/// One look at all open runs. A run stays open until the API says that it is settled: one that the
/// answer does not name is not taken for good.
async fn look(client: &Client, open: &mut Vec<RunId>, mut see: impl FnMut(Standing)) -> Result<(), Failed> {
    for chunk in open.clone().chunks(AT_ONCE) {
        let body = RunIds { ids: chunk.to_vec() };
        let answer: Items<Standing> = client.post("/runs/status", &body).await?;
        let settled = answer.items.iter().filter(|run| is_settled(run));
        let settled: HashSet<RunId> = settled.map(|run| run.id).collect();
        answer.items.into_iter().for_each(&mut see);
        open.retain(|id| !settled.contains(id));
    }
    Ok(())
}

/// What a rehearsal is for: every check, of so many runs at most. A policy may have made one of
/// what did not say so.
async fn rehearsed(client: &Client, settled: Vec<Standing>) -> Result<Vec<Ended>, Failed> {
    let mut runs = Vec::with_capacity(settled.len());
    for (index, standing) in settled.into_iter().enumerate() {
        if index >= MOST_REHEARSALS {
            runs.push(Ended::Standing(Box::new(standing)));
            continue;
        }
        let run: RunDetail = client.get(&format!("/runs/{}", standing.id)).await?;
        if !client.json && run.run.mode == Mode::DryRun {
            out::put(&print::run::detail(&run));
        }
        runs.push(Ended::Detail(Box::new(run)));
    }
    Ok(runs)
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

const fn is_settled(run: &Standing) -> bool {
    !matches!(run.status, Status::Queued | Status::Running)
}

/// No service has picked its order up: one such line is enough, the service is the same for all.
fn is_undelivered(run: &Standing) -> bool {
    run.because == Some(Because::Working) && run.waits_for.is_some()
}

fn say(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() {
        out::aside_line(line);
    } else {
        bar.println(out::shown_line(line));
    }
}

fn report(client: &Client, counts: Counts, runs: &[Ended]) {
    if client.json {
        out::json(&Report { counts, items: runs });
    } else {
        let rehearsals = runs.iter().filter(|run| run.is_rehearsal()).count();
        out::put(&print::renewal::ended(
            &counts,
            rehearsals,
            runs.len() > MOST_REHEARSALS,
        ));
    }
}
