//! What a resumed run takes from today's policy. Pure.
//!
//! ```text
//!                   │ to be deployed        │ installed                            │ to be put back  │ put back
//! ──────────────────┼───────────────────────┼──────────────────────────────────────┼─────────────────┼──────────────
//! kept              │ stays                 │ stays                                │ stays           │ stays
//! kept, changed     │ stays, as changed     │ to be deployed, as changed; only its │ stays, as       │ stays, as
//!                   │                       │ addresses: looked at again           │ changed         │ changed
//! added             │ to be deployed        │ –                                    │ –               │ –
//! removed           │ removed               │ removed; the new certificate stays   │ stays           │ removed
//! removed, added    │ to be deployed        │ to be deployed                       │ –               │ –
//! ```
//! A target is kept when today's policy names the same files. Each keeps its number, removed ones too: orders, receipts and the
//! record are found by it. Names, key and CA never change in a run: what differs there is of the next one (`of_the_next`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::{RunState, TargetState};
use crate::plan::Plan;
use crate::policy::PolicyFacts;
use crate::target::Target;

/// What the policy and its host say now.
#[derive(Debug, Clone, Copy)]
pub struct Today<'a> {
    pub port: u16,
    pub addresses: &'a [IpAddr],
    pub targets: &'a [Target],
}

impl<'a> Today<'a> {
    pub fn of(facts: &'a PolicyFacts) -> Self {
        Self {
            port: facts.port,
            addresses: &facts.addresses,
            targets: &facts.policy.spec.targets,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    pub plan: Plan,
    pub state: RunState,
    /// What has changed, each in one sentence without its full stop.
    pub said: Vec<String>,
}

/// Nothing when the plan says what the policy says.
pub fn amend(plan: &Plan, state: &RunState, today: Today<'_>) -> Option<Amended> {
    let mut amended = Amended {
        plan: plan.clone(),
        state: state.clone(),
        said: Vec::new(),
    };
    amended.take_address(today);
    for index in 0..plan.targets.len() {
        let known = plan.targets.get(index).and_then(|own| same_place(own, today.targets));
        match known {
            Some(target) => amended.keep(index, target),
            None => amended.remove(index),
        }
    }
    for target in today.targets {
        if same_place(target, &plan.targets).is_none() {
            amended.add(target);
        }
    }
    (!amended.said.is_empty()).then_some(amended)
}

fn same_place<'a>(target: &Target, among: &'a [Target]) -> Option<&'a Target> {
    among.iter().find(|one| one.is_same_place(target))
}

impl Amended {
    fn take_address(&mut self, today: Today<'_>) {
        if self.plan.port != today.port {
            self.said.push(format!("port {} → {}", self.plan.port, today.port));
            self.plan.port = today.port;
            self.state.progress.verified = false;
        }
        if self.plan.addresses != today.addresses {
            let list = |all: &[IpAddr]| match all {
                [] => "those of the name".to_owned(),
                all => all.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "),
            };
            let (from, to) = (list(&self.plan.addresses), list(today.addresses));
            self.said.push(format!("addresses to look at: {from} → {to}"));
            self.plan.addresses = today.addresses.to_vec();
            self.state.progress.verified = false;
        }
    }

    fn keep(&mut self, index: usize, target: &Target) {
        let progress = &mut self.state.progress;
        let (Some(own), Some(state)) = (self.plan.targets.get_mut(index), progress.targets.get_mut(index)) else {
            return;
        };
        let is_back = matches!(state, TargetState::Removed { .. });
        let differences = differences(own, target);
        if is_back {
            self.said.push(format!("{} is a target again", target.body().title()));
        }
        if !differences.is_empty() {
            self.said
                .push(format!("{}: {}", target.body().title(), differences.join(", ")));
            progress.verified = false;
        }
        let only_addresses = differences.iter().all(|one| one.starts_with(ADDRESSES));
        if is_back || (Self::is_installed(state) && !only_addresses) {
            *state = TargetState::Pending;
        }
        own.clone_from(target);
    }

    fn is_installed(state: &TargetState) -> bool {
        matches!(state, TargetState::Installed { .. })
    }

    fn remove(&mut self, index: usize) {
        let progress = &mut self.state.progress;
        let unproven = u16::try_from(index).is_ok_and(|index| progress.unproven(index).is_some());
        let (Some(own), Some(state)) = (self.plan.targets.get(index), progress.targets.get_mut(index)) else {
            return;
        };
        let installed = match state {
            TargetState::Removed { .. } | TargetState::Returning { .. } => return,
            TargetState::Installed { .. } => true,
            TargetState::Pending
            | TargetState::Aside { .. }
            | TargetState::Stuck { .. }
            | TargetState::Broken { .. }
            | TargetState::RolledBack { .. } => false,
        };
        let stays = if installed || unproven {
            "; the new certificate that this run put there stays"
        } else {
            ""
        };
        *state = TargetState::Removed { installed };
        self.said
            .push(format!("{} is no target any more{stays}", own.body().title()));
    }

    fn add(&mut self, target: &Target) {
        self.said.push(format!("{} is a target now", target.body().title()));
        self.plan.targets.push(target.clone());
        self.state.progress.targets.push(TargetState::Pending);
    }
}

const ADDRESSES: &str = "serves_at ";

/// Field by field, as policies call them.
fn differences(from: &Target, to: &Target) -> Vec<String> {
    let (before, after) = (fields(from), fields(to));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let said = |value: Option<&Value>| {
        value
            .filter(|value| !value.is_null())
            .map_or("unset".to_owned(), Value::to_string)
    };
    changed
        .map(|name| format!("{name} {} → {}", said(before.get(name)), said(after.get(name))))
        .collect()
}

fn fields(target: &Target) -> BTreeMap<String, Value> {
    let mut fields = match serde_json::to_value(target) {
        Ok(Value::Object(fields)) => fields.into_iter().collect::<BTreeMap<_, _>>(),
        Ok(_) | Err(_) => BTreeMap::new(),
    };
    // Its default is left out where targets are written, and is a number all the same.
    if let Some(seconds) = target.body().common().activate_timeout_seconds {
        fields.insert("activate_timeout_seconds".to_owned(), seconds.into());
    }
    fields
}

/// What today's policy says otherwise of the certificate itself: this run does not take it.
pub fn of_the_next(plan: &Plan, facts: &PolicyFacts) -> Vec<&'static str> {
    let spec = &facts.policy.spec;
    // A cost-aware choice says who lost; it is no difference that another CA than the policy's was taken.
    let own_ca = plan.choice.lost.is_empty().then(|| spec.ca().ok()).flatten();
    let differs = [
        ("names", plan.names != spec.names()),
        ("CA", own_ca.is_some_and(|ca| ca != plan.choice.ca)),
        ("profile", plan.profile != spec.profile),
        ("key algorithm", plan.key_algorithm != spec.key_algorithm),
        ("key source", plan.key_source != spec.key_source),
        ("challenge", plan.challenge != spec.challenge),
    ];
    let named = differs.into_iter().filter(|(_, is_other)| *is_other);
    named.map(|(name, _)| name).collect()
}
