//! What the steps of runs left, for the steps after them.

use domain::ids::RunId;
use domain::run::Step;
use serde_json::Value;
use uuid::Uuid;

use super::LedgerTx;
use crate::rows::{Jsonb, from_json};
use crate::{StoreError, quarantine};

/// A product of a step of a run.
#[derive(Debug, Clone)]
pub struct Product {
    pub run_id: RunId,
    pub step: Step,
    pub product: domain::run::Product,
}

impl LedgerTx {
    /// Keeps products; what a step brings when it is repeated takes the place of what it brought
    /// before.
    pub async fn keep_products(&mut self, products: &[Product]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = products.iter().map(|one| one.run_id.get()).collect();
        let steps: Vec<String> = products.iter().map(|one| one.step.to_string()).collect();
        let values: Vec<Jsonb<&domain::run::Product>> = products.iter().map(|one| Jsonb(&one.product)).collect();
        sqlx::query!(
            "insert into run_products (run_id, step, product) select * from unnest($1::uuid[], $2::text[], $3::jsonb[])
             on conflict (run_id, step) do update set product = excluded.product",
            &ids,
            &steps,
            &values as &[Jsonb<&domain::run::Product>],
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// What the steps of these runs left. A run with a product that cannot be read is quarantined,
    /// and named.
    pub async fn products(&mut self, runs: &[RunId]) -> Result<Vec<Product>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|id| id.get()).collect();
        let rows = sqlx::query_as!(
            ProductRow,
            "select run_id, step, product from run_products where run_id = any($1)",
            &ids
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        self.readable(rows).await
    }

    /// The products of these steps of runs.
    pub async fn products_of(&mut self, steps: &[(RunId, Step)]) -> Result<Vec<Product>, StoreError> {
        let ids: Vec<Uuid> = steps.iter().map(|(id, _)| id.get()).collect();
        let names: Vec<String> = steps.iter().map(|(_, step)| step.to_string()).collect();
        let rows = sqlx::query_as!(
            ProductRow,
            "select p.run_id, p.step, p.product from unnest($1::uuid[], $2::text[]) as u (id, step)
             join run_products p on p.run_id = u.id and p.step = u.step",
            &ids,
            &names,
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        self.readable(rows).await
    }

    async fn readable(&mut self, rows: Vec<ProductRow>) -> Result<Vec<Product>, StoreError> {
        let (mut products, mut broken) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match product(row.run_id, &row.step, row.product) {
                Ok(product) => products.push(product),
                Err(why) => broken.push((row.run_id, format!("run_products {}: {why}", row.step))),
            }
        }
        quarantine::set_aside(&mut self.tx, &broken).await?;
        Ok(products)
    }
}

struct ProductRow {
    run_id: Uuid,
    step: String,
    product: Value,
}

fn product(run: Uuid, step: &str, value: Value) -> Result<Product, String> {
    Ok(Product {
        run_id: RunId::from_uuid(run),
        step: step.parse().map_err(|e| format!("{e}"))?,
        product: from_json(value)?,
    })
}
