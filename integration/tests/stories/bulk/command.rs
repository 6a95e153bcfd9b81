//! Bulk renewals from the command line, and what their bench measures.

use anyhow::{Context, Result, ensure};
use api::jobs::{Job, JobDetail, JobLine};
use integration::fleet::Up;
use integration::planning::Planning;
use serde::de::DeserializeOwned;

use crate::world::{estate, import};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bench_measures_is_a_whole_plan() -> Result<()> {
    let planning = Planning::start().await?;
    planning.add(3_000).await?;
    let measured = planning.measure(3_000).await?;
    ensure!(measured.peak_rss_mib > 1.0, "{measured:?}");
    Ok(())
}

/// What the command prints, and its exit code.
fn said(up: &Up, args: &[&str]) -> Result<(Option<i32>, String)> {
    let output = up.command(args)?.output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

/// What the command prints with `--json` when it succeeds.
fn printed<T: DeserializeOwned>(up: &Up, args: &[&str]) -> Result<T> {
    let (code, text) = said(up, &[args, &["--json"]].concat())?;
    ensure!(code == Some(0), "{code:?}: {text}");
    serde_json::from_str(&text).context(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_plans_and_commits_on_the_command_line() -> Result<()> {
    let estate = estate(3).await?;
    let up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    let (code, refused) = said(&up, &["bulk", "plan", "--json"])?;
    ensure!(code == Some(65), "which hosts? {refused}");
    let plan: JobDetail = printed(&up, &["bulk", "plan", "--glob", "*.demo.test", "--canary", "1"])?;
    ensure!(plan.job.totals.included == 3, "{plan:?}");
    let id = plan.job.id.to_string();
    let job = id.as_str();
    let lines: Vec<JobLine> = printed(&up, &["job", "lines", job, "--included"])?;
    ensure!(lines.len() == 3, "{lines:?}");
    let (_, table) = said(&up, &["job", "show", job])?;
    ensure!(
        table.contains("plan: 3 of 3 hosts, price not known") && table.contains("vigilo bulk commit"),
        "{table}"
    );

    let ended: JobDetail = printed(&up, &["bulk", "commit", job, "--wait"])?;
    ensure!(ended.progress.succeeded == 3, "{ended:?}");
    let (code, refused) = said(&up, &["job", "pause", job])?;
    ensure!(code == Some(65), "it has ended: {refused}");
    let list: Vec<Job> = printed(&up, &["job", "list", "--state", "ended"])?;
    ensure!(list.first().is_some_and(|first| first.id == plan.job.id), "{list:?}");
    Ok(())
}
