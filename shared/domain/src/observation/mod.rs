//! When a host is looked at, and whether what was seen is news. Pure.

pub mod trouble;

use std::fmt::Write;
use std::time::Duration;

use crate::certificate::{Fingerprint, LookResult, Snapshot};
use crate::clock::Timestamp;
use crate::ids::HostId;

/// When a host that is looked at once per `interval` is looked at next. Each host has a place of its own in the interval,
/// taken from its id: a hundred thousand hosts that were imported together are spread over all of it.
pub fn next_look(host: HostId, interval: Duration, now: Timestamp) -> Timestamp {
    let interval = interval.as_micros().max(1);
    let place = host.get().as_u128() % interval;
    let gone = now.since(Timestamp::EPOCH).as_micros();
    let wait = interval - (gone + interval - place) % interval;
    now.plus(Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX)))
}

/// The least number of looks in a row, and the least time between the first and the last of them, that make one observation
/// steady.
const STEADY_LOOKS: u32 = 3;
const STEADY_FOR: Duration = Duration::from_secs(600);
/// How long a host that served several leaves by turns waits for its next look: three of them fill `STEADY_FOR`.
pub const CLOSER: Duration = Duration::from_secs(300);

/// How long a host looks the same. A host that served several leaves at one address is watched more closely until it has
/// been steady, without a second leaf, for `STEADY_LOOKS` over `STEADY_FOR`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Steadiness {
    /// When several leaves were last seen at one address, unless the host has been steady since.
    pub mixed_at: Option<Timestamp>,
    /// The first of the looks in a row that saw the same.
    pub since: Option<Timestamp>,
    pub looks: u32,
}

impl Steadiness {
    /// After one more look, `same` as the one before it or not.
    #[must_use]
    pub fn after(self, look: &[Snapshot], same: bool, seen_at: Timestamp) -> Self {
        let (since, looks) = match (same, self.since) {
            (true, Some(since)) => (since, self.looks.saturating_add(1)),
            (_, _) => (seen_at, 1),
        };
        let is_steady = looks >= STEADY_LOOKS && seen_at.since(since) >= STEADY_FOR;
        let is_mixed = look.iter().any(Snapshot::is_mixed);
        let mixed_at = match (is_mixed, is_steady) {
            (true, _) => Some(seen_at),
            (false, true) => None,
            (false, false) => self.mixed_at,
        };
        Self {
            mixed_at,
            since: Some(since),
            looks,
        }
    }

    /// When the next look is due, on the host's own interval or sooner.
    pub fn next_look(self, host: HostId, interval: Duration, now: Timestamp) -> Timestamp {
        let usual = next_look(host, interval, now);
        match self.mixed_at {
            Some(_) => usual.min(now.plus(CLOSER)),
            None => usual,
        }
    }
}

/// What of a look at all addresses of a host matters: two looks with the same digest are one snapshot. It changes with
/// the set of addresses and, at each, with the leaves and the chain, whether it is trusted and why not, protocol and
/// cipher, or why nothing could be seen.
pub fn digest(look: &[Snapshot]) -> Fingerprint {
    let mut places: Vec<String> = look.iter().map(place).collect();
    places.sort_unstable();
    Fingerprint::of(places.join("\n").as_bytes())
}

fn place(snapshot: &Snapshot) -> String {
    let mut text = format!("{} ", snapshot.dialled);
    match &snapshot.seen {
        LookResult::Served(served) => {
            for certificate in &served.chain_fingerprints {
                text.push_str(certificate.as_str());
                text.push(' ');
            }
            let problem = served.chain_problem.as_deref().unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "{} {problem:?} {} {}",
                served.chain_trusted, served.protocol, served.cipher
            );
            if let Some(reason) = &served.unfinished {
                let _ = write!(text, " {reason:?}");
            }
        }
        LookResult::Unreachable { probe_error } => text.push_str(probe_error),
    }
    let mut others: Vec<&str> = snapshot.others.iter().map(|one| one.fingerprint.as_str()).collect();
    others.sort_unstable();
    for other in others {
        text.push_str(" or ");
        text.push_str(other);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{CertificateFacts, OtherLeaf, Served};
    use crate::ids::SnapshotId;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    #[test]
    fn the_next_look_lies_within_one_interval_and_keeps_the_hosts_place() {
        for _ in 0..1_000 {
            let (host, now) = (HostId::new(), at(1_767_225_600));
            let next = next_look(host, HOUR, now);
            assert!(next > now && next <= now.plus(HOUR), "{next}");
            assert_eq!(next_look(host, HOUR, next), next.plus(HOUR));
        }
    }

    #[test]
    fn hosts_are_spread_over_the_whole_interval() {
        let now = at(1_767_225_600);
        let mut quarters = [0; 4];
        for _ in 0..4_000 {
            let wait = next_look(HostId::new(), HOUR, now).since(now).as_secs();
            quarters[usize::try_from(wait.min(3_599) / 900).expect("small")] += 1;
        }
        assert!(
            quarters.iter().all(|count| (800..1_200).contains(count)),
            "{quarters:?}"
        );
    }

    fn facts() -> CertificateFacts {
        CertificateFacts {
            fingerprint: Fingerprint::of(b"leaf"),
            subject: "CN=a".to_owned(),
            issuer: "CN=ca".to_owned(),
            serial: "01".to_owned(),
            sans: Vec::new(),
            key_type: "EC".to_owned(),
            key_bits: 256,
            signature_algorithm: "ecdsa-with-SHA256".to_owned(),
            not_before: at(0),
            not_after: at(1),
            crl_urls: Vec::new(),
            aia_urls: Vec::new(),
        }
    }

    fn served(change: impl FnOnce(&mut Served)) -> Snapshot {
        let mut served = Served {
            leaf: facts(),
            leaf_pem: String::new(),
            chain_pem: String::new(),
            chain_fingerprints: vec![Fingerprint::of(b"leaf"), Fingerprint::of(b"ca")],
            chain_trusted: true,
            chain_problem: None,
            protocol: "TLSv1_3".to_owned(),
            cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
            chain_end: None,
            unfinished: None,
        };
        change(&mut served);
        seen(LookResult::Served(Box::new(served)))
    }

    fn seen(seen: LookResult) -> Snapshot {
        Snapshot {
            id: SnapshotId::new(),
            dialled: ([192, 0, 2, 1], 443).into(),
            taken_at: at(0),
            seen,
            looks: 1,
            others: Vec::new(),
        }
    }

    fn mixed() -> Snapshot {
        Snapshot {
            looks: 12,
            others: vec![OtherLeaf {
                fingerprint: Fingerprint::of(b"other leaf"),
                called: "CN=b".to_owned(),
                not_after: at(2),
            }],
            ..served(|_| {})
        }
    }

    #[test]
    fn what_was_mixed_is_steady_after_three_looks_over_ten_minutes_without_a_second_leaf() {
        let (one, two) = ([served(|_| {})], [mixed()]);
        let seen = |looks: &[(&[Snapshot], i64)]| {
            let mut last: Option<&[Snapshot]> = None;
            looks.iter().fold(Steadiness::default(), |steady, (look, second)| {
                let same = last.is_some_and(|last| digest(last) == digest(look));
                last = Some(look);
                steady.after(look, same, at(*second))
            })
        };
        let is_over = |looks: &[(&[Snapshot], i64)]| seen(looks).mixed_at.is_none();
        assert!(!is_over(&[(&two, 0)]));
        assert!(!is_over(&[(&two, 0), (&one, 300), (&one, 600)]), "two looks");
        assert!(
            !is_over(&[(&two, 0), (&one, 300), (&one, 301), (&one, 899)]),
            "less than ten minutes"
        );
        assert!(is_over(&[(&two, 0), (&one, 300), (&one, 301), (&one, 900)]));
        assert!(
            !is_over(&[
                (&two, 0),
                (&one, 300),
                (&one, 600),
                (&two, 900),
                (&one, 1_200),
                (&one, 1_500)
            ]),
            "the second leaf came back"
        );
        assert!(
            !is_over(&[(&two, 0), (&two, 300), (&two, 900)]),
            "a steady mix is no peace"
        );
        assert!(is_over(&[(&one, 0)]), "it never was");
    }

    #[test]
    fn a_host_that_was_mixed_is_looked_at_again_within_minutes() {
        let (host, now) = (HostId::new(), at(1_767_225_600));
        let calm = Steadiness::default();
        let mixed = calm.after(&[mixed()], false, now);
        assert_eq!(calm.next_look(host, HOUR, now), next_look(host, HOUR, now));
        assert!(mixed.next_look(host, HOUR * 24, now) <= now.plus(Duration::from_secs(300)));
        let often = Duration::from_secs(10);
        assert_eq!(mixed.next_look(host, often, now), next_look(host, often, now));
    }

    #[test]
    fn how_often_it_was_looked_and_what_was_found_is_said_with_numbers() {
        assert_eq!(mixed().extent(), "12 looks, 2 leaves");
        assert_eq!(served(|_| {}).extent(), "1 look, 1 leaf");
        assert_eq!(down("refused").extent(), "1 look, 0 leaves");
    }

    fn down(why: &str) -> Snapshot {
        let probe_error = why.to_owned();
        seen(LookResult::Unreachable { probe_error })
    }

    #[test]
    fn the_same_sight_later_is_no_news() {
        let later = Snapshot {
            taken_at: at(99),
            ..served(|_| {})
        };
        assert_eq!(digest(&[served(|_| {})]), digest(&[later]));
        let other = Snapshot {
            dialled: ([192, 0, 2, 2], 443).into(),
            ..down("refused")
        };
        let (one, two) = (
            digest(&[served(|_| {}), other.clone()]),
            digest(&[other, served(|_| {})]),
        );
        assert_eq!(one, two, "the order of the addresses says nothing");
    }

    #[test]
    fn everything_that_matters_is_news() {
        let elsewhere = Snapshot {
            dialled: ([192, 0, 2, 2], 443).into(),
            ..served(|_| {})
        };
        let looks = [
            vec![],
            vec![served(|_| {})],
            vec![served(|one| one.chain_fingerprints[0] = Fingerprint::of(b"new leaf"))],
            vec![served(|one| one.chain_fingerprints.truncate(1))],
            vec![served(|one| one.chain_trusted = false)],
            vec![served(|one| one.chain_problem = Some("expired".to_owned()))],
            vec![served(|one| one.protocol = "TLSv1_2".to_owned())],
            vec![served(|one| one.cipher = "other".to_owned())],
            vec![served(|one| one.unfinished = Some("TLS 1.1".to_owned()))],
            vec![mixed()],
            vec![elsewhere.clone()],
            vec![served(|_| {}), elsewhere],
            vec![down("no connection: refused")],
            vec![down("no connection within 3s")],
        ];
        let all: std::collections::HashSet<String> = looks.iter().map(|look| digest(look).to_string()).collect();
        assert_eq!(all.len(), looks.len());
    }
}
