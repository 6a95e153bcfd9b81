//! Makes the server use what is installed, and takes down what its hook said.

use bus::StepContext;
use domain::run::Check;

use crate::targets::activation::Activation;
use crate::targets::{TargetError, check};

pub async fn activate(activation: &Activation, ctx: &StepContext) -> Result<String, TargetError> {
    let said = activation.ensure().await;
    ctx.check(match &said {
        Ok(output) if output.is_empty() => Check::tick("activated", "the command printed nothing"),
        Ok(output) => Check::tick("activated", output.as_str()),
        Err(TargetError::HookFailed { output, .. } | TargetError::HookHung { output, .. }) if !output.is_empty() => {
            Check::cross("activated", output.as_str())
        }
        Err(other) => Check::cross("activated", other.to_string()),
    });
    said
}

/// Whether the server takes its configuration and files as they are, where it has a test for that. Tells the server nothing.
pub async fn test(activation: &Activation) -> Option<(Check, Result<(), TargetError>)> {
    let tested = activation.test().await.transpose()?.map(|_| ());
    // What a test that went well prints is nothing that anybody needs to read.
    let evidence = tested.clone().map(|()| "its test ended with exit code 0".to_owned());
    Some((check("the server takes its configuration as it is", evidence), tested))
}

/// What an activation would need.
pub async fn rehearse(activation: Result<Option<Activation>, TargetError>) -> Vec<Check> {
    let activation = match activation {
        Ok(Some(activation)) => activation,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![check("the activation is allowed", Err(error))],
    };
    let runnable = activation.check().map(|()| activation.to_string());
    let can_be_run = runnable.is_ok();
    let mut checks = vec![check("the activation can be run", runnable)];
    if can_be_run {
        checks.extend(test(&activation).await.map(|(check, _)| check));
    }
    checks
}
