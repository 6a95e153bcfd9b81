//! `vigilo host check`: has hosts looked at now, some at a time, and shows what they serve.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::client::Client;
use super::{Failed, show};

const AT_ONCE: usize = 16;

pub async fn every_host(client: &Client) -> Result<Vec<String>, Failed> {
    let hosts = client.all("/hosts").await?;
    Ok(hosts.iter().map(|host| show::text(&host["hostname"])).collect())
}

/// A host that cannot be reached is told, and is no success; one that the API refuses ends the command when all are
/// through.
pub async fn run(client: Client, hosts: Vec<String>) -> Result<(), Failed> {
    let (slots, mut looks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let wants_json = client.json;
    for host in hosts {
        let (client, slots) = (client.clone(), Arc::clone(&slots));
        looks.spawn(async move {
            let _slot = slots.acquire_owned().await;
            client.post(&format!("/hosts/{host}/check"), &json!({})).await
        });
    }
    let (mut refused, mut unreachable) = (None, false);
    while let Some(look) = looks.join_next().await {
        match look.map_err(|e| Failed::Unreachable(e.to_string()))? {
            Ok(host) => {
                unreachable |= is_unreachable(&host);
                show::host(&host, wants_json);
            }
            Err(failed) => refused = Some(failed),
        }
    }
    match refused {
        Some(failed) => Err(failed),
        None if unreachable => Err(Failed::Report),
        None => Ok(()),
    }
}

fn is_unreachable(host: &Value) -> bool {
    let mut look = host["look"].as_array().into_iter().flatten();
    look.any(|seen| seen["probe"] == "unreachable")
}
