//! What a look at a host shows that a person must hear of, although no run failed. Pure.
//!
//! Unreachable is what does not answer anywhere, from a second look on that comes later than
//! [`UNSEEN_AFTER`]: machines are started anew. The rest counts at once. Of one leaf only the worst
//! is said: what has expired is not trusted either.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::certificate::{LookResult, Served, Snapshot};
use crate::clock::Timestamp;
use crate::names::{DnsName, Hostname};

/// How long a host may be without an answer before a notification is sent.
pub const UNSEEN_AFTER: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No certificate has ever been seen there.
    NeverSeen,
    /// It served one, and does not answer any more.
    Unreachable,
    /// What is served has expired.
    Expired,
    /// What is served is not good for the host's name.
    OtherName,
    /// What is served was trusted, and is not any more.
    NotTrusted,
}

impl Trouble {
    pub const ALL: [Self; 5] = [
        Self::NeverSeen,
        Self::Unreachable,
        Self::Expired,
        Self::OtherName,
        Self::NotTrusted,
    ];

    /// Its code; `shared/codes` explains it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NeverSeen => "INC-0006",
            Self::Unreachable => "INC-0007",
            Self::Expired => "INC-0008",
            Self::OtherName => "INC-0009",
            Self::NotTrusted => "INC-0010",
        }
    }

    /// How long it must have lasted, from the first look that saw it to the newest, before a
    /// notification is sent.
    pub const fn told_after(self) -> Duration {
        match self {
            Self::NeverSeen | Self::Unreachable => UNSEEN_AFTER,
            Self::Expired | Self::OtherName | Self::NotTrusted => Duration::ZERO,
        }
    }

    /// Whether it matters only where a policy renews by itself: elsewhere a person looks after the
    /// host anyway.
    pub const fn is_of_schedule(self) -> bool {
        match self {
            Self::NeverSeen | Self::Unreachable => true,
            Self::Expired | Self::OtherName | Self::NotTrusted => false,
        }
    }
}

/// Since when, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    pub since: Timestamp,
    pub said: String,
}

pub type Troubles = BTreeMap<Trouble, Since>;

/// What is known of a host from the looks before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// A certificate was seen there once.
    pub has_served: bool,
    /// Everything that it served was trusted, at one look at least.
    pub was_trusted: bool,
    pub troubles: Troubles,
}

impl Standing {
    /// After one more look.
    #[must_use]
    pub fn after(&self, host: &Hostname, look: &[Snapshot], seen_at: Timestamp) -> Self {
        let served: Vec<(&Snapshot, &Served)> = look.iter().filter_map(served).collect();
        let has_served = self.has_served || !served.is_empty();
        let mut found = BTreeMap::new();
        if has_served && served.is_empty() {
            found.insert(Trouble::Unreachable, unreachable(look));
        }
        for (at, served) in &served {
            if let Some((trouble, said)) = self.of_leaf(host, served, seen_at) {
                found
                    .entry(trouble)
                    .or_insert_with(|| format!("{}: {said}", at.dialled));
            }
        }
        let is_trusted = !served.is_empty() && served.iter().all(|(_, served)| served.chain_trusted);
        let since = |trouble| self.troubles.get(&trouble).map_or(seen_at, |before| before.since);
        Self {
            has_served,
            was_trusted: self.was_trusted || is_trusted,
            troubles: found
                .into_iter()
                .map(|(trouble, said)| {
                    (
                        trouble,
                        Since {
                            since: since(trouble),
                            said,
                        },
                    )
                })
                .collect(),
        }
    }

    fn of_leaf(&self, host: &Hostname, served: &Served, now: Timestamp) -> Option<(Trouble, String)> {
        let leaf = &served.leaf;
        if leaf.not_after <= now {
            let said = format!(
                "the certificate that is served ({}) expired at {}",
                leaf.called(),
                leaf.not_after
            );
            return Some((Trouble::Expired, said));
        }
        if !is_good_for(&leaf.sans, host) {
            let said = format!(
                "the certificate that is served is good for {}, not for {host}",
                named(&leaf.sans)
            );
            return Some((Trouble::OtherName, said));
        }
        if self.was_trusted && !served.chain_trusted {
            let why = served
                .chain_problem
                .as_deref()
                .unwrap_or("its chain leads to no root that is trusted");
            let said = format!(
                "the certificate that is served ({}) is not trusted any more: {why}",
                leaf.called()
            );
            return Some((Trouble::NotTrusted, said));
        }
        None
    }

    /// The look that must not be late: the one that finds what is served expired, or the host still
    /// silent.
    pub fn next_look(&self, look: &[Snapshot], usual: Timestamp, now: Timestamp) -> Timestamp {
        let ends = look.iter().filter_map(served).map(|(_, served)| served.leaf.not_after);
        let silent = self.troubles.get(&Trouble::Unreachable);
        let silent = silent.map(|silent| silent.since.plus(UNSEEN_AFTER));
        let ahead = ends.chain(silent).filter(|at| *at > now);
        let sooner = ahead.map(|at| at.plus(A_MOMENT)).min();
        sooner.map_or(usual, |at| at.min(usual))
    }
}

/// Clocks differ a little.
const A_MOMENT: Duration = Duration::from_secs(2);

fn served(snapshot: &Snapshot) -> Option<(&Snapshot, &Served)> {
    match &snapshot.seen {
        LookResult::Served(served) => Some((snapshot, served)),
        LookResult::Unreachable { .. } => None,
    }
}

fn unreachable(look: &[Snapshot]) -> String {
    let reasons = look.iter().filter_map(|snapshot| match &snapshot.seen {
        LookResult::Unreachable { probe_error } => Some(format!("{}: {probe_error}", snapshot.dialled)),
        LookResult::Served(_) => None,
    });
    let reasons: Vec<String> = reasons.take(4).collect();
    if reasons.is_empty() {
        "its name leads to no address".to_owned()
    } else {
        reasons.join("; ")
    }
}

fn is_good_for(sans: &[String], host: &Hostname) -> bool {
    let covers = |name: &String| match name.parse::<DnsName>() {
        Ok(name) => name.covers(host),
        Err(_) => name == host.as_str(),
    };
    sans.iter().any(covers)
}

fn named(sans: &[String]) -> String {
    match sans {
        [] => "no name".to_owned(),
        [one, two, _, _, ..] => format!("{one}, {two} and {} more", sans.len() - 2),
        few => few.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{CertificateFacts, Fingerprint};
    use crate::ids::SnapshotId;

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_unix(n * 3600).expect("an instant")
    }

    fn host() -> Hostname {
        "www.example.org".parse().expect("a name")
    }

    fn seen(seen: LookResult) -> Snapshot {
        Snapshot {
            id: SnapshotId::new(),
            dialled: ([192, 0, 2, 1], 443).into(),
            taken_at: hour(0),
            seen,
            looks: 1,
            others: Vec::new(),
        }
    }

    fn serves(sans: &[&str], until: Timestamp, chain_trusted: bool) -> Snapshot {
        let leaf = CertificateFacts {
            fingerprint: Fingerprint::of(b"leaf"),
            subject: "CN=www".to_owned(),
            issuer: "CN=ca".to_owned(),
            serial: "01".to_owned(),
            sans: sans.iter().map(|name| (*name).to_owned()).collect(),
            key_type: "EC".to_owned(),
            key_bits: 256,
            signature_algorithm: String::new(),
            not_before: hour(0),
            not_after: until,
            crl_urls: Vec::new(),
            aia_urls: Vec::new(),
        };
        seen(LookResult::Served(Box::new(Served {
            leaf,
            leaf_pem: String::new(),
            chain_pem: String::new(),
            chain_fingerprints: Vec::new(),
            chain_trusted,
            chain_problem: None,
            protocol: String::new(),
            cipher: String::new(),
            chain_end: None,
            unfinished: None,
        })))
    }

    fn good(until: i64) -> Snapshot {
        serves(&["www.example.org"], hour(until), true)
    }

    fn down() -> Snapshot {
        let probe_error = "refused".to_owned();
        seen(LookResult::Unreachable { probe_error })
    }

    /// The troubles after each of these looks, one an hour.
    fn after(looks: &[&[Snapshot]]) -> Standing {
        let hours = looks.iter().zip(1..);
        hours.fold(Standing::default(), |standing, (look, at)| {
            standing.after(&host(), look, hour(at))
        })
    }

    fn found(looks: &[&[Snapshot]]) -> Vec<Trouble> {
        after(looks).troubles.into_keys().collect()
    }

    #[test]
    fn each_kind_is_found_and_of_one_leaf_only_the_worst() {
        let private = serves(&["www.example.org"], hour(99), false);
        let wildcard = serves(&["*.example.org"], hour(99), true);
        let deep = serves(&["example.org", "*.www.example.org"], hour(99), true);
        let worst = serves(&["other.example.org"], hour(2), false);
        for (looks, troubles) in [
            (vec![vec![good(99)]], vec![]),
            (vec![vec![wildcard]], vec![]),
            (vec![vec![good(2)], vec![good(2)]], vec![Trouble::Expired]),
            (vec![vec![deep]], vec![Trouble::OtherName]),
            (vec![vec![private.clone()]], vec![]),
            (vec![vec![good(99)], vec![private]], vec![Trouble::NotTrusted]),
            (vec![vec![good(99)], vec![worst]], vec![Trouble::Expired]),
            (vec![vec![down()]], vec![]),
            (vec![vec![good(99)], vec![down()]], vec![Trouble::Unreachable]),
            (vec![vec![good(99)], vec![]], vec![Trouble::Unreachable]),
            (vec![vec![good(99)], vec![down(), good(99)]], vec![]),
            (vec![vec![good(99)], vec![down()], vec![good(99)]], vec![]),
        ] {
            let looks: Vec<&[Snapshot]> = looks.iter().map(Vec::as_slice).collect();
            assert_eq!(found(&looks), troubles, "{looks:?}");
        }
    }

    #[test]
    fn a_trouble_that_lasts_keeps_its_beginning_and_one_that_comes_back_begins_anew() {
        let since = |looks: &[&[Snapshot]]| {
            after(looks)
                .troubles
                .get(&Trouble::Unreachable)
                .map(|found| found.since)
        };
        let (up, silent) = ([good(99)], [down()]);
        assert_eq!(since(&[&up, &silent, &silent]), Some(hour(2)));
        assert_eq!(since(&[&up, &silent, &up, &silent]), Some(hour(4)));
    }

    #[test]
    fn the_look_at_the_end_of_a_certificate_and_the_one_that_confirms_a_silence_are_not_late() {
        let (now, usual) = (hour(1), hour(25));
        let next = |look: &[Snapshot]| after(&[&[good(99)], look]).next_look(look, usual, now);
        assert_eq!(next(&[good(99)]), usual);
        assert_eq!(next(&[good(20)]), hour(20).plus(A_MOMENT));
        assert_eq!(next(&[good(1)]), usual, "it has been seen expired");
        assert_eq!(next(&[down()]), hour(3).plus(A_MOMENT));
        assert!(after(&[&[good(99)], &[down()]]).next_look(&[down()], hour(2), now) == hour(2));
    }
}
