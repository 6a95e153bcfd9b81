use std::time::Duration;

use domain::RunId;
use domain::WorkspaceId;
use domain::filter::Filter;
use domain::job::JobSpec;
use domain::limit::{Limit, Scope};
use domain::policy::PolicyFacts;
use domain::provider::Catalogue;
use domain::run::Position;
use samples::CA;
use serde_json::{Value, json};

use super::*;

/// Midnight of 1 January 2026, a Thursday.
fn at(seconds: u64) -> Timestamp {
    let midnight = Timestamp::from_unix(1_767_225_600).expect("an instant");
    midnight.plus(Duration::from_secs(seconds))
}

fn facts(name: &str, more: Value) -> PolicyFacts {
    samples::facts_of(samples::new_policy_with(name, more))
}

fn spec(body: Value) -> JobSpec {
    serde_json::from_value(samples::with(json!({"filter": {}}), body)).expect("a spec")
}

/// A plan that is being made.
struct Draft {
    job: Job,
    left: Left,
    facts: Facts,
}

impl Draft {
    fn new(body: Value, limits: Vec<Limit>) -> Self {
        let workspace = WorkspaceId::default_workspace();
        let job = crate::jobs::new_job(&workspace, spec(body), "ann", at(0));
        let left = Left {
            budgets: job
                .spec
                .budget_micro_usd
                .map(|cap| (Cap::Job, cap))
                .into_iter()
                .collect(),
            quotas: Quotas::new(limits, Vec::new()),
        };
        let facts = Facts::new(Catalogue::default(), at(0));
        Self { job, left, facts }
    }

    fn decide(&mut self, facts: &PolicyFacts, active: Option<RunId>) -> Decision {
        self.decide_run(facts, active).0
    }

    fn decide_run(&mut self, facts: &PolicyFacts, active: Option<RunId>) -> (Decision, Option<NewRun>) {
        let terms = Terms {
            job: &self.job,
            ladder: &Ladder::default(),
            facts: &self.facts,
        };
        let (decision, run) = decide(KnownName::Policy(KnownPolicy { facts, active }), &terms, &mut self.left);
        if let (Decision::Included(included), Some(run)) = (&decision, &run) {
            let Position::Waiting { until, .. } = &run.state.position else {
                panic!("it is queued");
            };
            assert_eq!(*until, included.start_at, "the run begins as planned");
        }
        (decision, run)
    }
}

fn begins(decision: &Decision) -> (u64, Option<&str>) {
    match decision {
        Decision::Included(included) => (included.start_at.since(at(0)).as_secs(), included.waits_for.as_deref()),
        Decision::LeftOut(why) => panic!("left out: {why:?}"),
    }
}

fn reason(decision: &Decision) -> &'static str {
    match decision {
        Decision::LeftOut(why) => why.reason(),
        Decision::Included(_) => "included",
    }
}

#[test]
fn a_host_inside_its_cooldown_is_left_out_or_scheduled_as_asked() {
    let mut resting = facts("a.example.org", json!({"cooldown_seconds": 600}));
    resting.last_live_at = Some(at(0));
    let decide = |body| Draft::new(body, Vec::new()).decide(&resting, None);
    assert_eq!(reason(&decide(json!({}))), "cooldown");
    let scheduled = decide(json!({"cooldown": "schedule"}));
    assert_eq!(begins(&scheduled), (600, Some("the cooldown of the policy")));
    assert_eq!(
        reason(&decide(json!({"cooldown": "schedule", "ends_at": at(600)}))),
        "cooldown"
    );
    assert_eq!(begins(&decide(json!({"start_at": at(700)}))), (700, None));
    assert_eq!(
        reason(&decide(json!({"mode": "dry_run"}))),
        "included",
        "a dry run is free"
    );
}

#[test]
fn a_host_that_is_being_renewed_is_left_out() {
    let busy = facts("a.example.org", json!({}));
    let mut draft = Draft::new(json!({}), Vec::new());
    assert_eq!(reason(&draft.decide(&busy, Some(RunId::new()))), "active_run");
}

#[test]
fn it_begins_when_the_windows_of_job_and_host_are_open_together() {
    let night = json!({"windows": [{"cron": "0 2 * * *", "minutes": 120}]});
    let host = facts("a.example.org", night);
    let decide = |body| Draft::new(body, Vec::new()).decide(&host, None);
    assert_eq!(begins(&decide(json!({}))), (7_200, Some("a maintenance window")));
    let late = json!({"windows": [{"cron": "0 3 * * *", "minutes": 60}]});
    assert_eq!(begins(&decide(late)), (10_800, Some("a maintenance window")));
    assert_eq!(reason(&decide(json!({"ends_at": at(7_200)}))), "window");
    let never = json!({"windows": [{"cron": "0 12 * * *", "minutes": 60}], "ends_at": at(86_400)});
    assert_eq!(reason(&decide(never)), "window");
}

#[test]
fn a_run_keeps_the_windows_of_its_job_and_of_its_host_however_late_it_becomes() {
    let night = json!({"windows": [{"cron": "0 2 * * *", "minutes": 120}]});
    let late = json!({"windows": [{"cron": "0 3 * * *", "minutes": 30}]});
    let (_, run) = Draft::new(late, Vec::new()).decide_run(&facts("a.example.org", night), None);
    let run = run.expect("it is included");
    let run = store::LoadedRun {
        head: run.head,
        plan: run.plan,
        state: run.state,
        queue_position: run.queue_position,
    };
    let tomorrow = 86_400 + 10_800;
    for (now, opens) in [
        (7_200, Some(10_800)),
        (10_800, None),
        (12_600, Some(tomorrow)),
        (14_400, Some(tomorrow)),
    ] {
        let closed = crate::decide::pace::closed_until(&run, at(now));
        assert_eq!(closed, opens.map(at), "at second {now}");
    }
}

fn limit(burst: u32, period_seconds: u32) -> Limit {
    Limit {
        id: "orders".to_owned(),
        ca: CA.parse().expect("a CA"),
        scope: Scope::Account,
        title: "new orders per account".to_owned(),
        burst,
        period_seconds,
        source: "a test".to_owned(),
        last_verified: "2026-08-05".to_owned(),
        enabled: true,
    }
}

#[test]
fn orders_are_laid_out_as_the_ca_allows_and_what_comes_too_late_is_left_out() {
    let mut draft = Draft::new(json!({"ends_at": at(150)}), vec![limit(2, 100)]);
    let mut decide = |name: &str| draft.decide(&facts(name, json!({})), None);
    assert_eq!(begins(&decide("a.example.org")), (0, None));
    assert_eq!(begins(&decide("b.example.org")), (0, None));
    assert_eq!(begins(&decide("c.example.org")), (100, Some("new orders per account")));
    assert_eq!(reason(&decide("d.example.org")), "quota");
}

#[test]
fn what_cannot_work_is_left_out_with_its_reason() {
    let broken = facts("a.example.org", json!({"targets": []}));
    let mut draft = Draft::new(json!({}), Vec::new());
    let Decision::LeftOut(LeftOut::Infeasible { why }) = draft.decide(&broken, None) else {
        panic!("it was included")
    };
    assert_eq!(why.field, "targets");
    let terms = Terms {
        job: &draft.job,
        ladder: &Ladder::default(),
        facts: &draft.facts,
    };
    let mut left = Left {
        budgets: Vec::new(),
        quotas: Quotas::new(Vec::new(), Vec::new()),
    };
    assert_eq!(reason(&decide(KnownName::HostAlone, &terms, &mut left).0), "no_policy");
    assert_eq!(reason(&decide(KnownName::Nothing, &terms, &mut left).0), "unknown_host");
    assert_eq!(draft.job.spec.filter, Filter::default());
}

#[test]
fn a_price_that_nobody_knows_fits_into_no_budget() {
    let mut draft = Draft::new(json!({"budget_micro_usd": 1_000_000}), Vec::new());
    let Decision::LeftOut(why) = draft.decide(&facts("a.example.org", json!({})), None) else {
        panic!("it was included")
    };
    let nothing_known = LeftOut::Budget {
        cost_micro_usd: None,
        left_micro_usd: 1_000_000,
        cap: Cap::Job,
    };
    assert_eq!(why, nothing_known);
}

/// The CA of these tests at a price.
fn priced(micro_usd: u64) -> Catalogue {
    let price = json!({"micro_usd": micro_usd});
    let entry = samples::provider(
        "priced",
        json!({"directory_url": CA, "price": price, "last_verified": null}),
    );
    Catalogue::new(vec![entry], Vec::new(), at(0))
}

#[test]
fn whichever_budget_is_the_tighter_binds_and_is_named() {
    let mut draft = Draft::new(json!({}), Vec::new());
    draft.facts.catalogue = priced(3);
    draft.left.budgets = vec![(Cap::Job, 7), (Cap::Month, 10)];
    let decide = |draft: &mut Draft, name: &str| draft.decide(&facts(name, json!({})), None);
    assert_eq!(reason(&decide(&mut draft, "a.example.org")), "included");
    assert_eq!(reason(&decide(&mut draft, "b.example.org")), "included");
    let (cost_micro_usd, left_micro_usd) = (Some(3), 1);
    let beyond = |cap| {
        Decision::LeftOut(LeftOut::Budget {
            cost_micro_usd,
            left_micro_usd,
            cap,
        })
    };
    assert_eq!(decide(&mut draft, "c.example.org"), beyond(Cap::Job));
    assert_eq!(draft.left.budgets, [(Cap::Job, 1), (Cap::Month, 4)]);
    draft.left.budgets = vec![(Cap::Job, 7), (Cap::Month, 1)];
    assert_eq!(decide(&mut draft, "d.example.org"), beyond(Cap::Month));
    draft.facts.catalogue = priced(0);
    draft.left.budgets = vec![(Cap::Month, 0)];
    assert_eq!(reason(&decide(&mut draft, "e.example.org")), "included", "it is free");
}

#[test]
fn what_must_not_be_served_any_longer_waits_for_no_cooldown_and_says_so() {
    let mut resting = facts("a.example.org", json!({"cooldown_seconds": 600}));
    resting.last_live_at = Some(at(0));
    let decision = Draft::new(json!({"cooldown": "ignore"}), Vec::new()).decide(&resting, None);
    let Decision::Included(included) = decision else {
        panic!("{decision:?}")
    };
    assert_eq!((included.start_at, included.waits_for), (at(0), None));
    assert_eq!(included.despite.as_deref(), Some("the cooldown of the policy"));
}

#[test]
fn a_rehearsal_costs_nothing_and_no_budget_leaves_it_out() {
    let mut draft = Draft::new(json!({"mode": "dry_run", "budget_micro_usd": 1}), Vec::new());
    draft.facts.catalogue = priced(7_000_000);
    let (decision, run) = draft.decide_run(&facts("www.example.org", json!({})), None);
    let Decision::Included(included) = decision else {
        panic!("it is left out")
    };
    assert_eq!(included.choice.cost_micro_usd, Some(0));
    assert_eq!(run.expect("a run").plan.choice.cost_micro_usd, Some(7_000_000));
}

#[test]
fn a_run_that_is_planned_for_later_says_because_of_what() {
    let body = json!({"windows": [{"cron": "0 3 * * *", "minutes": 60}], "reason": "the yearly exercise"});
    let mut draft = Draft::new(body, Vec::new());
    let (_, run) = draft.decide_run(&facts("www.example.org", json!({})), None);
    let why = run.expect("a run").plan.why_now.expect("a reason");
    assert_eq!(
        why,
        "the yearly exercise; planned for 2026-01-01T03:00:00Z: a maintenance window"
    );
}
