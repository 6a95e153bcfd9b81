//! The certificates that were seen: another one than before begins anew. The survey may see what a
//! run has installed before the run itself does: then it is asked about as early as the run wants.

use std::collections::BTreeMap;

use domain::ari::{self, CertId};
use domain::certificate::{Fingerprint, LookResult, Served, Snapshot};
use domain::clock::Timestamp;
use domain::ids::{HostId, SnapshotId, WorkspaceId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rows::from_json;
use crate::snapshot_row::SnapshotRow;
use crate::{LedgerTx, Store, StoreError};

/// Which certificate of these looks is its host's: the youngest, where its addresses serve several.
pub(crate) async fn keep(db: &mut PgConnection, rows: &[SnapshotRow]) -> Result<(), StoreError> {
    let mut of_host: BTreeMap<HostId, (&SnapshotRow, &Served)> = BTreeMap::new();
    for row in rows {
        let LookResult::Served(served) = &row.snapshot.seen else {
            continue;
        };
        let kept = of_host.entry(row.host_id).or_insert((row, served.as_ref()));
        if served.leaf.not_before > kept.1.leaf.not_before {
            *kept = (row, served.as_ref());
        }
    }
    if of_host.is_empty() {
        return Ok(());
    }
    let found: Vec<Found<'_>> = of_host
        .into_values()
        .map(|(row, served)| Found::of(row, served))
        .collect();
    write(db, &found).await
}

struct Found<'a> {
    row: &'a SnapshotRow,
    served: &'a Served,
    cert_id: Option<CertId>,
    first_ask: Option<Timestamp>,
}

impl<'a> Found<'a> {
    fn of(row: &'a SnapshotRow, served: &'a Served) -> Self {
        // One without a name at its CA is written down too: it is what is served, and no CA is
        // asked.
        let cert_id = CertId::of_pem(&served.leaf_pem).ok();
        let until = served.leaf.not_after;
        let first = ari::first_ask(row.host_id, row.run_id.is_some(), until, row.snapshot.taken_at);
        let first_ask = (cert_id.is_some() && first < until).then_some(first);
        Self {
            row,
            served,
            cert_id,
            first_ask,
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one statement and its columns")]
async fn write(db: &mut PgConnection, found: &[Found<'_>]) -> Result<(), StoreError> {
    let hosts: Vec<Uuid> = found.iter().map(|one| one.row.host_id.get()).collect();
    let workspaces: Vec<String> = found.iter().map(|one| one.row.workspace.to_string()).collect();
    let fingerprints: Vec<String> = found
        .iter()
        .map(|one| one.served.leaf.fingerprint.to_string())
        .collect();
    let cert_ids: Vec<Option<String>> = found
        .iter()
        .map(|one| one.cert_id.as_ref().map(ToString::to_string))
        .collect();
    // An array of arrays must be a rectangle: names travel as one text each; none has a blank in
    // it.
    let names: Vec<String> = found.iter().map(|one| one.served.leaf.sans.join(" ")).collect();
    let from: Vec<OffsetDateTime> = found.iter().map(|one| one.served.leaf.not_before.get()).collect();
    let until: Vec<OffsetDateTime> = found.iter().map(|one| one.served.leaf.not_after.get()).collect();
    let asks: Vec<Option<OffsetDateTime>> = found.iter().map(|one| one.first_ask.map(Timestamp::get)).collect();
    let seen = sqlx::query_scalar!(
        "insert into renewal_info as i (host_id, workspace, fingerprint, cert_id, names, not_before, not_after, next_ask_at)
         select host_id, workspace, fingerprint, cert_id, string_to_array(names, ' '), not_before, not_after, next_ask_at
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                     $8::timestamptz[])
              as u (host_id, workspace, fingerprint, cert_id, names, not_before, not_after, next_ask_at)
         on conflict (host_id) do update
         set fingerprint = excluded.fingerprint, cert_id = excluded.cert_id, names = excluded.names,
             not_before = excluded.not_before, not_after = excluded.not_after, next_ask_at = excluded.next_ask_at,
             directory_url = null, issued_here = false, window_start = null, window_end = null, explanation_url = null,
             asked_at = null, answered_at = null, failures = 0, last_error = null, replaced_at = null, called_at = null
         where i.fingerprint <> excluded.fingerprint
            or (i.answered_at is null and i.asked_at is null and excluded.next_ask_at < i.next_ask_at)
         returning host_id",
        &hosts,
        &workspaces,
        &fingerprints,
        &cert_ids as &[Option<String>],
        &names,
        &from,
        &until,
        &asks as &[Option<OffsetDateTime>],
    )
    .fetch_all(&mut *db)
    .await?;
    judge_again(db, &seen).await
}

/// Another certificate is served than before: what was said of its renewal holds no more.
async fn judge_again(db: &mut PgConnection, hosts: &[Uuid]) -> Result<(), StoreError> {
    if hosts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "with judged as (select id from policies where host_id = any($1) and active and judge_at > 'epoch'
                         order by id for no key update)
         update policies p set judge_at = 'epoch' from judged where p.id = judged.id",
        hosts,
    )
    .execute(db)
    .await?;
    Ok(())
}

impl LedgerTx {
    /// Runs have got the certificates that come after what these hosts serve: no CA is asked about
    /// those any more.
    pub async fn mark_replaced(&mut self, got: &[(HostId, Fingerprint)], now: Timestamp) -> Result<(), StoreError> {
        if got.is_empty() {
            return Ok(());
        }
        let hosts: Vec<Uuid> = got.iter().map(|(host, _)| host.get()).collect();
        let leaves: Vec<String> = got.iter().map(|(_, leaf)| leaf.to_string()).collect();
        sqlx::query!(
            "update renewal_info i set replaced_at = $3 from unnest($1::uuid[], $2::text[]) as u (host_id, leaf)
             where i.host_id = u.host_id and i.fingerprint <> u.leaf and i.replaced_at is null",
            &hosts,
            &leaves,
            now.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}

impl Store {
    /// Writes down what hosts serve that were seen by a version before this one, some at a time;
    /// gives back how many.
    pub async fn adopt_served(&self, most: i64) -> Result<usize, StoreError> {
        let rows = sqlx::query!(
            "select h.id, h.workspace, s.id as snapshot, s.seen
             from hosts h join lateral (select id, seen from snapshots
                                        where host_id = h.id and not_after is not null
                                        order by taken_at desc limit 1) s on true
             where not exists (select 1 from renewal_info i where i.host_id = h.id) limit $1",
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("snapshots", SnapshotId::from_uuid(row.snapshot), why);
            let snapshot: Snapshot = from_json(row.seen).map_err(corrupt)?;
            let workspace: WorkspaceId = row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?;
            Ok(SnapshotRow {
                workspace,
                host_id: HostId::from_uuid(row.id),
                run_id: None,
                snapshot,
            })
        });
        let found = found.collect::<Result<Vec<SnapshotRow>, StoreError>>()?;
        keep(&mut *self.pool.acquire().await.map_err(StoreError::from)?, &found).await?;
        Ok(found.len())
    }
}
