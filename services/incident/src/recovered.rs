//! Whether the trouble of a run is over because its host serves what it should. Pure.

use std::time::Duration;

use domain::certificate::{LookResult, Served};
use store::Watched;

/// CAs date certificates back, by up to this much: for clients whose clocks are late.
const DATED_BACK: Duration = Duration::from_secs(3600);

/// A later run has succeeded, or every address that was looked at since serves a new leaf: the one that the run issued, or
/// one that was issued after the trouble and is not what was served before it. Not while an address serves several leaves
/// by turns: the next visitor may get the old one.
pub fn has_recovered(watched: &Watched) -> bool {
    let new = |seen: &LookResult| match seen {
        LookResult::Served(served) => is_new(watched, served),
        LookResult::Unreachable { .. } => false,
    };
    let shows_it = || !watched.asks_of_targets && !watched.seen.is_empty() && watched.seen.iter().all(new);
    !watched.is_mixed && (watched.renewed || shows_it())
}

fn is_new(watched: &Watched, served: &Served) -> bool {
    let leaf = &served.leaf;
    let seen_before = watched.before.as_ref() == Some(&leaf.fingerprint);
    let issued_after = leaf.not_before.plus(DATED_BACK) > watched.told_at;
    watched.issued.as_ref() == Some(&leaf.fingerprint) || (issued_after && !seen_before)
}

#[cfg(test)]
mod tests {
    use domain::certificate::CertificateFacts;
    use domain::host::Criticality;
    use domain::incident::Severity;
    use domain::{HostId, IncidentId, RunId, Timestamp, WorkspaceId};

    use super::*;

    fn hour(n: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(n * 3600))
    }

    fn served(name: &str, not_before: Timestamp) -> LookResult {
        let leaf = CertificateFacts {
            fingerprint: samples::fingerprint(name),
            ..samples::leaf(not_before, hour(10_000))
        };
        LookResult::Served(Box::new(samples::served(leaf)))
    }

    /// Trouble since the 100th hour, with what was seen after it.
    fn watched(seen: Vec<LookResult>) -> Watched {
        Watched {
            workspace: WorkspaceId::default_workspace(),
            incident: IncidentId::new(),
            severity: Severity::Sev3,
            run_id: RunId::new(),
            host_id: HostId::new(),
            criticality: Criticality::Medium,
            told_at: hour(100),
            expires_at: None,
            issued: Some(samples::fingerprint("issued")),
            asks_of_targets: false,
            renewed: false,
            is_mixed: false,
            seen,
            before: Some(samples::fingerprint("old")),
        }
    }

    #[test]
    fn a_new_leaf_at_every_address_mends() {
        let unreachable = || LookResult::Unreachable {
            probe_error: "refused".to_owned(),
        };
        let old = || served("old", hour(1));
        let by_hand = || served("by hand", hour(100));
        for (seen, recovered) in [
            (vec![], false),
            (vec![old()], false),
            (vec![served("issued", hour(90))], true),
            (vec![by_hand()], true),
            (vec![served("dated back", hour(99).plus(Duration::from_secs(1)))], true),
            (vec![served("another old one", hour(98))], false),
            (vec![served("old", hour(100))], false),
            (vec![by_hand(), old()], false),
            (vec![by_hand(), unreachable()], false),
            (vec![by_hand(), served("issued", hour(90))], true),
        ] {
            assert_eq!(has_recovered(&watched(seen.clone())), recovered, "{seen:?}");
        }
    }

    #[test]
    fn a_host_that_serves_several_leaves_by_turns_is_not_mended_by_a_good_look_or_run() {
        for renewed in [false, true] {
            let good = Watched {
                renewed,
                ..watched(vec![served("issued", hour(90))])
            };
            assert!(has_recovered(&good));
            let mixed = Watched { is_mixed: true, ..good };
            assert!(!has_recovered(&mixed));
        }
        let unseen = Watched {
            renewed: true,
            ..watched(Vec::new())
        };
        assert!(
            has_recovered(&unseen),
            "its run has succeeded, and nothing speaks against it"
        );
    }

    #[test]
    fn a_run_that_asks_about_one_of_its_targets_is_not_mended_by_the_others() {
        let asking = Watched {
            asks_of_targets: true,
            ..watched(vec![served("issued", hour(90))])
        };
        assert!(!has_recovered(&asking));
    }
}
