//! What CAs say about the certificates that hosts serve: which are asked about next, and what was answered.

mod seen;

use domain::ari::{self, CertId, Suggestion, Window};
use domain::ca::CaRef;
use domain::clock::Timestamp;
use domain::ids::{HostId, WorkspaceId};
use domain::policy::NewPolicy;
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::exactly;
use crate::rows::{at, column, from_json, number, text};
use crate::runs::Current;
use crate::{AskWindow, Store, StoreError};

pub(crate) use seen::keep as keep_seen;

/// A certificate that its CA is asked about.
#[derive(Debug, Clone)]
pub struct ToAsk {
    pub host_id: HostId,
    pub workspace: WorkspaceId,
    pub cert_id: CertId,
    pub ca: CaRef,
}

/// A locked certificate, as the last answer left it.
#[derive(Debug, Clone)]
pub struct LockedRenewal {
    pub host_id: HostId,
    pub workspace: WorkspaceId,
    pub cert_id: Option<CertId>,
    pub ca: Option<CaRef>,
    pub life: (Timestamp, Timestamp),
    pub suggestion: Option<Suggestion>,
    pub answered_at: Option<Timestamp>,
    pub failures: u32,
    /// A run of ours got it.
    pub issued_here: bool,
}

/// What an answer comes to.
#[derive(Debug, Clone)]
pub struct Answered {
    pub host_id: HostId,
    pub asked_at: Timestamp,
    pub told_at: Timestamp,
    pub suggestion: Option<Suggestion>,
    pub next_ask_at: Option<Timestamp>,
    /// In a row.
    pub failures: u32,
    pub last_error: Option<String>,
    /// The CA has just called for its renewal at once.
    pub called: bool,
}

struct Claimed {
    host_id: Uuid,
    workspace: String,
    cert_id: Option<String>,
    says: Option<Value>,
    fingerprint: String,
    /// What the newest live run that has issued got, by which order (an uploaded certificate has none), and where.
    leaf: Option<String>,
    order_url: Option<String>,
    current_ca: Option<String>,
    unread_plan: Option<Value>,
    unread_course: Option<Value>,
}

impl Claimed {
    /// The CA, when a run of ours got there what is served.
    fn issued_at(&self) -> Result<Option<String>, String> {
        if self.order_url.is_none() || self.leaf.as_ref() != Some(&self.fingerprint) {
            return Ok(None);
        }
        let current = Current {
            ca: self.current_ca.clone(),
            unread: self.unread_plan.clone().map(|plan| (plan, self.unread_course.clone())),
        };
        current.ca()
    }
}

impl Store {
    /// Takes certificates whose CAs are to be asked, the longest due first, as many as the window has room for, and notes
    /// whom: the CA where a run of ours got it, else that of the policy. They are due again at `until`, whether or not
    /// anybody answers.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn claim_renewal_asks(
        &self,
        window: AskWindow,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ToAsk>, StoreError> {
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query_as!(
            Claimed,
            r#"with due as (
                 select host_id from renewal_info where next_ask_at <= $1 and replaced_at is null order by next_ask_at
                 limit greatest(0, $2 - (select count(*) from renewal_info where asked_at > $3))
                 for no key update skip locked),
               taken as (
                 update renewal_info i
                 set next_ask_at = case when i.not_after <= $1 then null
                                        when p.id is null then $5::timestamptz else $4::timestamptz end,
                     asked_at = case when p.id is null or i.not_after <= $1 then null else $1 end
                 from due left join policies p on p.host_id = due.host_id and p.active
                 where i.host_id = due.host_id
                 returning i.host_id, i.workspace, i.cert_id, i.fingerprint, i.asked_at, p.says)
               select t.host_id as "host_id!", t.workspace as "workspace!", t.cert_id, t.says as "says?",
                      t.fingerprint as "fingerprint!", got.leaf as "leaf?", got.order_url as "order_url?",
                      got.current_ca as "current_ca?", got.unread_plan as "unread_plan?",
                      got.unread_course as "unread_course?"
               from taken t
               left join lateral (select s.product -> 'leaf' ->> 'fingerprint' as leaf,
                                         s.product ->> 'order_url' as order_url, r.current_ca,
                                         case when r.facts_at is distinct from r.moved_at then r.plan end as unread_plan,
                                         case when r.facts_at is distinct from r.moved_at then r.course end
                                           as unread_course
                                  from runs r join run_products s on s.run_id = r.id and s.step = 'issue'
                                  where r.host_id = t.host_id and r.mode = 'live'
                                  order by r.id desc limit 1) got on true
               where t.says is not null and t.asked_at is not null"#,
            now.get(),
            window.most,
            window.lost.get(),
            until.get(),
            now.plus(ari::WITHOUT_POLICY).get(),
        )
        .fetch_all(&mut *tx)
        .await?;
        if rows.is_empty() {
            tx.commit().await?;
            return Ok(Vec::new());
        }
        let asks = rows
            .into_iter()
            .map(to_ask)
            .collect::<Result<Vec<(ToAsk, bool)>, StoreError>>()?;
        let (asks, ours): (Vec<ToAsk>, Vec<bool>) = asks.into_iter().unzip();
        let hosts: Vec<Uuid> = asks.iter().map(|ask| ask.host_id.get()).collect();
        let cas: Vec<String> = asks.iter().map(|ask| ask.ca.to_string()).collect();
        sqlx::query!(
            "update renewal_info i set directory_url = u.directory_url, issued_here = u.issued_here
             from unnest($1::uuid[], $2::text[], $3::bool[]) as u (host_id, directory_url, issued_here)
             where i.host_id = u.host_id",
            &hosts,
            &cas,
            &ours,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(asks)
    }

    /// These are asked about with the next look at the clock, whenever they are due; what is not known is left out.
    pub async fn ask_about(
        &self,
        workspace: &WorkspaceId,
        hostnames: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update renewal_info i set next_ask_at = $3 from hosts h
             where h.id = i.host_id and i.workspace = $1 and h.hostname = any($2) and i.next_ask_at > $3
               and i.asked_at is null",
            workspace.as_str(),
            hostnames,
            now.get(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn renewal_answers(&self) -> Result<RenewalTx, StoreError> {
        let tx = self.pool.begin().await?;
        Ok(RenewalTx { tx })
    }
}

/// And whether a run of ours got it.
fn to_ask(row: Claimed) -> Result<(ToAsk, bool), StoreError> {
    let host = row.host_id;
    let corrupt = |why: String| StoreError::corrupt("renewal_info", host, why);
    let issued_at = row.issued_at().map_err(corrupt)?;
    let is_ours = issued_at.is_some();
    let says: NewPolicy = from_json(row.says.unwrap_or_default()).map_err(corrupt)?;
    let ca = match issued_at {
        Some(ca) => ca.parse().map_err(|e| corrupt(format!("{e}")))?,
        None => says.ca().map_err(|e| corrupt(e.to_string()))?,
    };
    let ask = ToAsk {
        host_id: HostId::from_uuid(host),
        workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
        cert_id: row
            .cert_id
            .unwrap_or_default()
            .parse()
            .map_err(|e| corrupt(format!("{e}")))?,
        ca,
    };
    Ok((ask, is_ours))
}

/// Answers are written down together with what was known before.
pub struct RenewalTx {
    pub(crate) tx: Transaction<'static, Postgres>,
}

impl RenewalTx {
    /// Locks these in the order of their hosts.
    pub async fn load(&mut self, hosts: &[HostId]) -> Result<Vec<LockedRenewal>, StoreError> {
        let ids: Vec<Uuid> = hosts.iter().map(|id| id.get()).collect();
        let rows = sqlx::query!(
            "select host_id, workspace, cert_id, directory_url, not_before, not_after, window_start, window_end, explanation_url,
                    answered_at, failures, issued_here
             from renewal_info where host_id = any($1) order by host_id for no key update",
            &ids,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let locked = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("renewal_info", row.host_id, why);
            Ok(LockedRenewal {
                host_id: HostId::from_uuid(row.host_id),
                workspace: row.workspace.parse().map_err(|e| corrupt(format!("{e}")))?,
                cert_id: row
                    .cert_id
                    .map(|id| id.parse())
                    .transpose()
                    .map_err(|e| corrupt(format!("{e}")))?,
                ca: row
                    .directory_url
                    .map(|ca| ca.parse())
                    .transpose()
                    .map_err(|e| corrupt(format!("{e}")))?,
                life: (at(row.not_before), at(row.not_after)),
                suggestion: suggestion(row.window_start, row.window_end, row.explanation_url).map_err(corrupt)?,
                answered_at: row.answered_at.map(at),
                failures: number(row.failures).map_err(corrupt)?,
                issued_here: row.issued_here,
            })
        });
        locked.collect()
    }

    /// Writes these answers down; policies whose window is another one now are judged again by the clock.
    #[expect(clippy::too_many_lines, reason = "one statement and its columns")]
    pub async fn save(&mut self, answers: &[Answered], now: Timestamp) -> Result<(), StoreError> {
        let hosts: Vec<Uuid> = answers.iter().map(|one| one.host_id.get()).collect();
        let instants = |pick: fn(&Answered) -> Option<Timestamp>| -> Vec<Option<OffsetDateTime>> {
            answers.iter().map(|one| pick(one).map(Timestamp::get)).collect()
        };
        let pages: Vec<Option<String>> = answers
            .iter()
            .map(|one| one.suggestion.as_ref()?.explanation_url.clone())
            .collect();
        let errors: Vec<Option<String>> = answers.iter().map(|one| one.last_error.as_deref().map(text)).collect();
        let failures: Vec<i32> = answers.iter().map(|one| column(one.failures)).collect();
        let called: Vec<bool> = answers.iter().map(|one| one.called).collect();
        let saved = sqlx::query!(
            r#"with new as (
                 select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[],
                                      $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::int[], $10::bool[])
                   as u (host_id, asked_at, told_at, window_start, window_end, next_ask_at, explanation_url, last_error,
                         failures, called)),
               judged as (
                 update policies p set judge_at = least(p.judge_at, $11)
                 from new u join renewal_info i on i.host_id = u.host_id
                 where p.host_id = u.host_id and p.active
                   and (i.window_start, i.window_end) is distinct from (u.window_start, u.window_end))
               update renewal_info i
               set answered_at = u.told_at, window_start = u.window_start, window_end = u.window_end,
                   explanation_url = u.explanation_url, last_error = u.last_error, failures = u.failures,
                   called_at = case when u.called then $11 else i.called_at end,
                   next_ask_at = case when i.asked_at > u.asked_at then i.next_ask_at else u.next_ask_at end,
                   asked_at = case when i.asked_at > u.asked_at then i.asked_at end
               from new u where i.host_id = u.host_id"#,
            &hosts,
            &instants(|one| Some(one.asked_at)) as &[Option<OffsetDateTime>],
            &instants(|one| Some(one.told_at)) as &[Option<OffsetDateTime>],
            &instants(|one| one.suggestion.as_ref().map(|said| said.window.start())) as &[Option<OffsetDateTime>],
            &instants(|one| one.suggestion.as_ref().map(|said| said.window.end())) as &[Option<OffsetDateTime>],
            &instants(|one| one.next_ask_at) as &[Option<OffsetDateTime>],
            &pages as &[Option<String>],
            &errors as &[Option<String>],
            &failures,
            &called,
            now.get(),
        )
        .execute(&mut *self.tx)
        .await?;
        exactly("save renewal information", hosts.len(), saved.rows_affected())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

/// Both ends or none.
pub(crate) fn window(start: Option<OffsetDateTime>, end: Option<OffsetDateTime>) -> Result<Option<Window>, String> {
    match (start, end) {
        (Some(start), Some(end)) => Window::new(at(start), at(end)).map(Some).map_err(|e| e.to_string()),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err("its window has one end only".to_owned()),
    }
}

pub(crate) fn suggestion(
    start: Option<OffsetDateTime>,
    end: Option<OffsetDateTime>,
    explanation_url: Option<String>,
) -> Result<Option<Suggestion>, String> {
    let window = window(start, end)?;
    Ok(window.map(|window| Suggestion {
        window,
        explanation_url,
    }))
}
