//! The budget of a month: the schedule keeps to it and says so, a person is warned and goes on.

use std::process::Output;

use anyhow::{Result, ensure};
use api::budget::Budget;
use integration::fleet::Up;
use serde_json::json;
use testkit::wait;

use crate::world::{SOON, estate};

fn vigilo(up: &Up, args: &[&str]) -> Result<Output> {
    let done = up.command(args)?.output()?;
    ensure!(done.status.success(), "vigilo {args:?}: {done:?}");
    Ok(done)
}

fn shown(up: &Up) -> Result<Budget> {
    Ok(serde_json::from_slice(
        &vigilo(up, &["budget", "show", "--json"])?.stdout,
    )?)
}

/// Three hosts at ten cents a certificate. One has been renewed three times; the others serve what is near its end.
async fn spent_thirty_cents() -> Result<(integration::Estate, Up)> {
    let estate = estate(3).await?;
    let up = Up::start(&estate).await?;
    let url = estate.pebbles[0].directory_url();
    vigilo(
        &up,
        &[
            "provider",
            "add",
            "dear",
            "--directory-url",
            &url,
            "--price-usd",
            "0.10",
        ],
    )?;
    up.api.import("hosts", &estate.hosts()).await?;
    up.api.import("policies", &estate.policies()).await?;
    for _ in 0..3 {
        vigilo(&up, &["renew", &estate.nginx.hosts()[2], "--wait"])?;
    }
    Ok((estate, up))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_keeps_to_the_budget_of_the_month_until_it_is_raised() -> Result<()> {
    let (estate, mut up) = spent_thirty_cents().await?;
    vigilo(&up, &["budget", "set", "0.40"])?;
    let every_second = json!({"planner": {"schedule": {"enabled": true, "every_seconds": 1}}});
    up.start_again_with(every_second).await?;
    let waiting = wait::until("one goes, one waits for money", SOON, async || {
        let budget = shown(&up).ok()?;
        (budget.policies_waiting != 0 && budget.spent.micro_usd == 400_000).then_some(budget)
    })
    .await?;
    ensure!(
        waiting.left_micro_usd == Some(0) && waiting.over_micro_usd == 0,
        "{waiting:?}"
    );
    let policies = up.api.policies().await?;
    let mut held = policies
        .iter()
        .filter_map(|policy| policy.due_why.as_ref())
        .filter(|why| why.contains("budget: 0.40 USD of the 0.40 USD of "));
    ensure!(
        held.next().is_some_and(|why| why.contains("or the budget is raised")),
        "{policies:?}"
    );
    ensure!(estate.issued() == 4, "{} certificates", estate.issued());

    let third = estate.nginx.hosts()[2].as_str();
    let asked = vigilo(&up, &["renew", third, "--wait"])?;
    let warned = String::from_utf8_lossy(&asked.stderr).into_owned();
    ensure!(
        warned.contains("warning: the month's budget") && warned.contains("0.10 USD too much"),
        "{warned}"
    );

    vigilo(&up, &["budget", "set", "0.60"])?;
    let spent = wait::until("the other goes on once it was raised", SOON, async || {
        let budget = shown(&up).ok()?;
        (budget.spent.micro_usd == 600_000).then_some(budget)
    })
    .await?;
    ensure!(spent.over_micro_usd == 0, "{spent:?}");
    ensure!(estate.issued() == 6, "{} certificates", estate.issued());
    Ok(())
}
