//! What statements filter policies by: said by the domain once, when a policy is saved.
//!
//! An earlier version of the console saves without it: then it is not known, until the planner has read the policy.

use domain::policy::NewPolicy;
use uuid::Uuid;

use crate::rows::from_json;
use crate::{Store, StoreError};

impl Store {
    /// Writes down the facts of policies that an earlier version has saved; gives back how many. One that cannot be read
    /// renews nothing.
    pub async fn keep_facts_of_policies(&self, limit: i64) -> Result<usize, StoreError> {
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query!(
            "select id, says from policies where renews_itself is null and active
             order by id limit $1 for no key update skip locked",
            limit,
        )
        .fetch_all(&mut *tx)
        .await?;
        let known = |spec| from_json::<NewPolicy>(spec).is_ok_and(|policy| policy.renews_itself());
        let (ids, renews): (Vec<Uuid>, Vec<bool>) = rows.into_iter().map(|row| (row.id, known(row.says))).unzip();
        if ids.is_empty() {
            return Ok(0);
        }
        sqlx::query!(
            "update policies p set renews_itself = u.renews from unnest($1::uuid[], $2::bool[]) as u (id, renews)
             where p.id = u.id",
            &ids,
            &renews,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ids.len())
    }
}
