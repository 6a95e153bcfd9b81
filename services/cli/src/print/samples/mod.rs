//! Answers of the API as it writes them, for tests of what is printed.

mod bulk;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use bulk::{job, job_detail, job_lines, job_value, planned};

pub const RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
pub const OTHER_RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8059";
const AT: &str = "2026-11-30T10:00:05.123456Z";
const LATER: &str = "2026-11-30T22:00:00Z";
const LE: &str = "https://acme-v02.api.letsencrypt.org/directory";
const FINGERPRINT: &str = "5f2b9e0c1d3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4";

/// The type that a sample is of.
pub fn read<T: DeserializeOwned>(sample: &Value) -> T {
    serde_json::from_value(sample.clone()).unwrap_or_else(|why| panic!("{why}: {sample:#}"))
}

pub fn with(mut sample: Value, changes: Value) -> Value {
    if let (Some(fields), Value::Object(changes)) = (sample.as_object_mut(), changes) {
        fields.extend(changes);
    }
    sample
}

fn failure(code: &str) -> Value {
    json!({
        "code": code, "what": "a.example.org: connection refused (connection); b.example.org: no answer (dns)",
        "hint": "open port 80 of a.example.org to the CA, then resume", "help": format!("/api/v1/errors/{code}"),
    })
}

pub fn standing() -> Value {
    json!({
        "id": RUN, "hostname": "www.example.org", "status": "queued", "step": "prepare-key", "because": "turn",
        "waits_for": "waits for its turn at prepare-key", "held": null, "question": null, "failure": null,
    })
}

/// A run that asks a person.
pub fn asking() -> Value {
    let question = with(
        failure("ISS-0007"),
        json!({ "answers": ["resume", "resolve", "cancel", "new_account", "already_installed", "take_served"] }),
    );
    with(
        standing(),
        json!({
            "status": "needs_manual", "step": "issue", "because": null, "waits_for": null, "question": question,
        }),
    )
}

pub fn run(standing: Value) -> Value {
    let choice = json!({
        "provider": "letsencrypt", "id": "letsencrypt", "directory_url": LE, "why": "the policy names it",
        "cost_micro_usd": 0,
        "lost": [
            { "provider": "acme", "id": "sectigo", "cost_micro_usd": 7_000_000, "because": "it costs more" },
            { "provider": "acme", "directory_url": "https://ca.example.org/dir", "because": "it has no price" },
        ],
    });
    let next = json!({
        "provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "the policy names it next",
        "cost_micro_usd": null,
    });
    let turned = json!({
        "attempt": 3, "at": AT,
        "failure": { "code": "ISS-0005", "what": "the CA does not answer", "hint": "wait" },
    });
    with(
        standing,
        json!({
            "until": null, "cancelled_by": null, "attempt": 4, "failures": 3, "failing_since": AT, "host_id": ID,
            "policy_id": ID, "job_id": ID, "criticality": "high", "mode": "live", "trigger": "schedule",
            "operator": "vigilo", "choice": choice, "fallbacks": [next], "turned": [turned], "asked": LE,
            "why_now": "a third of its life is left", "names": ["www.example.org"], "targets": ["file /t/a.crt"],
            "steps_planned": ["prepare-key", "issue", "deploy-0", "verify"], "created_at": AT, "moved_at": AT,
            "ended_at": null,
        }),
    )
}

pub fn run_detail(run: Value) -> Value {
    let step = json!({
        "step": "issue", "attempt": 2, "outcome": "stuck", "summary": "the CA could not prove a.example.org",
        "worker": "issuer@host-1/4711", "started_at": "2026-11-30T10:00:06Z", "ended_at": "2026-11-30T10:00:09Z",
        "checks": [
            { "name": "caa", "passed": true, "evidence": "no CAA record forbids it" },
            { "name": "port 80", "passed": false, "evidence": "connection refused" },
            { "name": "port 80 from here", "passed": false, "advisory": true, "evidence": "no route" },
        ],
        "log": [{ "at": AT, "level": "warn", "message": "an order is placed", "fields": { "order": "7", "ca": LE } }],
    });
    let acts = json!([
        { "at": "2026-11-30T10:00:07Z", "verb": "resume", "by": "ann", "note": "port 80 is open now" },
        { "at": "2026-11-30T10:00:10Z", "verb": "cancel", "by": "bob", "note": "" },
    ]);
    with(run, json!({ "steps": [step], "cannot_know": [], "acts": acts }))
}

pub fn rehearsal() -> Value {
    let succeeded = json!({ "status": "succeeded", "step": null, "because": null, "waits_for": null });
    let run = with(
        run(with(standing(), succeeded)),
        json!({ "mode": "dry_run", "ended_at": LATER }),
    );
    let open = json!(["whether the CA issues: the order was not finalized, and no limit on certificates was met"]);
    with(run_detail(run), json!({ "cannot_know": open }))
}

pub fn exchange() -> Value {
    json!({
        "at": AT, "method": "POST", "url": "https://acme-v02.api.letsencrypt.org/acme/new-order",
        "request": "{\n  \"identifiers\": []\n}", "status": 201, "response": "{\n  \"status\": \"pending\"\n}",
        "took_ms": 120,
    })
}

pub fn log_line() -> Value {
    json!({
        "at": AT, "level": "error", "step": "issue", "attempt": 2, "message": "port 80", "check": "failed",
        "fields": { "evidence": "connection refused" },
    })
}

pub fn event() -> Value {
    json!({
        "schema": 1, "run_id": RUN, "workspace": "default", "host_id": ID, "policy_id": ID,
        "hostname": "www.example.org", "criticality": "high", "mode": "live", "trigger": "schedule",
        "operator": "vigilo", "status": "failed", "step": "issue", "attempt": 4, "at": AT,
        "failure": { "code": "ISS-0007", "what": "the CA could not prove it", "hint": "open port 80" }, "question": null,
    })
}

fn served(changes: Value) -> Value {
    let served = json!({
        "id": ID, "dialled": "192.0.2.7:443", "taken_at": AT, "probe": "served", "fingerprint": FINGERPRINT,
        "subject": "", "issuer": "C=US, O=Let's Encrypt, CN=R11", "serial": "03ab", "sans": ["www.example.org", "example.org"],
        "key_type": "EC", "key_bits": 256, "signature_algorithm": "sha256WithRSAEncryption",
        "not_before": AT, "not_after": LATER, "crl_urls": [], "aia_urls": [],
        "chain_fingerprints": [FINGERPRINT, FINGERPRINT], "chain_trusted": true, "chain_problem": null,
        "protocol": "TLSv1_3", "cipher": "TLS13_AES_256_GCM_SHA384", "days_until_expiry": 30,
    });
    with(served, changes)
}

fn unreachable() -> Value {
    json!({
        "id": ID, "dialled": "192.0.2.8:443", "taken_at": AT, "probe": "unreachable",
        "probe_error": "the connection is refused",
    })
}

pub fn host(name: &str, snapshot: Value) -> Value {
    json!({
        "id": ID, "workspace": "default", "hostname": name, "port": 443, "addresses": [], "environment": "prod",
        "criticality": "high", "tags": ["edge"], "probe_interval_seconds": 3600, "created_at": AT,
        "snapshot": snapshot, "status": "idle", "last_seen_at": AT,
    })
}

pub fn hosts() -> Value {
    json!([
        host("www.example.org", served(json!({}))),
        host("xn--mller-kva.example", served(json!({ "days_until_expiry": -2 }))),
        host("b.example.org", unreachable()),
        host("c.example.org", Value::Null),
    ])
}

pub fn host_detail() -> Value {
    let mixed = served(json!({
        "looks": 3, "others": [{ "fingerprint": FINGERPRINT, "called": "CN=old.example.org", "not_after": LATER }],
        "chain_trusted": false, "chain_problem": "its root is not known here",
        "chain_end": { "called": "CN=R11", "not_after": LATER }, "unfinished": "the server asks for a certificate",
    }));
    let look = json!([served(json!({ "subject": "CN=www.example.org" })), mixed, unreachable()]);
    with(host("www.example.org", Value::Null), json!({ "look": look }))
}

pub fn policies() -> Value {
    let policy = json!({
        "id": ID, "workspace": "default", "host_id": ID, "hostname": "www.example.org", "created_at": AT,
        "targets": [{ "kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key" }],
        "status": "idle", "due_at": LATER, "due_why": "a third of its life is left", "renewal_info": null,
    });
    let info = |error: &str| {
        json!({ "directory_url": LE, "window_start": null, "window_end": null, "explanation_url": null,
                "answered_at": null, "next_ask_at": null, "last_error": error })
    };
    let broken = info("the CA's answer cannot be used: it ends before its start");
    let usual = info("the CA offers no renewal information");
    json!([
        policy,
        with(
            policy.clone(),
            json!({ "due_at": null, "due_why": "it is renewed by hand", "renewal_info": broken })
        ),
        with(
            policy.clone(),
            json!({ "due_at": null, "due_why": null, "renewal_info": usual })
        ),
    ])
}

fn provider(id: &str, changes: Value) -> Value {
    let provider = json!({
        "id": id, "scope": "global", "kind": "acme", "title": "A CA", "directory_url": LE, "staging_url": null,
        "price": { "micro_usd": 7_000_000, "wildcard_micro_usd": 9_000_000, "per": "name", "note": "with a contract" },
        "abilities": { "max_names": 100 }, "max_validity_days": 90, "source": "", "last_verified": "2026-08-05",
        "enabled": true, "served": true, "rank": 10, "stale": null,
    });
    with(provider, changes)
}

pub fn providers() -> Value {
    let stale = "its price and abilities were never verified";
    json!({
        "items": [
            provider("sectigo", json!({})),
            provider("inhouse", json!({ "enabled": false, "price": { "micro_usd": null }, "stale": stale })),
            provider("acm", json!({ "served": false, "kind": "aws_acm", "price": { "micro_usd": 0 } })),
        ],
        "preferred_provider": ["inhouse", "sectigo"],
    })
}

pub fn one_provider() -> Value {
    provider("sectigo", json!({}))
}

pub fn incident() -> Value {
    json!({
        "id": ID, "workspace": "default", "host_id": ID, "run_id": RUN, "hostname": "www.example.org",
        "severity": "sev2", "state": "open", "common": true, "cause": { "code": "ISS-0007", "step": "issue" },
        "title": "many hosts: the CA could not prove them", "detail": "ISS-0007 at issue\nopen port 80",
        "opened_at": AT, "acknowledged": null, "closed": null, "folded_into": null, "members_total": 2,
        "members_open": 1, "notifications_failing": 1, "notifications_given_up": 1, "help": "/api/v1/errors/ISS-0007",
    })
}

pub fn incident_detail() -> Value {
    let member = |hostname: &str, because: Value| {
        json!({ "run_id": RUN, "host_id": ID, "hostname": hostname, "criticality": "high", "cause": null,
                "said": "ISS-0007", "opened_at": AT, "told_at": AT, "closed_at": null, "closed_because": because })
    };
    let told = |state: &str, error: Value, next: Value| {
        json!({ "change": "opened", "channel": "email", "recipient": "ops@example.org", "state": state,
                "created_at": AT, "attempts": 1, "last_error": error, "next_try_at": next, "delivered_at": null,
                "given_up_at": null })
    };
    with(
        incident(),
        json!({
            "members": [member("www.example.org", Value::Null), member("b.example.org", json!("its run succeeded"))],
            "changes": [{ "change": "opened", "at": AT, "by": "vigilo", "note": "" },
                        { "change": "acknowledged", "at": LATER, "by": "ann", "note": "I look at it" }],
            "notifications": [told("waiting", Value::Null, json!(LATER)), told("delivered", Value::Null, Value::Null),
                              told("failing", json!("450 try later"), json!(LATER)),
                              told("given_up", json!("550 no such user"), Value::Null)],
        }),
    )
}

pub fn emergency() -> Value {
    json!({
        "id": ID, "directory_url": LE, "opened_at": AT, "explanation_url": "https://letsencrypt.org/why",
        "certificates": 40, "of_all": 100, "left": 12, "ended_at": null, "grave_until": LATER, "other_until": LATER,
    })
}

pub fn emergency_detail() -> Value {
    let host = |renews: bool, run: Value, status: Value| {
        json!({ "hostname": "www.example.org", "criticality": "critical", "called_at": AT, "expires_at": LATER,
                "renews_itself": renews, "run_id": run, "status": status })
    };
    let hosts = json!([
        host(true, json!(RUN), json!("running")),
        host(true, Value::Null, Value::Null),
        host(false, Value::Null, Value::Null),
    ]);
    with(emergency(), json!({ "plans": [ID], "hosts": hosts }))
}

pub fn answered() -> Value {
    json!({
        "accepted": [{ "hostname": "www.example.org", "run_id": RUN }],
        "refused": [{ "hostname": "b.example.org",
                      "reason": { "field": "hostname", "problem": "it has no policy", "remedy": "vigilo policy add" } }],
        "warning": "it goes beyond the budget of the month",
    })
}

pub fn told_many() -> Value {
    json!({
        "done": [RUN],
        "refused": [{ "run_id": OTHER_RUN, "reason": { "field": "run_id", "problem": "it has ended", "remedy": "retry it" } }],
        "amended": [{ "run_id": RUN,
                      "changed": ["file /t/a.crt: activate_timeout_seconds 30 → 120", "file /t/b.crt is a target now"],
                      "not_taken": ["names", "key algorithm"] }],
    })
}

pub fn budget() -> Value {
    json!({
        "budget_micro_usd_per_month": 250_000_000, "month": "2026-11", "month_ends_at": LATER,
        "spent": { "micro_usd": 7_000_000, "price_unknown": 2 }, "active": { "micro_usd": 500_000, "price_unknown": 0 },
        "left_micro_usd": 242_500_000, "over_micro_usd": 1_000_000, "policies_waiting": 2,
    })
}

pub fn limits() -> Value {
    let limit = json!({
        "id": "letsencrypt.new-orders", "directory_url": LE, "scope": "account", "title": "new orders per account",
        "burst": 300, "period_seconds": 36, "source": "https://letsencrypt.org/docs/rate-limits/",
        "last_verified": "2026-08-05", "enabled": true,
    });
    json!([limit, with(limit.clone(), json!({ "enabled": false }))])
}

pub fn groups() -> Value {
    json!([{ "name": "edge-lb", "at_once": 2 }])
}

pub fn tags() -> Value {
    let windows = json!([
        { "cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Berlin" },
        { "cron": "0 0 * * 0", "minutes": 1440, "zone": "UTC" },
    ]);
    json!([{ "tag": "edge", "windows": windows }])
}
