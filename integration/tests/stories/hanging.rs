//! Hosts that hang delay nobody else: one in ten, and fewer places than such hosts.

use anyhow::{Result, ensure};
use domain::policy::NewPolicy;
use domain::run::Status;
use integration::estate::{activate_by, target_of};
use integration::fleet::{Up, bound};
use integration::{Api, Estate};
use serde_json::json;
use testkit::{ports, wait};

use crate::world::estate;

const ALL: usize = 30;
const STUCK: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_never_ends_delays_nobody_else() -> Result<()> {
    let mut estate = estate(ALL).await?;
    for number in 0..STUCK {
        let hangs = ["sleep".to_owned(), (900 + number).to_string()];
        estate.allow(&format!("hangs-{number}"), &hangs);
    }
    let places = json!({"planner": {"windows": {"deployer": 2, "slow_deployer": 8, "slow_after_seconds": 1}}});
    let up = Up::start_with(&estate, places).await?;
    let mut policies = estate.policies();
    for (number, policy) in policies.iter_mut().take(STUCK).enumerate() {
        activate_by(policy, &format!("hangs-{number}"), 600);
    }
    only_the_good_ones_end(&up.api, &estate, &policies).await
}

/// They take the connection, as a dead process with a full queue does, and say nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_accepts_and_never_answers_delays_nobody_else() -> Result<()> {
    let estate = estate(ALL).await?;
    let places = json!({
        "planner": {"windows": {"verifier": 2, "slow_verifier": 8, "slow_after_seconds": 1}},
        "verifier": {"handshake_timeout_ms": 60_000},
    });
    let up = Up::start_with(&estate, places).await?;
    let port = ports::lease()?;
    let mute = std::net::TcpListener::bind(("127.0.0.1", port.number()))?;
    let mut policies = estate.policies();
    for policy in policies.iter_mut().take(STUCK) {
        target_of(policy).serves_at = vec![mute.local_addr()?];
    }
    only_the_good_ones_end(&up.api, &estate, &policies).await
}

/// All are asked for at once; when every good one has succeeded, the stuck ones are still out.
async fn only_the_good_ones_end(api: &Api, estate: &Estate, policies: &[NewPolicy]) -> Result<()> {
    api.import("hosts", &estate.hosts()).await?;
    api.import("policies", policies).await?;
    api.renew(None).await?;
    let good = (ALL - STUCK) as u64;
    let counts = wait::until_ok("the good ones to end", bound(ALL), async || {
        let counts = api.counts().await?;
        ensure!(counts[Status::Succeeded] == good, "{counts:?}");
        Ok(counts)
    })
    .await?;
    ensure!(
        counts[Status::Running] == STUCK as u64,
        "every stuck one is still out: {counts:?}"
    );
    Ok(())
}
