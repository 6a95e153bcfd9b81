use anyhow::Result;
use domain::RunId;
use domain::run::{PreparedKey, Product, Step};

use crate::samples::sealed;
use crate::world::World;

fn key(run_id: RunId, csr: &str) -> store::Product {
    let product = Product::PreparedKey(PreparedKey {
        csr_pem: csr.to_owned(),
        sealed_key: Some(sealed(csr)),
    });
    store::Product {
        run_id,
        step: Step::PrepareKey,
        product,
    }
}

fn tidied(run_id: RunId) -> store::Product {
    store::Product {
        run_id,
        step: Step::Tidy,
        product: Product::Tidied,
    }
}

async fn keep(world: &World, products: &[store::Product]) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_products(products).await?;
    Ok(ledger.commit().await?)
}

/// Step by step, in the order of their names.
async fn kept(world: &World, runs: &[RunId]) -> Result<Vec<(RunId, Step, Product)>> {
    let found = world.store.ledger().await?.products(runs).await?;
    let mut kept: Vec<_> = found
        .into_iter()
        .map(|one| (one.run_id, one.step, one.product))
        .collect();
    kept.sort_by_key(|(run, step, _)| (*run, *step));
    Ok(kept)
}

fn as_kept(product: store::Product) -> (RunId, Step, Product) {
    (product.run_id, product.step, product.product)
}

#[tokio::test]
async fn products_come_back_as_they_were_kept() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    let products = [key(runs[0], "one"), tidied(runs[0]), key(runs[1], "other")];
    keep(&world, &products).await?;

    let found = kept(&world, &runs).await?;

    assert_eq!(found, products.map(as_kept));
    assert_eq!(kept(&world, &runs[1..]).await?, [as_kept(key(runs[1], "other"))]);
    Ok(())
}

#[tokio::test]
async fn what_a_repeated_step_brings_takes_the_place_of_what_it_brought_before() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    keep(&world, &[key(runs[0], "first"), key(runs[1], "other")]).await?;
    keep(&world, &[key(runs[0], "second")]).await?;

    let found = kept(&world, &runs).await?;

    assert_eq!(found, [key(runs[0], "second"), key(runs[1], "other")].map(as_kept));
    Ok(())
}

#[tokio::test]
async fn a_product_of_a_transaction_that_was_given_up_is_not_kept() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(1).await?;
    let mut ledger = world.store.ledger().await?;
    ledger.keep_products(&[tidied(runs[0])]).await?;
    drop(ledger);
    assert_eq!(kept(&world, &runs).await?, []);
    Ok(())
}
