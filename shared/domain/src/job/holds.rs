//! What keeps runs of a job back although they are due. A run that has begun is never held: it goes to its end.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::disposition::ErrorCode;
use crate::limit::registered_domain;
use crate::names::DnsName;
use crate::plan::Plan;

/// What runs may have in common when they fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Traits {
    pub ca: CaRef,
    /// The registered domain of the hostname.
    pub zone: String,
    /// The kinds of the targets.
    pub target: String,
}

impl Traits {
    pub fn of(plan: &Plan) -> Self {
        let mut kinds: Vec<&str> = plan.targets.iter().map(|one| one.body().common().kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self {
            ca: plan.choice.ca.clone(),
            zone: registered_domain(&DnsName::from(&plan.hostname)).to_owned(),
            target: kinds.join("+"),
        }
    }

    pub fn has(&self, shared: &Shared) -> bool {
        match shared {
            Shared::Ca(ca) => self.ca == *ca,
            Shared::Zone(zone) => self.zone == *zone,
            Shared::Target(target) => self.target == *target,
        }
    }

    pub fn each(&self) -> [Shared; 3] {
        [
            Shared::Ca(self.ca.clone()),
            Shared::Zone(self.zone.clone()),
            Shared::Target(self.target.clone()),
        ]
    }
}

/// One thing that runs share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    Ca(CaRef),
    Zone(String),
    Target(String),
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ca(ca) => write!(f, "the CA {ca}"),
            Self::Zone(zone) => write!(f, "the zone {zone}"),
            Self::Target(target) => write!(f, "targets of the kind {target}"),
        }
    }
}

/// Too many failed for one cause: what shares it waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Halt {
    pub shared: Shared,
    pub code: ErrorCode,
    pub failed: u32,
    /// Of so many that share it and have ended.
    pub ended: u32,
    pub at: Timestamp,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, ended, code) = (self.failed, self.ended, &self.code);
        write!(f, "halted: {failed} of {ended} at {} failed with {code}", self.shared)
    }
}

/// Everything that holds runs of one job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Holds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// The first cohort is not verified yet.
    pub cohort: bool,
    pub halts: Vec<Halt>,
    /// Runs of the job that may be under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub places: Option<u32>,
}

impl Holds {
    /// Why a run that has not begun must wait. The strongest reason is told.
    pub fn held(&self, traits: &Traits, in_cohort: bool) -> Option<String> {
        self.held_by(in_cohort, |halt| traits.has(&halt.shared))
    }

    /// How a run is held when it is created: nothing of its job has failed yet.
    pub fn first(&self, in_cohort: bool) -> Option<String> {
        self.held_by(in_cohort, |_| false)
    }

    fn held_by(&self, in_cohort: bool, is_halted: impl Fn(&Halt) -> bool) -> Option<String> {
        if let Some(by) = &self.paused_by {
            return Some(format!("paused by {by}"));
        }
        if let Some(halt) = self.halts.iter().find(|halt| is_halted(halt)) {
            return Some(halt.to_string());
        }
        if self.cohort && !in_cohort {
            return Some("waits for the first cohort of its job".to_owned());
        }
        self.place()
    }

    /// How a run is held from now on that is held so today. One that was let in keeps its place.
    pub fn held_next(&self, traits: &Traits, in_cohort: bool, today: Option<&str>) -> Option<String> {
        let wanted = self.held(traits, in_cohort);
        if today.is_none() && wanted == self.place() {
            return None;
        }
        wanted
    }

    /// How a run is held that waits for one of its job to end.
    pub fn place(&self) -> Option<String> {
        let places = self.places?;
        Some(format!("waits for a place: at most {places} of its job run at once"))
    }

    pub fn is_stopped(&self) -> bool {
        self.paused_by.is_some() || !self.halts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(zone: &str) -> Traits {
        Traits {
            ca: "https://ca.example.org/dir".parse().expect("a CA"),
            zone: zone.to_owned(),
            target: "file".to_owned(),
        }
    }

    #[test]
    fn a_halt_holds_what_shares_its_cause_and_nothing_else() {
        let halt = Halt {
            shared: Shared::Zone("a.org".to_owned()),
            code: ErrorCode::new("ISS-0004"),
            failed: 3,
            ended: 4,
            at: Timestamp::EPOCH,
        };
        let holds = Holds {
            halts: vec![halt],
            ..Holds::default()
        };
        let held = holds.held(&traits("a.org"), true).expect("held");
        assert_eq!(held, "halted: 3 of 4 at the zone a.org failed with ISS-0004");
        assert_eq!(holds.held(&traits("b.org"), true), None);
    }

    #[test]
    fn the_strongest_reason_is_told() {
        let mut holds = Holds {
            paused_by: Some("ann".to_owned()),
            cohort: true,
            halts: Vec::new(),
            places: Some(2),
        };
        let held = |holds: &Holds, in_cohort| holds.held(&traits("a.org"), in_cohort).expect("held");
        assert_eq!(held(&holds, true), "paused by ann");
        holds.paused_by = None;
        assert!(held(&holds, false).contains("first cohort"));
        assert!(held(&holds, true).contains("at most 2"));
    }
}
