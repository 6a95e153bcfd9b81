//! Limits of CAs, their counters, and what runs drew.

use std::time::Duration;

use anyhow::{Context, Result};
use domain::limit::{Bucket, Limit, Scope};
use store::Reservation;
use tokio::time::timeout;

use crate::world::{World, minutes, now};

fn bucket(limit: &str, key: &str) -> Bucket {
    Bucket {
        limit: limit.to_owned(),
        key: key.to_owned(),
    }
}

#[tokio::test]
async fn lets_encrypts_limits_are_there_and_can_be_edited() -> Result<()> {
    let world = World::new().await?;
    let limits = world.store.limits().await?;
    assert_eq!(limits.len(), 5);
    assert!(
        limits
            .iter()
            .all(|limit| limit.check(minutes(1_000_000)).is_ok() && limit.enabled)
    );
    let orders = limits.into_iter().find(|limit| limit.scope == Scope::Account);
    let raised = Limit {
        burst: 3_000,
        enabled: false,
        ..orders.context("new orders per account")?
    };
    world.store.set_limit(&raised).await?;
    let after = world.store.limits().await?;
    assert!(after.len() == 5 && after.contains(&raised));
    Ok(())
}

#[tokio::test]
async fn counters_are_kept_and_a_deleted_limit_is_passed_over() -> Result<()> {
    let world = World::new().await?;
    let (known, gone) = (
        bucket("letsencrypt.new-orders", "default"),
        bucket("no-such-limit", "default"),
    );
    let mut ledger = world.store.ledger().await?;
    ledger.hold_buckets().await?;
    for at in [minutes(1), minutes(2)] {
        ledger.keep_buckets(&[(known.clone(), at), (gone.clone(), at)]).await?;
    }
    ledger.mark_issued(std::slice::from_ref(&known), minutes(3)).await?;
    let rows = ledger.buckets(&[known.clone(), gone]).await?;
    let found: Vec<_> = rows
        .into_iter()
        .map(|row| (row.bucket, row.tat, row.issued_at))
        .collect();
    assert_eq!(found, [(known, minutes(2), Some(minutes(3)))]);
    Ok(())
}

#[tokio::test]
async fn one_ledger_at_a_time_holds_the_counters() -> Result<()> {
    let world = World::new().await?;
    let mut first = world.store.ledger().await?;
    first.hold_buckets().await?;
    let mut second = world.store.ledger().await?;
    let mut waiting = Box::pin(second.hold_buckets());
    assert!(timeout(Duration::from_millis(300), &mut waiting).await.is_err());
    first.commit().await?;
    timeout(Duration::from_secs(60), waiting)
        .await
        .context("it was given back at the commit")??;
    Ok(())
}

#[tokio::test]
async fn what_a_run_drew_is_settled_once() -> Result<()> {
    let world = World::new().await?;
    let run_id = world.created("www.example.org").await?.head.id;
    let of = |limit: &str| Reservation {
        run_id,
        bucket: bucket(limit, "default"),
    };
    let (one, two) = (of("one"), of("two"));
    let mut ledger = world.store.ledger().await?;
    ledger.reserve(&[one.clone(), two.clone()], now()).await?;
    ledger.settle(&[one]).await?;
    assert_eq!(ledger.reservations(&[run_id]).await?, [two]);
    ledger.commit().await?;
    assert_eq!(world.store.forget_reservations(minutes(1)).await?, 1);
    Ok(())
}
