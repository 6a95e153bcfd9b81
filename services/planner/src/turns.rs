//! Who is served before whom: every flow of runs is given turns from where the service stands.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::host::Criticality;
use store::{NewRun, STRIDE, Store, StoreError};

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
        let flow = format!("{source} {}", criticality.rank());
        let first = store.take_turns(&flow, runs.len(), now).await?;
        let lead = i64::from(criticality.rank()) * LEAD;
        for (place, run) in (0..).zip(runs) {
            run.turn = first + place * STRIDE - lead;
        }
    }
    Ok(())
}
