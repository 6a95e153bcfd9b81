//! The bare ACME client that the product is held against: a loop around instant-acme, as fast as it gets.
//!
//! In: a [`Plan`] on standard input. Out: an [`Outcome`] on standard output. Touches: the CAs of the plan, and the port
//! at which they ask for tokens. Never: keeps, installs or verifies anything; a certificate that came is counted.

mod order;
mod responder;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use instant_acme::{Account, NewAccount};
use integration::bench::{Directory, Outcome, Plan};
use integration::meter;
use tokio::task::JoinSet;

use crate::responder::Tokens;
use crate::transport::Transport;

#[tokio::main]
async fn main() -> Result<()> {
    integration::install_crypto();
    let plan: Plan = serde_json::from_reader(std::io::stdin()).context("the plan on standard input")?;
    let outcome = work(plan).await?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn work(plan: Plan) -> Result<Outcome> {
    let tokens = responder::start(plan.http01_port).await?;
    let mut accounts = Vec::new();
    for directory in &plan.directories {
        accounts.push(account(directory).await?);
    }
    let cpu_before = meter::alone(std::process::id())?.cpu_ms;
    let begun = Instant::now();
    let issued = issue_all(&plan, &accounts, &tokens).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let used = meter::alone(std::process::id())?;
    Ok(Outcome {
        issued,
        seconds,
        cpu_ms: used.cpu_ms - cpu_before,
        peak_rss_kib: used.peak_rss_kib,
    })
}

async fn account(directory: &Directory) -> Result<Account> {
    let transport = Transport::new(&directory.root_file)?;
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(Box::new(transport));
    let created = builder.create(&new, directory.url.clone(), None).await;
    Ok(created.with_context(|| format!("an account at {}", directory.url))?.0)
}

/// Each CA has so many loops, and all take the next name from one list.
async fn issue_all(plan: &Plan, accounts: &[Account], tokens: &Tokens) -> Result<usize> {
    let (names, next) = (Arc::new(plan.hostnames.clone()), Arc::new(AtomicUsize::new(0)));
    let mut loops = JoinSet::new();
    for account in accounts {
        for _ in 0..plan.in_flight_per_directory {
            let (account, tokens, names, next) =
                (account.clone(), tokens.clone(), Arc::clone(&names), Arc::clone(&next));
            loops.spawn(async move {
                let mut issued = 0;
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let chain = order::issue(&account, &tokens, name).await;
                    chain.with_context(|| format!("the certificate of {name}"))?;
                    issued += 1;
                }
                Ok::<usize, anyhow::Error>(issued)
            });
        }
    }
    let mut issued = 0;
    while let Some(ended) = loops.join_next().await {
        issued += ended??;
    }
    Ok(issued)
}
