//! Processes that die in the middle of a batch: no run is lost, and no certificate is asked for twice.

use anyhow::{Result, ensure};
use integration::Member;

use crate::world::{all_succeed_with_one_certificate_each, fleet, in_flight_after};

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
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}
