use std::time::Duration;

use anyhow::Result;
use domain::clock::Timestamp;
use domain::incident::Change;
use store::{Announcement, Next};

use crate::incidents::{opened, ops, said, view};
use crate::world::{World, minutes, now};

#[tokio::test]
async fn a_notification_is_in_one_pair_of_hands_until_its_lease_ends() -> Result<()> {
    let world = World::new().await?;
    let (_, id) = opened(&world, "a.example.org").await?;
    let claim = async |at: Timestamp| {
        world
            .store
            .claim_notifications(at, at.plus(Duration::from_secs(60)), 10)
            .await
    };
    let mine = claim(now()).await?;
    assert_eq!((mine.len(), mine[0].incident, &mine[0].to), (1, id, &ops()));
    assert_eq!(claim(now()).await?, []);
    assert_eq!(claim(minutes(1)).await?.len(), 1, "who died gives it up");

    world
        .store
        .notifications_failed(&[mine[0].id], "INC-0003: gone", Next::At(minutes(5)))
        .await?;
    assert_eq!(claim(minutes(4)).await?, []);
    assert_eq!(world.store.notifications_failing().await?, 1);
    assert_eq!(view(&world, id).await?.failing, 1);
    assert_eq!(claim(minutes(5)).await?[0].attempts, 1);
    world.store.notifications_delivered(&[mine[0].id], minutes(5)).await?;
    assert_eq!(claim(minutes(60)).await?, []);
    assert_eq!(world.store.notifications_failing().await?, 0);
    let told = world.store.notifications_of(&world.home, id).await?;
    assert_eq!(
        (told[0].delivered_at, told[0].last_error.as_deref()),
        (Some(minutes(5)), Some("INC-0003: gone"))
    );
    Ok(())
}

#[tokio::test]
async fn what_waits_tells_of_later_changes_too_and_goes_out_together() -> Result<()> {
    let world = World::new().await?;
    let (_, id) = opened(&world, "a.example.org").await?;
    let tell = async |change, due| {
        let mut tx = world.store.incident_tx(&world.home).await?;
        tx.tell(id, Announcement::new(change, &said("more")), &[ops()], due)
            .await?;
        tx.commit().await
    };
    tell(Change::Grown, minutes(5)).await?;
    tell(Change::Grown, minutes(5)).await?;
    let taken = world.store.claim_notifications(now(), minutes(1), 10).await?;
    let changes: Vec<Change> = taken.iter().map(|one| one.change).collect();
    assert_eq!(
        changes,
        [Change::Opened, Change::Grown],
        "one of each, the late one with the due one"
    );
    // What another replica has leased may be written out already.
    tell(Change::Grown, minutes(5)).await?;
    assert_eq!(world.store.notifications_of(&world.home, id).await?.len(), 3);
    let since = world.store.incidents_told_since(&[ops()], Timestamp::EPOCH).await?;
    assert_eq!(since, [(ops(), 1)]);
    assert_eq!(world.store.incident_changes(&world.home, id).await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_notification_that_is_given_up_stays_and_shows() -> Result<()> {
    let world = World::new().await?;
    let (_, id) = opened(&world, "a.example.org").await?;
    let taken = world.store.claim_notifications(now(), minutes(1), 10).await?;
    world
        .store
        .notifications_failed(&[taken[0].id], "INC-0005: no", Next::GivenUp(minutes(1)))
        .await?;
    assert_eq!(
        world.store.claim_notifications(minutes(600), minutes(601), 10).await?,
        []
    );
    let view = view(&world, id).await?;
    assert_eq!((view.failing, view.given_up), (0, 1));
    Ok(())
}
