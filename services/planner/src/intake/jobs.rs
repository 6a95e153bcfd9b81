//! Requests about bulk renewals: checked here, carried out by the desk of the jobs.

use domain::WorkspaceId;
use protocol::request::{Answer, BulkCommitRequest, BulkPlanRequest, JobRequest};

use super::checks::check_note;
use super::sender::Sender;
use super::{Intake, Refusal};
use crate::jobs::JobActKind;

impl Intake {
    pub(super) async fn plan_bulk(
        &self,
        sender: Sender,
        workspace: &WorkspaceId,
        request: BulkPlanRequest,
    ) -> Result<Answer, Refusal> {
        sender.may_plan(&request.spec)?;
        Ok(self.jobs.take(workspace, request).await?)
    }

    pub(super) async fn commit_bulk(
        &self,
        sender: Sender,
        workspace: &WorkspaceId,
        request: &BulkCommitRequest,
    ) -> Result<Answer, Refusal> {
        if let Some(job) = self.store.job(workspace, request.job_id).await? {
            sender.may_commit(&job.spec)?;
        }
        Ok(self.jobs.commit(workspace, request).await?)
    }

    pub(super) async fn act_on_job(
        &self,
        workspace: &WorkspaceId,
        kind: JobActKind,
        request: &JobRequest,
    ) -> Result<Answer, Refusal> {
        check_note(request.note.as_deref())?;
        Ok(self.jobs.tell(workspace, kind, request).await?)
    }

    pub(super) async fn show_job(&self, workspace: &WorkspaceId, request: &JobRequest) -> Result<Answer, Refusal> {
        check_note(request.note.as_deref())?;
        Ok(self.jobs.show(workspace, request.job_id).await?)
    }
}
