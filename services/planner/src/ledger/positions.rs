//! Who is served before whom: every flow of runs is given positions from where the service stands.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::host::Criticality;
use domain::job::QueuePositions;
use store::{NewPlace, NewRun, STRIDE, Store, StoreError};

/// What a step of criticality is worth, in places of a flow: bounded, so that no run waits for
/// ever.
const LEAD: i64 = 300 * STRIDE;

/// Gives these new runs of one source (a bulk, the schedule, a workspace's own requests) their
/// positions, neighbours apart. Each criticality is a flow of its own: a critical run does not
/// stand behind its own workspace's bulk of others.
pub(crate) async fn assign<'a>(
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
        let first = first(
            store,
            Flow {
                source,
                rank: criticality.rank(),
            },
            many,
            now,
        )
        .await?;
        let of = u32::try_from(many).unwrap_or(u32::MAX);
        for (nr, run) in (0..).zip(runs) {
            run.queue_position = first + i64::from(apart(nr, of)) * STRIDE;
        }
    }
    Ok(())
}

/// The positions of all runs that a job will have, by the rank of their criticality.
pub(crate) async fn of_job(
    store: &Store,
    source: &str,
    lines: &[(i16, u32)],
    now: Timestamp,
) -> Result<Vec<QueuePositions>, StoreError> {
    let mut all = Vec::with_capacity(lines.len());
    for &(rank, runs) in lines {
        let first = first(store, Flow { source, rank }, i64::from(runs), now).await?;
        all.push(QueuePositions {
            rank,
            first,
            runs,
            given: 0,
        });
    }
    Ok(all)
}

/// Gives these lines, each with the rank of its criticality, their positions, neighbours apart.
pub(crate) fn places(positions: &mut [QueuePositions], lines: &[(u32, i16)]) -> Vec<NewPlace> {
    let mut position_of = |rank: i16| {
        let positions = positions.iter_mut().find(|positions| positions.rank == rank)?;
        let position = positions.first + i64::from(apart(positions.given, positions.runs)) * STRIDE;
        positions.given += 1;
        Some(position)
    };
    let place = |&(nr, rank): &(u32, i16)| NewPlace {
        nr,
        // All were counted; one that was not would rather be first than lost.
        queue_position: position_of(rank).unwrap_or(0),
    };
    lines.iter().map(place).collect()
}

/// A source's runs of one criticality.
struct Flow<'a> {
    source: &'a str,
    rank: i16,
}

/// The first of so many positions of a flow; each further one is a `STRIDE` later.
async fn first(store: &Store, flow: Flow<'_>, runs: i64, now: Timestamp) -> Result<i64, StoreError> {
    let Flow { source, rank } = flow;
    let many = usize::try_from(runs).unwrap_or(usize::MAX);
    let first = store.take_positions(&format!("{source} {rank}"), many, now).await?;
    Ok(first - i64::from(rank) * LEAD)
}

/// The place of one of so many. Hosts that stand together in a list often hang together (one zone,
/// one rack): they are served as far apart as may be, by steps of the golden ratio, which fall
/// evenly wherever one begins.
pub(crate) fn apart(nr: u32, of: u32) -> u32 {
    let of = u64::from(of.max(1));
    let golden = of * 6_180_339_887 / 10_000_000_000;
    // A step that shares no factor with the whole meets every place once.
    let step = (golden.max(1)..).find(|step| gcd(*step, of) == 1).unwrap_or(1);
    u32::try_from(u64::from(nr) * step % of).unwrap_or(nr)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_has_a_place_of_his_own() {
        for of in [1, 2, 3, 10, 64, 997, 2_500, 30_030, 100_000] {
            let places: BTreeSet<u32> = (0..of).map(|nr| apart(nr, of)).collect();
            assert_eq!(places, (0..of).collect(), "{of}");
        }
    }

    #[test]
    fn neighbours_are_served_far_apart() {
        for of in [1_000, 2_500, 20_000, 100_000] {
            let rack = of / 10;
            for first in (0..of - rack).step_by(rack as usize / 3) {
                let mut quarters = [0; 4];
                for nr in first..first + rack {
                    quarters[apart(nr, of) as usize * 4 / of as usize] += 1;
                }
                let fair = rack / 4;
                let even = quarters.iter().all(|count| fair.abs_diff(*count) <= 4 + fair / 20);
                assert!(even, "{rack} of {of} from {first}: {quarters:?}");
            }
        }
    }

    #[test]
    fn batches_of_a_job_share_its_positions() {
        let mut positions = vec![
            QueuePositions {
                rank: 1,
                first: 100,
                runs: 3,
                given: 0,
            },
            QueuePositions {
                rank: 2,
                first: 7,
                runs: 1,
                given: 0,
            },
        ];
        let mut places = places(&mut positions, &[(4, 1), (5, 2)]);
        places.extend(super::places(&mut positions, &[(6, 1), (7, 1)]));
        let position = |nr: u32| {
            places
                .iter()
                .find(|place| place.nr == nr)
                .map(|place| place.queue_position)
        };
        assert_eq!(position(5), Some(7));
        let of_one: BTreeSet<Option<i64>> = [4, 6, 7].map(position).into();
        assert_eq!(of_one, [0, 1, 2].map(|place| Some(100 + place * STRIDE)).into());
    }
}
