//! Every answer that `openapi.yaml` names is given once and is what the document says: who adds a path, a method or a
//! status without an answer here fails.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use axum::http::{Method, Request};
use domain::filter::Filter;
use domain::ids::{IncidentId, JobId};
use domain::job::{Decision, Halt, Holds, Job, JobSpec, JobState, LeftOut, Totals};
use domain::run::{Ending, Position, PreparedKey, Product, Step};
use domain::{RunId, WorkspaceId};
use protocol::incident::IncidentActAnswer;
use protocol::request::{AmendedRun, Amendment, Answer};
use serde_json::{Value, json};
use store::{NewLine, NewRun};
use testkit::pki::Authority;
use testkit::{Nats, Postgres};

use crate::document;
use crate::following::record;
use crate::troubles::opened;
use crate::watching::{queued, served, stands};
use crate::world::{World, answered, now, play_incident, play_planner, policy};

const HOST: &str = "www.example.org";

#[tokio::test]
async fn every_answer_of_the_document_is_given_and_is_what_it_says() -> Result<()> {
    let (nats, postgres) = (Nats::start().await?, testkit::shared::postgres().await);
    let world = World::with(&nats, postgres).await?;
    pages(&world).await?;
    let run = queued(&world, HOST).await?;
    inventory(&world, &run, postgres).await?;
    settings(&world).await?;
    runs(&world, &run).await?;
    acts_on_runs(&world, &run).await?;
    renewals(&world).await?;
    jobs(&world).await?;
    incidents(&world, &run).await?;
    emergencies(&world, postgres).await?;
    drop(nats);
    let down = async || world.get("/health").await.ok()?.good(503).ok();
    testkit::wait::until("NATS is seen to be gone", std::time::Duration::from_secs(10), down).await?;

    let judged = std::mem::take(&mut *world.judged.lock().expect("no test of this world panicked"));
    let missing: BTreeSet<(String, u16)> = document::operations()
        .flat_map(|one| one.statuses().map(|status| (one.name(), status)).collect::<Vec<_>>())
        .filter(|one| !judged.contains(one))
        .collect();
    ensure!(
        missing.is_empty(),
        "answers of the document that nobody has seen: {missing:#?}"
    );
    Ok(())
}

async fn send(world: &World, method: Method, path: &str, body: &Value) -> Result<Value> {
    let answer = world.send(method, path, Body::from(body.to_string())).await?;
    ensure!(answer.status.is_success(), "{path}: {answer:?}");
    Ok(answer.body)
}

/// What is told while the planner is played, which says this to what it is asked.
async fn asked(world: &World, say: Answer, path: &str, body: &Value) -> Result<()> {
    let say = |_: &str, _: &Value| say.clone();
    let (told, asked) = tokio::join!(world.post(path, body), play_planner(&world.bus, 1, say));
    asked.with_context(|| path.to_owned())?;
    let told = told?;
    ensure!(told.status.is_success(), "{path}: {told:?}");
    Ok(())
}

/// What needs no login, in each kind that it comes in.
async fn pages(world: &World) -> Result<()> {
    for path in ["/health", "/openapi.yaml", "/errors", "/errors/ISS-0007"] {
        world.get(path).await?.good(200)?;
    }
    for path in ["/api/v1/errors", "/api/v1/errors/ISS-0007"] {
        for kind in ["text/html", "text/markdown"] {
            let request = Request::get(path).header("accept", kind).body(Body::empty())?;
            let page = answered(world.raw(request).await?).await?;
            world.judge(&Method::GET, path, &Value::Null, &page)?;
        }
    }
    Ok(())
}

async fn inventory(world: &World, run: &NewRun, postgres: &Postgres) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_snapshots(&served(run)?).await?;
    ledger.commit().await?;
    postgres
        .run_script(&world.database, "update hosts set probe_answered_at = now()")
        .await?;
    let probing = Answer::Probing {
        asked_at: now(),
        asked: vec![HOST.parse()?],
        refused: Vec::new(),
    };
    asked(world, probing, &format!("/hosts/{HOST}/check"), &Value::Null).await?;
    let new = json!([{ "hostname": "new.example.org" }, { "hostname": "new host" }]);
    world.post("/hosts/import", &new).await?.good(200)?;
    let new = json!([policy("new.example.org"), policy(HOST)]);
    world.post("/policies/import", &new).await?.good(200)?;
    let change = json!({ "cooldown_seconds": 60 });
    send(world, Method::PATCH, "/policies/new.example.org", &change).await?;
    for path in [
        "/hosts",
        "/policies",
        &format!("/hosts/{HOST}"),
        &format!("/hosts/{HOST}/snapshots"),
    ] {
        world.get(path).await?.good(200)?;
    }
    send(world, Method::DELETE, "/policies/new.example.org", &Value::Null).await?;
    Ok(())
}

/// What holds for the whole workspace.
async fn settings(world: &World) -> Result<()> {
    let limit = json!({"directory_url": "https://ca.example.org/dir", "scope": "account", "title": "orders", "burst": 5,
                       "period_seconds": 60, "source": "their page", "last_verified": "2025-11-24"});
    let window = json!({"cron": "0 22 * * 1-5", "minutes": 480, "zone": "Europe/Berlin"});
    for (path, body) in [
        ("/budget", json!({"budget_micro_usd_per_month": 250_000_000})),
        ("/limits/ca.orders", limit),
        ("/target-groups/edge-lb", json!({"at_once": 2})),
        ("/tag-windows/edge", json!({"windows": [window]})),
    ] {
        send(world, Method::PUT, path, &body).await?;
    }
    let own = json!({"id": "inhouse", "title": "Our own CA", "directory_url": "https://inhouse.example.org/dir",
                     "price": {"micro_usd": 250_000}});
    world.post("/providers", &own).await?.good(201)?;
    let change = json!({"price": {"micro_usd": 5}, "abilities": {"max_names": 10}, "rank": 7});
    send(world, Method::PATCH, "/providers/inhouse", &change).await?;
    let preferred = json!({"preferred_provider": ["inhouse"]});
    send(world, Method::PUT, "/providers/preferred", &preferred).await?;
    for path in [
        "/budget",
        "/limits",
        "/target-groups",
        "/tag-windows",
        "/providers",
        "/providers/inhouse",
    ] {
        world.get(path).await?.good(200)?;
    }
    for path in ["/target-groups/edge-lb", "/tag-windows/edge", "/providers/inhouse"] {
        send(world, Method::DELETE, path, &Value::Null).await?;
    }
    Ok(())
}

async fn runs(world: &World, run: &NewRun) -> Result<()> {
    let path = format!("/runs/{}", run.head.id);
    record(world, run).await?;
    let mut ledger = world.store.ledger().await?;
    let csr_pem = "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n".to_owned();
    let key = PreparedKey {
        csr_pem,
        sealed_key: None,
    };
    let product = Product::PreparedKey(key);
    let (run_id, step) = (run.head.id, Step::PrepareKey);
    ledger
        .keep_products(&[store::Product { run_id, step, product }])
        .await?;
    ledger.commit().await?;
    let ids = json!({ "ids": [run_id] });
    world.post("/runs/status", &ids).await?.good(200)?;
    let ending = Ending::Succeeded;
    stands(world, run, Position::Ended { ending }).await?;
    let mut paths: Vec<String> = ["", "/exchange", "/csr", "/log", "/log?follow=true"]
        .map(|part| format!("{path}{part}"))
        .into();
    paths.extend(["/runs", "/runs/counts", "/events"].map(str::to_owned));
    for path in paths {
        world.get(&path).await?.good(200)?;
    }
    Ok(())
}

fn taken_from_today() -> Amendment {
    Amendment {
        changed: vec!["its target file:/etc/tls/www.crt is new".to_owned()],
        not_taken: vec!["names".to_owned()],
    }
}

async fn acts_on_runs(world: &World, run: &NewRun) -> Result<()> {
    let run_id = run.head.id;
    let note = json!({ "note": "the DNS is back" });
    for verb in ["resume", "retry", "cancel"] {
        let amendment = taken_from_today();
        let done = Answer::Done { run_id, amendment };
        asked(world, done, &format!("/runs/{run_id}/{verb}"), &note).await?;
        let told = Answer::Told {
            done: vec![run_id],
            refused: Vec::new(),
            amended: vec![AmendedRun {
                run_id,
                amendment: taken_from_today(),
            }],
        };
        asked(world, told, &format!("/runs/{verb}"), &json!({ "ids": [run_id] })).await?;
    }
    let got = Authority::new()?.issue(HOST, 90)?.chain_pem;
    let body = json!({ "chain_pem": got, "already_installed": true });
    let today = world.today();
    let amendment = Amendment::default();
    let done = Answer::Done { run_id, amendment };
    asked(&today, done, &format!("/runs/{run_id}/resolve"), &body).await
}

async fn renewals(world: &World) -> Result<()> {
    let taken = Answer::Renewal {
        accepted: vec![protocol::request::Accepted {
            hostname: HOST.parse()?,
            run_id: RunId::new(),
        }],
        refused: Vec::new(),
        warning: Some("it goes beyond the budget of the month".to_owned()),
    };
    let body = json!({ "hostnames": [HOST, "no host"], "mode": "dry_run" });
    asked(world, taken, "/renewals", &body).await
}

async fn jobs(world: &World) -> Result<()> {
    let run = queued(world, "job.example.org").await?;
    let job = planned(world, &run).await?;
    let (path, job_id) = (format!("/jobs/{job}"), job);
    let new = json!({ "spec": { "filter": { "tags": ["edge"] }, "canary": { "percent": 10 } } });
    for (path, body) in [
        ("/jobs".to_owned(), new),
        (format!("{path}/commit"), json!({ "stale_ok": true })),
        (format!("{path}/pause"), json!({ "note": "not tonight" })),
        (format!("{path}/resume"), json!({ "note": "go on" })),
        (format!("{path}/cancel"), json!({})),
    ] {
        asked(world, Answer::Job { job_id }, &path, &body).await?;
    }
    for path in ["/jobs".to_owned(), format!("{path}/lines"), path] {
        world.get(&path).await?.good(200)?;
    }
    Ok(())
}

/// A halted job as the planner leaves it: one host of it is renewed, the others are left out, each for another reason.
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn planned(world: &World, run: &NewRun) -> Result<JobId> {
    let workspace = WorkspaceId::default_workspace();
    let mut job = Job {
        id: JobId::new(),
        workspace: workspace.clone(),
        spec: JobSpec::of(Filter::default()),
        requested_by: "ann".to_owned(),
        created_at: now(),
        state: JobState::Running,
        note: Some("it was planned twice".to_owned()),
        hosts: Some(2),
        lines: 2,
        totals: Totals::default(),
        planned_at: Some(now()),
        committed_at: Some(now()),
        committed_by: Some("ann".to_owned()),
        created_to: 0,
        refused: 0,
        queue_positions: Vec::new(),
        holds: Holds {
            paused_by: Some("ann".to_owned()),
            halts: vec![serde_json::from_value::<Halt>(json!({
                "shared": { "ca": "https://ca.example.org/dir" }, "code": "ISS-0007", "failed": 3, "ended": 4, "at": now(),
            }))?],
            ..Holds::default()
        },
        held_to: None,
        judged_from: now(),
        cancelled_by: None,
        ended_at: None,
    };
    world.store.add_job(&job, "a key", &json!("taken")).await?;
    let (mut tx, _) = world.store.job_tx(&workspace, job.id).await?.context("the job")?;
    let lines: Vec<NewLine> = (1..)
        .zip(decisions(run)?)
        .map(|(nr, decision)| line(nr, decision, run))
        .collect();
    tx.keep_lines(&lines).await?;
    job.lines = u32::try_from(lines.len())?;
    tx.put(&job, now()).await?;
    let act = store::JobAct {
        at: now(),
        verb: "commit".to_owned(),
        person: "ann".to_owned(),
        note: String::new(),
    };
    tx.keep_act(&act).await?;
    tx.commit().await?;
    Ok(job.id)
}

fn decisions(run: &NewRun) -> Result<Vec<Decision>> {
    let until = now();
    let why = domain::Invalid::new("challenge", "http-01 proves no wildcard", "use dns-01");
    let left_out = [
        LeftOut::Cooldown { until },
        LeftOut::ActiveRun { run_id: run.head.id },
        LeftOut::Window { opens_at: Some(until) },
        LeftOut::Budget {
            cost_micro_usd: Some(7),
            left_micro_usd: 5,
            cap: domain::job::Cap::Month,
        },
        LeftOut::Quota {
            limit: "orders".to_owned(),
            until,
        },
        LeftOut::Infeasible { why },
        LeftOut::NoProvider {
            lost: run.plan.choice.lost.clone(),
        },
        LeftOut::NoPolicy,
        LeftOut::UnknownHost,
    ];
    let included = domain::job::Included {
        choice: run.plan.choice.clone(),
        start_at: now(),
        waits_for: Some("a window".to_owned()),
        despite: Some("cooldown".to_owned()),
    };
    let all = left_out.into_iter().map(Decision::LeftOut);
    Ok(std::iter::once(Decision::Included(Box::new(included)))
        .chain(all)
        .collect())
}

fn line(nr: u32, decision: Decision, run: &NewRun) -> NewLine {
    let included = matches!(decision, Decision::Included(_));
    NewLine {
        nr,
        hostname: run.head.hostname.clone(),
        decision,
        run: included.then(|| run.clone()),
    }
}

async fn incidents(world: &World, run: &NewRun) -> Result<()> {
    let path = format!("/incidents/{}", opened(world, run).await?);
    world.get("/incidents").await?.good(200)?;
    world.get(&path).await?.good(200)?;
    let note = json!({ "note": "looking at it" });
    let acts = async {
        for verb in ["acknowledge", "close"] {
            world.post(&format!("{path}/{verb}"), &note).await?.good(200)?;
        }
        Ok(())
    };
    play_incident(world, |_| IncidentActAnswer::Done, acts).await?;
    Ok(())
}

/// The CA calls for what is served to be renewed at once.
async fn emergencies(world: &World, postgres: &Postgres) -> Result<()> {
    let called = "update renewal_info set called_at = '2026-01-01T00:00:00Z', not_after = '2026-03-01T00:00:00Z',
                  directory_url = 'https://ca.example.org/dir', explanation_url = 'https://ca.example.org/why'";
    postgres.run_script(&world.database, called).await?;
    let calls = world.store.calls_since(domain::Timestamp::EPOCH).await?;
    let id = IncidentId::new();
    let opened = world
        .store
        .open_emergency(id, calls.first().context("a call")?, now())
        .await?;
    ensure!(opened, "the emergency is open");
    world.get("/emergencies").await?.good(200)?;
    let whole = world.get(&format!("/emergencies/{id}")).await?.good(200)?;
    ensure!(whole["hosts"][0]["hostname"] == HOST, "{whole}");
    let taken = Answer::Renewal {
        accepted: Vec::new(),
        refused: Vec::new(),
        warning: None,
    };
    asked(world, taken, &format!("/emergencies/{id}/renew"), &Value::Null).await
}
