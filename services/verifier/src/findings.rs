//! What the places of a host come to, taken together. Pure: (places, what was seen) → good, or an
//! error that names where.
//!
//! In: one finding per place. Out: nothing, or the first kind of trouble with all its places.
//! Never: a place that is a hint only decides; a place that cannot be seen counts against no host.

use std::net::SocketAddr;

use domain::run::Check;

use crate::presented::{Presented, ProbeError};
use crate::tally::{Tally, in_words};
use crate::verdict::{Trouble, VerifyError};

/// One place that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub at: SocketAddr,
    pub is: Is,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    Good,
    /// Several certificates by turns, in words.
    Mixed(String),
    /// Another certificate, in words.
    Other(String),
    /// The awaited one, but not as it should be.
    Faulty(String),
    /// It answers with no certificate, in no look.
    Silent(String),
    /// It answers, but not in every look: that says nothing against what is installed.
    Unanswered(String),
    /// No connection in any look: whether it serves anything cannot be seen from here.
    NoConnection(String),
    /// There is no way from this verifier.
    Unseen(String),
}

impl Is {
    /// Nothing is known of what it serves, which is not held against the host where another place
    /// is good.
    pub const fn is_unknown(&self) -> bool {
        match self {
            Self::NoConnection(_) | Self::Unseen(_) => true,
            Self::Good | Self::Mixed(_) | Self::Other(_) | Self::Faulty(_) | Self::Silent(_) | Self::Unanswered(_) => {
                false
            }
        }
    }
}

impl Finding {
    /// From the looks at a place, and the checks that were made of each different chain that it
    /// shows.
    pub fn of(tally: &Tally, awaited: impl Fn(&Presented) -> bool, checks: &[Vec<Check>]) -> Self {
        let at = tally.address;
        let is = if tally.is_settled() {
            of_the_awaited(at, tally, checks)
        } else if tally.is_mixed() {
            Is::Mixed(mixed(at, tally))
        } else {
            of_the_last(tally, awaited)
        };
        Self { at, is }
    }
}

/// One leaf; the chains behind it may differ from server to server.
fn of_the_awaited(at: SocketAddr, tally: &Tally, checks: &[Vec<Check>]) -> Is {
    let faults: Vec<String> = checks.iter().filter_map(|of_one| faults(of_one)).collect();
    if faults.is_empty() {
        return Is::Good;
    }
    let said = format!("{at}: {}", faults.join("; "));
    if faults.len() == checks.len() {
        Is::Faulty(said)
    } else {
        let (extent, chains) = (tally.extent(), checks.len());
        Is::Mixed(format!(
            "{said}; but not in every look: {extent}, {chains} different chains"
        ))
    }
}

fn of_the_last(tally: &Tally, awaited: impl Fn(&Presented) -> bool) -> Is {
    let at = tally.address;
    match (tally.current().first(), tally.error()) {
        (Some(one), _) if !awaited(one) => Is::Other(format!("{at} serves {}", in_words(one))),
        (Some(_), Some(error)) => Is::Unanswered(format!(
            "{at} serves the new certificate, but not in every look ({}): {error}",
            tally.extent()
        )),
        (Some(_), None) => Is::Unanswered(format!("{at} is slow: {} in the time that there is", tally.extent())),
        (None, error) => without_certificate(at, tally, error),
    }
}

/// A refusal counts only where nothing else came back: who does not answer every time may be at the
/// end of a bad way.
fn without_certificate(at: SocketAddr, tally: &Tally, error: Option<&ProbeError>) -> Is {
    let said = format!("{at}: {}", last_error(tally));
    if tally.looks() > 0 && tally.refusals() == tally.looks() {
        return Is::Silent(said);
    }
    if tally.refusals() > 0 {
        return Is::Unanswered(format!(
            "{said}; it answered in {} of {} looks, never with a certificate",
            tally.refusals(),
            tally.looks()
        ));
    }
    match error {
        Some(ProbeError::Unseen(_)) => Is::Unseen(said),
        Some(ProbeError::Unanswered(_) | ProbeError::Unreachable(_) | ProbeError::NoAddress { .. }) | None => {
            Is::NoConnection(said)
        }
    }
}

fn last_error(tally: &Tally) -> String {
    tally.error().map_or_else(String::new, ToString::to_string)
}

pub fn mixed(at: SocketAddr, tally: &Tally) -> String {
    format!("{at} serves {} ({})", tally.leaves_in_words(), tally.extent())
}

fn faults(checks: &[Check]) -> Option<String> {
    let crosses = checks.iter().filter(|check| !check.passed && !check.advisory);
    let said: Vec<String> = crosses
        .map(|check| format!("not so: {} ({})", check.name, check.evidence))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// What is served by turns comes first: it forbids the way back. Then what is served wrongly: it is
/// sure, while an address that is silent may come back. What cannot be seen decides where nothing
/// else is known.
#[expect(clippy::too_many_lines, reason = "one arm for each finding")]
pub fn conclude(host: &str, findings: &[Finding]) -> Result<(), VerifyError> {
    let trouble = |pick: &dyn Fn(&Is) -> Option<&String>, also: &dyn Fn(&Is) -> bool| {
        let picked = || findings.iter().filter_map(|one| Some((one.at, pick(&one.is)?)));
        let words: Vec<&str> = picked().map(|(_, words)| words.as_str()).collect();
        let at = findings.iter().filter(|one| pick(&one.is).is_some() || also(&one.is));
        (!words.is_empty()).then(|| Trouble::new(host, words.join("; "), at.map(|one| one.at).collect()))
    };
    let none = |_: &Is| false;
    let wrong = |is: &Is| matches!(is, Is::Other(_) | Is::Faulty(_));
    if let Some(several) = trouble(&|is| if let Is::Mixed(words) = is { Some(words) } else { None }, &none) {
        return Err(VerifyError::Mixed(several));
    }
    if let Some(instead) = trouble(&|is| if let Is::Other(words) = is { Some(words) } else { None }, &wrong) {
        return Err(VerifyError::OtherServed(instead));
    }
    if let Some(crosses) = trouble(
        &|is| if let Is::Faulty(words) = is { Some(words) } else { None },
        &wrong,
    ) {
        return Err(VerifyError::Faulty(crosses));
    }
    if let Some(silent) = trouble(&|is| if let Is::Silent(words) = is { Some(words) } else { None }, &none) {
        return Err(VerifyError::Unreachable(silent));
    }
    if let Some(unknown) = trouble(
        &|is| {
            if let Is::Unanswered(words) = is {
                Some(words)
            } else {
                None
            }
        },
        &none,
    ) {
        return Err(VerifyError::Unanswered(unknown));
    }
    if findings.iter().any(|one| one.is == Is::Good) {
        return Ok(());
    }
    let is_unknown = |is: &Is| is.is_unknown();
    if let Some(unknown) = trouble(
        &|is| {
            if let Is::NoConnection(words) = is {
                Some(words)
            } else {
                None
            }
        },
        &is_unknown,
    ) {
        return Err(VerifyError::Unanswered(unknown));
    }
    match trouble(&|is| if let Is::Unseen(words) = is { Some(words) } else { None }, &none) {
        Some(unseen) => Err(VerifyError::Unseen(unseen)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Goal;

    /// `r` a refusal, `t` no answer to the connection, `u` no way there.
    fn finding(looks: &str) -> Is {
        let mut tally = Tally::new(([192, 0, 2, 1], 443).into(), Goal::default());
        for look in looks.chars() {
            let why = look.to_string();
            let error = match look {
                'r' => ProbeError::Unreachable(why),
                't' => ProbeError::Unanswered(why),
                _ => ProbeError::Unseen(why),
            };
            tally.add(Err(error), false);
        }
        Finding::of(&tally, |_| true, &[]).is
    }

    #[test]
    fn only_who_refuses_in_every_look_is_known_to_serve_nothing() {
        let kind = |looks| match finding(looks) {
            Is::Silent(_) => "silent",
            Is::Unanswered(_) => "now and then",
            Is::NoConnection(_) | Is::Unseen(_) => "unknown",
            other => panic!("{looks}: {other:?}"),
        };
        for (looks, expected) in [
            ("r", "silent"),
            ("rrr", "silent"),
            ("rrt", "now and then"),
            ("ttr", "now and then"),
            ("ur", "now and then"),
            ("t", "unknown"),
            ("ttt", "unknown"),
            ("tu", "unknown"),
            ("u", "unknown"),
        ] {
            assert_eq!(kind(looks), expected, "{looks}");
        }
    }

    #[test]
    fn what_is_unknown_is_held_against_nobody_where_another_place_is_good() {
        let at = |last: u8, is| Finding {
            at: ([192, 0, 2, last], 443).into(),
            is,
        };
        let said = || "said".to_owned();
        let unknown = [Is::NoConnection(said()), Is::Unseen(said())];
        for is in unknown.clone() {
            assert_eq!(conclude("host", &[at(1, Is::Good), at(2, is.clone())]), Ok(()));
            assert!(conclude("host", &[at(2, is)]).is_err());
        }
        let [first, second] = unknown;
        let alone = conclude("host", &[at(1, first), at(2, second)]);
        let Err(VerifyError::Unanswered(trouble)) = alone else {
            panic!("{alone:?}")
        };
        assert_eq!(trouble.at.len(), 2, "both are named");
    }
}
