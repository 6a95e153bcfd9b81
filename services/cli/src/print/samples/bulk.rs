//! Bulk renewals.

use api::jobs::JobDetail;
use serde_json::{Value, json};

use super::{AT, ID, LATER, LE, OTHER_RUN, RUN, read, with};

pub fn job_value() -> Value {
    let spec = json!({
        "filter": { "tags": ["edge"] }, "strategy": "cost-aware", "mode": "live", "start_at": LATER, "ends_at": LATER,
        "windows": [{ "cron": "0 22 * * *", "minutes": 480, "zone": "Europe/Berlin" }],
        "budget_micro_usd": 250_000_000, "concurrency": 4, "cooldown": "schedule", "canary": { "percent": 1 },
        "halt": { "percent": 20, "at_least": 3 }, "reason": "the intermediate is replaced",
    });
    let totals = json!({
        "hosts": 12, "included": 10, "left_out": { "cooldown": 1, "no_policy": 1 },
        "providers": { (LE): { "hosts": 8, "cost_micro_usd": 0 },
                       "https://ca.example.org/dir": { "hosts": 2, "cost_micro_usd": 14_000_000, "price_unknown": 1 } },
        "cost_micro_usd": 14_000_000, "price_unknown": 1, "month_left_micro_usd": 10_000_000, "beyond_month": 0,
        "first_start": LATER, "last_start": LATER, "waits_for": { "new orders per account": 3 },
        "despite": { "the cooldown of its policy": 2 }, "last_waits_for": "new orders per account",
        "expected_end": LATER, "binds": ["new orders per account", "4 at once"],
    });
    json!({
        "id": ID, "state": "running", "note": null, "paused_by": null,
        "halts": [{ "shared": { "ca": LE }, "code": "ISS-0007", "failed": 3, "ended": 5, "at": AT,
                    "what": "3 of 5 runs at this CA failed with ISS-0007", "help": "/api/v1/errors/ISS-0007" }],
        "waits_for_cohort": true, "spec": spec, "requested_by": "ann", "created_at": AT, "hosts": 12, "decided": 12,
        "totals": totals, "planned_at": AT, "committed_at": AT, "committed_by": "ann", "cancelled_by": null,
        "ended_at": null,
    })
}

pub fn job_detail() -> Value {
    with(
        job_value(),
        json!({
            "progress": { "queued": 4, "held": 1, "running": 2, "succeeded": 2, "failed": 3, "needs_manual": 0,
                          "cancelled": 0, "refused": 0 },
            "eta": LATER, "cost_so_far_micro_usd": 7_000_000,
            "acts": [{ "at": AT, "verb": "commit", "by": "ann", "note": "" }],
        }),
    )
}

pub fn planned() -> Value {
    let planned = json!({ "state": "planned", "committed_at": null, "halts": [], "acts": [] });
    with(job_detail(), planned)
}

pub fn job() -> JobDetail {
    read(&job_detail())
}

#[expect(clippy::too_many_lines, reason = "a line for each decision")]
pub fn job_lines() -> Value {
    let beside = json!({
        "hostname": "www.example.org", "in_cohort": false, "run_status": null, "held": null, "refused": null,
    });
    let lost =
        json!([{ "provider": "acme", "id": "sectigo", "cost_micro_usd": 7_000_000, "because": "it costs more" }]);
    let choice = json!({
        "provider": "letsencrypt", "id": "letsencrypt", "directory_url": LE, "why": "the only one that fits",
        "cost_micro_usd": 0, "lost": lost,
    });
    let left_out = |nr: u32, reason: Value| {
        let line = with(
            beside.clone(),
            json!({ "nr": nr, "run_id": null, "decision": "left_out" }),
        );
        with(line, reason)
    };
    let included = |nr: u32, more: Value| {
        let line = json!({ "nr": nr, "run_id": RUN, "decision": "included", "choice": choice, "start_at": LATER });
        with(with(beside.clone(), line), more)
    };
    json!([
        included(1, json!({})),
        included(
            2,
            json!({ "waits_for": "new orders per account", "run_status": "queued", "held": "its job is paused" })
        ),
        included(
            3,
            json!({ "despite": "the cooldown of its policy", "refused": "policy_gone" })
        ),
        left_out(4, json!({ "reason": "cooldown", "until": LATER })),
        left_out(5, json!({ "reason": "active_run", "run_id": OTHER_RUN })),
        left_out(6, json!({ "reason": "window", "opens_at": LATER })),
        left_out(7, json!({ "reason": "window" })),
        left_out(
            8,
            json!({ "reason": "budget", "cost_micro_usd": 7_000_000, "left_micro_usd": 500_000, "cap": "job" })
        ),
        left_out(9, json!({ "reason": "budget", "left_micro_usd": 0, "cap": "month" })),
        left_out(
            10,
            json!({ "reason": "quota", "limit": "new orders per account", "until": LATER })
        ),
        left_out(
            11,
            json!({ "reason": "infeasible", "why": { "field": "sans", "problem": "a wildcard", "remedy": "use dns-01" } })
        ),
        left_out(12, json!({ "reason": "no_provider", "lost": lost })),
        left_out(13, json!({ "reason": "no_policy" })),
        left_out(14, json!({ "reason": "unknown_host" })),
    ])
}
