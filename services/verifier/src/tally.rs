//! What several looks at one address come to. Pure.
//!
//! In: looks, one after the other, each on a fresh connection. Out: how many, which leaves, and whether that is enough. Never:
//! more than was seen: `k looks, n leaves`, and no word of "all".

use std::net::SocketAddr;

use domain::certificate::{CertificateFacts, Fingerprint, extent};

use crate::presented::{NOT_LOOKED, Presented, ProbeError};

/// A load balancer may hide another server behind one good look: so many in a row.
pub const GOOD_LOOKS: u32 = 3;
/// Where two leaves were seen: one server of two, picked by chance, hides from so many looks once in 4,096 times.
pub const GOOD_LOOKS_WHEN_MIXED: u32 = 12;
/// Different chains that are kept; more servers than this are looked at, but not told apart.
const MOST_KEPT: usize = 16;

/// How many looks are asked for, and what was known before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goal {
    /// Good looks in a row.
    pub looks: u32,
    /// The last look at this address, before this one, saw several leaves.
    pub was_mixed: bool,
    /// The leaf that it saw, where another one is news.
    pub known: Option<Fingerprint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub address: SocketAddr,
    goal: Goal,
    looks: u32,
    good_in_a_row: u32,
    /// Each different chain, with the number of the look that saw it last.
    kept: Vec<(Presented, u32)>,
    last_failed: bool,
    error: Option<ProbeError>,
    /// Looks in which something came back that was no certificate.
    refusals: u32,
    /// The leaf of the newest look that saw one, and in how many looks in a row.
    newest: Option<(Fingerprint, u32)>,
    /// What is awaited was seen.
    good_seen: bool,
    /// A leaf was seen again after another one.
    returned: bool,
}

impl Tally {
    pub fn new(address: SocketAddr, goal: Goal) -> Self {
        Self {
            address,
            goal,
            looks: 0,
            good_in_a_row: 0,
            kept: Vec::new(),
            last_failed: false,
            error: None,
            refusals: 0,
            newest: None,
            good_seen: false,
            returned: false,
        }
    }

    /// One more look; `good`: it shows what is awaited.
    pub fn add(&mut self, seen: Result<Presented, ProbeError>, good: bool) {
        self.looks += 1;
        self.last_failed = seen.is_err();
        self.good_in_a_row = if good { self.good_in_a_row + 1 } else { 0 };
        self.good_seen |= good;
        if let Ok(presented) = &seen {
            self.follow(&presented.leaf);
        }
        match seen {
            Err(error) => {
                self.refusals += u32::from(matches!(error, ProbeError::Unreachable(_)));
                self.error = Some(error);
            }
            Ok(presented) => match self.kept.iter().position(|(one, _)| *one == presented) {
                Some(place) => self.kept[place].1 = self.looks,
                None if self.kept.len() < MOST_KEPT => self.kept.push((presented, self.looks)),
                None => {}
            },
        }
    }

    fn follow(&mut self, leaf: &Fingerprint) {
        match &mut self.newest {
            Some((newest, looks)) if newest == leaf => *looks += 1,
            _ => {
                self.returned |= self.kept.iter().any(|(one, _)| one.leaf == *leaf);
                self.newest = Some((leaf.clone(), 1));
            }
        }
    }

    /// Whether there were enough good looks in a row.
    pub fn is_settled(&self) -> bool {
        self.good_in_a_row > 0 && self.good_in_a_row >= self.needed()
    }

    fn needed(&self) -> u32 {
        let leaves = self.leaves();
        let is_news = self
            .goal
            .known
            .as_ref()
            .is_some_and(|known| leaves.iter().any(|leaf| *leaf != known));
        if self.goal.was_mixed || is_news || leaves.len() > 1 {
            GOOD_LOOKS_WHEN_MIXED
        } else {
            self.goal.looks
        }
    }

    fn leaves(&self) -> Vec<&Fingerprint> {
        distinct(self.kept.iter().map(|(one, _)| one))
    }

    /// The different chains that count: of the good looks in a row, when those are enough; of all looks, where several leaves
    /// are served by turns; else of the newest leaf.
    pub fn current(&self) -> Vec<&Presented> {
        let (settled, by_turns) = (self.is_settled(), self.is_by_turns());
        let since = self.looks - self.good_in_a_row;
        let counts = |one: &Presented, last: u32| match (settled, by_turns, &self.newest) {
            (true, _, _) => last > since,
            (false, true, _) | (false, false, None) => true,
            (false, false, Some((newest, _))) => one.leaf == *newest,
        };
        let counting = self.kept.iter().filter(|(one, last)| counts(one, *last));
        counting.map(|(one, _)| one).collect()
    }

    /// A server that has reloaded shows one leaf after the other, and no leaf again: that is no mix, whatever it shows. Nor
    /// are so many looks in a row at another leaf than the awaited one.
    fn is_by_turns(&self) -> bool {
        let in_a_row = self.newest.as_ref().map_or(0, |(_, looks)| *looks);
        let is_stable = !self.good_seen && in_a_row >= GOOD_LOOKS_WHEN_MIXED;
        self.leaves().len() > 1 && (self.good_seen || self.returned) && !is_stable
    }

    /// Whether several leaves are served here by turns.
    pub fn is_mixed(&self) -> bool {
        distinct(self.current().into_iter()).len() > 1
    }

    /// What stands for the address: the leaf that ends first where there are several, else the last look.
    pub fn shown(&self) -> Result<&Presented, &ProbeError> {
        let current = self.current();
        let last = || self.kept.iter().max_by_key(|(_, last)| *last).map(|(one, _)| one);
        match (&self.error, self.last_failed && !self.is_mixed()) {
            (Some(error), true) => Err(error),
            (error, _) => {
                let first_to_end = current.iter().copied().min_by_key(|one| one.ends_at());
                let of_several = if self.is_mixed() { first_to_end } else { last() };
                of_several.ok_or(error.as_ref().unwrap_or(&NOT_LOOKED))
            }
        }
    }

    /// In how many looks something answered without a certificate: a refusal of the connection, a broken handshake.
    pub fn refusals(&self) -> u32 {
        self.refusals
    }

    /// Why looks failed, if any did.
    pub fn error(&self) -> Option<&ProbeError> {
        self.error.as_ref()
    }

    pub fn looks(&self) -> u32 {
        self.looks
    }

    /// `3 looks, 1 leaf`, or of those that count when earlier ones saw a server that had not reloaded yet.
    pub fn extent(&self) -> String {
        extent(self.counted(), distinct(self.current().into_iter()).len())
    }

    /// The looks that what is shown rests on.
    pub fn counted(&self) -> u32 {
        match (self.is_settled(), self.is_by_turns(), &self.newest) {
            (true, _, _) => self.good_in_a_row,
            (false, true, _) | (false, false, None) => self.looks,
            (false, false, Some((_, in_a_row))) => *in_a_row,
        }
    }

    /// Each leaf once, in words.
    pub fn leaves_in_words(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for one in self.current() {
            let words = in_words(one);
            if !said.contains(&words) {
                said.push(words);
            }
        }
        said.join(" and ")
    }
}

fn distinct<'a>(chains: impl Iterator<Item = &'a Presented>) -> Vec<&'a Fingerprint> {
    let mut leaves: Vec<&Fingerprint> = Vec::new();
    for one in chains {
        if !leaves.contains(&&one.leaf) {
            leaves.push(&one.leaf);
        }
    }
    leaves
}

/// A leaf by its fingerprint, its name and its end.
pub fn in_words(presented: &Presented) -> String {
    let leaf = presented.chain.first();
    let facts = leaf.and_then(|leaf| CertificateFacts::read(leaf).ok());
    let about = facts.map_or_else(String::new, |leaf| {
        format!(" ({}, good until {})", leaf.called(), leaf.not_after)
    });
    format!("{}{about}", presented.leaf)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;

    use super::*;

    fn chain(name: &[u8]) -> Presented {
        Presented {
            chain: vec![CertificateDer::from(name.to_vec())],
            leaf: Fingerprint::of(name),
            protocol: String::new(),
            cipher: String::new(),
            unfinished: None,
        }
    }

    /// `n` a look at the new leaf, `o` and `p` at others, `x` a failed one.
    fn tally(goal: Goal, looks: &str) -> Tally {
        let mut tally = Tally::new(([192, 0, 2, 1], 443).into(), goal);
        for look in looks.chars() {
            let seen = match look {
                'n' => Ok(chain(b"new")),
                'x' => Err(ProbeError::Unreachable("refused".to_owned())),
                other => Ok(chain(other.to_string().as_bytes())),
            };
            tally.add(seen, look == 'n');
        }
        tally
    }

    fn three() -> Goal {
        Goal {
            looks: GOOD_LOOKS,
            ..Goal::default()
        }
    }

    fn settled(goal: &Goal, looks: &str) -> bool {
        tally(goal.clone(), looks).is_settled()
    }

    #[test]
    fn three_in_a_row_are_enough_and_twelve_once_two_leaves_were_seen() {
        let usual = three();
        for (looks, enough) in [
            ("", false),
            ("n", false),
            ("nn", false),
            ("nnn", true),
            ("nnxn", false),
            ("nnxnnn", true),
            ("xxnnn", true),
            ("onnnnnnnnnnn", false),
            ("onnnnnnnnnnnn", true),
            ("nnonnnnnnnnnnn", false),
            ("nnonnnnnnnnnnnn", true),
            ("ooooo", false),
        ] {
            assert_eq!(settled(&usual, looks), enough, "{looks}");
        }
        let was_mixed = Goal {
            was_mixed: true,
            ..three()
        };
        assert!(!settled(&was_mixed, &"n".repeat(11)) && settled(&was_mixed, &"n".repeat(12)));
    }

    #[test]
    fn another_leaf_than_the_known_one_is_looked_at_closely() {
        let once = |known: &[u8]| Goal {
            looks: 1,
            known: Some(Fingerprint::of(known)),
            ..Goal::default()
        };
        assert!(settled(&once(b"new"), "n"));
        assert!(!settled(&once(b"old"), &"n".repeat(11)) && settled(&once(b"old"), &"n".repeat(12)));
    }

    #[test]
    fn what_is_said_is_what_was_seen() {
        for (looks, extent, mixed) in [
            ("nnn", "3 looks, 1 leaf", false),
            ("onnnnnnnnnnnn", "12 looks, 1 leaf", false),
            ("nono", "4 looks, 2 leaves", true),
            ("opn", "3 looks, 3 leaves", true),
            ("oo", "2 looks, 1 leaf", false),
            ("oopp", "2 looks, 1 leaf", false),
            ("opop", "4 looks, 2 leaves", true),
            ("opopppppppppppp", "12 looks, 1 leaf", false),
            ("nooooooooooooo", "14 looks, 2 leaves", true),
            ("x", "1 look, 0 leaves", false),
        ] {
            let tally = tally(three(), looks);
            assert_eq!((tally.extent().as_str(), tally.is_mixed()), (extent, mixed), "{looks}");
        }
    }

    #[test]
    fn a_failed_last_look_stands_for_the_address_unless_it_is_mixed() {
        assert!(tally(three(), "nnx").shown().is_err());
        assert!(tally(three(), "nox").shown().is_ok());
        assert!(tally(three(), "xnnn").shown().is_ok_and(|one| *one == chain(b"new")));
        assert!(tally(three(), "").shown().is_err());
    }
}
