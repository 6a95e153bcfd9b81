//! The lines of a plan: which hosts a filter chooses, and what was decided of each.

use std::time::Duration;

use domain::ca::CaRef;
use domain::filter::Filter;
use domain::ids::{JobId, WorkspaceId};
use domain::job::{Decision, Included, LeftOut, Traits};
use domain::{DnsName, Hostname, Timestamp};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::JobTx;
use crate::rows::{at, column, from_json, json, most_first, word};
use crate::runs::Columns;
use crate::{NewRun, Store, StoreError};

/// One host of a plan, decided.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// The order of the plan, from 1.
    pub nr: u32,
    pub hostname: Hostname,
    pub decision: Decision,
    /// What is created at the commit; its id and its creation are decided then.
    pub run: Option<NewRun>,
}

/// An order of a line that is included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedOrder {
    pub ca: CaRef,
    pub names: Vec<DnsName>,
    pub start_at: Timestamp,
}

impl NewLine {
    fn left_out(&self) -> Option<&LeftOut> {
        match &self.decision {
            Decision::LeftOut(why) => Some(why),
            Decision::Included(_) => None,
        }
    }

    fn included(&self) -> Option<&Included> {
        match &self.decision {
            Decision::Included(included) => Some(included),
            Decision::LeftOut(_) => None,
        }
    }
}

impl Store {
    /// The hosts that the filter means and that are no lines of the job yet. The most critical and the soonest to
    /// expire come first: they come first at the budget and at limits too.
    pub async fn chosen(
        &self,
        workspace: &WorkspaceId,
        job: JobId,
        filter: &Filter,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let some = |words: Vec<String>| if words.is_empty() { None } else { Some(words) };
        let names = some(filter.hostnames.iter().map(ToString::to_string).collect());
        let criticalities = some(filter.criticalities.iter().map(word).collect());
        let providers = some(filter.providers.iter().map(word).collect());
        let (environments, tags) = (some(filter.environments.clone()), some(filter.tags.clone()));
        let chosen = sqlx::query_scalar!(
            "select h.hostname
             from hosts h
             left join policies p on p.workspace = h.workspace and p.hostname = h.hostname and p.active
             left join lateral (select not_after from snapshots where host_id = h.id and not_after is not null
                                order by taken_at desc limit 1) s on true
             where h.workspace = $1
               and ($2::text[] is null or h.hostname = any($2)) and ($3::text is null or h.hostname like $3)
               and ($4::text[] is null or h.environment = any($4)) and ($5::text[] is null or h.criticality = any($5))
               and ($6::text[] is null or h.says -> 'tags' ?& $6)
               and ($7::text[] is null or p.says ->> 'provider' = any($7))
               and ($8::timestamptz is null or s.not_after <= $8)
               and not exists (select 1 from job_lines l where l.job_id = $9 and l.hostname = h.hostname)
             order by array_position($10::text[], h.criticality),
                      s.not_after nulls last, h.hostname",
            workspace.as_str(),
            names.as_deref(),
            filter.hostname_glob.as_ref().map(domain::filter::Glob::like),
            environments.as_deref(),
            criticalities.as_deref(),
            tags.as_deref(),
            providers.as_deref(),
            filter.served_until_at_most(now).map(Timestamp::get),
            job.get(),
            &most_first(),
        );
        Ok(chosen.fetch_all(&self.pool).await?)
    }

    /// Which of these names are lines of the job.
    pub async fn lined(&self, job: JobId, names: &[String]) -> Result<Vec<String>, StoreError> {
        let lined = sqlx::query_scalar!(
            "select hostname from job_lines where job_id = $1 and hostname = any($2)",
            job.get(),
            names,
        );
        Ok(lined.fetch_all(&self.pool).await?)
    }

    /// The orders that the lines of a plan come to so far.
    pub async fn planned_orders(&self, job: JobId) -> Result<Vec<PlannedOrder>, StoreError> {
        let rows = sqlx::query!(
            r#"select nr, ca as "ca!", plan -> 'names' as "names!", start_at as "start_at!"
               from job_lines where job_id = $1 and reason is null and plan is not null order by nr"#,
            job.get(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let orders = rows.into_iter().map(|row| {
            let corrupt = |why: String| StoreError::corrupt("job_lines", format!("{job} {}", row.nr), why);
            Ok(PlannedOrder {
                ca: row.ca.parse().map_err(|e| corrupt(format!("{e}")))?,
                names: from_json(row.names).map_err(corrupt)?,
                start_at: at(row.start_at),
            })
        });
        orders.collect()
    }

    /// What a live run took lately, in work: the mean of the newest two hundred that succeeded.
    pub async fn work_per_run(&self, workspace: &WorkspaceId) -> Result<Option<Duration>, StoreError> {
        let seconds = sqlx::query_scalar!(
            r#"select (sum(extract(epoch from s.ended_at - s.started_at)) / nullif(count(distinct s.run_id), 0))::float8
               from run_steps s
               where s.run_id in (select id from runs where workspace = $1 and status = 'succeeded' and mode = 'live'
                                  order by id desc limit 200)"#,
            workspace.as_str(),
        );
        let seconds = seconds.fetch_one(&self.pool).await?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
}

/// The columns of lines, one vector each, for UNNEST.
#[derive(Default)]
struct Lines {
    nrs: Vec<i32>,
    hostnames: Vec<String>,
    reasons: Vec<Option<String>>,
    left_out: Vec<Option<Value>>,
    waits_for: Vec<Option<String>>,
    despite: Vec<Option<String>>,
    hosts: Vec<Option<Uuid>>,
    policies: Vec<Option<Uuid>>,
    criticalities: Vec<Option<String>>,
    ranks: Vec<Option<i16>>,
    plans: Vec<Option<Value>>,
    steps: Vec<Option<String>>,
    lanes: Vec<Option<String>>,
    because: Vec<Option<Value>>,
    courses: Vec<Option<Value>>,
    costs: Vec<Option<i64>>,
    starts: Vec<Option<OffsetDateTime>>,
    traits: [Vec<Option<String>>; 3],
}

impl Lines {
    fn push(&mut self, line: &NewLine) -> Result<(), StoreError> {
        self.nrs.push(column(line.nr));
        self.hostnames.push(line.hostname.to_string());
        self.reasons.push(line.left_out().map(|why| why.reason().to_owned()));
        self.left_out.push(line.left_out().map(json).transpose()?);
        self.waits_for
            .push(line.included().and_then(|included| included.waits_for.clone()));
        self.despite
            .push(line.included().and_then(|included| included.despite.clone()));
        self.push_run(line.run.as_ref())
    }

    fn push_run(&mut self, run: Option<&NewRun>) -> Result<(), StoreError> {
        let mut state = Columns::default();
        if let Some(run) = run {
            state.push(&run.head, &run.plan, &run.state)?;
        }
        self.hosts.push(run.map(|run| run.head.host_id.get()));
        self.policies.push(run.map(|run| run.head.policy_id.get()));
        self.criticalities.push(run.map(|run| word(run.head.criticality)));
        self.ranks.push(run.map(|run| run.head.criticality.rank()));
        self.plans.push(run.map(|run| json(&run.plan)).transpose()?);
        self.steps.push(state.steps.pop().flatten());
        self.lanes.push(state.lanes.pop().flatten());
        self.because.push(state.because.pop().flatten());
        self.courses.push(state.courses.pop());
        self.costs.push(state.facts.costs.pop().flatten());
        self.starts.push(state.due.pop().flatten());
        let traits = run.map(|run| Traits::of(&run.plan));
        self.traits[0].push(traits.as_ref().map(|traits| traits.ca.to_string()));
        self.traits[1].push(traits.as_ref().map(|traits| traits.zone.clone()));
        self.traits[2].push(traits.map(|traits| traits.target));
        Ok(())
    }
}

impl JobTx {
    pub async fn keep_lines(&mut self, lines: &[NewLine]) -> Result<(), StoreError> {
        let mut columns = Lines::default();
        for line in lines {
            columns.push(line)?;
        }
        let [cas, zones, targets] = &columns.traits;
        sqlx::query!(
            "insert into job_lines (job_id, nr, hostname, reason, left_out, waits_for, host_id, policy_id, criticality,
                                    rank, plan, step, lane, because, course, start_at, ca, zone, target, despite,
                                    current_cost_micro_usd, has_facts)
             select $1, u.*, true from unnest($2::int[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::uuid[],
                                        $8::uuid[], $9::text[], $10::smallint[], $11::jsonb[], $12::text[],
                                        $13::text[], $14::jsonb[], $15::jsonb[], $16::timestamptz[], $17::text[],
                                        $18::text[], $19::text[], $20::text[], $21::bigint[]) as u",
            self.id.get(),
            &columns.nrs,
            &columns.hostnames,
            &columns.reasons as &[Option<String>],
            &columns.left_out as &[Option<Value>],
            &columns.waits_for as &[Option<String>],
            &columns.hosts as &[Option<Uuid>],
            &columns.policies as &[Option<Uuid>],
            &columns.criticalities as &[Option<String>],
            &columns.ranks as &[Option<i16>],
            &columns.plans as &[Option<Value>],
            &columns.steps as &[Option<String>],
            &columns.lanes as &[Option<String>],
            &columns.because as &[Option<Value>],
            &columns.courses as &[Option<Value>],
            &columns.starts as &[Option<OffsetDateTime>],
            cas as &[Option<String>],
            zones as &[Option<String>],
            targets as &[Option<String>],
            &columns.despite as &[Option<String>],
            &columns.costs as &[Option<i64>],
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Marks the first cohort: spread over CAs and kinds of target, then over zones, the least critical hosts first.
    pub async fn mark_cohort(&mut self, size: u32) -> Result<(), StoreError> {
        sqlx::query!(
            "with apart as (
               select nr, ca, target, rank, row_number() over (partition by ca, target, zone order by rank, nr) as of_zone
               from job_lines where job_id = $1 and reason is null),
             spread as (
               select nr, row_number() over (partition by ca, target order by of_zone, rank, nr) as place from apart)
             update job_lines l set cohort = true
             from (select nr from spread order by place, nr limit $2) c where l.job_id = $1 and l.nr = c.nr",
            self.id.get(),
            i64::from(size),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }
}
