//! What was decided of each host of a plan, and what it comes to altogether.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ca::CaRef;
use crate::clock::Timestamp;
use crate::counted::counted;
use crate::ids::RunId;
use crate::invalid::Invalid;
use crate::plan::{Candidate, Choice};

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    Included(Box<Included>),
    LeftOut(LeftOut),
}

impl Decision {
    /// Whether it names the run that stands in the way of a host that is left out.
    pub const fn names_a_run(&self) -> bool {
        matches!(self, Self::LeftOut(LeftOut::ActiveRun { .. }))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Included {
    /// Which CA and why, with everyone who lost.
    pub choice: Choice,
    pub start_at: Timestamp,
    /// What makes it begin later than the job does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What it passes over: the cooldown of its policy, where the job was told to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub despite: Option<String>,
}

/// Whose money is at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// The budget that was given to this job.
    #[default]
    Job,
    /// The workspace's budget of the month.
    Month,
}

/// Why a host is not renewed by this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum LeftOut {
    /// Its last live run is too young.
    Cooldown {
        until: Timestamp,
    },
    /// Another run of its policy has not ended.
    ActiveRun {
        run_id: RunId,
    },
    /// Its maintenance window does not open before the job ends.
    Window {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
    },
    /// It costs more than a budget has left, or its cost is not known. Of two budgets it is the
    /// tighter one.
    Budget {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_micro_usd: Option<u64>,
        left_micro_usd: u64,
        #[serde(default)]
        cap: Cap,
    },
    /// The CA would not take its order before the job ends.
    Quota {
        limit: String,
        until: Timestamp,
    },
    /// Its policy cannot work.
    Infeasible {
        why: Invalid,
    },
    /// No provider can serve its policy.
    NoProvider {
        lost: Vec<Candidate>,
    },
    NoPolicy,
    /// It was named, but it is no host of the workspace.
    UnknownHost,
}

impl LeftOut {
    pub const REASONS: [&'static str; 9] = [
        "cooldown",
        "active_run",
        "window",
        "budget",
        "quota",
        "infeasible",
        "no_provider",
        "no_policy",
        "unknown_host",
    ];

    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Cooldown { .. } => "cooldown",
            Self::ActiveRun { .. } => "active_run",
            Self::Window { .. } => "window",
            Self::Budget { .. } => "budget",
            Self::Quota { .. } => "quota",
            Self::Infeasible { .. } => "infeasible",
            Self::NoProvider { .. } => "no_provider",
            Self::NoPolicy => "no_policy",
            Self::UnknownHost => "unknown_host",
        }
    }
}

/// Why a line that was planned has no run: something happened between the plan and its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Another run of the policy has begun.
    ActiveRun,
    /// The policy is not active any more.
    PolicyGone,
}

impl Refusal {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActiveRun => "active_run",
            Self::PolicyGone => "policy_gone",
        }
    }
}

/// The plan in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    pub hosts: u32,
    pub included: u32,
    /// By reason.
    pub left_out: BTreeMap<String, u32>,
    /// By CA.
    pub providers: BTreeMap<CaRef, Share>,
    pub cost_micro_usd: u64,
    /// Hosts whose price is not known: the cost is without them.
    #[serde(default)]
    pub price_unknown: u32,
    /// What the workspace's budget of the month had left before this plan; none: it has no budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month_left_micro_usd: Option<u64>,
    /// Of those left out for a budget: for that of the month.
    #[serde(default)]
    pub beyond_month: u32,
    pub first_start: Option<Timestamp>,
    pub last_start: Option<Timestamp>,
    /// What lets runs begin later, and how many.
    pub waits_for: BTreeMap<String, u32>,
    /// What runs pass over, and how many.
    #[serde(default)]
    pub despite: BTreeMap<String, u32>,
    /// What the last one waits for.
    pub last_waits_for: Option<String>,
    pub expected_end: Option<Timestamp>,
    /// Every limit that made the plan smaller or longer, in plain words; the one that decides the
    /// end comes first.
    pub binds: Vec<String>,
}

/// What one CA gets of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    pub hosts: u32,
    pub cost_micro_usd: u64,
    /// Of its hosts: those whose price is not known.
    #[serde(default, skip_serializing_if = "none")]
    pub price_unknown: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn none(hosts: &u32) -> bool {
    *hosts == 0
}

/// How fast the fleet is, by the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// What one run takes.
    pub per_run: Duration,
    /// How many one CA has under way at once.
    pub at_once_per_ca: u32,
}

impl Totals {
    pub fn add(&mut self, decision: &Decision) {
        self.hosts += 1;
        match decision {
            Decision::LeftOut(why) => self.leave_out(why),
            Decision::Included(included) => self.include(included),
        }
    }

    fn leave_out(&mut self, why: &LeftOut) {
        *self.left_out.entry(why.reason().to_owned()).or_default() += 1;
        if let LeftOut::Budget { cap: Cap::Month, .. } = why {
            self.beyond_month += 1;
        }
    }

    fn include(&mut self, included: &Included) {
        let cost = included.choice.cost_micro_usd.unwrap_or(0);
        self.included += 1;
        let unknown = u32::from(included.choice.cost_micro_usd.is_none());
        self.price_unknown += unknown;
        self.cost_micro_usd += cost;
        let share = self.providers.entry(included.choice.ca.clone()).or_default();
        share.hosts += 1;
        share.cost_micro_usd += cost;
        share.price_unknown += unknown;
        let start = included.start_at;
        self.first_start = Some(self.first_start.map_or(start, |first| first.min(start)));
        if self.last_start.is_none_or(|last| last <= start) {
            self.last_start = Some(start);
            self.last_waits_for.clone_from(&included.waits_for);
        }
        if let Some(limit) = &included.waits_for {
            *self.waits_for.entry(limit.clone()).or_default() += 1;
        }
        if let Some(passed) = &included.despite {
            *self.despite.entry(passed.clone()).or_default() += 1;
        }
    }

    pub fn left_out_for(&self, reason: &str) -> u32 {
        self.left_out.get(reason).copied().unwrap_or(0)
    }

    /// Closes the sum: when it will end at this speed, and what decides that.
    pub fn close(&mut self, speed: Speed, concurrency: Option<u32>) {
        let (Some(first), Some(last)) = (self.first_start, self.last_start) else {
            self.binds = self.smaller();
            return;
        };
        let cas = u32::try_from(self.providers.len()).unwrap_or(u32::MAX);
        let fleet = speed.at_once_per_ca.saturating_mul(cas).max(1);
        let at_once = concurrency.map_or(fleet, |cap| cap.min(fleet));
        let rounds = self.included.div_ceil(at_once);
        let worked = first.plus(speed.per_run.saturating_mul(rounds));
        let waited = last.plus(speed.per_run);
        self.expected_end = Some(worked.max(waited));
        let decides = match (&self.last_waits_for, concurrency) {
            (Some(limit), _) if waited >= worked => format!("{limit}: the last begins at {last}"),
            (_, Some(cap)) if cap <= fleet => format!("concurrency: at most {cap} at once"),
            (_, Some(_) | None) => format!("the fleet: {} at once at the CAs of this plan", counted(fleet, "order")),
        };
        self.binds = std::iter::once(decides).chain(self.smaller()).collect();
    }

    fn smaller(&self) -> Vec<String> {
        let of = |reason| self.left_out_for(reason);
        let named = [
            (of("budget").saturating_sub(self.beyond_month), "the budget"),
            (self.beyond_month, "the budget of the month"),
            (of("quota"), "the limits of the CA"),
            (of("window"), "the maintenance windows"),
            (of("cooldown"), "the cooldown"),
        ];
        let left_out = named.iter().filter(|(hosts, _)| *hosts > 0);
        left_out
            .map(|(hosts, name)| format!("{name}: {} left out", counted(u64::from(*hosts), "host")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("an instant")
    }

    fn included(start_at: Timestamp, cost_micro_usd: u64, waits_for: Option<&str>) -> Decision {
        let choice = Choice {
            provider: crate::policy::Provider::Acme,
            id: None,
            ca: "https://ca.example.org/dir".parse().expect("a URL"),
            why: "the policy's own".to_owned(),
            cost_micro_usd: Some(cost_micro_usd),
            lost: Vec::new(),
        };
        Decision::Included(Box::new(Included {
            choice,
            start_at,
            waits_for: waits_for.map(str::to_owned),
            despite: None,
        }))
    }

    fn speed() -> Speed {
        Speed {
            per_run: Duration::from_secs(10),
            at_once_per_ca: 4,
        }
    }

    #[test]
    fn the_sum_says_what_decides_the_end() {
        let mut totals = Totals::default();
        for _ in 0..40 {
            totals.add(&included(at(100), 5, None));
        }
        totals.close(speed(), None);
        assert_eq!((totals.included, totals.cost_micro_usd), (40, 200));
        assert_eq!(totals.expected_end, Some(at(200)));
        assert!(totals.binds[0].contains("the fleet: 4"), "{:?}", totals.binds);
        totals.close(speed(), Some(2));
        assert_eq!(totals.expected_end, Some(at(300)));
        assert!(totals.binds[0].contains("at most 2"), "{:?}", totals.binds);
        totals.add(&included(at(1_000), 5, Some("orders per account")));
        totals.add(&Decision::LeftOut(LeftOut::Budget {
            cost_micro_usd: Some(9),
            left_micro_usd: 1,
            cap: Cap::Job,
        }));
        totals.add(&Decision::LeftOut(LeftOut::Budget {
            cost_micro_usd: Some(9),
            left_micro_usd: 1,
            cap: Cap::Month,
        }));
        totals.close(speed(), None);
        assert_eq!(totals.expected_end, Some(at(1_010)));
        assert!(totals.binds[0].starts_with("orders per account"), "{:?}", totals.binds);
        let left_out = [
            "the budget: 1 host left out",
            "the budget of the month: 1 host left out",
        ];
        assert_eq!(totals.binds[1..], left_out);
    }

    #[test]
    fn a_reason_is_spelt_as_on_the_wire() {
        let all = [
            LeftOut::Cooldown { until: at(0) },
            LeftOut::ActiveRun { run_id: RunId::new() },
            LeftOut::Window { opens_at: None },
            LeftOut::Budget {
                cost_micro_usd: None,
                left_micro_usd: 0,
                cap: Cap::Job,
            },
            LeftOut::Quota {
                limit: "x".to_owned(),
                until: at(0),
            },
            LeftOut::Infeasible {
                why: Invalid::new("a", "b", "c"),
            },
            LeftOut::NoProvider { lost: Vec::new() },
            LeftOut::NoPolicy,
            LeftOut::UnknownHost,
        ];
        let spelt: Vec<String> = all
            .iter()
            .map(|one| {
                serde_json::to_value(one).expect("JSON")["reason"]
                    .as_str()
                    .expect("a word")
                    .to_owned()
            })
            .collect();
        assert_eq!(spelt, LeftOut::REASONS);
        assert!(all.iter().map(LeftOut::reason).eq(LeftOut::REASONS));
    }
}
