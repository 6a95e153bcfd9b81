//! Bulk renewals from the command line, and what their bench measures.

use anyhow::{Context, Result, ensure};
use integration::fleet::Up;
use integration::planning::Planning;
use serde_json::Value;

use super::id;
use crate::world::{estate, import};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bench_measures_is_a_whole_plan() -> Result<()> {
    let planning = Planning::start().await?;
    planning.add(3_000).await?;
    let measured = planning.measure(3_000).await?;
    ensure!(measured.peak_rss_mib > 1.0, "{measured:?}");
    Ok(())
}

/// What the command prints as JSON, whatever its exit code.
fn printed(up: &Up, args: &[&str]) -> Result<(Option<i32>, Value)> {
    let output = up.command(args)?.output()?;
    let text = String::from_utf8(output.stdout)?;
    let said = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((output.status.code(), said))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_plans_and_commits_on_the_command_line() -> Result<()> {
    let estate = estate(3).await?;
    let up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    let (code, refused) = printed(&up, &["bulk", "plan", "--json"])?;
    ensure!(code == Some(65), "which hosts? {refused}");
    let (code, plan) = printed(
        &up,
        &["bulk", "plan", "--glob", "*.demo.test", "--canary", "1", "--json"],
    )?;
    ensure!(code == Some(0) && plan["totals"]["included"] == 3, "{plan}");
    let job = id(&plan)?;
    let (_, lines) = printed(&up, &["job", "lines", job, "--included", "--json"])?;
    ensure!(lines.as_array().map(Vec::len) == Some(3), "{lines}");
    let (_, table) = printed(&up, &["job", "show", job])?;
    let table = table.as_str().context("a table")?;
    ensure!(
        table.contains("plan: 3 of 3 hosts, price not known") && table.contains("vigilo bulk commit"),
        "{table}"
    );

    let (code, ended) = printed(&up, &["bulk", "commit", job, "--wait", "--json"])?;
    ensure!(code == Some(0) && ended["progress"]["succeeded"] == 3, "{ended}");
    let (code, said) = printed(&up, &["job", "pause", job])?;
    ensure!(code == Some(65), "it has ended: {said}");
    let (_, list) = printed(&up, &["job", "list", "--state", "ended", "--json"])?;
    ensure!(list[0]["id"] == plan["id"], "{list}");
    Ok(())
}
