//! What a worker may not say: of another workspace, of another service's work, of an instant that has not come.
//!
//! In: what a worker sent, and what the record says of that run or host. Out: nothing, or the reason why it goes to the dead
//! letters. Pure. Whether it came by its own subject is the bus's to look at: it does so with every message.

use std::time::Duration;

use domain::{Timestamp, WorkspaceId};
use protocol::report::Report;
use store::LoadedRun;

/// How far the clocks of two machines may be apart before one of them is said to lie.
const SKEW: Duration = Duration::from_secs(300);

pub(crate) fn crossed_by_report(report: &Report, run: &LoadedRun) -> Option<String> {
    crossed_by_workspace(&report.workspace, &run.head.workspace).or_else(|| {
        let foreign = report.foreign_part()?;
        Some(format!("BUS-0006: a report of {} carries {foreign}", report.step))
    })
}

/// `said` by the message, `of` the run or host that it is about.
pub(crate) fn crossed_by_workspace(said: &WorkspaceId, of: &WorkspaceId) -> Option<String> {
    (said != of)
        .then(|| format!("BUS-0005: it speaks for the workspace {said}, and what it is about belongs to another one"))
}

/// What claims to be younger than now would make everything true that comes later look old.
pub(crate) fn crossed_by_time(said: Timestamp, now: Timestamp) -> Option<String> {
    (said > now.plus(SKEW)).then(|| format!("BUS-0007: it is of {said}, and it is {now} now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_ones_own_and_an_instant_has_come() {
        let [acme, other] = ["acme", "elsewhere"].map(|slug| slug.parse::<WorkspaceId>().expect("a slug"));
        assert_eq!(crossed_by_workspace(&acme, &acme), None);
        let said = crossed_by_workspace(&acme, &other).expect("another");
        assert!(
            said.starts_with("BUS-0005") && said.contains("acme") && !said.contains("elsewhere"),
            "{said}"
        );
        let now = Timestamp::EPOCH.plus(Duration::from_secs(3600));
        assert_eq!(crossed_by_time(now.plus(SKEW), now), None);
        let said = crossed_by_time(now.plus(SKEW * 2), now).expect("it has not come");
        assert!(said.starts_with("BUS-0007"), "{said}");
    }
}
