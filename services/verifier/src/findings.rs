//! What the places of a host come to, taken together. Pure: (places, what was seen) → good, or an error that names where.
//!
//! In: one finding per place. Out: nothing, or the first kind of trouble with all its places. Never: a place that is a
//! hint only decides.

use std::net::SocketAddr;

use domain::certificate::CertificateFacts;
use domain::run::Check;

use crate::probe::{Observation, Presented};
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
    /// Another certificate, in words.
    Other(String),
    /// The awaited one, but not as it should be.
    Faulty(String),
    Silent(String),
}

impl Finding {
    /// From a look, and the checks that were made of it.
    pub fn of(one: &Observation, awaited: impl Fn(&Presented) -> bool, checks: &[Check]) -> Self {
        let is = match &one.seen {
            Err(error) => Is::Silent(format!("{}: {error}", one.address)),
            Ok(presented) if !awaited(presented) => Is::Other(in_words(one.address, presented)),
            Ok(_) => faults(checks).map_or(Is::Good, Is::Faulty),
        };
        Self { at: one.address, is }
    }
}

fn faults(checks: &[Check]) -> Option<String> {
    let crosses = checks.iter().filter(|check| !check.passed && !check.advisory);
    let said: Vec<String> = crosses
        .map(|check| format!("not so: {} ({})", check.name, check.evidence))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// What is served wrongly comes first: it is sure, while an address that is silent may come back.
pub fn conclude(host: &str, findings: &[Finding]) -> Result<(), VerifyError> {
    let trouble = |pick: fn(&Is) -> Option<&String>| {
        let words: Vec<&str> = findings
            .iter()
            .filter_map(|one| pick(&one.is))
            .map(String::as_str)
            .collect();
        (!words.is_empty()).then(|| words.join("; "))
    };
    let at = |is: fn(&Is) -> bool| findings.iter().filter(|one| is(&one.is)).map(|one| one.at).collect();
    let wrong = |is: &Is| matches!(is, Is::Other(_) | Is::Faulty(_));
    if let Some(instead) = trouble(|is| if let Is::Other(words) = is { Some(words) } else { None }) {
        return Err(VerifyError::OtherServed(Trouble::new(host, instead, at(wrong))));
    }
    if let Some(crosses) = trouble(|is| if let Is::Faulty(words) = is { Some(words) } else { None }) {
        return Err(VerifyError::Faulty(Trouble::new(host, crosses, at(wrong))));
    }
    if let Some(why) = trouble(|is| if let Is::Silent(words) = is { Some(words) } else { None }) {
        let silent = |is: &Is| matches!(is, Is::Silent(_));
        return Err(VerifyError::Unreachable(Trouble::new(host, why, at(silent))));
    }
    Ok(())
}

fn in_words(at: SocketAddr, presented: &Presented) -> String {
    let facts = presented
        .chain
        .first()
        .and_then(|leaf| CertificateFacts::read(leaf).ok());
    let about = facts.map_or_else(String::new, |leaf| {
        format!(" ({}, good until {})", leaf.called(), leaf.not_after)
    });
    format!("{at} serves {}{about}", presented.leaf)
}
