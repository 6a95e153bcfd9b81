//! Requests about bulk renewals: checked here, carried out by the desk of the jobs.

use domain::WorkspaceId;
use protocol::request::{Answer, BulkCommitRequest, BulkPlanRequest, JobRequest};

use super::checks::{check_person, short};
use super::{Intake, Refusal};
use crate::jobs::JobWord;

impl Intake {
    pub(super) async fn plan_bulk(&self, workspace: &WorkspaceId, request: BulkPlanRequest) -> Result<Answer, Refusal> {
        short("idempotency_key", &request.idempotency_key)?;
        short("requested_by", &request.requested_by)?;
        Ok(self.jobs.take(workspace, request).await?)
    }

    pub(super) async fn commit_bulk(
        &self,
        workspace: &WorkspaceId,
        request: &BulkCommitRequest,
    ) -> Result<Answer, Refusal> {
        short("requested_by", &request.requested_by)?;
        Ok(self.jobs.commit(workspace, request).await?)
    }

    pub(super) async fn told_job(
        &self,
        workspace: &WorkspaceId,
        word: JobWord,
        request: &JobRequest,
    ) -> Result<Answer, Refusal> {
        check_person(&request.requested_by, request.note.as_deref())?;
        Ok(self.jobs.tell(workspace, word, request).await?)
    }

    pub(super) async fn show_job(&self, workspace: &WorkspaceId, request: &JobRequest) -> Result<Answer, Refusal> {
        check_person(&request.requested_by, request.note.as_deref())?;
        Ok(self.jobs.show(workspace, request.job_id).await?)
    }
}
