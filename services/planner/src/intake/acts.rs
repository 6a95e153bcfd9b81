//! A word about runs that exist: resume, retry, cancel, resolve.

use std::collections::HashSet;

use domain::{Invalid, RunId, WorkspaceId, counted};
use protocol::request::{AmendedRun, Amendment, Answer, RefusedRun, ResolveRequest, RunRequest, RunsRequest};
use serde_json::Value;
use store::StoreError;

use super::checks::{check_note, few_enough};
use super::{Intake, Refusal, read};
use crate::decide::acts::{ActKind, RunAct};
use crate::ledger::ActOutcome;

/// Bytes of amendments that one answer says word by word: with the rest of it they fit into a message.
const AMENDMENTS_IN_FULL: usize = 256 * 1024;

impl Intake {
    pub(super) async fn resolve(&self, workspace: &WorkspaceId, request: &ResolveRequest) -> Result<Answer, Refusal> {
        check_note(request.note.as_deref())?;
        let run_id = request.run_id;
        self.ledger.resolve(workspace, request).await??;
        Ok(Answer::Done {
            run_id,
            amendment: Amendment::default(),
        })
    }

    pub(super) async fn act_on_runs(
        &self,
        workspace: &WorkspaceId,
        kind: ActKind,
        body: Value,
    ) -> Result<Answer, Refusal> {
        if body.get("run_ids").is_some() {
            self.act_on_many(workspace, kind, read(body)?).await
        } else {
            self.act_on_one(workspace, kind, read(body)?).await
        }
    }

    async fn act_on_one(&self, workspace: &WorkspaceId, kind: ActKind, request: RunRequest) -> Result<Answer, Refusal> {
        let kind = with_account(kind, request.new_account)?;
        let act = act(kind, request.requested_by, request.note)?;
        let run_id = request.run_id;
        let outcome = self.tell(workspace, &[run_id], &act).await?;
        if let Some((_, reason)) = outcome.refused.into_iter().next() {
            return Err(reason.into());
        }
        let amended = outcome.amended.into_iter().next();
        Ok(Answer::Done {
            run_id,
            amendment: amended.map(|one| one.amendment).unwrap_or_default(),
        })
    }

    async fn act_on_many(
        &self,
        workspace: &WorkspaceId,
        kind: ActKind,
        request: RunsRequest,
    ) -> Result<Answer, Refusal> {
        let ids = request.run_ids;
        few_enough("run_ids", ids.len())?;
        let kind = with_account(kind, request.new_account)?;
        let act = act(kind, request.requested_by, request.note)?;
        let outcome = self.tell(workspace, &ids, &act).await?;
        let no: HashSet<RunId> = outcome.refused.iter().map(|(id, _)| *id).collect();
        let refused = outcome.refused.into_iter();
        Ok(Answer::Told {
            done: ids.into_iter().filter(|id| !no.contains(id)).collect(),
            refused: refused.map(|(run_id, reason)| RefusedRun { run_id, reason }).collect(),
            amended: within(AMENDMENTS_IN_FULL, outcome.amended),
        })
    }

    /// All in one transaction, or each in its own when one of them would be the second active run of its policy.
    async fn tell(&self, workspace: &WorkspaceId, ids: &[RunId], act: &RunAct) -> Result<ActOutcome, StoreError> {
        match self.ledger.tell(workspace, ids, act).await {
            Err(StoreError::Duplicate { .. }) => {}
            told => return told,
        }
        let mut all = ActOutcome::default();
        for id in ids {
            match self.ledger.tell(workspace, std::slice::from_ref(id), act).await {
                Err(StoreError::Duplicate { .. }) => all.refused.push((*id, overtaken(*id))),
                told => {
                    let told = told?;
                    all.refused.extend(told.refused);
                    all.amended.extend(told.amended);
                }
            }
        }
        Ok(all)
    }
}

fn with_account(kind: ActKind, new_account: bool) -> Result<ActKind, Invalid> {
    match (kind, new_account) {
        (kind, false) => Ok(kind),
        (ActKind::Resume | ActKind::ResumeAnew, true) => Ok(ActKind::ResumeAnew),
        (ActKind::Retry | ActKind::Cancel, true) => {
            let problem = format!("{} begins no account", kind.verb().as_str());
            Err(Invalid::new("new_account", problem, "use resume, or leave it out"))
        }
    }
}

/// Those past so many bytes only say how much has changed: each run's own history has every word.
fn within(bytes: usize, amended: Vec<AmendedRun>) -> Vec<AmendedRun> {
    let mut left = bytes;
    let shortened = |one: AmendedRun| {
        let length = one.amendment.changed.iter().map(String::len).sum();
        if let Some(rest) = left.checked_sub(length) {
            left = rest;
            return one;
        }
        let said = format!(
            "{}: see vigilo run {}",
            counted(one.amendment.changed.len() as u64, "change"),
            one.run_id
        );
        let amendment = Amendment {
            changed: vec![said],
            ..one.amendment
        };
        AmendedRun { amendment, ..one }
    };
    amended.into_iter().map(shortened).collect()
}

fn overtaken(id: RunId) -> Invalid {
    let remedy = "look at that one (vigilo run), and wait for its end or cancel it";
    let problem = format!("another run of the same policy has begun since {id}");
    Invalid::new("run_id", problem, remedy)
}

fn act(kind: ActKind, by: String, note: Option<String>) -> Result<RunAct, Invalid> {
    check_note(note.as_deref())?;
    let note = note.unwrap_or_default();
    Ok(RunAct { kind, by, note })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_many_says_at_least_how_much_each_has_changed() {
        let one = |changed: &[&str]| AmendedRun {
            run_id: RunId::new(),
            amendment: Amendment {
                changed: changed.iter().map(|&said| said.to_owned()).collect(),
                not_taken: vec!["names".to_owned()],
            },
        };
        let said = within(10, vec![one(&["12345", "67890"]), one(&["1", "2"])]);
        assert_eq!(said[0].amendment.changed, ["12345", "67890"]);
        let run = said[1].run_id;
        assert_eq!(said[1].amendment.changed, [format!("2 changes: see vigilo run {run}")]);
        assert_eq!(said[1].amendment.not_taken, ["names"]);
    }
}
