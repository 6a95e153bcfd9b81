//! Chaos: a fleet that renews an estate while its processes are killed, and the reckoning afterwards.
//!
//! In: a seed and how many renewals. Out: how many kills it took, and what was lost, doubled or left open. The seed
//! decides who fails, who is killed and when; what the processes make of it is theirs. Never: a verdict by Vigilo's
//! own word alone where the CA, the web server or a file can be asked.

mod minority;
mod reckoning;
mod storm;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use api::renewals::Renewal;
use domain::run::{Mode, Status};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use testkit::{Serving, wait};

use crate::fleet::bound;
use crate::{Api, Estate, Fleet};
use minority::{Minority, Mishap, MishapAnswer};
use storm::Storm;

/// As many orders are in flight as one takes safely, times this.
const PEBBLES: usize = 4;
/// A storm that never let a run through would prove nothing: after this long the fleet is left alone.
const LONGEST_STORM: Duration = Duration::from_secs(240);
/// The API may be down as often as anything else.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub runs: usize,
}

/// What came of it; nothing is wrong if the last three are 0 and every run has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub runs: usize,
    pub seed: u64,
    pub kills: usize,
    pub ended: usize,
    /// Certificates that the CAs issued beyond one per run.
    pub duplicates: usize,
    /// Runs without the ending that they should have, certificates that are not served, reloads that did not happen.
    pub lost: usize,
    /// Runs with trouble that stand in no incident or in several, and incidents of runs without trouble.
    pub incidents_wrong: usize,
}

impl Outcome {
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.ended == self.runs && self.duplicates == 0 && self.lost == 0 && self.incidents_wrong == 0
    }
}

/// Goes through one storm; what is found wrong is said on stderr, line by line.
///
/// # Errors
/// If the fleet cannot be started, or does not come back after the storm.
pub async fn run(plan: Plan) -> Result<Outcome> {
    let mut dice = StdRng::seed_from_u64(plan.seed);
    let mut estate = Estate::start(plan.runs, PEBBLES, Serving::Dynamic).await?;
    let minority = Minority::chosen(&estate, &mut dice).await?;
    minority.allow(&mut estate);
    let fleet = Fleet::start(&estate).await?;
    fleet.api.import("hosts", &estate.hosts()).await?;
    fleet.api.import("policies", &minority.policies(&estate)).await?;
    let storm = Storm::new(&fleet, dice);
    let gone_through = storm
        .around(LONGEST_STORM, renewed(&fleet.api, &minority, &estate))
        .await;
    let (kills, runs) = estate.blamed(gone_through).await?;
    let ended = fleet.api.all_settled(bound(plan.runs)).await?;
    let found = reckoning::reckon(&fleet.api, &estate, &minority, &runs).await?;
    for line in &found.wrong {
        eprintln!("chaos: {line}");
    }
    Ok(Outcome {
        runs: plan.runs,
        seed: plan.seed,
        kills,
        ended: Status::ALL
            .into_iter()
            .filter(|status| status.is_ending())
            .map(|status| ended[status])
            .sum::<u64>()
            .try_into()?,
        duplicates: found.duplicates,
        lost: found.lost,
        incidents_wrong: found.incidents_wrong,
    })
}

/// Asks for every renewal, waits until only those that ask a person are left, mends what was broken and answers them.
async fn renewed(api: &Api, minority: &Minority, estate: &Estate) -> Result<BTreeMap<String, String>> {
    let runs = asked_for(api).await?;
    eprintln!("chaos: {} runs were asked for", runs.len());
    until_settled(api, runs.len()).await?;
    eprintln!("chaos: what goes by itself has gone through; people answer the rest");
    minority.mend(estate).await?;
    for (hostname, mishap) in minority.all() {
        let run = runs.get(hostname).with_context(|| format!("{hostname} has no run"))?;
        answered(api, run, mishap).await?;
    }
    until_settled(api, runs.len()).await?;
    Ok(runs)
}

/// One wish, repeated until it is answered: the key makes it one.
async fn asked_for(api: &Api) -> Result<BTreeMap<String, String>> {
    let wish = Renewal {
        all: true,
        mode: Some(Mode::Live),
        idempotency_key: Some("the-storm".to_owned()),
        ..Renewal::default()
    };
    wait::until_ok("the renewals to be accepted", PATIENCE, async || api.begin(&wish).await).await
}

async fn until_settled(api: &Api, runs: usize) -> Result<()> {
    let bound = LONGEST_STORM + bound(runs);
    api.all_settled(bound).await.map(drop)
}

/// Resumes or cancels the run, until the planner has heard it.
async fn answered(api: &Api, run: &str, mishap: Mishap) -> Result<()> {
    let answer = mishap.answer();
    wait::until_ok(&format!("{answer:?} of {run}"), PATIENCE, async || {
        if api.run(run).await?.run.standing.status != Status::NeedsManual {
            return Ok::<_, anyhow::Error>(());
        }
        match answer {
            MishapAnswer::Resume => api.resume(run).await?,
            MishapAnswer::Cancel => api.cancel(run).await?,
        };
        Ok(())
    })
    .await
}
