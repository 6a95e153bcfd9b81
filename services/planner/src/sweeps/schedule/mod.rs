//! Policies renew themselves: those that are due get a run, each with the reason.
//!
//! In: the passing of time. Out: runs with the trigger `schedule`. Touches: Postgres; any number of planners share the
//! work. Never: a second run of a policy, a certificate for a host that was never seen serving one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::panics::or_next_round;
use domain::ari;
use domain::backoff::Ladder;
use domain::window::{self, Window};
use domain::{SnapshotId, Timestamp, WorkspaceId};
use protocol::request::{Accepted, Answer};
use store::{AnsweredRequest, Judgement, NewRun, Store, StoreError, ToJudge};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::decide::due::{Due, LastRun, Life, due, within};
use crate::decide::facts::Facts;
use crate::decide::scheduled::{DueRenewal, DueRenewals, Terms, decide, pressed};
use crate::ledger::Ledger;
use crate::ledger::positions;

const AT_ONCE: i64 = 500;
/// A planner that dies with policies claimed leaves them to the others after this long.
const CLAIMED_FOR: Duration = Duration::from_secs(300);

pub(crate) struct Schedule {
    pub store: Store,
    pub ledger: Arc<Ledger>,
    pub ladder: Ladder,
    /// Between two looks at the clock; nothing renews itself without.
    pub every: Option<Duration>,
}

impl Schedule {
    pub(crate) async fn keep(self, stop: &CancellationToken) -> anyhow::Result<()> {
        let Some(every) = self.every else {
            stop.cancelled().await;
            return Ok(());
        };
        while chassis::pause(every, stop).await.is_some() {
            if let Err(error) = or_next_round(self.all_due(stop)).await {
                warn!(%error, "policies cannot be judged by the clock; trying again");
            }
        }
        Ok(())
    }

    async fn all_due(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        while !stop.is_cancelled() {
            let judged = self.one_batch().await?;
            if judged < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                break;
            }
        }
        Ok(())
    }

    /// Judges some policies and creates the runs of those that are due; gives back how many were judged.
    async fn one_batch(&self) -> Result<usize, StoreError> {
        let now = self.ledger.now();
        let claimed_until = now.plus(CLAIMED_FOR);
        let batch = self.store.policies_to_judge(now, claimed_until, AT_ONCE).await?;
        let (mut judgements, mut wanted) = (Vec::new(), HashMap::<WorkspaceId, DueRenewals>::new());
        for one in &batch {
            let served = life(one);
            let by_clock = due(&one.policy, served.clone(), last_run(one), now);
            match within(windows(one), by_clock, served, now) {
                Due::Now { why } => {
                    let names = wanted.entry(one.policy.workspace.clone()).or_default();
                    let served = pressed(one);
                    names.insert(one.policy.spec.hostname.to_string(), DueRenewal { why, served });
                }
                Due::Later { due_at, judge_at, why } => judgements.push(Judgement {
                    policy: one.policy.id,
                    due_at,
                    judge_at,
                    why,
                    waits_for_budget: false,
                }),
            }
        }
        for (workspace, names) in &wanted {
            judgements.extend(self.renew(workspace, names, now).await?);
        }
        self.store.keep_judgements(&judgements, claimed_until).await?;
        Ok(batch.len())
    }

    /// Creates the runs of what is due, unless something speaks against it. While a budget is drawn from, no other
    /// planner does.
    async fn renew(
        &self,
        workspace: &WorkspaceId,
        due: &DueRenewals,
        now: Timestamp,
    ) -> Result<Vec<Judgement>, StoreError> {
        let names: Vec<String> = due.keys().cloned().collect();
        let facts = Facts::load(&self.store, workspace, &names, now).await?;
        let mut held = self.store.hold_budget(workspace, now).await?;
        let terms = Terms {
            facts: &facts,
            ladder: &self.ladder,
        };
        let (mut runs, mut judgements) = (Vec::new(), Vec::new());
        for known in facts.all() {
            let Some(due) = due.get(known.facts.policy.spec.hostname.as_str()) else {
                continue;
            };
            let budget = held.as_mut().map(|held| &mut held.budget);
            let (run, judgement) = decide(known, due, &terms, budget);
            runs.extend(run);
            judgements.push(judgement);
        }
        positions::assign(&self.store, &format!("{workspace} schedule"), &mut runs, now).await?;
        let created = self.create(workspace, &runs, now).await;
        if let Some(held) = held {
            held.release().await?;
        }
        match created {
            Ok(()) if runs.is_empty() => Ok(judgements),
            Ok(()) => self.ledger.release().await.map(|_| judgements),
            Err(StoreError::Duplicate { .. }) => Ok(again_at(now, judgements)),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, workspace: &WorkspaceId, runs: &[NewRun], now: Timestamp) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let accepted = runs.iter().map(|run| Accepted {
            hostname: run.head.hostname.clone(),
            run_id: run.head.id,
        });
        let answer = Answer::Renewal {
            accepted: accepted.collect(),
            refused: Vec::new(),
            warning: None,
        };
        let kept = serde_json::to_value(&answer).map_err(|error| StoreError::Corrupt {
            table: "requests",
            id: workspace.to_string(),
            why: error.to_string(),
        })?;
        let key = format!("schedule.{}", SnapshotId::new());
        let request = AnsweredRequest {
            workspace,
            key: &key,
            answer: &kept,
        };
        self.store.create_runs(runs, request, now).await?;
        info!(%workspace, runs = runs.len(), "policies are due");
        Ok(())
    }
}

/// One of them was asked for in this moment: all are judged again with the next look.
fn again_at(now: Timestamp, judgements: Vec<Judgement>) -> Vec<Judgement> {
    let again = judgements.into_iter().map(|one| Judgement { judge_at: now, ..one });
    again.collect()
}

/// As the policy says, else as any tag of its host does.
fn windows(one: &ToJudge) -> &[Window] {
    let own = &one.policy.spec.windows;
    if own.is_empty() { &one.tag_windows } else { own }
}

fn life(one: &ToJudge) -> Option<Life> {
    let (from, until) = one.served?;
    let suggested = one.suggested.clone();
    let usable = suggested.as_ref().and_then(|said| said.window.in_life(from, until));
    let open = usable.map(|window| open_in(windows(one), &window));
    Some(Life {
        from,
        until,
        suggested,
        called: one.called,
        open: open.unwrap_or_default(),
    })
}

/// When the host may be touched in the time that its CA suggests.
fn open_in(windows: &[Window], suggested: &ari::Window) -> Vec<ari::Window> {
    let open = window::openings(windows, suggested.start(), suggested.end());
    open.into_iter()
        .filter_map(|(from, until)| ari::Window::new(from, until).ok())
        .collect()
}

fn last_run(one: &ToJudge) -> Option<LastRun> {
    let run = |(id, status, moved_at)| LastRun {
        id,
        status,
        moved_at,
        by_schedule: one.last_by_schedule,
    };
    one.last.map(run)
}
