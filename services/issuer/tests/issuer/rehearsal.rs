//! The dry run: the CA sees the names, nothing is issued, nothing stays.

use anyhow::{Result, ensure};
use bus::StepHandler;
use domain::run::Mode;

use crate::world::{World, ctx, told, with_account};

#[tokio::test]
async fn without_an_account_only_the_directory_is_looked_at() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["www.example.org"])?;
    (order.mode, order.spec.csr_pem) = (Mode::DryRun, None);
    let ctx = ctx();
    let rehearsal = world.issuer()?.rehearse(&order, &ctx).await.map_err(told)?;
    ensure!(
        rehearsal.checks.iter().all(|check| check.passed),
        "{:?}",
        rehearsal.checks
    );
    let methods: Vec<String> = ctx.take_notes().exchange.into_iter().map(|one| one.method).collect();
    ensure!(methods == ["GET"], "nothing is registered: {methods:?}");
    Ok(())
}

#[tokio::test]
async fn with_an_account_the_names_are_proven_and_everything_is_taken_back() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = with_account(&world, &issuer, &["www.example.org"]).await?;
    let before = world.pebble.issued();
    (order.mode, order.spec.csr_pem) = (Mode::DryRun, None);
    let ctx = ctx();
    let rehearsal = issuer.rehearse(&order, &ctx).await.map_err(told)?;
    let seen = rehearsal
        .checks
        .iter()
        .find(|check| check.name == "the CA can see every name");
    ensure!(seen.is_some_and(|check| check.passed), "{:?}", rehearsal.checks);
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
async fn a_name_that_the_ca_cannot_see_is_a_cross() -> Result<()> {
    let world = World::start().await?;
    let issuer = world.issuer()?;
    let mut order = with_account(&world, &issuer, &["dark.example.org"]).await?;
    order.mode = Mode::DryRun;
    world.pebble.break_dns("dark.example.org").await?;
    let rehearsal = issuer.rehearse(&order, &ctx()).await.map_err(told)?;
    let crosses: Vec<_> = rehearsal.checks.iter().filter(|check| !check.passed).collect();
    ensure!(
        crosses.len() == 1 && crosses[0].name.contains("dark.example.org"),
        "{crosses:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_not_allowed_is_a_cross_that_names_the_key() -> Result<()> {
    let world = World::start().await?;
    let mut order = world.order(&["www.example.org"])?;
    order.spec.directory_url = "https://elsewhere.example/dir".parse()?;
    let rehearsal = world.issuer()?.rehearse(&order, &ctx()).await.map_err(told)?;
    ensure!(
        rehearsal
            .checks
            .iter()
            .any(|check| !check.passed && check.evidence.contains("issuer.directories"))
    );
    Ok(())
}
