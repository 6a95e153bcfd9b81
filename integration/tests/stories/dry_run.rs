//! The dry run: what would go wrong is known beforehand, and nothing is changed anywhere.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use api::runs::{RunDetail, Standing};
use domain::run::{Check, Status};
use futures::TryStreamExt;
use integration::estate::{ESTATE_NGINX, target_of};
use integration::fleet::Up;
use integration::{Estate, Fleet, Member};
use testkit::async_nats::jetstream;
use testkit::wait;

use crate::world::{SOON, estate, fleet};

/// Asks for a rehearsal of one host through the command line, and waits for its end.
async fn rehearse(up: &Up, host: &str) -> Result<Output> {
    vigilo(up, &["renew", host, "--dry-run", "--wait"]).await
}

async fn vigilo(up: &Up, arguments: &[&str]) -> Result<Output> {
    let mut command = up.command(arguments)?;
    Ok(tokio::task::spawn_blocking(move || command.output()).await??)
}

/// The only run there is, as the API shows it.
async fn only_run(up: &Up) -> Result<RunDetail> {
    let runs = up.api.runs().await?;
    ensure!(runs.len() == 1, "{runs:?}");
    up.api.run(runs[0].standing.id).await
}

/// Step and check of everything that is crossed and counts.
fn crosses(run: &RunDetail) -> Vec<(&str, &str)> {
    let steps = run.steps.iter();
    let checks = steps.flat_map(|step| step.checks.iter().map(|check| (step.step.as_str(), check)));
    checks
        .filter(|(_, check)| !check.passed && !check.advisory)
        .map(|(step, check)| (step, check.name.as_str()))
        .collect()
}

/// The files of a host, to see that nobody has written them.
fn files(estate: &Estate, host: &str) -> Result<(Vec<u8>, Vec<u8>, usize)> {
    let files = estate.nginx.files(host);
    let beside = files.chain.parent().context("a directory")?.read_dir()?.count();
    Ok((std::fs::read(&files.chain)?, std::fs::read(&files.key)?, beside))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_that_finds_nothing_wrong_changes_nothing_and_asks_for_no_certificate() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let host = estate.nginx.hosts()[0].as_str();
    // A host as it is between two renewals: what it serves is trusted.
    let renewed = fleet.api.renew(Some(&[host])).await?;
    fleet.api.succeeds(&renewed[host], SOON).await?;
    let (before, served) = (files(&estate, host)?, estate.served().await?);
    let run = fleet.api.rehearse(host).await?;

    let run = fleet.api.succeeds(&run, SOON).await?;
    let checks: Vec<&Check> = run.steps.iter().flat_map(|step| &step.checks).collect();
    ensure!(
        checks.len() >= 10,
        "a rehearsal says what it has looked at: {checks:#?}"
    );
    for check in &checks {
        ensure!(check.passed && !check.evidence.is_empty(), "{check:?}");
    }
    let open = &run.cannot_know;
    ensure!(open.len() == 3, "issuance, target and serving: {open:?}");

    ensure!(estate.issued() == 1, "the CA has issued {}", estate.issued());
    ensure!(files(&estate, host)? == before && estate.served().await? == served);
    ensure!(responses(&fleet).await?.is_empty(), "challenge responses are left");
    Ok(())
}

/// The challenge responses that the fleet would give.
async fn responses(fleet: &Fleet) -> Result<Vec<String>> {
    let context = jetstream::new(fleet.nats.connect().await?);
    let bucket = context.get_key_value("http01").await?;
    Ok(bucket.keys().await?.try_collect().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_things_that_are_wrong_are_three_crosses_of_one_rehearsal() -> Result<()> {
    let estate = estate(1).await?;
    let up = Up::start(&estate).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let (mut hosts, mut policies) = (estate.hosts(), estate.policies());
    let nobody_listens = testkit::ports::lease()?;
    hosts[0].port = nobody_listens.number();
    target_of(&mut policies[0]).key_path = "/no-such-directory/of-this-story/key.pem".to_owned();
    up.api.import("hosts", &hosts).await?;
    up.api.import("policies", &policies).await?;
    estate.pebbles[0].break_dns(host).await?;

    let said = rehearse(&up, host).await?;
    ensure!(said.status.code() == Some(1), "{}", said.status);
    let run = only_run(&up).await?;
    let standing = &run.run.standing;
    let failure = standing.failure.as_ref().context("a failure")?;
    ensure!(
        standing.status == Status::Failed && failure.failure.code.as_str() == "RUN-0002",
        "{run:?}"
    );
    let crosses = crosses(&run);
    let steps: Vec<&str> = crosses.iter().map(|(step, _)| *step).collect();
    ensure!(steps == ["issue", "deploy-0", "verify"], "{crosses:?}");
    ensure!(crosses[0].1 == format!("the CA sees {host}"), "{crosses:?}");

    // The command line shows the same, and the raw words of the CA can be had.
    let shown = String::from_utf8_lossy(&said.stdout).into_owned();
    for part in [
        format!("✗ the CA sees {host}: "),
        "/no-such-directory/of-this-story".to_owned(),
        "what a rehearsal cannot know:".to_owned(),
    ] {
        ensure!(shown.contains(&part), "{part:?} is not in {shown}");
    }
    ensure!(shown.matches("✗ ").count() >= 3, "{shown}");
    let exchange = up.api.exchange(standing.id).await?;
    let answers: Vec<&str> = exchange.iter().map(|one| one.response.as_str()).collect();
    ensure!(
        answers.iter().any(|said| said.contains("could not resolve URL")),
        "{answers:?}"
    );
    ensure!(estate.issued() == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_rehearses_by_default_is_corrected_and_then_renewed_live() -> Result<()> {
    let estate = estate(1).await?;
    let up = Up::start(&estate).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let mut policies = estate.policies();
    policies[0].dry_run_default = true;
    let good = target_of(&mut policies[0]).clone();
    target_of(&mut policies[0]).key_path = "/no-such-directory/of-this-story/key.pem".to_owned();
    up.api.import("hosts", &estate.hosts()).await?;
    up.api.import("policies", &policies).await?;

    let said = vigilo(&up, &["renew", host, "--wait"]).await?;
    ensure!(said.status.code() == Some(1), "{said:?}");
    let shown = String::from_utf8_lossy(&said.stdout).into_owned();
    for part in ["✗ the directory of the key exists: ", "1 of them rehearsed only"] {
        ensure!(shown.contains(part), "{part:?} is not in {shown}");
    }

    let target = format!("chain={},key={}", good.chain_path, good.key_path);
    let corrected = [
        "policy",
        "set",
        host,
        "--target-file",
        &target,
        "--activate",
        ESTATE_NGINX,
    ];
    let said = vigilo(&up, &corrected).await?;
    ensure!(said.status.success(), "{said:?}");
    let said = vigilo(&up, &["renew", host, "--live", "--wait"]).await?;
    ensure!(said.status.success(), "{said:?}");
    ensure!(estate.issued() == 1, "the CA has issued {}", estate.issued());

    let said = vigilo(&up, &["policy", "forget", host]).await?;
    ensure!(said.status.success(), "{said:?}");
    let said = vigilo(&up, &["renew", host]).await?;
    let why = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(
        said.status.code() == Some(65) && why.contains("no active policy"),
        "{why}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_says_which_service_does_not_pick_its_order_up() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let issuer = fleet.member(Member::Issuer)?;
    issuer.kill_hard()?;
    let run = fleet.api.rehearse(host).await?;
    let says = |shown: &Standing| {
        let why = shown.waits_for.as_ref();
        why.is_some_and(|why| why.contains("for the issuer lie there"))
    };
    wait::until_ok("a word on the issuer", SOON, async || {
        let shown = fleet.api.run(&run).await?.run.standing;
        ensure!(says(&shown), "{shown:?}");
        Ok(())
    })
    .await?;
    let all = fleet.api.standing(vec![run.parse()?]).await?;
    ensure!(all.first().is_some_and(says), "{all:?}");
    let told = fleet.command(&["run", &run])?.output()?.stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    ensure!(told.contains("see whether that service is running"), "{told}");
    issuer.start_again().await?;
    let ended = fleet.api.succeeds(&run, SOON).await?;
    ensure!(ended.run.standing.waits_for.is_none(), "{ended:?}");
    Ok(())
}
