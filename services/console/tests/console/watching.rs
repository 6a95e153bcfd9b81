//! Runs and snapshots as people see them.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::certificate::{LookResult, Snapshot};
use domain::disposition::Failure;
use domain::run::{Because, Checkpoint, Ending, Position, RunHead, RunState, Step};
use domain::secret::Envelope;
use domain::{HostId, Hostname, PolicyId, RunId, SnapshotId, WorkspaceId};
use serde_json::{Value, json};
use store::{AccountKey, AnsweredRequest, NewRun, SnapshotRow, StepRecord};
use testkit::pki::Authority;

use crate::following::exchange;
use crate::world::{World, now};

const SEALED: &str = "cmek:v1:c2VhbGVk";

/// A live run of a new host, queued.
pub async fn queued(world: &World, hostname: &str) -> Result<NewRun> {
    let host: HostId = serde_json::from_value(world.host(hostname).await?["id"].clone())?;
    let policy: PolicyId = serde_json::from_value(world.policy(hostname).await?["id"].clone())?;
    let run = new_run(hostname.parse()?, host, policy);
    let key = format!("test {hostname}");
    let workspace = WorkspaceId::default_workspace();
    let request = AnsweredRequest {
        workspace: &workspace,
        key: &key,
        answer: &Value::Null,
    };
    world
        .store
        .create_runs(std::slice::from_ref(&run), request, now())
        .await?;
    Ok(run)
}

fn new_run(hostname: Hostname, host_id: HostId, policy_id: PolicyId) -> NewRun {
    let plan = samples::plan_with(hostname.as_str(), json!({ "targets": [] }));
    let head = RunHead {
        host_id,
        policy_id,
        created_at: now(),
        ..samples::run_head(hostname.as_str())
    };
    let state = RunState::queued(&plan, now());
    NewRun {
        head,
        plan,
        state,
        queue_position: 0,
        held: None,
    }
}

pub async fn stands(world: &World, run: &NewRun, position: Position) -> Result<()> {
    let sealed_key = Envelope::try_from(SEALED.to_owned())?;
    let state = RunState {
        position,
        attempt: 2,
        checkpoint: Some(Checkpoint::AcmeAccountKey { sealed_key }),
        ..run.state.clone()
    };
    let mut ledger = world.store.ledger().await?;
    let run = store::LoadedRun {
        head: run.head.clone(),
        plan: run.plan.clone(),
        state,
        queue_position: run.queue_position,
    };
    ledger.save([&run], &HashMap::new(), now()).await?;
    Ok(ledger.commit().await?)
}

/// The run waits for a person.
pub async fn at_rest(world: &World, run: &NewRun) -> Result<()> {
    stands(
        world,
        run,
        Position::Asking {
            step: Step::Issue,
            question: failure().ask(),
            retry_at: None,
        },
    )
    .await
}

/// What a look at the host of a run saw: one address that serves a certificate, one that cannot be reached.
pub fn served(run: &NewRun) -> Result<[SnapshotRow; 2]> {
    let leaf = Authority::new()?.issue(run.head.hostname.as_str(), 90)?.chain_pem;
    let served = json!({
        "probe": "served", "fingerprint": "00", "subject": "CN=www.example.org", "issuer": "CN=Example CA", "serial": "01",
        "sans": [run.head.hostname], "key_type": "EC", "key_bits": 256, "signature_algorithm": "ecdsa-with-SHA256",
        "not_before": now(), "not_after": now().plus(Duration::from_secs(90 * 86_400)), "crl_urls": [], "aia_urls": [],
        "leaf_pem": leaf, "chain_pem": leaf, "chain_fingerprints": ["00"], "chain_trusted": true, "chain_problem": null,
        "protocol": "TLSv1_3", "cipher": "TLS13_AES_256_GCM_SHA384",
        "chain_end": { "fingerprint": "01", "called": "CN=Example CA", "not_after": now() },
        "unfinished": "a client certificate is wanted",
    });
    let others = json!([{ "fingerprint": "02", "called": "CN=www.example.org", "not_after": now() }]);
    let row = |dialled: &str, seen: LookResult, others| {
        let snapshot = Snapshot {
            id: SnapshotId::new(),
            dialled: dialled.parse()?,
            taken_at: now(),
            seen,
            looks: 3,
            others,
        };
        let (workspace, host_id, run_id) = (run.head.workspace.clone(), run.head.host_id, Some(run.head.id));
        anyhow::Ok(SnapshotRow {
            workspace,
            host_id,
            run_id,
            snapshot,
        })
    };
    let unreachable = LookResult::Unreachable {
        probe_error: "connection refused".to_owned(),
    };
    Ok([
        row(
            "127.0.0.1:443",
            serde_json::from_value(served)?,
            serde_json::from_value(others)?,
        )?,
        row("[::1]:443", unreachable, Vec::new())?,
    ])
}

fn failure() -> Failure {
    Failure::new("ISS-0004", "the CA cannot reach it", "open port 80")
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_run_says_where_it_stands_and_why() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    let until = now().plus(Duration::from_secs(60));
    let retry = Because::Retry { failure: failure() };
    for (position, status, because, until_is, told) in [
        (
            Position::Waiting {
                step: Step::Issue,
                until,
                because: Because::Turn,
            },
            "running",
            json!("turn"),
            json!(until),
            "names",
        ),
        (
            Position::Waiting {
                step: Step::Issue,
                until,
                because: Because::Resting,
            },
            "running",
            json!("resting"),
            json!(until),
            "names",
        ),
        (
            Position::Waiting {
                step: Step::Issue,
                until,
                because: retry,
            },
            "running",
            json!("retry"),
            json!(until),
            "failure",
        ),
        (
            Position::Out {
                step: Step::Issue,
                deadline: until,
            },
            "running",
            json!("working"),
            json!(until),
            "names",
        ),
        (
            Position::Asking {
                step: Step::Issue,
                question: failure().ask(),
                retry_at: None,
            },
            "needs_manual",
            Value::Null,
            Value::Null,
            "question",
        ),
        (
            Position::Ended {
                ending: Ending::Failed {
                    failure: failure(),
                    at: None,
                },
            },
            "failed",
            Value::Null,
            Value::Null,
            "failure",
        ),
        (
            Position::Ended {
                ending: Ending::Succeeded,
            },
            "succeeded",
            Value::Null,
            Value::Null,
            "ended_at",
        ),
        (
            Position::Ended {
                ending: Ending::Cancelled {
                    by: "owner".to_owned(),
                    stays: Vec::new(),
                },
            },
            "cancelled",
            Value::Null,
            Value::Null,
            "cancelled_by",
        ),
    ] {
        stands(&world, &run, position).await?;
        let listed = world.get("/runs").await?.good(200)?["items"][0].clone();
        assert_eq!(
            (&listed["status"], &listed["because"], &listed["until"]),
            (&json!(status), &because, &until_is)
        );
        assert!(!listed[told].is_null(), "{told} of {listed}");
        assert_eq!(
            listed["ended_at"].is_null(),
            !["failed", "succeeded", "cancelled"].contains(&status),
            "{listed}"
        );
        assert_eq!(world.get("/runs/counts").await?.good(200)?[status], 1);
        let found = world
            .get(&format!("/runs?status={status}&hostname=www.example.org"))
            .await?
            .good(200)?;
        assert_eq!(found["items"][0]["id"], json!(run.head.id));
        let brief = world
            .post("/runs/status", &json!({ "ids": [run.head.id, RunId::new()] }))
            .await?
            .good(200)?;
        assert_eq!(brief["items"].as_array().context("a list")?.len(), 1);
        assert_eq!(
            (&brief["items"][0]["status"], &brief["items"][0]["question"]),
            (&json!(status), &listed["question"])
        );
    }
    assert_eq!(world.get("/hosts").await?.good(200)?["items"][0]["status"], "cancelled");
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_run_shows_its_steps_and_nothing_that_is_sealed() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    at_rest(&world, &run).await?;
    let workspace = WorkspaceId::default_workspace();
    let mut ledger = world.store.ledger().await?;
    let record = StepRecord {
        run_id: run.head.id,
        attempt: 1,
        step: "prepare-key".to_owned(),
        outcome: "done",
        summary: "a P-256 key".to_owned(),
        worker: "key-signer@test/1".to_owned(),
        started_at: now(),
        ended_at: now(),
        checks: json!([{ "name": "csr", "passed": true, "evidence": "signed" }]),
        log: json!([{ "at": now(), "level": "info", "message": format!("sealed as {SEALED}") }]),
        exchange: json!([exchange()]),
    };
    ledger.keep_steps(&[record]).await?;
    let ca = "https://ca.example.org/dir".parse()?;
    let sealed_key = Envelope::try_from(SEALED.to_owned())?;
    let account = AccountKey {
        workspace: workspace.to_string(),
        ca,
        sealed_key,
    };
    ledger.keep_accounts(&[account], now()).await?;
    ledger.commit().await?;
    let whole = world.get(&format!("/runs/{}", run.head.id)).await?.good(200)?;
    assert_eq!(whole["question"]["answers"], json!(["resume", "resolve", "cancel"]));
    assert_eq!(whole["choice"]["why"], "the policy names it");
    let step = &whole["steps"][0];
    assert_eq!(
        (&step["step"], &step["outcome"], &step["worker"]),
        (&json!("prepare-key"), &json!("done"), &json!("key-signer@test/1"))
    );
    assert_eq!(step["checks"][0]["passed"], true);
    let said = world.get(&format!("/runs/{}/exchange", run.head.id)).await?.good(200)?;
    assert_eq!(said["items"], json!([exchange()]));
    let paths = console::paths_served().into_iter();
    for path in paths.filter(|path| !path.ends_with("yaml")) {
        let path = path
            .trim_start_matches("/api/v1")
            .replace("{id}", &run.head.id.to_string());
        let shown = world.get(&path).await?.body.to_string();
        assert!(!shown.contains("cmek:"), "{path} shows a sealed secret: {shown}");
    }
    Ok(())
}

#[tokio::test]
async fn runs_are_read_newest_first_page_by_page() -> Result<()> {
    let world = World::new().await?;
    let mut made = Vec::new();
    for hostname in ["a.example.org", "b.example.org", "c.example.org"] {
        made.push(json!(queued(&world, hostname).await?.head.id));
    }
    let first = world.get("/runs?limit=2").await?.good(200)?;
    let next = first["next"].as_str().context("there is more")?;
    let second = world.get(&format!("/runs?limit=2&after={next}")).await?.good(200)?;
    let ids: Vec<Value> = [&first, &second]
        .into_iter()
        .flat_map(|page| {
            page["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|run| run["id"].clone())
        })
        .collect();
    made.reverse();
    assert_eq!((ids, &second["next"]), (made, &Value::Null));
    let unknown = RunId::new();
    let refused = world.get(&format!("/runs/{unknown}")).await?.refused(404, "API-0004")?;
    assert_eq!(refused["field"], "run_id");
    Ok(())
}

#[tokio::test]
async fn a_host_shows_what_was_seen_of_it() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    let host = run.head.host_id;
    let none = world.get(&format!("/hosts/{host}/snapshots")).await?.good(200)?;
    assert_eq!(none["items"], json!([]));
    let seen = LookResult::Unreachable {
        probe_error: "connection refused".to_owned(),
    };
    let snapshot = Snapshot {
        id: SnapshotId::new(),
        dialled: "127.0.0.1:443".parse()?,
        taken_at: now(),
        seen,
        looks: 1,
        others: Vec::new(),
    };
    let row = SnapshotRow {
        workspace: WorkspaceId::default_workspace(),
        host_id: host,
        run_id: Some(run.head.id),
        snapshot,
    };
    let mut ledger = world.store.ledger().await?;
    ledger.keep_snapshots(&[row]).await?;
    ledger.commit().await?;
    let all = world.get(&format!("/hosts/{host}/snapshots")).await?.good(200)?;
    assert_eq!(all["items"][0]["probe_error"], "connection refused");
    let listed = world.get("/hosts").await?.good(200)?;
    assert_eq!(listed["items"][0]["snapshot"]["dialled"], "127.0.0.1:443");
    let unknown = HostId::new();
    world
        .get(&format!("/hosts/{unknown}/snapshots"))
        .await?
        .refused(404, "API-0004")?;
    Ok(())
}
