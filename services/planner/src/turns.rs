//! Who is served before whom: every flow of runs is given turns from where the service stands.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::host::Criticality;
use store::{NewPlace, NewRun, STRIDE, Store, StoreError};

/// What a step of criticality is worth, in places of a flow: bounded, so that nobody waits for ever.
const LEAD: i64 = 300 * STRIDE;

/// Gives these new runs of one source (a bulk, the schedule, a workspace's own requests) their turns, in their order. Each
/// criticality is a flow of its own: a critical run does not stand behind its own workspace's bulk of others.
pub(crate) async fn give<'a>(
    store: &Store,
    source: &str,
    runs: impl IntoIterator<Item = &'a mut NewRun>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut flows: BTreeMap<Criticality, Vec<&mut NewRun>> = BTreeMap::new();
    for run in runs {
        flows.entry(run.head.criticality).or_default().push(run);
    }
    for (criticality, runs) in flows {
        let many = i64::try_from(runs.len()).unwrap_or(i64::MAX);
        let first = first(store, (source, criticality.rank()), many, now).await?;
        for (place, run) in (0..).zip(runs) {
            run.turn = first + place * STRIDE;
        }
    }
    Ok(())
}

/// Gives lines of a job, each with the rank of its criticality, their turns in their order.
pub(crate) async fn places(
    store: &Store,
    source: &str,
    lines: &[(u32, i16)],
    now: Timestamp,
) -> Result<Vec<NewPlace>, StoreError> {
    let mut flows: BTreeMap<i16, Vec<u32>> = BTreeMap::new();
    for (nr, rank) in lines {
        flows.entry(*rank).or_default().push(*nr);
    }
    let mut places = Vec::with_capacity(lines.len());
    for (rank, nrs) in flows {
        let many = i64::try_from(nrs.len()).unwrap_or(i64::MAX);
        let first = first(store, (source, rank), many, now).await?;
        let in_order = (0..).zip(nrs);
        places.extend(in_order.map(|(place, nr)| NewPlace {
            nr,
            turn: first + place * STRIDE,
        }));
    }
    places.sort_unstable_by_key(|place| place.nr);
    Ok(places)
}

/// The first of so many turns of a source's runs of one criticality; each further one is a `STRIDE` later.
async fn first(store: &Store, (source, rank): (&str, i16), runs: i64, now: Timestamp) -> Result<i64, StoreError> {
    let many = usize::try_from(runs).unwrap_or(usize::MAX);
    let first = store.take_turns(&format!("{source} {rank}"), many, now).await?;
    Ok(first - i64::from(rank) * LEAD)
}
