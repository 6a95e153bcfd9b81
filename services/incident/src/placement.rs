//! Where a run with trouble belongs. Pure: the caller holds the workspace's lock, so what is known does not change.

use std::time::Duration;

use domain::{IncidentId, Timestamp};
use store::Known;

/// Failures with one code in one kind of step, no farther apart than this, have one cause.
pub const NEAR: Duration = Duration::from_secs(300);
/// From so many hosts on, they are one incident.
pub const MANY: usize = 5;
/// Runs of one bulk renewal are near each other in more than time.
pub const MANY_OF_A_JOB: usize = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// This was told already.
    Old,
    /// The run told of its trouble before, and does so again.
    Again(IncidentId),
    /// The next run of a host that has an open incident.
    Attach(IncidentId),
    /// One more host with the cause of many.
    Grow(IncidentId),
    /// What makes them many: their incidents go into one.
    Fold {
        into: IncidentId,
        others: Vec<IncidentId>,
    },
    Alone,
}

/// A run is in one incident; a host has one open incident; a cause has one when it is that of many hosts.
/// From `many` hosts on, failures of one cause go together.
pub fn place(known: &Known, told_at: Timestamp, many: usize) -> Placement {
    if let Some(told) = known.member {
        return if told_at > told.at {
            Placement::Again(told.incident)
        } else {
            Placement::Old
        };
    }
    match known.of_host {
        Some(own) if own.common => Placement::Grow(own.incident),
        Some(own) if own.same_cause => of_cause(known, Some(own.incident), many),
        Some(own) => Placement::Attach(own.incident),
        None => of_cause(known, None, many),
    }
}

/// `own` is the incident that the host has for this cause already.
fn of_cause(known: &Known, own: Option<IncidentId>, many: usize) -> Placement {
    let mut alone: Vec<IncidentId> = known.alone.iter().chain(&own).copied().collect();
    alone.sort();
    alone.dedup();
    // Each of them is of another host; a host without one counts too.
    let hosts = alone.len() + usize::from(own.is_none());
    match (known.common, own, alone.split_first()) {
        (Some(common), Some(own), _) => Placement::Fold {
            into: common,
            others: vec![own],
        },
        (Some(common), None, _) => Placement::Grow(common),
        (None, _, Some((into, others))) if hosts >= many => Placement::Fold {
            into: *into,
            others: others.to_vec(),
        },
        (None, Some(own), _) => Placement::Attach(own),
        (None, None, _) => Placement::Alone,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use store::{OfHost, Told};

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
            of_host: Some(of_host(IncidentId::new(), false)),
            ..Known::default()
        };
        assert_eq!(place(&known, second(5), MANY), Placement::Old);
        assert_eq!(place(&known, second(4), MANY), Placement::Old);
        assert_eq!(place(&known, second(6), MANY), Placement::Again(incident));
    }

    fn of_host(incident: IncidentId, same_cause: bool) -> OfHost {
        OfHost {
            incident,
            common: false,
            same_cause,
        }
    }

    #[test]
    fn the_open_incident_of_the_host_takes_its_next_run_and_goes_with_its_cause() {
        let (host, common) = (IncidentId::new(), IncidentId::new());
        let known = |of_host| Known {
            of_host,
            common: Some(common),
            ..Known::default()
        };
        let placed = |of_host| place(&known(of_host), second(0), MANY);
        assert_eq!(placed(Some(of_host(host, false))), Placement::Attach(host));
        let folded = Placement::Fold {
            into: common,
            others: vec![host],
        };
        assert_eq!(placed(Some(of_host(host, true))), folded);
        assert_eq!(placed(None), Placement::Grow(common));
        let one_of_many = OfHost {
            common: true,
            ..of_host(common, false)
        };
        assert_eq!(placed(Some(one_of_many)), Placement::Grow(common));
    }

    #[test]
    fn the_fifth_host_of_one_cause_makes_them_one() {
        let alone: Vec<IncidentId> = (1..MANY).map(|_| IncidentId::new()).collect();
        let few = Known {
            alone: alone[1..].to_vec(),
            ..Known::default()
        };
        assert_eq!(place(&few, second(0), MANY), Placement::Alone);
        let many = Known {
            alone: alone.clone(),
            ..Known::default()
        };
        let folded = Placement::Fold {
            into: alone[0],
            others: alone[1..].to_vec(),
        };
        assert_eq!(place(&many, second(0), MANY), folded);
    }

    #[test]
    fn of_one_job_two_are_many() {
        let alone = IncidentId::new();
        let known = Known {
            alone: vec![alone],
            ..Known::default()
        };
        let folded = Placement::Fold {
            into: alone,
            others: Vec::new(),
        };
        assert_eq!(place(&known, second(0), MANY_OF_A_JOB), folded);
        assert_eq!(place(&known, second(0), MANY), Placement::Alone);
    }

    /// The record as a book: the incidents that are open, and which one each run is in.
    #[derive(Default)]
    struct Book {
        incidents: BTreeMap<IncidentId, Entry>,
        /// run → its host and its incident
        members: BTreeMap<usize, (u8, IncidentId)>,
    }

    struct Entry {
        cause: u8,
        latest: Timestamp,
        common: bool,
    }

    impl Book {
        fn known(&self, host: u8, cause: u8, now: Timestamp) -> Known {
            let near = |common: bool| {
                let fit = move |entry: &Entry| {
                    entry.cause == cause && entry.common == common && now.since(entry.latest) <= NEAR
                };
                self.incidents
                    .iter()
                    .filter(move |(_, entry)| fit(entry))
                    .map(|(id, _)| *id)
            };
            let of_host = self
                .members
                .values()
                .find(|member| member.0 == host)
                .map(|member| member.1);
            Known {
                member: None,
                of_host: of_host.map(|incident| OfHost {
                    incident,
                    common: self.incidents[&incident].common,
                    same_cause: self.incidents[&incident].cause == cause,
                }),
                common: near(true).next(),
                alone: near(false).collect(),
            }
        }

        fn put(&mut self, run: usize, host: u8, cause: u8, now: Timestamp) {
            let into = match place(&self.known(host, cause, now), now, MANY) {
                Placement::Old | Placement::Again(_) => panic!("the run is new"),
                Placement::Attach(same) | Placement::Grow(same) => same,
                Placement::Fold { into, others } => {
                    for member in self.members.values_mut().filter(|member| others.contains(&member.1)) {
                        member.1 = into;
                    }
                    self.incidents.retain(|id, _| !others.contains(id));
                    self.incidents.get_mut(&into).expect("it is open").common = true;
                    into
                }
                Placement::Alone => IncidentId::new(),
            };
            let (latest, common) = (now, false);
            let entry = self.incidents.entry(into).or_insert(Entry { cause, latest, common });
            if entry.cause == cause {
                entry.latest = now;
            }
            self.members.insert(run, (host, into));
        }
    }

    proptest! {
        #[test]
        fn every_run_is_in_one_open_incident_a_host_has_one_and_no_cause_has_many(
            failures in prop::collection::vec((0_u8..40, 0_u8..3, 0_u64..90), 1..200)
        ) {
            let (mut book, mut now) = (Book::default(), 0);
            for (run, (host, cause, later)) in failures.iter().enumerate() {
                now += later;
                book.put(run, *host, *cause, second(now));
                let alone = book.known(u8::MAX, *cause, second(now)).alone;
                prop_assert!(alone.len() < MANY, "{} alone", alone.len());
            }
            prop_assert_eq!(book.members.len(), failures.len());
            let mut of_host: BTreeMap<u8, BTreeSet<IncidentId>> = BTreeMap::new();
            for (host, incident) in book.members.values() {
                prop_assert!(book.incidents.contains_key(incident));
                of_host.entry(*host).or_default().insert(*incident);
            }
            prop_assert!(of_host.values().all(|incidents| incidents.len() == 1));
        }
    }
}
