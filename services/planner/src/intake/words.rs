//! A word about runs that exist: resume, retry, cancel, resolve.

use std::collections::HashSet;

use domain::{Invalid, RunId, WorkspaceId};
use protocol::request::{Answer, RefusedRun, ResolveRequest, RunRequest, RunsRequest};
use serde_json::Value;
use store::StoreError;

use super::checks::{check_note, few_enough};
use super::{Intake, Refusal, read};
use crate::people::{Deed, Word};

impl Intake {
    pub(super) async fn resolve(&self, workspace: &WorkspaceId, request: &ResolveRequest) -> Result<Answer, Refusal> {
        check_note(request.note.as_deref())?;
        let run_id = request.run_id;
        self.ledger.resolve(workspace, request).await??;
        Ok(Answer::Done { run_id })
    }

    pub(super) async fn told(&self, workspace: &WorkspaceId, word: Word, body: Value) -> Result<Answer, Refusal> {
        if body.get("run_ids").is_some() {
            self.tell_many(workspace, word, read(body)?).await
        } else {
            self.tell_one(workspace, word, read(body)?).await
        }
    }

    async fn tell_one(&self, workspace: &WorkspaceId, word: Word, request: RunRequest) -> Result<Answer, Refusal> {
        let deed = deed(word, request.requested_by, request.note)?;
        let run_id = request.run_id;
        let refused = self.tell(workspace, &[run_id], &deed).await?;
        match refused.into_iter().next() {
            None => Ok(Answer::Done { run_id }),
            Some((_, reason)) => Err(reason.into()),
        }
    }

    async fn tell_many(&self, workspace: &WorkspaceId, word: Word, request: RunsRequest) -> Result<Answer, Refusal> {
        let ids = request.run_ids;
        few_enough("run_ids", ids.len())?;
        let deed = deed(word, request.requested_by, request.note)?;
        let refused = self.tell(workspace, &ids, &deed).await?;
        let no: HashSet<RunId> = refused.iter().map(|(id, _)| *id).collect();
        let refused = refused
            .into_iter()
            .map(|(run_id, reason)| RefusedRun { run_id, reason });
        Ok(Answer::Told {
            done: ids.into_iter().filter(|id| !no.contains(id)).collect(),
            refused: refused.collect(),
        })
    }

    /// All in one transaction, or each in its own when one of them would be the second active run of its policy.
    async fn tell(
        &self,
        workspace: &WorkspaceId,
        ids: &[RunId],
        deed: &Deed,
    ) -> Result<Vec<(RunId, Invalid)>, StoreError> {
        match self.ledger.tell(workspace, ids, deed).await {
            Err(StoreError::Duplicate { .. }) => {}
            told => return told,
        }
        let mut refused = Vec::new();
        for id in ids {
            match self.ledger.tell(workspace, std::slice::from_ref(id), deed).await {
                Err(StoreError::Duplicate { .. }) => refused.push((*id, overtaken(*id))),
                told => refused.extend(told?),
            }
        }
        Ok(refused)
    }
}

fn overtaken(id: RunId) -> Invalid {
    let remedy = "look at that one: wait for its end, resume it or cancel it";
    let problem = format!("another run of the same policy has begun since {id}");
    Invalid::new("run_id", problem, remedy)
}

fn deed(word: Word, by: String, note: Option<String>) -> Result<Deed, Invalid> {
    check_note(note.as_deref())?;
    let note = note.unwrap_or_default();
    Ok(Deed { word, by, note })
}
