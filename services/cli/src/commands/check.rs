//! `vigilo host check`: has hosts looked at now, some at a time, and shows what they serve.

use std::sync::Arc;

use api::hosts::{Host, HostDetail, Snapshot};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

const AT_ONCE: usize = 16;

pub async fn every_host(client: &Client) -> Result<Vec<String>, Failed> {
    let hosts: Vec<Host> = client.all("/hosts", &[]).await?;
    Ok(hosts.into_iter().map(|host| host.host.spec.hostname.into()).collect())
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
            let path = format!("/hosts/{}/check", part(&host));
            client.post::<HostDetail>(&path, &json!({})).await
        });
    }
    let (mut refused, mut unreachable) = (None, false);
    while let Some(look) = looks.join_next().await {
        match look.map_err(|e| Failed::Unreachable(e.to_string()))? {
            Ok(host) => {
                unreachable |= host.look.iter().any(Snapshot::is_unreachable);
                out::answer(wants_json, &host, print::host::detail);
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
