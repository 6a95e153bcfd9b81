//! What hostile services send, and where it ends.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use domain::{HostId, Timestamp};
use serde_json::{Value, json};
use testkit::async_nats::{Client, jetstream};
use testkit::wait;

use crate::guarded::Guarded;
use crate::world::{SOON, all_succeed_with_one_certificate_each};

/// A message that its sender may publish, and may not mean.
pub struct Forged {
    pub user: &'static str,
    pub subject: &'static str,
    pub code: &'static str,
    pub body: Value,
}

impl Forged {
    pub fn new(user: &'static str, subject: &'static str, code: &'static str) -> Self {
        let body = Value::Null;
        Self {
            user,
            subject,
            code,
            body,
        }
    }

    pub fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the machine says beside what the service says"
)]
fn at(seconds: u64) -> Value {
    let at = Timestamp::nearest(SystemTime::now().into()).plus(Duration::from_secs(seconds));
    json!(at)
}

/// A report that its run was verified, whatever its step is.
pub fn report_of(run: &str, step: &str, workspace: &str) -> Value {
    json!({
        "schema": 1, "run_id": run, "workspace": workspace, "step": step, "attempt": 5, "worker": "hostile",
        "started_at": at(0), "ended_at": at(0), "outcome": "done", "product": {"product": "verified", "snapshots": []},
    })
}

/// A look at a host, so many seconds from now.
pub fn seen(host: HostId, workspace: &str, seconds: u64) -> Value {
    json!({
        "schema": 1, "workspace": workspace, "host_id": host, "asked_at": at(seconds), "seen_at": at(seconds), "snapshots": [],
    })
}

/// What a CA would have said of a host's certificate, so many seconds from now.
pub fn told(host: HostId, workspace: &str, seconds: u64) -> Value {
    json!({
        "schema": 1, "workspace": workspace, "host_id": host, "cert_id": "AIdlQyE.AIdlQyE", "asked_at": at(seconds),
        "told_at": at(seconds), "answer": {"answer": "not_offered"},
    })
}

/// An order that would write where its sender likes.
pub fn forged_order(world: &Guarded) -> Result<String> {
    let host = world.estate.nginx.hosts()[0].as_str();
    let order = json!({
        "schema": 1, "run_id": "019ab3c0-0000-7000-8000-000000000001", "workspace": "default", "hostname": host,
        "step": "deploy-0", "attempt": 1, "mode": "dry_run", "failures": 0, "deadline": at(3_600), "checkpoint": null,
        "spec": {"target": {"kind": "file", "chain_path": "/tmp/a.crt", "key_path": "/tmp/a.key"}, "certificate": null},
    });
    Ok(order.to_string())
}

/// Waits for a dead letter of such a subject with such a reason.
pub async fn buried(client: &Client, subject: &str, reason: &str) -> Result<()> {
    let dead = jetstream::new(client.clone()).get_stream("DEAD").await?;
    wait::until_ok(&format!("a dead letter of {subject} with {reason}"), SOON, async || {
        let last = dead.get_info().await?.state.last_sequence;
        let mut all = Vec::new();
        for number in 1..=last {
            let letter = dead.get_raw_message(number).await?;
            let header = |name: &str| letter.headers.get(name).map(ToString::to_string).unwrap_or_default();
            all.push((header("vigilo-subject"), header("vigilo-reason")));
        }
        let found = all
            .iter()
            .any(|(of, why)| of.starts_with(subject) && why.contains(reason));
        ensure!(found, "{all:?}");
        Ok(())
    })
    .await
}

/// Everybody works on as if nothing had been said, and no order was added to those of the planner.
pub async fn nothing_came_of_it(world: &Guarded) -> Result<()> {
    let hosts = world.estate.nginx.hosts().len();
    if world.estate.issued() < hosts {
        world.fleet.api.renew(None).await?;
    }
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}
