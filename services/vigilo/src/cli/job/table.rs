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
            cost(totals, &job["spec"]),
            instant(&job["created_at"]),
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
        instant(&job["created_at"])
    ));
    for (name, value) in [("reason", &job["spec"]["reason"]), ("failed", &job["note"])] {
        if let Some(value) = value.as_str() {
            line(&format!("{name}: {value}"));
        }
    }
    let wishes = wishes(&job["spec"]);
    if !wishes.is_empty() {
        line(&format!("wanted: {}", wishes.join(", ")));
    }
    plan(job);
    if !job["committed_at"].is_null() {
        runs(job);
    }
    for act in job["acts"].as_array().into_iter().flatten() {
        show::one_act(act);
    }
    let nothing = job["totals"]["included"].as_u64().unwrap_or(0) == 0;
    if job["state"] == "planned" && job["hosts"] == 0 {
        line("no host of this workspace is meant by this filter; vigilo host list --json shows what each host carries");
    } else if job["state"] == "planned" && nothing {
        line(&format!(
            "nothing to do; why, host by host: vigilo job lines {}",
            text(&job["id"])
        ));
    } else if job["state"] == "planned" {
        line(&format!("to do it: vigilo bulk commit {}", text(&job["id"])));
    }
}

fn plan(job: &Value) {
    let totals = &job["totals"];
    line(&format!(
        "plan: {} of {} hosts, {}",
        text(&totals["included"]),
        text(&job["hosts"]),
        cost(totals, &job["spec"])
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
            known(share)
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
            instant(&totals["first_start"]),
            instant(&totals["last_start"]),
            instant(&totals["expected_end"])
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
    let spent = usd(&job["cost_so_far_micro_usd"]);
    match (job["eta"].as_str(), job["ended_at"].as_str()) {
        (_, Some(_)) => line(&format!("cost {spent}, ended at {}", instant(&job["ended_at"]))),
        (Some(_), None) => line(&format!("cost so far {spent}, ends about {}", instant(&job["eta"]))),
        (None, None) => line(&format!("cost so far {spent}")),
    }
}

pub fn lines(items: &[Value], json_wanted: bool, why_wanted: bool) {
    show::list(items, json_wanted, |item| {
        let mut shown = vec![one_line(item)];
        if why_wanted {
            shown.extend(reasoning(item));
        }
        shown.join("\n")
    });
}

fn one_line(item: &Value) -> String {
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
        instant(&item["start_at"]),
        later.unwrap_or_default(),
    )
}

/// Who issues and why, and who does not and why not.
fn reasoning(item: &Value) -> Vec<String> {
    let (choice, lost) = (&item["choice"], &item["lost"]);
    let won = choice["why"].as_str().map(|why| format!("             {why}"));
    let lost = [&choice["lost"], lost];
    let lost = lost.into_iter().filter_map(Value::as_array).flatten();
    let lost = lost.map(|one| {
        let name = ["id", "directory_url", "provider"];
        let name = name.into_iter().find_map(|field| one[field].as_str()).unwrap_or("–");
        let price = usd(&one["cost_micro_usd"]);
        format!("             not {name} ({price}): {}", text(&one["because"]))
    });
    won.into_iter().chain(lost).collect()
}

/// The reason with what it says beside.
fn why(item: &Value) -> String {
    let reason = text(&item["reason"]);
    let more = match reason.as_str() {
        "cooldown" => format!("until {}", instant(&item["until"])),
        "active_run" => format!("run {}", text(&item["run_id"])),
        "budget" => format!(
            "costs {}, {} left of {}",
            usd(&item["cost_micro_usd"]),
            price::usd(item["left_micro_usd"].as_u64().unwrap_or(0)),
            if item["cap"] == "month" { "the month" } else { "the job" }
        ),
        "quota" => format!("{} allows it at {}", text(&item["limit"]), instant(&item["until"])),
        "window" => match item["opens_at"].as_str() {
            Some(_) => format!("opens {}", instant(&item["opens_at"])),
            None => "those of the job and of the host are never open together".to_owned(),
        },
        "no_provider" => "no CA can serve its policy; who and why not: vigilo job lines --why".to_owned(),
        "infeasible" => super::super::client::invalid(&item["why"]),
        _ => return reason,
    };
    format!("{reason}: {more}")
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

/// What was asked for beside the filter, as far as it is not the usual.
fn wishes(spec: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |wish: Option<String>| said.extend(wish);
    say((spec["mode"] == "dry_run").then(|| "a rehearsal".to_owned()));
    say((spec["strategy"] == "cost-aware").then(|| "the cheapest CA that fits".to_owned()));
    say(spec["start_at"]
        .as_str()
        .map(|_| format!("from {}", instant(&spec["start_at"]))));
    say(spec["ends_at"]
        .as_str()
        .map(|_| format!("until {}", instant(&spec["ends_at"]))));
    for window in spec["windows"].as_array().into_iter().flatten() {
        let (cron, minutes, zone) = (text(&window["cron"]), text(&window["minutes"]), text(&window["zone"]));
        say(Some(format!("inside \"{cron};{minutes};{zone}\"")));
    }
    say(spec["budget_micro_usd"]
        .as_u64()
        .map(|cap| format!("for at most {}", price::usd(cap))));
    say(spec["concurrency"].as_u64().map(|cap| format!("at most {cap} at once")));
    say(match spec["cooldown"].as_str() {
        Some("schedule") => Some("after cooldowns".to_owned()),
        Some("ignore") => Some("despite cooldowns".to_owned()),
        Some(_) | None => None,
    });
    let canary = &spec["canary"];
    say(canary["percent"]
        .as_u64()
        .map(|percent| format!("{percent} % go first")));
    say(canary["count"].as_u64().map(|count| format!("{count} go first")));
    said
}

/// To the second, as a person reads it.
fn instant(value: &Value) -> String {
    let whole = text(value);
    match whole.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => whole,
    }
}

/// What a plan costs, as far as it is known: what nobody knows is never free.
fn cost(totals: &Value, spec: &Value) -> String {
    if spec["mode"] == "dry_run" {
        return "nothing is issued".to_owned();
    }
    known(totals)
}

fn known(sum: &Value) -> String {
    let (cost, unknown) = (&sum["cost_micro_usd"], sum["price_unknown"].as_u64().unwrap_or(0));
    match (cost.as_u64(), unknown) {
        (None | Some(0), 1..) => price::shown(None),
        (Some(cost), 1..) => format!("{} and more", price::usd(cost)),
        (_, 0) => usd(cost),
    }
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
        let never = why(&json!({"reason": "window", "opens_at": null}));
        assert!(never.contains("never open together"), "{never}");
    }

    #[test]
    fn what_nobody_knows_is_not_free_and_a_rehearsal_costs_nothing() {
        let sum = |cost: u64, unknown: u32| json!({"cost_micro_usd": cost, "price_unknown": unknown});
        let live = json!({"mode": "live"});
        for (sum, said) in [
            (sum(0, 0), "free"),
            (sum(0, 60), "price not known"),
            (sum(500_000, 0), "0.50 USD"),
            (sum(500_000, 1), "0.50 USD and more"),
        ] {
            assert_eq!(cost(&sum, &live), said);
        }
        assert_eq!(
            cost(&sum(7_000_000, 0), &json!({"mode": "dry_run"})),
            "nothing is issued"
        );
    }

    #[test]
    fn a_plan_says_what_was_wanted() {
        let spec = json!({"mode": "dry_run", "strategy": "cost-aware", "start_at": "2026-12-01T21:00:00.5Z",
                          "windows": [{"cron": "0 22 * * *", "minutes": 480, "zone": "UTC"}], "cooldown": "schedule",
                          "budget_micro_usd": 250_000_000, "concurrency": 4, "canary": {"percent": 1}});
        let said = "a rehearsal, the cheapest CA that fits, from 2026-12-01T21:00:00Z, inside \"0 22 * * *;480;UTC\", \
                    for at most 250.00 USD, at most 4 at once, after cooldowns, 1 % go first";
        assert_eq!(wishes(&spec).join(", "), said);
        let usual = json!({"mode": "live", "strategy": "policy-default", "cooldown": "leave_out", "windows": []});
        assert!(wishes(&usual).is_empty());
    }

    #[test]
    fn the_reasoning_names_who_lost_and_why() {
        let lost = json!([{"id": "pb", "because": "the policy pins its own provider", "cost_micro_usd": 100_000}]);
        let item = json!({"decision": "included", "choice": {"why": "the only one that fits", "lost": lost}});
        let said = reasoning(&item).join("\n");
        assert!(
            said.contains("the only one") && said.contains("not pb (0.10 USD): the policy pins"),
            "{said}"
        );
    }
}
