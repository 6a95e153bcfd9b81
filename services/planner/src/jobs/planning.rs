//! The plan, batch by batch: what was decided is kept before the next batch is begun, so a planner
//! that dies loses a batch.

use std::collections::HashSet;
use std::time::Duration;

use domain::job::{Cap, Job, JobState, Speed};
use domain::run::Mode;
use domain::{Hostname, Timestamp};
use store::{NewLine, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{BATCH, CLAIMED_FOR, Jobs};
use crate::decide::facts::Facts;
use crate::decide::plan::quotas::Quotas;
use crate::decide::plan::{KnownName, Left, Terms, decide};

/// What the lines that are decided have left of the job's own budget and of the month's.
fn budgets(job: &Job) -> Vec<(Cap, u64)> {
    let month = job.totals.month_left_micro_usd.filter(|_| !job.spec.beyond_month);
    let caps = [(Cap::Job, job.spec.budget_micro_usd), (Cap::Month, month)];
    let spent = job.totals.cost_micro_usd;
    caps.into_iter()
        .filter_map(|(cap, whole)| Some((cap, whole?.saturating_sub(spent))))
        .collect()
}

/// What a run takes while the record knows none.
const USUAL: Duration = Duration::from_secs(20);

/// A plan that is being made.
struct Draft {
    /// As the last batch left it.
    job: Job,
    /// Hosts that are not decided yet, those to come first at the end.
    rest: Vec<String>,
    /// Names that are no hosts.
    strange: HashSet<String>,
    left: Left,
}

impl Jobs {
    pub(super) async fn plan(&self, job: &Job, stop: &CancellationToken) -> Result<(), StoreError> {
        let Some(mut draft) = self.draft(job).await? else {
            return Ok(());
        };
        while !draft.rest.is_empty() {
            if stop.is_cancelled() || !self.batch(&mut draft).await? {
                return Ok(());
            }
        }
        self.close(&draft).await
    }

    /// Which hosts are left to decide. The first time it also says how many there are.
    async fn draft(&self, job: &Job) -> Result<Option<Draft>, StoreError> {
        let now = self.ledger.now();
        let mut rest = self.store.chosen(&job.workspace, job.id, &job.spec.filter, now).await?;
        let strange = self.strange(job).await?;
        rest.extend(strange.iter().cloned());
        rest.reverse();
        let month_left = self.month_left(job, now).await?;
        let Some((mut tx, mut now_stands)) = self.store.job_tx(&job.workspace, job.id).await? else {
            return Ok(None);
        };
        if now_stands.state != JobState::Planning {
            return Ok(None);
        }
        let open = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        if now_stands.lines == 0 {
            now_stands.totals.month_left_micro_usd = month_left;
        }
        now_stands.hosts = Some(now_stands.lines.saturating_add(open));
        tx.put(&now_stands, now.plus(CLAIMED_FOR)).await?;
        tx.commit().await?;
        let left = self.left(&now_stands).await?;
        Ok(Some(Draft {
            job: now_stands,
            rest,
            strange: strange.into_iter().collect(),
            left,
        }))
    }

    /// The budget and the limits, as far as the lines that are decided have left them.
    async fn left(&self, job: &Job) -> Result<Left, StoreError> {
        let rows = self.store.buckets_in_use(self.ledger.now()).await?;
        let mut quotas = Quotas::new(self.store.limits().await?, rows);
        if quotas.are_any() && job.lines > 0 {
            for order in self.store.planned_orders(job.id).await? {
                quotas.take_again(&job.workspace, &order);
            }
        }
        Ok(Left {
            budgets: budgets(job),
            quotas,
        })
    }

    /// What the budget has left of the month in which the job begins, if the workspace has one. The
    /// whole job is paid by that month.
    pub(super) async fn month_left(&self, job: &Job, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let begins = job.spec.start_at.map_or(now, |at| at.max(now));
        let budget = match job.spec.mode {
            Mode::Live => self.store.limited_budget(&job.workspace, begins).await?,
            Mode::DryRun => None,
        };
        Ok(budget.and_then(|budget| budget.left_micro_usd()))
    }

    /// Hostnames that were given by name and are no hosts, as far as no line says so yet.
    async fn strange(&self, job: &Job) -> Result<Vec<String>, StoreError> {
        let named: Vec<String> = job.spec.filter.hostnames.iter().map(ToString::to_string).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let hosts = self.store.host_ids(&job.workspace, &named).await?;
        let mut known: HashSet<String> = hosts.into_iter().map(|(name, _)| name).collect();
        known.extend(self.store.lined(job.id, &named).await?);
        let mut seen = HashSet::new();
        let strange = named.into_iter().filter(|name| !known.contains(name));
        Ok(strange.filter(|name| seen.insert(name.clone())).collect())
    }

    /// Decides the next hosts and keeps it; false when another planner holds the plan, or it was
    /// cancelled.
    async fn batch(&self, draft: &mut Draft) -> Result<bool, StoreError> {
        let now = self.ledger.now();
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX).min(draft.rest.len());
        let names = draft.rest.split_off(draft.rest.len() - batch);
        let facts = Facts::load(&self.store, &draft.job.workspace, &names, now).await?;
        let lines = self.lines(draft, &names, &facts)?;
        let Some((mut tx, mut job)) = self.store.job_tx(&draft.job.workspace, draft.job.id).await? else {
            return Ok(false);
        };
        if job.state != JobState::Planning || job.lines != draft.job.lines {
            return Ok(false);
        }
        for line in &lines {
            job.totals.add(&line.decision);
        }
        job.lines += u32::try_from(lines.len()).unwrap_or(u32::MAX);
        tx.keep_lines(&lines).await?;
        tx.put(&job, now.plus(CLAIMED_FOR)).await?;
        tx.commit().await?;
        draft.job = job;
        Ok(true)
    }

    fn lines(&self, draft: &mut Draft, names: &[String], facts: &Facts) -> Result<Vec<NewLine>, StoreError> {
        let terms = Terms {
            job: &draft.job,
            ladder: &self.ladder,
            facts,
        };
        let mut lines = Vec::with_capacity(names.len());
        // The last of the rest comes first.
        for (name, nr) in names.iter().rev().zip(draft.job.lines + 1..) {
            let known = match facts.of(name) {
                Some(known) => KnownName::Policy(known),
                None if draft.strange.contains(name) => KnownName::Nothing,
                None => KnownName::HostAlone,
            };
            let (decision, run) = decide(known, &terms, &mut draft.left);
            let hostname: Hostname = name.parse().map_err(|why| StoreError::Corrupt {
                table: "hosts",
                id: name.clone(),
                why: format!("{why}"),
            })?;
            lines.push(NewLine {
                nr,
                hostname,
                decision,
                run,
            });
        }
        Ok(lines)
    }

    /// The sum, and the first cohort.
    async fn close(&self, draft: &Draft) -> Result<(), StoreError> {
        let now = self.ledger.now();
        let per_run = self.store.work_per_run(&draft.job.workspace).await?;
        let speed = Speed {
            per_run: per_run.unwrap_or(USUAL),
            at_once_per_ca: self.at_once_per_ca,
        };
        let Some((mut tx, mut job)) = self.store.job_tx(&draft.job.workspace, draft.job.id).await? else {
            return Ok(());
        };
        if job.state != JobState::Planning || job.lines != draft.job.lines {
            return Ok(());
        }
        if let Some(canary) = job.spec.canary {
            tx.mark_cohort(canary.of(job.totals.included)).await?;
        }
        job.totals.close(speed, job.spec.concurrency);
        job.state = JobState::Planned;
        job.planned_at = Some(now);
        tx.put(&job, now).await?;
        tx.commit().await?;
        info!(job = %job.id, hosts = job.lines, included = job.totals.included, "a bulk renewal is planned");
        Ok(())
    }
}
