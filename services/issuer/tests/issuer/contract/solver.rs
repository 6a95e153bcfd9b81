//! What a CA's body relies on, whatever the kind of the solver. A new body adds its records and a
//! test that calls each function.

use anyhow::{Result, ensure};
use domain::DnsName;
use domain::solver::{self, Receipt};
use issuer::challenge::solvers::{Proof, Record, Settled, Site, Solver};

use crate::world::World;

async fn located(solver: &dyn Solver, records: &[Record]) -> Result<Receipt> {
    let located = solver.locate(records).await?;
    ensure!(!located.is_empty(), "what will be placed is named before");
    ensure!(solver.locate(records).await? == located, "and named the same again");
    Ok(located)
}

/// Another process places the same after a crash.
async fn presenting_twice_does_no_harm(solver: &dyn Solver, records: &[Record]) -> Result<Receipt> {
    let receipt = located(solver, records).await?;
    for _ in 0..2 {
        solver.present(records, &receipt).await?;
        ensure!(solver.check_settled(&receipt).await? == Settled::Yes);
    }
    Ok(receipt)
}

async fn removing_twice_succeeds(solver: &dyn Solver, receipt: &Receipt) -> Result<()> {
    for _ in 0..2 {
        let removed = solver.remove(receipt).await;
        removed.map_err(|remaining| anyhow::anyhow!("{remaining:?}"))?;
    }
    Ok(())
}

/// Twice: the second one finds nothing of the first in its way.
async fn a_rehearsal_sees_itself_and_can_be_repeated(solver: &dyn Solver, site: Site<'_>) -> Result<()> {
    for _ in 0..2 {
        let checks = solver.rehearse(&site).await;
        ensure!(
            !checks.is_empty() && checks.iter().all(|check| check.passed),
            "{checks:#?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn http01_keeps_the_contract_of_solvers() -> Result<()> {
    let world = World::start().await?;
    let (solvers, settings) = (world.solvers(&world.config()?), solver::Solver::default());
    let solver = solvers.of(&settings);
    let record = |number: u8| Record {
        name: format!("host-{number}.example.org"),
        proof: Proof::Http01 {
            token: format!("contract-token-{number}"),
            key_authorization: format!("contract-token-{number}.thumbprint"),
        },
    };
    let (records, others) = ([record(1), record(2)], [record(3)]);

    let receipt = presenting_twice_does_no_harm(&*solver, &records).await?;
    let of_another = presenting_twice_does_no_harm(&*solver, &others).await?;
    for token in &receipt.tokens {
        ensure!(
            world.tokens.load(token).await?.is_some(),
            "every issuer answers for {token}"
        );
    }
    removing_twice_succeeds(&*solver, &receipt).await?;
    for token in &receipt.tokens {
        ensure!(world.tokens.load(token).await?.is_none(), "nobody answers for {token}");
    }
    for token in &of_another.tokens {
        ensure!(
            world.tokens.load(token).await?.is_some(),
            "another order's is left alone"
        );
    }
    removing_twice_succeeds(&*solver, &of_another).await?;

    let name: DnsName = "www.example.org".parse()?;
    let site = Site {
        name: &name,
        addresses: &["127.0.0.1".parse()?],
        http01_port: world.pebble.http_port(),
    };
    a_rehearsal_sees_itself_and_can_be_repeated(&*solver, site).await
}
