use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::plan::Lane;
use domain::run::{Event, Outcome, PreparedKey, Product, Step, advance};
use domain::{RunId, Timestamp};
use store::{LaneRoom, LedgerTx, Since, Store, StoreError};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::world::{FIRST_LANE, World, loaded_ids, minutes, now, released, save};

/// Counts all that is out as quick.
const ALL: Since = Since {
    counted: Timestamp::EPOCH,
    quick: Timestamp::EPOCH,
};
const WINDOW: i64 = 5;
const REPLICAS: usize = 4;
const RUNS: usize = 60;
/// Far more than the runs of this file need.
const BOUND: Duration = Duration::from_secs(60);

/// How many orders of the first lane are out, as this ledger sees it.
async fn out(ledger: &mut LedgerTx) -> Result<i64, StoreError> {
    let lanes = ledger.lanes(ALL).await?;
    Ok(lanes
        .iter()
        .find(|room| room.lane.as_str() == FIRST_LANE)
        .map_or(0, |room| room.out))
}

/// Fills the window, as a planner does: look at the lanes, take so many turns, commit.
async fn fill(store: &Store) -> Result<Vec<RunId>> {
    let mut ledger = store.ledger().await?;
    let free = WINDOW - out(&mut ledger).await?;
    ensure!(free >= 0, "the window is overdrawn by {}", -free);
    let turns = released(
        ledger.next_in_lanes(&[(Lane::new(FIRST_LANE), free)], now()).await?,
        now(),
    )?;
    save(&mut ledger, &turns, now()).await?;
    ensure!(out(&mut ledger).await? <= WINDOW, "more is out than the window allows");
    ledger.commit().await?;
    Ok(loaded_ids(&turns))
}

/// The workers' reports: these orders are no longer out.
async fn report(store: &Store, ids: &[RunId]) -> Result<()> {
    let mut ledger = store.ledger().await?;
    let mut runs = ledger.load(ids).await?;
    for run in &mut runs {
        let product = Product::PreparedKey(PreparedKey {
            csr_pem: "csr".to_owned(),
            sealed_key: None,
        });
        let done = Event::Reported {
            step: Step::PrepareKey,
            attempt: 1,
            outcome: Outcome::Done { product },
        };
        run.state = advance(&run.state, run.intent(), done, now())?;
    }
    save(&mut ledger, &runs, now()).await?;
    Ok(ledger.commit().await?)
}

/// One planner of the fleet, until nothing waits any more in the lane; gives back what it released.
async fn planner(store: Store) -> Result<Vec<RunId>> {
    let mut mine = Vec::new();
    loop {
        let ids = fill(&store).await?;
        report(&store, &ids).await?;
        mine.extend(ids);
        let left = store.ledger().await?.waiting_lanes().await?;
        if !left.contains(&Lane::new(FIRST_LANE)) {
            return Ok(mine);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_release_at_once_never_overdraw_a_window() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(RUNS).await?;
    let mut replicas = JoinSet::new();
    for _ in 0..REPLICAS {
        replicas.spawn(planner(world.store.clone()));
    }
    let finished = timeout(BOUND, replicas.join_all())
        .await
        .context("the replicas hold each other up")?;

    let mut times = BTreeMap::new();
    for released in finished {
        for id in released? {
            *times.entry(id).or_insert(0) += 1;
        }
    }
    assert_eq!(times, runs.into_iter().map(|id| (id, 1)).collect());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_find_a_free_window_fill_it_once() -> Result<()> {
    let world = World::new().await?;
    world.runs(RUNS).await?;
    let mut replicas = JoinSet::new();
    for _ in 0..REPLICAS {
        let store = world.store.clone();
        replicas.spawn(async move { fill(&store).await });
    }
    let mut given = Vec::new();
    for filled in replicas.join_all().await {
        given.push(filled?.len());
    }
    given.sort_unstable();
    assert_eq!(given, [0, 0, 0, 5]);
    Ok(())
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn a_ledger_that_looked_at_the_lanes_holds_them_until_it_is_through() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    let mut first = world.store.ledger().await?;
    assert_eq!(out(&mut first).await?, 0);

    let store = world.store.clone();
    let second = tokio::spawn(async move { out(&mut store.ledger().await?).await });
    world_waits_for_the_lanes(&world).await?;
    let turn = released(first.load(&runs).await?, now())?;
    save(&mut first, &turn, now()).await?;
    first.commit().await?;

    let seen = timeout(BOUND, second).await.context("the lanes stay held")???;
    assert_eq!(seen, 2);
    Ok(())
}

/// Waits until a session waits for the advisory lock.
async fn world_waits_for_the_lanes(world: &World) -> Result<()> {
    testkit::wait::until("a second ledger in line", BOUND, async || {
        let waiting = sqlx::query_scalar::<_, i64>(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())",
        );
        waiting.fetch_one(&world.by_hand).await.ok().filter(|count| *count > 0)
    })
    .await
    .map(drop)
}

#[tokio::test]
async fn only_what_is_out_takes_room_in_its_lane() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    world.happens(runs[0], [Event::Released], now()).await?;
    world.happens(runs[1], [Event::Released], now()).await?;
    report(&world.store, &runs[1..2]).await?;
    let lane = Lane::new(FIRST_LANE);
    let room = LaneRoom { lane, out: 1, slow: 0 };
    assert_eq!(world.store.ledger().await?.lanes(ALL).await?, [room]);
    Ok(())
}

/// No order is counted in both ways, and none in neither.
#[tokio::test]
async fn what_went_out_long_ago_is_counted_apart() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(3).await?;
    world.happens(runs[0], [Event::Released], now()).await?;
    world.happens(runs[1], [Event::Released], minutes(1)).await?;
    world.happens(runs[2], [Event::Released], minutes(2)).await?;
    let rooms = |out, slow| {
        let lane = Lane::new(FIRST_LANE);
        vec![LaneRoom { lane, out, slow }]
    };
    for (counted, quick, slow) in [(minutes(1), now(), 0), (minutes(1), minutes(2), 1)] {
        assert_eq!(world.store.out_before(counted).await?, rooms(1, 1));
        let found = world.store.ledger().await?.lanes(Since { counted, quick }).await?;
        assert_eq!(found, rooms(2, slow));
    }
    Ok(())
}
