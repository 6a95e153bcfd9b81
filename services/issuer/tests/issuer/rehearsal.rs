//! The dry run: the CA sees the names, nothing is issued, nothing stays.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bus::StepHandler;
use domain::run::{Check, Checkpoint, Mode, Rehearsal};
use issuer::Config;
use protocol::order::{IssueSpec, Order};
use testkit::FaultyCa;
use testkit::faulty_ca::{Fault, FaultPoint, RetryAfter};

use crate::world::{Issuer, World, config_for, ctx, order_at, told, with_account};

/// An order as a dry run sends it.
fn dry(mut order: Order<IssueSpec>) -> Order<IssueSpec> {
    (order.mode, order.spec.csr_pem) = (Mode::DryRun, None);
    order
}

/// Both orders of a rehearsal that begins without an account: the first one makes its key.
async fn through(issuer: &Issuer, order: Order<IssueSpec>) -> Result<Rehearsal> {
    let mut order = dry(order);
    let first = issuer.rehearse(&order, &ctx()).await.map_err(told)?;
    let Some(Checkpoint::AcmeAccountKey { sealed_key }) = first.needs else {
        anyhow::bail!("the key is saved before anything is registered: {:?}", first.checks);
    };
    order.spec.account_key = Some(sealed_key);
    issuer.rehearse(&order, &ctx()).await.map_err(told)
}

fn found<'a>(checks: &'a [Check], name: &str) -> Result<&'a Check> {
    let check = checks.iter().find(|check| check.name == name);
    check.with_context(|| format!("no check {name:?} in {checks:#?}"))
}

fn crosses(checks: &[Check]) -> Vec<&Check> {
    checks.iter().filter(|check| !check.passed && !check.advisory).collect()
}

#[tokio::test]
async fn a_first_rehearsal_makes_the_account_and_every_check_is_a_tick() -> Result<()> {
    let world = World::start().await?;
    let order = world.order(&["www.example.org", "example.org"])?;
    let rehearsal = through(&world.issuer()?, order).await?;
    let checks = &rehearsal.checks;
    ensure!(checks.iter().all(|check| check.passed), "{checks:#?}");
    for name in [
        "the CA's directory answers",
        "ACME account",
        "order opened, not finalized",
        "addresses of www.example.org",
        "CAA of example.org",
        "http-01 at www.example.org (127.0.0.1), seen from here",
        "the CA sees example.org",
    ] {
        found(checks, name)?;
    }
    let left = found(checks, "nothing is left behind")?;
    ensure!(
        left.evidence.starts_with("2 challenge responses removed, 2 auth"),
        "{left:?}"
    );
    ensure!(world.pebble.issued() == 0, "a dry run issues nothing");
    Ok(())
}

#[tokio::test]
async fn what_was_proven_is_taken_back_and_nothing_is_finalized() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let order = dry(with_account(&world, &issuer, &["www.example.org"]).await?);
    let before = world.pebble.issued();
    let ctx = ctx();
    issuer.rehearse(&order, &ctx).await.map_err(told)?;
    ensure!(world.pebble.issued() == before, "a dry run issues nothing");
    let notes = ctx.take_notes();
    let deactivated = notes
        .exchange
        .iter()
        .filter(|one| one.request.contains("deactivated") && one.status == 200);
    ensure!(deactivated.count() == 1, "{:?}", notes.exchange);
    ensure!(
        notes.exchange.iter().all(|one| !one.request.contains("csr")),
        "nothing is finalized"
    );
    Ok(())
}

#[tokio::test]
async fn a_name_without_dns_is_crossed_by_the_ca_and_the_other_one_is_looked_at_all_the_same() -> Result<()> {
    let world = World::start().await?;
    world.pebble.break_dns("dark.example.org").await?;
    let order = world.order(&["dark.example.org", "www.example.org"])?;
    let rehearsal = through(&world.issuer()?, order).await?;
    let checks = &rehearsal.checks;
    let crosses = crosses(checks);
    ensure!(
        crosses.len() == 1 && crosses[0].name == "the CA sees dark.example.org",
        "only the CA's word counts: {checks:#?}"
    );
    let from_here = found(checks, "addresses of dark.example.org")?;
    ensure!(!from_here.passed && from_here.advisory, "{from_here:?}");
    ensure!(
        found(checks, "http-01 at www.example.org (127.0.0.1), seen from here")?.passed,
        "{checks:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn caa_records_that_forbid_the_ca_are_a_cross_with_the_record_found_further_up() -> Result<()> {
    let world = World::start().await?;
    let ca = FaultyCa::start(world.pebble.http_port()).await?;
    world.pebble.add_caa("forbidden.test", "issue", "other-ca.test").await?;
    world.pebble.add_caa("allowed.test", "issue", "faulty-ca.test").await?;
    let order = order_at(&ca.directory_url(), &["www.forbidden.test", "www.allowed.test"])?;
    let rehearsal = through(&faulty_issuer(&world, &ca)?, order).await?;
    let crosses = crosses(&rehearsal.checks);
    ensure!(
        crosses.len() == 1 && crosses[0].name == "CAA of www.forbidden.test",
        "{:#?}",
        rehearsal.checks
    );
    let evidence = &crosses[0].evidence;
    ensure!(
        evidence.contains("at forbidden.test: issue \"other-ca.test\""),
        "{evidence}"
    );
    ensure!(evidence.contains("faulty-ca.test may not issue"), "{evidence}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_at_the_ca() -> Result<()> {
    let world = World::start().await?;
    let ca = FaultyCa::start(world.pebble.http_port()).await?;
    let order = order_at(&ca.directory_url(), &["a.example.org", "b.example.org"])?;
    through(&faulty_issuer(&world, &ca)?, order).await?;
    ensure!(ca.orders() == 1 && ca.requests(FaultPoint::Finalize) == 0 && ca.issued() == 0);
    ensure!(ca.proven_names().is_empty(), "{:?}", ca.proven_names());
    Ok(())
}

#[tokio::test]
async fn the_staging_is_asked_in_place_of_the_production() -> Result<()> {
    let world = World::start().await?;
    let production = FaultyCa::start(world.pebble.http_port()).await?;
    let mut config = world.config()?;
    config.directories[0].url = production.directory_url().parse()?;
    config.directories[0].root_file = Some(production.api_root_path().to_owned());
    config.directories[0].rehearse_at = Some(world.pebble.directory_url().parse()?);
    config.directories.push(world.config()?.directories.remove(0));
    let order = order_at(&production.directory_url(), &["www.example.org"])?;
    let rehearsal = through(&world.issuer_with(config)?, order).await?;
    ensure!(crosses(&rehearsal.checks).is_empty(), "{:#?}", rehearsal.checks);
    let staged = found(&rehearsal.checks, "rehearsed at the CA's staging")?;
    ensure!(staged.evidence.starts_with(&world.pebble.directory_url()), "{staged:?}");
    ensure!(
        production.accounts() == 0 && production.orders() == 0,
        "the production is only looked at"
    );
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_is_a_cross_with_its_code_and_hides_nothing_else() -> Result<()> {
    let world = World::start().await?;
    let ca = FaultyCa::start(world.pebble.http_port()).await?;
    ca.misbehave(FaultPoint::NewOrder, &Fault::RateLimit(RetryAfter::Seconds(3600)), 1);
    let order = order_at(&ca.directory_url(), &["www.example.org"])?;
    let rehearsal = through(&faulty_issuer(&world, &ca)?, order).await?;
    let crosses = crosses(&rehearsal.checks);
    ensure!(crosses.len() == 1, "{:#?}", rehearsal.checks);
    ensure!(crosses[0].evidence.starts_with("ISS-0006 rate limited"), "{crosses:?}");
    ensure!(
        found(
            &rehearsal.checks,
            "http-01 at www.example.org (127.0.0.1), seen from here"
        )?
        .passed
    );
    Ok(())
}

#[tokio::test]
async fn a_ca_that_takes_its_time_is_a_cross_before_anybody_tires() -> Result<()> {
    let world = World::start().await?;
    let ca = FaultyCa::start(world.pebble.http_port()).await?;
    ca.misbehave(FaultPoint::NewOrder, &Fault::Slow(Duration::from_secs(120)), 1);
    let order = order_at(&ca.directory_url(), &["www.example.org"])?;
    let mut config = faulty_config(&world, &ca)?;
    config.request_timeout_seconds = 60;
    let rehearsal = through(&world.issuer_with(config)?, order).await?;
    let crosses = crosses(&rehearsal.checks);
    ensure!(crosses.len() == 1, "{:#?}", rehearsal.checks);
    let evidence = &crosses[0].evidence;
    ensure!(
        evidence.starts_with("ISS-0005") && evidence.contains("within 15 s"),
        "{evidence}"
    );
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_not_allowed_is_one_cross_that_names_the_key() -> Result<()> {
    let world = World::start().await?;
    let mut order = dry(world.order(&["www.example.org"])?);
    order.spec.ca = "https://elsewhere.example/dir".parse()?;
    let rehearsal = world.issuer()?.rehearse(&order, &ctx()).await.map_err(told)?;
    let crosses = crosses(&rehearsal.checks);
    ensure!(crosses.len() == 1, "{:#?}", rehearsal.checks);
    ensure!(crosses[0].evidence.contains("issuer.directories"), "{crosses:?}");
    found(&rehearsal.checks, "addresses of www.example.org")?;
    Ok(())
}

/// An issuer that knows this CA only, with the DNS of the world.
fn faulty_issuer(world: &World, ca: &FaultyCa) -> Result<Issuer> {
    world.issuer_with(faulty_config(world, ca)?)
}

fn faulty_config(world: &World, ca: &FaultyCa) -> Result<Config> {
    let mut config = config_for(&ca.directory_url(), Some(ca.api_root_path().to_owned()))?;
    config.resolvers = vec![world.pebble.dns_address()];
    config.directories[0].http01_port = world.pebble.http_port();
    Ok(config)
}
