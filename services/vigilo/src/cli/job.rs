//! `vigilo job`: how bulk renewals stand, and what people say of them.

mod table;

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Client, part};
use super::{Failed, Global, show, word};

const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum JobCommand {
    /// List bulk renewals, newest first
    List {
        #[arg(long, value_enum)]
        state: Option<State>,
        #[command(flatten)]
        global: Global,
    },
    /// Show one: the plan in numbers, how its runs stand, what stops it
    Show {
        id: String,
        /// Wait for its end and report it in the exit code
        #[arg(long)]
        wait: bool,
        /// How many seconds --wait waits at most
        #[arg(long, default_value_t = 86_400)]
        timeout: u64,
        #[command(flatten)]
        global: Global,
    },
    /// List what was decided of each host, and what became of it
    Lines {
        id: String,
        /// Only those that are renewed
        #[arg(long, conflicts_with_all = ["left_out", "reason"])]
        included: bool,
        /// Only those that are left out
        #[arg(long)]
        left_out: bool,
        /// Only those that are left out for this reason, such as cooldown or budget
        #[arg(long)]
        reason: Option<String>,
        /// Also who issues and why, and every other CA with the reason why not
        #[arg(long)]
        why: bool,
        #[command(flatten)]
        global: Global,
    },
    /// Hold the runs that have not begun; those that have go to their end
    Pause {
        #[command(flatten)]
        word: Word,
    },
    /// Let go what is paused or halted
    Resume {
        #[command(flatten)]
        word: Word,
    },
    /// Give up the plan, or every run that has not ended
    Cancel {
        #[command(flatten)]
        word: Word,
    },
}

#[derive(clap::Args)]
pub struct Word {
    id: String,
    /// Why, for the record
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    global: Global,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum State {
    Planning,
    Planned,
    Committing,
    Running,
    Cancelling,
    Cancelled,
    Ended,
    Failed,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Planned,
    Ended,
}

pub async fn run(command: JobCommand) -> Result<(), Failed> {
    match command {
        JobCommand::List { state, global } => {
            let client = Client::new(&global)?;
            let state = state.map(|state| format!("?state={}", word(state)));
            let items = client.all(&format!("/jobs{}", state.unwrap_or_default())).await?;
            table::list(&items, client.json);
            Ok(())
        }
        JobCommand::Show {
            id,
            wait: true,
            timeout,
            global,
        } => {
            wait(
                &Client::new(&global)?,
                &id,
                (Until::Ended, Duration::from_secs(timeout)),
            )
            .await
        }
        JobCommand::Show { id, global, .. } => {
            let client = Client::new(&global)?;
            let job = client.get(&format!("/jobs/{}", part(&id))).await?;
            table::whole(&job, client.json);
            Ok(())
        }
        JobCommand::Lines {
            id,
            included,
            left_out,
            reason,
            why,
            global,
        } => {
            let client = Client::new(&global)?;
            let items = client.all(&lines_path(&id, (included, left_out), reason)).await?;
            table::lines(&items, client.json, why);
            Ok(())
        }
        JobCommand::Pause { word } => tell("pause", &word).await,
        JobCommand::Resume { word } => tell("resume", &word).await,
        JobCommand::Cancel { word } => tell("cancel", &word).await,
    }
}

fn lines_path(id: &str, (included, left_out): (bool, bool), reason: Option<String>) -> String {
    let narrowed = match (included, left_out, reason) {
        (true, _, _) => "?decision=included".to_owned(),
        (_, _, Some(reason)) => format!("?reason={}", part(&reason)),
        (_, true, None) => "?decision=left_out".to_owned(),
        (false, false, None) => String::new(),
    };
    format!("/jobs/{}/lines{narrowed}", part(id))
}

async fn tell(verb: &str, word: &Word) -> Result<(), Failed> {
    let client = Client::new(&word.global)?;
    let answer = client
        .post(&format!("/jobs/{}/{verb}", part(&word.id)), &json!({"note": word.note}))
        .await?;
    show::line(&if client.json {
        answer.to_string()
    } else {
        format!("{verb}: job {}", word.id)
    });
    Ok(())
}

/// Looks until the job is there. An API that is gone for a while is waited for like a job.
pub async fn wait(client: &Client, id: &str, (until, patience): (Until, Duration)) -> Result<(), Failed> {
    let (bar, began) = (bar(until), Instant::now());
    loop {
        let trouble = match client.get(&format!("/jobs/{}", part(id))).await {
            Ok(job) => {
                draw(&bar, &job, until);
                if is_there(&job, until) {
                    bar.finish_and_clear();
                    table::whole(&job, client.json);
                    return verdict(&job, until);
                }
                None
            }
            Err(Failed::Unreachable(why)) => Some(why),
            Err(failed) => return Err(failed),
        };
        if began.elapsed() > patience {
            bar.abandon();
            let still = || Failed::OutOfTime(format!("job {id} is still under way; see `vigilo job show {id}`"));
            return Err(trouble.map_or_else(still, Failed::Unreachable));
        }
        if let Some(why) = trouble {
            bar.set_message(why);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn is_there(job: &Value, until: Until) -> bool {
    match (job["state"].as_str(), until) {
        (Some("cancelled" | "ended" | "failed"), _) => true,
        (Some("planned" | "committing" | "running" | "cancelling"), Until::Planned) => true,
        (Some(_) | None, _) => false,
    }
}

/// A plan is good when there is one; a job that ended, when every run that was planned succeeded.
fn verdict(job: &Value, until: Until) -> Result<(), Failed> {
    let failed = job["state"] == "failed";
    let good = match until {
        Until::Planned => !failed && job["state"] != "cancelled",
        Until::Ended => job["state"] == "ended" && job["progress"]["succeeded"] == job["totals"]["included"],
    };
    if good { Ok(()) } else { Err(Failed::Report) }
}

/// Drawn on a terminal only.
fn bar(until: Until) -> ProgressBar {
    let done = match until {
        Until::Planned => "decided",
        Until::Ended => "settled",
    };
    let template = format!("{{bar:40}} {{pos}}/{{len}} {done} {{msg}} [{{elapsed}}]");
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn draw(bar: &ProgressBar, job: &Value, until: Until) {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (length, position) = match until {
        Until::Planned => (number(&job["hosts"]), number(&job["decided"])),
        Until::Ended => {
            let progress = &job["progress"];
            let settled = ["succeeded", "failed", "needs_manual", "cancelled", "refused"];
            let settled = settled.iter().map(|name| number(&progress[*name])).sum();
            (number(&job["totals"]["included"]), settled)
        }
    };
    bar.set_length(length);
    bar.set_position(position);
    bar.set_message(table::stands(job));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: &str, succeeded: u32) -> Value {
        json!({"state": state, "totals": {"included": 3}, "progress": {"succeeded": succeeded}})
    }

    #[test]
    fn the_exit_code_tells_the_truth() {
        assert!(verdict(&job("planned", 0), Until::Planned).is_ok());
        assert!(verdict(&job("failed", 0), Until::Planned).is_err());
        assert!(verdict(&job("ended", 3), Until::Ended).is_ok());
        assert!(verdict(&job("ended", 2), Until::Ended).is_err());
        assert!(verdict(&job("cancelled", 3), Until::Ended).is_err());
    }

    #[test]
    fn a_job_that_runs_is_waited_for() {
        assert!(!is_there(&job("running", 0), Until::Ended) && is_there(&job("running", 0), Until::Planned));
        assert!(!is_there(&job("planning", 0), Until::Planned));
    }
}
