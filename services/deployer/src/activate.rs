//! Makes the server use what is installed, and takes down what its hook said.

use bus::StepContext;
use domain::run::Check;

use crate::targets::{Installer, Job, TargetError};

pub async fn activate<I: Installer>(
    installer: &I,
    job: &Job<'_, I::Target>,
    ctx: &StepContext,
) -> Result<Option<String>, TargetError> {
    let said = installer.ensure_active(job).await;
    match &said {
        Ok(Some(output)) if output.is_empty() => ctx.check(Check::tick("reloaded", "the command printed nothing")),
        Ok(Some(output)) => ctx.check(Check::tick("reloaded", output.as_str())),
        Ok(None) => {}
        Err(TargetError::HookFailed { output, .. } | TargetError::HookHung { output, .. }) if !output.is_empty() => {
            ctx.check(Check::cross("reloaded", output.as_str()));
        }
        Err(other) => ctx.check(Check::cross("reloaded", other.to_string())),
    }
    said
}
