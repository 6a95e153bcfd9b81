//! Workers without a world: they answer every order at once, as if a CA, a disk and a web server had done their part, or
//! late, as if they had not.
//!
//! In: a [`Plan`] on standard input, orders on the real bus. Out: reports of the usual size; one line on standard output
//! when so many runs are through. Touches: NATS. Never: a CA, a key, a target, the record.

mod canned;
mod steps;

use std::sync::Arc;

use anyhow::{Context, Result};
use bus::work::Work;
use bus::{Bus, Connection};
use integration::drain::Plan;
use protocol::subjects::Worker;
use tokio_util::sync::CancellationToken;

use crate::canned::Canned;
use crate::steps::{Through, deploy, issue, prepare, tidy, verify};

#[tokio::main]
async fn main() -> Result<()> {
    integration::install_crypto();
    let plan: Plan = serde_json::from_reader(std::io::stdin()).context("the plan on standard input")?;
    let nats = Connection {
        url: plan.nats_url,
        user: Some(plan.user),
        password: Some(plan.password),
        signers: plan.signers,
        ..Connection::default()
    };
    let bus = Bus::connect(&nats, "null-workers").await?;
    let (canned, through) = (Arc::new(Canned::make()?), Through::after(plan.runs));
    let work = |worker| Work::new(bus.clone(), worker, plan.slots);
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    let all = async {
        tokio::try_join!(
            work(Worker::KeySigner).handles(prepare(&canned)).run(&soft, &hard),
            work(Worker::Issuer)
                .handles(issue(&canned))
                .handles(tidy(&through))
                .run(&soft, &hard),
            work(Worker::Deployer).handles(deploy(&canned)).run(&soft, &hard),
            work(Worker::Verifier).handles(verify(&canned)).run(&soft, &hard),
        )
    };
    let told = async {
        through.wait().await;
        println!("{} runs are through", plan.runs);
        soft.cancel();
        // What hangs is not waited for.
        hard.cancel();
    };
    tokio::join!(all, told).0?;
    Ok(())
}
