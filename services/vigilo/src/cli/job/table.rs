//! Jobs on a terminal: the plan in numbers, and where its runs stand.

use domain::price;
use serde_json::{Map, Value};

use super::super::show::{self, line, text};

pub fn list(items: &[Value], json_wanted: bool) {
    show::list(items, json_wanted, |job| {
        let totals = &job["totals"];
        format!(
            "{}  {:<10} {:>7} of {:>7} hosts  {:>12}  {}  {}",
            text(&job["id"]),
            stands(job),
            text(&totals["included"]),
            text(&job["hosts"]),
            usd(&totals["cost_micro_usd"]),
            text(&job["created_at"]),
            text(&job["requested_by"]),
        )
    });
}

/// The state, and what people call it when something stops it.
pub fn stands(job: &Value) -> String {
    let state = text(&job["state"]);
    let halted = job["halts"].as_array().is_some_and(|halts| !halts.is_empty());
    match (state.as_str(), job["paused_by"].is_null(), halted) {
        ("committing" | "running", false, _) => "paused".to_owned(),
        ("committing" | "running", true, true) => "halted".to_owned(),
        _ => state,
    }
}

pub fn whole(job: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&job.to_string());
    }
    line(&format!(
        "job {}  {}  asked for by {} at {}",
        text(&job["id"]),
        stands(job),
        text(&job["requested_by"]),
        text(&job["created_at"])
    ));
    for (name, value) in [("reason", &job["spec"]["reason"]), ("failed", &job["note"])] {
        if let Some(value) = value.as_str() {
            line(&format!("{name}: {value}"));
        }
    }
    plan(job);
    if !job["committed_at"].is_null() {
        runs(job);
    }
    for act in job["acts"].as_array().into_iter().flatten() {
        show::one_act(act);
    }
    if job["state"] == "planned" {
        line(&format!("to do it: vigilo bulk commit {}", text(&job["id"])));
    }
}

fn plan(job: &Value) {
    let totals = &job["totals"];
    line(&format!(
        "plan: {} of {} hosts, {}",
        text(&totals["included"]),
        text(&job["hosts"]),
        usd(&totals["cost_micro_usd"])
    ));
    if let Some(hosts @ 1..) = totals["price_unknown"].as_u64() {
        line(&format!(
            "  {hosts:>7}  at a price that is not known, and not in the sum"
        ));
    }
    month(totals);
    for (directory, share) in entries(&totals["providers"]) {
        line(&format!(
            "  {:>7}  {directory}  {}",
            text(&share["hosts"]),
            usd(&share["cost_micro_usd"])
        ));
    }
    for (reason, hosts) in entries(&totals["left_out"]) {
        line(&format!("  {:>7}  left out: {reason}", text(hosts)));
    }
    for (limit, hosts) in entries(&totals["waits_for"]) {
        line(&format!("  {:>7}  begin later: {limit}", text(hosts)));
    }
    for (passed, hosts) in entries(&totals["despite"]) {
        line(&format!("  {:>7}  despite {passed}", text(hosts)));
    }
    if !totals["first_start"].is_null() {
        line(&format!(
            "begins {}, the last at {}, ends about {}",
            text(&totals["first_start"]),
            text(&totals["last_start"]),
            text(&totals["expected_end"])
        ));
    }
    for (index, limit) in totals["binds"].as_array().into_iter().flatten().enumerate() {
        let name = if index == 0 { "what binds" } else { "          " };
        line(&format!("{name}: {}", text(limit)));
    }
}

fn month(totals: &Value) {
    let Some(left) = totals["month_left_micro_usd"].as_u64() else {
        return;
    };
    let cost = totals["cost_micro_usd"].as_u64().unwrap_or(0);
    let after = match left.checked_sub(cost) {
        Some(rest) => format!("{} after it", price::usd(rest)),
        None => format!("it goes beyond by {}", price::usd(cost - left)),
    };
    line(&format!(
        "the month's budget has {} left before this plan, {after}",
        price::usd(left)
    ));
}

fn runs(job: &Value) {
    let told: Vec<String> = entries(&job["progress"])
        .filter(|(_, runs)| runs.as_u64() != Some(0))
        .map(|(status, runs)| format!("{} {status}", text(runs)))
        .collect();
    line(&format!("runs: {}", told.join(", ")));
    if job["waits_for_cohort"] == true {
        line("the first cohort is not verified yet; the others wait");
    }
    for halt in job["halts"].as_array().into_iter().flatten() {
        line(&format!(
            "{}; more on it: vigilo explain {}",
            text(&halt["what"]),
            text(&halt["code"])
        ));
    }
    if let Some(by) = job["paused_by"].as_str() {
        line(&format!("paused by {by}"));
    }
    line(&format!(
        "cost so far {}, ends about {}",
        usd(&job["cost_so_far_micro_usd"]),
        text(&job["eta"])
    ));
}

pub fn lines(items: &[Value], json_wanted: bool) {
    show::list(items, json_wanted, |item| {
        let number = text(&item["nr"]);
        let name = text(&item["hostname"]);
        if item["decision"] == "left_out" {
            return format!("{number:>7}  {name:<40} left out: {}", why(item));
        }
        let choice = &item["choice"];
        let stands = [&item["held"], &item["refused"], &item["run_status"]];
        let stands = stands.into_iter().find_map(Value::as_str).unwrap_or("planned");
        let later = item["waits_for"].as_str().map(|limit| format!(" ({limit})"));
        let despite = item["despite"].as_str().map(|passed| format!(" (despite {passed})"));
        let later = later.or(despite);
        format!(
            "{number:>7}  {name:<40} {}  {:>10}  {}{}  {stands}",
            text(&choice["directory_url"]),
            usd(&choice["cost_micro_usd"]),
            text(&item["start_at"]),
            later.unwrap_or_default(),
        )
    });
}

/// The reason with what it says beside.
fn why(item: &Value) -> String {
    let reason = text(&item["reason"]);
    let more = match reason.as_str() {
        "cooldown" => format!("until {}", text(&item["until"])),
        "active_run" => format!("run {}", text(&item["run_id"])),
        "budget" => format!(
            "costs {}, {} left of {}",
            usd(&item["cost_micro_usd"]),
            price::usd(item["left_micro_usd"].as_u64().unwrap_or(0)),
            if item["cap"] == "month" { "the month" } else { "the job" }
        ),
        "quota" => format!("{} until {}", text(&item["limit"]), text(&item["until"])),
        "window" => format!("opens {}", text(&item["opens_at"])),
        "infeasible" => super::super::client::invalid(&item["why"]),
        _ => return reason,
    };
    format!("{reason}: {more}")
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

fn usd(micro: &Value) -> String {
    price::shown(micro.as_u64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_that_something_stops_says_so() {
        let job = |paused: Value, halts: Value| json!({"state": "running", "paused_by": paused, "halts": halts});
        assert_eq!(stands(&job(Value::Null, json!([]))), "running");
        assert_eq!(stands(&job(json!("ann"), json!([{}]))), "paused");
        assert_eq!(stands(&job(Value::Null, json!([{}]))), "halted");
    }

    #[test]
    fn a_reason_says_what_is_beside_it() {
        let left_out = json!({"reason": "budget", "cost_micro_usd": 7_000_000, "left_micro_usd": 500_000});
        assert_eq!(why(&left_out), "budget: costs 7.00 USD, 0.50 USD left of the job");
        let of_month = json!({"reason": "budget", "cost_micro_usd": null, "left_micro_usd": 0, "cap": "month"});
        assert_eq!(
            why(&of_month),
            "budget: costs price not known, 0.00 USD left of the month"
        );
        assert_eq!(why(&json!({"reason": "no_policy"})), "no_policy");
    }
}
