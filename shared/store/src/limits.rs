//! What CAs allow, as people say it, and the counters of what was drawn.

use domain::clock::Timestamp;
use domain::ids::RunId;
use domain::lane::Lane;
use domain::limit::{Bucket, Limit};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::exactly;
use crate::ledger::LedgerTx;
use crate::rows::{at, column, from_word, number, word};
use crate::{Store, StoreError};

/// Any constant: it stands for "the buckets" among Postgres' advisory locks.
const BUCKETS: i64 = 0x6275_636b_6574;

const DAY: &[time::format_description::BorrowedFormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day]");

/// A counter as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    pub bucket: Bucket,
    pub tat: Timestamp,
    /// Of an exact set of names: when the CA issued for it last.
    pub issued_at: Option<Timestamp>,
}

/// What a run has drawn and may get back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub run_id: RunId,
    pub bucket: Bucket,
}

/// The day on which a person compared it with its source.
pub(crate) fn verified(limit: &Limit) -> Result<time::Date, StoreError> {
    time::Date::parse(&limit.last_verified, DAY).map_err(|why| StoreError::corrupt("limits", &limit.id, why))
}

impl LedgerTx {
    /// How many runs wait in each of these lanes; one in which none waits is not told of.
    pub async fn waiting_in(&mut self, lanes: &[Lane]) -> Result<Vec<(Lane, u32)>, StoreError> {
        let lanes: Vec<String> = lanes.iter().map(|lane| lane.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            r#"select lane as "lane!", count(*) as "n!" from runs
               where phase = 'waiting' and held is null and lane = any($1) group by lane"#,
            &lanes,
        );
        let rows = rows.fetch_all(&mut *self.tx).await?;
        let counted = rows
            .into_iter()
            .map(|row| (Lane::new(row.lane), u32::try_from(row.n).unwrap_or(u32::MAX)));
        Ok(counted.collect())
    }
}

impl Store {
    /// Every limit of every CA.
    pub async fn limits(&self) -> Result<Vec<Limit>, StoreError> {
        let rows = sqlx::query!(
            "select id, directory_url, scope, title, burst, period_seconds, source, last_verified, enabled
             from limits order by directory_url, id"
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let limits = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("limits", &row.id, why);
            Ok(Limit {
                ca: row.directory_url.parse().map_err(|e| corrupt(format!("{e}")))?,
                scope: from_word(row.scope).map_err(corrupt)?,
                burst: number(row.burst).map_err(corrupt)?,
                period_seconds: number(row.period_seconds).map_err(corrupt)?,
                last_verified: row.last_verified.format(DAY).map_err(|e| corrupt(e.to_string()))?,
                id: row.id,
                title: row.title,
                source: row.source,
                enabled: row.enabled,
            })
        });
        limits.collect()
    }

    /// Writes a limit of a person's, new or changed: the catalogue leaves it alone from here on.
    /// What was drawn from it stays drawn.
    pub async fn set_limit(&self, limit: &Limit) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into limits (id, directory_url, scope, title, burst, period_seconds, source, last_verified, enabled, edited)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, true)
             on conflict (id) do update
             set directory_url = $2, scope = $3, title = $4, burst = $5, period_seconds = $6, source = $7,
                 last_verified = $8, enabled = $9, edited = true",
            limit.id,
            limit.ca.to_string(),
            word(limit.scope),
            limit.title,
            column(limit.burst),
            column(limit.period_seconds),
            limit.source,
            verified(limit)?,
            limit.enabled,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Every counter that is not full at `now`, for a forecast.
    pub async fn buckets_in_use(&self, now: Timestamp) -> Result<Vec<BucketRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select limit_id, key, tat, issued_at from buckets where tat > $1 or issued_at is not null",
            now.get(),
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(Into::into).collect())
    }

    /// Forgets what runs reserved before `until` and never settled: cancelled ones. It is not given
    /// back, for the CA may have counted it.
    pub async fn forget_reservations(&self, until: Timestamp) -> Result<u64, StoreError> {
        let gone = sqlx::query!("delete from reservations where reserved_at < $1", until.get());
        Ok(gone.execute(&self.pool).await?.rows_affected())
    }
}

struct Row {
    limit_id: String,
    key: String,
    tat: OffsetDateTime,
    issued_at: Option<OffsetDateTime>,
}

impl From<Row> for BucketRow {
    fn from(row: Row) -> Self {
        let bucket = Bucket {
            limit: row.limit_id,
            key: row.key,
        };
        Self {
            bucket,
            tat: at(row.tat),
            issued_at: row.issued_at.map(at),
        }
    }
}

impl LedgerTx {
    /// Holds all buckets until the commit, so that replicas never overdraw one. Taken after the
    /// lanes.
    pub async fn hold_buckets(&mut self) -> Result<(), StoreError> {
        sqlx::query!("select pg_advisory_xact_lock($1)", BUCKETS)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// These counters, those that were ever used.
    pub async fn buckets(&mut self, wanted: &[Bucket]) -> Result<Vec<BucketRow>, StoreError> {
        let (limits, keys) = columns(wanted.iter());
        let rows = sqlx::query_as!(
            Row,
            "select b.limit_id, b.key, b.tat, b.issued_at
             from unnest($1::text[], $2::text[]) as u (limit_id, key) join buckets b using (limit_id, key)",
            &limits,
            &keys,
        );
        let rows = rows.fetch_all(self.connection()).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Writes where these counters stand now. A limit that was deleted meanwhile is passed over.
    pub async fn keep_buckets(&mut self, changed: &[(Bucket, Timestamp)]) -> Result<(), StoreError> {
        let (limits, keys) = columns(changed.iter().map(|(bucket, _)| bucket));
        let tats: Vec<OffsetDateTime> = changed.iter().map(|(_, tat)| tat.get()).collect();
        sqlx::query!(
            "insert into buckets (limit_id, key, tat)
             select u.limit_id, u.key, u.tat from unnest($1::text[], $2::text[], $3::timestamptz[]) as u (limit_id, key, tat)
             join limits l on l.id = u.limit_id
             on conflict (limit_id, key) do update set tat = excluded.tat",
            &limits,
            &keys,
            &tats,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The CA has issued for these exact sets of names.
    pub async fn mark_issued(&mut self, sets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        let (limits, keys) = columns(sets.iter());
        sqlx::query!(
            "insert into buckets (limit_id, key, tat, issued_at)
             select distinct u.limit_id, u.key, 'epoch'::timestamptz, $3::timestamptz
             from unnest($1::text[], $2::text[]) as u (limit_id, key) join limits l on l.id = u.limit_id
             on conflict (limit_id, key) do update set issued_at = excluded.issued_at",
            &limits,
            &keys,
            now.get(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    pub async fn reservations(&mut self, runs: &[RunId]) -> Result<Vec<Reservation>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            "select run_id, limit_id, key from reservations where run_id = any($1)",
            &ids
        );
        let rows = rows.fetch_all(self.connection()).await?;
        let reservations = rows.into_iter().map(|row| Reservation {
            run_id: RunId::from_uuid(row.run_id),
            bucket: Bucket {
                limit: row.limit_id,
                key: row.key,
            },
        });
        Ok(reservations.collect())
    }

    pub async fn reserve(&mut self, taken: &[Reservation], now: Timestamp) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = taken.iter().map(|one| one.run_id.get()).collect();
        let (limits, keys) = columns(taken.iter().map(|one| &one.bucket));
        let done = sqlx::query!(
            "insert into reservations (run_id, limit_id, key, reserved_at)
             select u.*, $4 from unnest($1::uuid[], $2::text[], $3::text[]) as u",
            &ids,
            &limits,
            &keys,
            now.get(),
        )
        .execute(self.connection())
        .await?;
        exactly("keep reservations", taken.len(), done.rows_affected())
    }

    /// The CA has counted these, or they were given back.
    pub async fn settle(&mut self, settled: &[Reservation]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = settled.iter().map(|one| one.run_id.get()).collect();
        let (limits, keys) = columns(settled.iter().map(|one| &one.bucket));
        sqlx::query!(
            "delete from reservations r using unnest($1::uuid[], $2::text[], $3::text[]) as u (run_id, limit_id, key)
             where r.run_id = u.run_id and r.limit_id = u.limit_id and r.key = u.key",
            &ids,
            &limits,
            &keys,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn columns<'a>(buckets: impl Iterator<Item = &'a Bucket>) -> (Vec<String>, Vec<String>) {
    buckets.map(|one| (one.limit.clone(), one.key.clone())).unzip()
}
