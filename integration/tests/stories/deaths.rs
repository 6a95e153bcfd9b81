//! Processes that die in the middle of a batch: no run is lost, and no certificate is asked for twice.

use anyhow::{Result, ensure};
use domain::run::Status;
use integration::Member;
use testkit::Signal;

use crate::world::{all_succeed_with_one_certificate_each, fleet, in_flight_after, with_orders_open};

#[tokio::test(flavor = "multi_thread")]
async fn every_service_is_killed_once_in_a_batch_of_50() -> Result<()> {
    let (estate, fleet) = fleet(50).await?;
    fleet.api.renew(None).await?;
    for (index, member) in Member::ALL.into_iter().enumerate() {
        in_flight_after(&fleet.api, &estate, 5 * (index + 1)).await?;
        let before = fleet.member(member)?.pid();
        fleet.kill_and_restart(member).await?;
        ensure!(fleet.member(member)?.pid() != before, "{member:?} was not restarted");
    }
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_and_postgres_are_killed_in_a_batch() -> Result<()> {
    let (estate, fleet) = fleet(30).await?;
    fleet.api.renew(None).await?;
    in_flight_after(&fleet.api, &estate, 5).await?;
    fleet.nats.kill_and_restart().await?;
    in_flight_after(&fleet.api, &estate, 15).await?;
    fleet.postgres.kill_and_restart().await?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    let opened = estate.pebbles[0].orders();
    ensure!(opened == 30, "{opened} orders were opened for 30 runs");
    Ok(())
}

/// The orders that they came with say nothing of what was opened since: the next issuer hears of it from the planner.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_dies_with_orders_in_hand_leaves_them_to_the_next() -> Result<()> {
    let (estate, fleet) = fleet(3).await?;
    let ca = &estate.pebbles[0];
    with_orders_open(&fleet.api, ca).await?;
    fleet.kill_and_restart(Member::Issuer).await?;
    ca.dns_peer().signal(Signal::CONT)?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    ensure!(ca.orders() == 3, "{} orders were opened for 3 runs", ca.orders());
    Ok(())
}

/// The order in the stream says nothing of it: the next issuer hears from the planner that nobody wants it any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cancelled_before_its_issuer_died_is_not_finalized_by_the_next() -> Result<()> {
    let (estate, fleet) = fleet(2).await?;
    let ca = &estate.pebbles[0];
    let runs = with_orders_open(&fleet.api, ca).await?;
    for run in &runs {
        fleet.api.cancel(&run).await?;
    }
    fleet.kill_and_restart(Member::Issuer).await?;
    ca.dns_peer().signal(Signal::CONT)?;
    for run in &runs {
        fleet
            .api
            .reaches(run, Status::Cancelled, integration::fleet::bound(runs.len()))
            .await?;
    }
    ensure!(
        ca.issued() == 0,
        "{} certificates for runs that were cancelled",
        ca.issued()
    );
    Ok(())
}
