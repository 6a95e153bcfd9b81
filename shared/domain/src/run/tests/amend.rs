//! Resume means today's truth: every cell of the table.

use super::*;
use crate::target::Target;

fn with(plan: &Plan, states: Vec<TargetState>) -> RunState {
    let mut run = asking(Step::Deploy(0));
    run.progress = RunProgress {
        targets: states,
        verified: true,
        ..RunProgress::of(plan)
    };
    run
}

fn target(n: usize, change: serde_json::Value) -> Target {
    let mut spec =
        serde_json::json!({"kind": "file", "chain_path": format!("/t/{n}.crt"), "key_path": format!("/t/{n}.key")});
    let fields = spec.as_object_mut().expect("an object");
    fields.extend(change.as_object().expect("an object").clone());
    serde_json::from_value(spec).expect("a target")
}

fn amended(state: TargetState, targets: &[Target]) -> Option<Amended> {
    let plan = plan(1);
    let today = Today {
        port: 443,
        addresses: &[],
        targets,
    };
    amend(&plan, &with(&plan, vec![state]), today)
}

fn states() -> [(&'static str, TargetState); 7] {
    [
        ("pending", TargetState::Pending),
        (
            "aside",
            TargetState::Aside {
                until: at(9),
                failures: 1,
                failure: failure(),
            },
        ),
        (
            "stuck",
            TargetState::Stuck {
                question: failure().ask(),
                retry_at: None,
            },
        ),
        ("broken", TargetState::Broken { failure: failure() }),
        (
            "installed",
            TargetState::Installed {
                replaced: Some(former()),
            },
        ),
        ("returning", TargetState::Returning { to: former() }),
        ("rolled back", TargetState::RolledBack { to: former().leaf }),
    ]
}

#[test]
fn what_the_policy_says_as_before_is_no_amendment() {
    for (name, state) in states() {
        assert_eq!(amended(state, &[target(0, serde_json::json!({}))]), None, "{name}");
    }
}

#[test]
fn a_kept_target_takes_what_has_changed_and_is_deployed_again_where_it_was_installed() {
    let slower = target(
        0,
        serde_json::json!({"activate": "nginx", "activate_timeout_seconds": 90}),
    );
    for (name, state) in states() {
        let after = amended(state.clone(), std::slice::from_ref(&slower)).expect("an amendment");
        assert_eq!(after.plan.targets, std::slice::from_ref(&slower), "{name}");
        let expected = if name == "installed" {
            TargetState::Pending
        } else {
            state
        };
        assert_eq!(after.state.progress.targets, [expected], "{name}");
        assert_eq!(
            after.said,
            ["file /t/0.crt: activate unset → \"nginx\", activate_timeout_seconds 30 → 90"]
        );
    }
}

#[test]
fn other_addresses_of_an_installed_target_are_looked_at_and_nothing_is_deployed_for_them() {
    let elsewhere = target(0, serde_json::json!({"serves_at": ["192.0.2.1:443"]}));
    let installed = TargetState::Installed { replaced: None };
    let after = amended(installed.clone(), &[elsewhere]).expect("an amendment");
    assert_eq!(after.state.progress.targets, [installed]);
    assert!(!after.state.progress.verified);
}

#[test]
fn a_removed_target_is_left_as_it_is_unless_it_is_on_its_way_back() {
    let other = target(7, serde_json::json!({}));
    for (name, state) in states() {
        let after = amended(state.clone(), std::slice::from_ref(&other)).expect("an amendment");
        assert_eq!(after.plan.targets.len(), 2, "{name}: each target keeps its number");
        let left = match name {
            "returning" => state,
            _ => TargetState::Removed {
                installed: name == "installed",
            },
        };
        assert_eq!(after.state.progress.targets, [left, TargetState::Pending], "{name}");
        let stays = after.said.iter().any(|said| said.contains("put there stays"));
        assert_eq!(stays, name == "installed", "{name}: {:?}", after.said);
        assert!(after.said.iter().any(|said| said == "file /t/7.crt is a target now"));
    }
}

#[test]
fn a_target_that_comes_back_is_deployed() {
    for installed in [false, true] {
        let after = amended(TargetState::Removed { installed }, &[target(0, serde_json::json!({}))]);
        assert_eq!(
            after.expect("an amendment").state.progress.targets,
            [TargetState::Pending]
        );
    }
}

#[test]
fn other_addresses_of_the_host_are_looked_at() {
    let (plan, addresses) = (plan(1), ["192.0.2.7".parse().expect("an address")]);
    let run = with(&plan, vec![TargetState::Installed { replaced: None }]);
    let today = Today {
        port: 8443,
        addresses: &addresses,
        targets: &plan.targets,
    };
    let after = amend(&plan, &run, today).expect("an amendment");
    assert_eq!(
        (after.plan.port, after.plan.addresses.as_slice()),
        (8443, &addresses[..])
    );
    assert!(!after.state.progress.verified, "it is looked at again");
    assert_eq!(
        after.said,
        ["port 443 → 8443", "addresses to look at: those of the name → 192.0.2.7"]
    );
}

#[test]
fn a_run_goes_on_without_what_was_removed_and_with_what_was_added() {
    let plan = plan(2);
    let (kept, added) = (target(1, serde_json::json!({})), target(5, serde_json::json!({})));
    let stuck = TargetState::Stuck {
        question: failure().ask(),
        retry_at: None,
    };
    let run = with(&plan, vec![stuck, TargetState::Installed { replaced: None }]);
    let today = Today {
        port: 443,
        addresses: &[],
        targets: &[kept, added],
    };
    let after = amend(&plan, &run, today).expect("an amendment");
    let mut run = after.state;
    let mut seen = Vec::new();
    run = advance(&run, Intent::live(&after.plan), Event::Resumed, at(5)).expect("it asks");
    while let Some(step) = run.step() {
        seen.push(step.to_string());
        let out = advance(&run, Intent::live(&after.plan), Event::Released, at(5)).expect("its turn");
        run = advance(
            &out,
            Intent::live(&after.plan),
            report(out.attempt, step, done(step)),
            at(5),
        )
        .expect("its report");
    }
    assert_eq!(seen, ["deploy-2", "verify", "tidy"]);
    assert_eq!(run.status(), Status::Succeeded);
    assert!(run.progress.is_complete());
}
