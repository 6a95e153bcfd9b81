//! Turns: start-time fair between flows. A flow that has many runs is given turns one after the other; another one that
//! comes later starts where the service stands, beside it and not behind it.

use domain::clock::Timestamp;

use crate::{Store, StoreError};

/// From one turn of a flow to the next.
pub const STRIDE: i64 = 1_000_000;

impl Store {
    /// The first of `count` turns for runs of this flow; each further one is a `STRIDE` later.
    pub async fn take_positions(&self, flow: &str, count: usize, now: Timestamp) -> Result<i64, StoreError> {
        let width = i64::try_from(count).unwrap_or(i64::MAX / STRIDE).saturating_mul(STRIDE);
        let first = sqlx::query_scalar!(
            r#"with recursive l as (
                 (select lane from runs where phase = 'waiting' and held is null order by lane limit 1)
                 union all
                 select (select r.lane from runs r where r.phase = 'waiting' and r.held is null and r.lane > l.lane
                          order by r.lane limit 1)
                 from l where l.lane is not null),
               served as (
                 select min(next.turn) as turn from l
                 cross join lateral (select turn from runs
                                     where phase = 'waiting' and held is null and lane = l.lane and due_at <= $3
                                     order by turn limit 1) next
                 where l.lane is not null and l.lane not like 'group %' and l.lane not like '% again'),
               start as (
                 select coalesce((select turn from served),
                                 greatest((select max(finish) from flows), $4::bigint)) as turn)
               insert into flows as f (flow, finish, at) select $1, start.turn + $2::bigint, $3 from start
               on conflict (flow) do update set at = $3,
                 finish = greatest(f.finish, (select turn from start)) + $2::bigint
               returning f.finish - $2::bigint as "first!""#,
            flow,
            width,
            now.get(),
            now.unix_micros(),
        );
        Ok(first.fetch_one(&self.pool).await?)
    }

    /// Forgets flows that have asked for no turn since `until`.
    pub async fn forget_flows(&self, until: Timestamp) -> Result<u64, StoreError> {
        let gone = sqlx::query!("delete from flows where at < $1", until.get());
        Ok(gone.execute(&self.pool).await?.rows_affected())
    }
}
