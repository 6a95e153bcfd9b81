//! How an order ended, when it did not end well.

use anyhow::{Result, bail};
use bus::StepError;
use domain::disposition::{Disposition, Failure, Question};
use domain::run::Left;

/// What a deployment that did not end well says it has left.
pub fn left<T>(ended: Result<T, StepError>) -> Result<Option<Left>> {
    match ended.map(|_| ()) {
        Err(error) => Ok(error.left),
        Ok(()) => bail!("it ended well"),
    }
}

/// The question that an error puts to a person.
pub fn asked<T>(ended: Result<T, StepError>) -> Result<Question> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::NeedsHuman(question)) => Ok(question),
        other => bail!("a question was expected, not {other:?}"),
    }
}

/// What is tried again by itself.
pub fn tried_again<T>(ended: Result<T, StepError>) -> Result<Failure> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::RetryAt(_, failure)) => Ok(failure),
        other => bail!("another try was expected, not {other:?}"),
    }
}

pub fn failed<T>(ended: Result<T, StepError>) -> Result<Failure> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::Fail(failure)) => Ok(failure),
        other => bail!("a failure was expected, not {other:?}"),
    }
}
