//! `vigilo job`: how bulk renewals stand, and what people say of them.

use std::time::Duration;

use api::jobs::{Job, JobDetail, JobLine, JobNote, JobTaken};
use clap::{Subcommand, ValueEnum};
use domain::job::JobState;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::args::{Global, word};
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

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
        job: JobSelection,
    },
    /// Let go what is paused or halted
    Resume {
        #[command(flatten)]
        job: JobSelection,
    },
    /// Give up the plan, or every run that has not ended
    Cancel {
        #[command(flatten)]
        job: JobSelection,
    },
}

#[derive(clap::Args)]
pub struct JobSelection {
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

#[expect(clippy::too_many_lines, reason = "one arm for each command")]
pub async fn run(command: JobCommand) -> Result<(), Failed> {
    match command {
        JobCommand::List { state, global } => {
            let client = Client::new(&global)?;
            let items: Vec<Job> = client.all("/jobs", &[("state", state.map(word))]).await?;
            out::answer(client.json, items.as_slice(), print::job::list);
            Ok(())
        }
        JobCommand::Show {
            id,
            wait: true,
            timeout,
            global,
        } => wait(&Client::new(&global)?, &id, Until::Ended, Duration::from_secs(timeout)).await,
        JobCommand::Show { id, global, .. } => {
            let client = Client::new(&global)?;
            let job: JobDetail = client.get(&format!("/jobs/{}", part(&id))).await?;
            out::answer(client.json, &job, print::job::detail);
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
            let decision = match (included, left_out) {
                (true, _) => Some("included".to_owned()),
                // A reason says it already.
                (false, true) if reason.is_none() => Some("left_out".to_owned()),
                (false, _) => None,
            };
            let query = [("decision", decision), ("reason", reason)];
            let path = format!("/jobs/{}/lines", part(&id));
            let items: Vec<JobLine> = client.all(&path, &query).await?;
            out::answer(client.json, items.as_slice(), |items| {
                print::job_lines::lines(items, why)
            });
            Ok(())
        }
        JobCommand::Pause { job } => tell("pause", &job).await,
        JobCommand::Resume { job } => tell("resume", &job).await,
        JobCommand::Cancel { job } => tell("cancel", &job).await,
    }
}

async fn tell(verb: &str, job: &JobSelection) -> Result<(), Failed> {
    let client = Client::new(&job.global)?;
    let note = JobNote { note: job.note.clone() };
    let path = format!("/jobs/{}/{verb}", part(&job.id));
    let taken: JobTaken = client.post(&path, &note).await?;
    out::answer(client.json, &taken, |taken| print::job::asked_for(verb, taken));
    Ok(())
}

/// Looks until the job is there. An API that is gone for a while is waited for like a job.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line waits as long as its user lets it"
)]
pub async fn wait(client: &Client, id: &str, until: Until, patience: Duration) -> Result<(), Failed> {
    let (bar, began) = (bar(until), Instant::now());
    loop {
        let trouble = match client.get::<JobDetail>(&format!("/jobs/{}", part(id))).await {
            Ok(job) => {
                draw(&bar, &job, until);
                if is_there(job.job.state, until) {
                    bar.finish_and_clear();
                    out::answer(client.json, &job, print::job::detail);
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
            bar.set_message(out::shown_line(&why));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

const fn is_there(state: JobState, until: Until) -> bool {
    match (state, until) {
        (JobState::Cancelled | JobState::Ended | JobState::Failed, _) => true,
        (JobState::Planned | JobState::Committing | JobState::Running | JobState::Cancelling, Until::Planned) => true,
        (JobState::Planning, _) => false,
        (JobState::Planned | JobState::Committing | JobState::Running | JobState::Cancelling, Until::Ended) => false,
    }
}

/// A plan is good when there is one; a job that ended, when every run that was planned succeeded.
fn verdict(job: &JobDetail, until: Until) -> Result<(), Failed> {
    let state = job.job.state;
    let good = match until {
        Until::Planned => !matches!(state, JobState::Failed | JobState::Cancelled),
        Until::Ended => state == JobState::Ended && job.progress.succeeded == job.job.totals.included,
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

fn draw(bar: &ProgressBar, detail: &JobDetail, until: Until) {
    let (job, progress) = (&detail.job, &detail.progress);
    let (length, position) = match until {
        Until::Planned => (job.hosts.unwrap_or(0), job.decided),
        Until::Ended => {
            let good = progress.succeeded;
            let other = progress.failed + progress.needs_manual + progress.cancelled + progress.refused;
            (job.totals.included, good + other)
        }
    };
    bar.set_length(u64::from(length));
    bar.set_position(u64::from(position));
    bar.set_message(print::job::describe_state(job));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::samples;

    fn job(state: JobState, succeeded: u32) -> JobDetail {
        let mut job = samples::job();
        job.job.state = state;
        (job.job.totals.included, job.progress.succeeded) = (3, succeeded);
        job
    }

    #[test]
    fn the_exit_code_tells_the_truth() {
        assert!(verdict(&job(JobState::Planned, 0), Until::Planned).is_ok());
        assert!(verdict(&job(JobState::Failed, 0), Until::Planned).is_err());
        assert!(verdict(&job(JobState::Ended, 3), Until::Ended).is_ok());
        assert!(verdict(&job(JobState::Ended, 2), Until::Ended).is_err());
        assert!(verdict(&job(JobState::Cancelled, 3), Until::Ended).is_err());
    }

    #[test]
    fn a_job_that_runs_is_waited_for() {
        assert!(!is_there(JobState::Running, Until::Ended) && is_there(JobState::Running, Until::Planned));
        assert!(!is_there(JobState::Planning, Until::Planned));
    }
}
