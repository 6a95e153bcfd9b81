//! What CAs have said of whole accounts and domains: a few rows, mostly none.

use domain::clock::Timestamp;
use domain::ids::RunId;
use domain::limit::Bucket;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ledger::LedgerTx;
use crate::rows::{at, column, number};
use crate::{Store, StoreError};

/// While it stands, new orders that it concerns wait together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaHold {
    pub bucket: Bucket,
    /// Of a limit: before then no order is sent.
    pub until: Timestamp,
    /// Tries in a row that were limited again.
    pub climbs: u32,
    /// The CA refuses the account; otherwise it has said that something is too much.
    pub refused: bool,
    /// The run that asks a person about it, and whether it still does.
    pub asker: Option<RunId>,
    pub asking: bool,
    /// The run that finds out whether it still stands, and how long that may take.
    pub trial: Option<(RunId, Timestamp)>,
    /// For people: why runs wait.
    pub what: String,
}

struct Row {
    limit_id: String,
    key: String,
    until: OffsetDateTime,
    climbs: i32,
    refused: bool,
    asker: Option<Uuid>,
    asking: bool,
    trial: Option<Uuid>,
    trial_until: Option<OffsetDateTime>,
    what: String,
}

impl TryFrom<Row> for CaHold {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let climbs = number(row.climbs).map_err(|why| StoreError::corrupt("ca_holds", &row.key, why))?;
        Ok(Self {
            bucket: Bucket {
                limit: row.limit_id,
                key: row.key,
            },
            until: at(row.until),
            climbs,
            refused: row.refused,
            asker: row.asker.map(RunId::from_uuid),
            asking: row.asking,
            trial: row.trial.map(RunId::from_uuid).zip(row.trial_until.map(at)),
            what: row.what,
        })
    }
}

impl Store {
    /// Whether there is any.
    pub async fn has_ca_holds(&self) -> Result<bool, StoreError> {
        let any = sqlx::query_scalar!(r#"select exists (select 1 from ca_holds) as "any!""#);
        Ok(any.fetch_one(&self.pool).await?)
    }
}

impl LedgerTx {
    /// All of them; call `hold_buckets` before.
    pub async fn ca_holds(&mut self) -> Result<Vec<CaHold>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select limit_id, key, until, climbs, refused, asker, trial, trial_until, what,
                      exists (select 1 from runs r where r.id = h.asker and r.phase = 'asking') as "asking!"
               from ca_holds h"#
        );
        let rows = rows.fetch_all(self.connection()).await?;
        rows.into_iter().map(CaHold::try_from).collect()
    }

    pub async fn keep_ca_hold(&mut self, hold: &CaHold) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into ca_holds (limit_id, key, until, climbs, refused, asker, trial, trial_until, what)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (limit_id, key) do update
             set until = $3, climbs = $4, refused = $5, asker = $6, trial = $7, trial_until = $8, what = $9",
            hold.bucket.limit,
            hold.bucket.key,
            hold.until.get(),
            column(hold.climbs),
            hold.refused,
            hold.asker.map(|id| id.get()),
            hold.trial.map(|(id, _)| id.get()),
            hold.trial.map(|(_, until)| until.get()),
            hold.what,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    pub async fn lift_ca_hold(&mut self, bucket: &Bucket) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from ca_holds where limit_id = $1 and key = $2",
            bucket.limit,
            bucket.key
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
