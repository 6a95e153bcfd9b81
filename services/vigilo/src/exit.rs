//! How a service or `vigilo up` ended, as the exit code that `--help` promises.

use std::process::ExitCode;

use bus::BusError;
use chassis::process::{EXIT_CONFIG, EXIT_MISSING, exit_code};
use store::StoreError;

/// An engine that cannot be reached, or is not ready for this version, is something missing, wherever that was noticed; one that this
/// version must not use is a wrong configuration.
pub fn code(outcome: &anyhow::Result<()>) -> ExitCode {
    match outcome {
        Err(failed) if failed.chain().any(is_wrong) => ExitCode::from(EXIT_CONFIG),
        Err(failed) if failed.chain().any(is_away) => ExitCode::from(EXIT_MISSING),
        ended => exit_code(ended),
    }
}

fn is_away(cause: &(dyn std::error::Error + 'static)) -> bool {
    let nats = matches!(
        cause.downcast_ref(),
        Some(
            BusError::Unavailable(_)
                | BusError::NoResponders { .. }
                | BusError::Timeout { .. }
                | BusError::TooOld { .. }
        )
    );
    let postgres = matches!(
        cause.downcast_ref(),
        Some(StoreError::Unavailable(_) | StoreError::Migration(_))
    );
    nats || postgres
}

fn is_wrong(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(StoreError::Foreign | StoreError::Insecure(_))
    )
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_engine_that_is_away_is_69_and_a_defect_is_1() {
        let shown = |code: ExitCode| format!("{code:?}");
        let away: anyhow::Result<()> = Err(BusError::Unavailable("refused".to_owned())).context("the issuer");
        let down: anyhow::Result<()> = Err(StoreError::Unavailable("refused".to_owned())).context("database_url");
        let defect: anyhow::Result<()> = Err(StoreError::Faulty("no such table".to_owned())).context("the planner");
        assert_eq!(shown(code(&away)), shown(ExitCode::from(69)));
        assert_eq!(shown(code(&down)), shown(ExitCode::from(69)));
        let behind: anyhow::Result<()> = Err(StoreError::Migration("no right".to_owned())).context("the planner");
        let foreign: anyhow::Result<()> = Err(StoreError::Foreign).context("the planner");
        assert_eq!(shown(code(&behind)), shown(ExitCode::from(69)));
        assert_eq!(shown(code(&foreign)), shown(ExitCode::from(64)));
        assert_eq!(shown(code(&defect)), shown(ExitCode::from(1)));
        assert_eq!(shown(code(&Ok(()))), shown(ExitCode::SUCCESS));
    }
}
