//! Which failures of a job have one cause, and stop what shares it. Pure.
//!
//! For each error code the runs that failed with it are looked at by what they share: a CA (the one that was asked, also where
//! the plan's own had given way to it), a zone, a kind of target.
//! The part of the ended runs that failed tells where the cause lies: a zone of which all fail is to blame, not the CA
//! of which a tenth fails, namely that zone. What is explained is taken out, and the rest is looked at again.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use domain::disposition::ErrorCode;
use domain::job::{Halt, HaltRule, Shared};
use store::JobStanding;

/// How those that share one thing came out.
#[derive(Default)]
struct Tally {
    failed: u32,
    ended: u32,
}

/// What must stop beside that which stands already.
pub(crate) fn judge(standings: &[JobStanding], rule: HaltRule, standing: &[Halt], now: Timestamp) -> Vec<Halt> {
    let stopped = |one: &JobStanding| standing.iter().any(|halt| one.traits.has(&halt.shared));
    let mut left: Vec<&JobStanding> = standings.iter().filter(|one| !stopped(one)).collect();
    let mut halts = Vec::new();
    while let Some(halt) = worst(&left, rule, now) {
        left.retain(|one| !one.traits.has(&halt.shared));
        halts.push(halt);
    }
    halts
}

/// The cause with the largest part of failures; of equal ones that with the most, which is the wider one: to hold too
/// much costs a Resume, to hold too little costs renewals.
fn worst(standings: &[&JobStanding], rule: HaltRule, now: Timestamp) -> Option<Halt> {
    let codes: BTreeSet<&ErrorCode> = standings.iter().filter_map(|one| one.code.as_ref()).collect();
    let all = codes.into_iter().flat_map(|code| {
        let tallies = tallies(standings, code);
        tallies.into_iter().map(move |(shared, tally)| (code, shared, tally))
    });
    let over = all.filter(|(_, _, tally)| is_over(tally, rule));
    let (code, shared, tally) = over.max_by(|a, b| {
        let part = |tally: &Tally, other: &Tally| u64::from(tally.failed) * u64::from(other.ended);
        part(&a.2, &b.2)
            .cmp(&part(&b.2, &a.2))
            .then(a.2.failed.cmp(&b.2.failed))
    })?;
    Some(Halt {
        shared,
        code: code.clone(),
        failed: tally.failed,
        ended: tally.ended,
        at: now,
    })
}

fn tallies(standings: &[&JobStanding], code: &ErrorCode) -> BTreeMap<Shared, Tally> {
    let mut tallies: BTreeMap<Shared, Tally> = BTreeMap::new();
    for one in standings {
        for shared in one.traits.each() {
            let tally = tallies.entry(shared).or_default();
            tally.ended += one.runs;
            if one.code.as_ref() == Some(code) {
                tally.failed += one.runs;
            }
        }
    }
    tallies
}

fn is_over(tally: &Tally, rule: HaltRule) -> bool {
    tally.failed >= rule.at_least && u64::from(tally.failed) * 100 > u64::from(tally.ended) * u64::from(rule.percent)
}

#[cfg(test)]
mod tests {
    use domain::ca::CaRef;
    use domain::job::Traits;
    use proptest::prelude::*;

    use super::*;

    fn at(ca: &str) -> CaRef {
        format!("https://{ca}.example.org/").parse().expect("a CA")
    }

    fn standing(ca: &str, zone: &str, code: Option<&str>, runs: u32) -> JobStanding {
        let traits = Traits {
            ca: at(ca),
            zone: zone.to_owned(),
            target: "file".to_owned(),
        };
        JobStanding {
            traits,
            code: code.map(ErrorCode::new),
            runs,
        }
    }

    fn judged(standings: &[JobStanding]) -> Vec<Shared> {
        let halts = judge(standings, HaltRule::default(), &[], Timestamp::EPOCH);
        halts.into_iter().map(|halt| halt.shared).collect()
    }

    const DOWN: Option<&str> = Some("ISS-0004");

    #[test]
    fn a_zone_that_fails_is_to_blame_and_not_its_ca() {
        let runs = [standing("ca", "bad.org", DOWN, 3), standing("ca", "good.org", None, 6)];
        assert_eq!(judged(&runs), [Shared::Zone("bad.org".to_owned())]);
    }

    #[test]
    fn a_ca_that_fails_everywhere_is_to_blame() {
        let runs = [
            standing("down", "a.org", DOWN, 2),
            standing("down", "b.org", DOWN, 2),
            standing("up", "a.org", None, 2),
            standing("up", "b.org", None, 2),
        ];
        assert_eq!(judged(&runs), [Shared::Ca(at("down"))]);
    }

    #[test]
    fn what_is_explained_is_not_blamed_twice() {
        let runs = [
            standing("down", "a.org", DOWN, 5),
            standing("up", "b.org", Some("DEP-0005"), 5),
            standing("up", "c.org", None, 20),
        ];
        let mut blamed = judged(&runs);
        blamed.sort();
        assert_eq!(blamed.len(), 2, "{blamed:?}");
        let known = judge(&runs, HaltRule::default(), &[], Timestamp::EPOCH);
        assert_eq!(judge(&runs, HaltRule::default(), &known, Timestamp::EPOCH), []);
    }

    #[test]
    fn few_failures_or_a_small_part_stop_nothing() {
        assert_eq!(judged(&[standing("ca", "a.org", DOWN, 2)]), []);
        let small = [standing("ca", "a.org", DOWN, 3), standing("ca", "a.org", None, 12)];
        assert_eq!(judged(&small), []);
        let apart = [
            standing("ca", "a.org", Some("A-1"), 2),
            standing("ca", "a.org", Some("B-2"), 2),
        ];
        assert_eq!(judged(&apart), [], "two causes with two each");
    }

    proptest! {
        /// It ends, stops nothing that did not fail, and leaves nothing over the threshold.
        #[test]
        fn every_cause_over_the_threshold_is_stopped(
            runs in prop::collection::vec((0_u8..3, 0_u8..4, 0_u8..3, 1_u32..9), 0..20)
        ) {
            let runs: Vec<JobStanding> = runs
                .into_iter()
                .map(|(ca, zone, code, n)| {
                    let code = (code > 0).then(|| format!("X-{code}"));
                    standing(&format!("ca{ca}"), &format!("z{zone}.org"), code.as_deref(), n)
                })
                .collect();
            let halts = judge(&runs, HaltRule::default(), &[], Timestamp::EPOCH);
            for halt in &halts {
                prop_assert!(halt.failed >= 3 && halt.failed <= halt.ended);
            }
            prop_assert_eq!(judge(&runs, HaltRule::default(), &halts, Timestamp::EPOCH), vec![]);
        }
    }
}
