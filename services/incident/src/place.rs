//! Where a run with trouble belongs. Pure: the caller holds the workspace's lock, so what is known does not change.

use std::time::Duration;

use domain::{IncidentId, Timestamp};
use store::Known;

/// Failures with one code in one kind of step, no farther apart than this, have one cause.
pub const NEAR: Duration = Duration::from_secs(300);
/// From so many hosts on, they are one incident.
pub const MANY: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This was told already.
    Old,
    /// The run told of its trouble before, and does so again.
    Again(IncidentId),
    /// The next run of a host that has an open incident.
    Attach(IncidentId),
    /// One more host with the cause of many.
    Grow(IncidentId),
    /// The host that makes them many: their incidents go into the first.
    Fold {
        into: IncidentId,
        others: Vec<IncidentId>,
    },
    Alone,
}

/// The first rule that fits: one run is in one incident; a host has one open incident; one cause has one.
pub fn place(known: &Known, told_at: Timestamp) -> Place {
    if let Some(told) = known.member {
        return if told_at > told.at {
            Place::Again(told.incident)
        } else {
            Place::Old
        };
    }
    if let Some(incident) = known.of_host {
        return Place::Attach(incident);
    }
    if let Some(incident) = known.common {
        return Place::Grow(incident);
    }
    match known.alone.split_first() {
        // Each of them is of another host, and this run's host has none.
        Some((into, others)) if known.alone.len() + 1 >= MANY => Place::Fold {
            into: *into,
            others: others.to_vec(),
        },
        Some(_) | None => Place::Alone,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use store::Told;

    use super::*;

    fn second(n: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(n))
    }

    #[test]
    fn a_run_that_was_told_of_is_news_only_when_it_tells_later() {
        let incident = IncidentId::new();
        let known = Known {
            member: Some(Told {
                incident,
                at: second(5),
            }),
            of_host: Some(IncidentId::new()),
            ..Known::default()
        };
        assert_eq!(place(&known, second(5)), Place::Old);
        assert_eq!(place(&known, second(4)), Place::Old);
        assert_eq!(place(&known, second(6)), Place::Again(incident));
    }

    #[test]
    fn the_open_incident_of_the_host_goes_before_the_common_one() {
        let (host, common) = (IncidentId::new(), IncidentId::new());
        let known = Known {
            of_host: Some(host),
            common: Some(common),
            ..Known::default()
        };
        assert_eq!(place(&known, second(0)), Place::Attach(host));
        let known = Known { of_host: None, ..known };
        assert_eq!(place(&known, second(0)), Place::Grow(common));
    }

    #[test]
    fn the_fifth_host_of_one_cause_makes_them_one() {
        let alone: Vec<IncidentId> = (1..MANY).map(|_| IncidentId::new()).collect();
        let few = Known {
            alone: alone[1..].to_vec(),
            ..Known::default()
        };
        assert_eq!(place(&few, second(0)), Place::Alone);
        let many = Known {
            alone: alone.clone(),
            ..Known::default()
        };
        let folded = Place::Fold {
            into: alone[0],
            others: alone[1..].to_vec(),
        };
        assert_eq!(place(&many, second(0)), folded);
    }

    /// The record as a book: which incident each run is in, and which incidents are open for which cause.
    #[derive(Default)]
    struct Book {
        members: BTreeMap<usize, (IncidentId, u8, u8, Timestamp)>,
        common: BTreeSet<IncidentId>,
    }

    impl Book {
        fn known(&self, run: usize, host: u8, cause: u8, now: Timestamp) -> Known {
            let near = |(incident, _, of, at): &(IncidentId, u8, u8, Timestamp)| {
                (*of == cause && now.since(*at) <= NEAR).then_some(*incident)
            };
            let same: BTreeSet<IncidentId> = self.members.values().filter_map(near).collect();
            Known {
                member: self.members.get(&run).map(|(incident, _, _, at)| Told {
                    incident: *incident,
                    at: *at,
                }),
                of_host: self
                    .members
                    .values()
                    .find(|member| member.1 == host)
                    .map(|member| member.0),
                common: same.intersection(&self.common).next().copied(),
                alone: same.difference(&self.common).copied().collect(),
            }
        }

        fn put(&mut self, run: usize, host: u8, cause: u8, now: Timestamp) {
            let into = match place(&self.known(run, host, cause, now), now) {
                Place::Old => return,
                Place::Again(same) | Place::Attach(same) | Place::Grow(same) => same,
                Place::Fold { into, others } => {
                    for member in self.members.values_mut().filter(|member| others.contains(&member.0)) {
                        member.0 = into;
                    }
                    self.common.insert(into);
                    into
                }
                Place::Alone => IncidentId::new(),
            };
            self.members.insert(run, (into, host, cause, now));
        }
    }

    proptest! {
        #[test]
        fn a_host_is_in_one_open_incident_and_a_cause_of_many_in_few(
            failures in prop::collection::vec((0_u8..40, 0_u8..3, 0_u64..90), 1..200)
        ) {
            let (mut book, mut now) = (Book::default(), 0);
            for (run, (host, cause, later)) in failures.iter().enumerate() {
                now += later;
                book.put(run, *host, *cause, second(now));
                prop_assert!(book.members.contains_key(&run), "run {run} is lost");
            }
            let mut of_host: BTreeMap<u8, BTreeSet<IncidentId>> = BTreeMap::new();
            for (incident, host, _, _) in book.members.values() {
                of_host.entry(*host).or_default().insert(*incident);
            }
            prop_assert!(of_host.values().all(|incidents| incidents.len() == 1));
            for cause in 0..3 {
                let known = book.known(usize::MAX, u8::MAX, cause, second(now));
                prop_assert!(known.alone.len() < MANY, "{} alone", known.alone.len());
            }
        }
    }
}
