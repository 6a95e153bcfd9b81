//! What rows are filled with.

use std::net::{Ipv4Addr, SocketAddr};

use domain::certificate::{LookResult, Served, Snapshot};
use domain::clock::Timestamp;
use domain::disposition::Failure;
use domain::host::NewHost;
use domain::ids::SnapshotId;
use domain::plan::Plan;
use domain::policy::NewPolicy;
use domain::run::IssuedCertificate;
use domain::secret::Envelope;
use domain::solver;
use samples::file_target;
use serde_json::json;
use store::{NewRun, SnapshotRow};

use crate::world::now;

pub use samples::fingerprint;

pub fn host(hostname: &str) -> NewHost {
    serde_json::from_value(json!({ "hostname": hostname })).expect("a host")
}

pub fn policy(hostname: &str) -> NewPolicy {
    policy_of("default", hostname)
}

/// Each with files of its own.
pub fn policy_of(workspace: &str, hostname: &str) -> NewPolicy {
    let target = file_target(&format!("{workspace}/{hostname}"));
    samples::new_policy_with(hostname, json!({ "targets": [target] }))
}

/// With two targets of the same files.
pub fn plan(hostname: &str) -> Plan {
    let target = file_target(hostname);
    samples::plan_with(
        hostname,
        json!({ "addresses": ["127.0.0.1"], "targets": [target, target] }),
    )
}

pub fn failure(what: &str) -> Failure {
    Failure::new("ISS-0001", what, "look at the CA")
}

pub fn sealed(text: &str) -> Envelope {
    Envelope::try_from(format!("cmek:v1:{text}")).expect("an envelope")
}

/// What the CA delivered: the leaf that `seen` sees.
pub fn issued() -> IssuedCertificate {
    IssuedCertificate {
        order_url: Some("https://ca.example.org/order/1".parse().expect("a URL")),
        chain_pem: "leaf and issuer".to_owned(),
        leaf: served(now()).leaf,
        left: solver::Receipt::default(),
        sealed_key: None,
    }
}

/// What a probe saw at a host; `until` is the end of the served certificate.
pub fn seen(run: &NewRun, taken_at: Timestamp, until: Option<Timestamp>) -> SnapshotRow {
    let snapshot = Snapshot {
        id: SnapshotId::new(),
        dialled: SocketAddr::from((Ipv4Addr::LOCALHOST, 443)),
        taken_at,
        seen: match until {
            Some(not_after) => LookResult::Served(Box::new(served(not_after))),
            None => LookResult::Unreachable {
                probe_error: "connection refused".to_owned(),
            },
        },
        looks: 1,
        others: Vec::new(),
    };
    SnapshotRow {
        workspace: run.head.workspace.clone(),
        host_id: run.head.host_id,
        run_id: Some(run.head.id),
        snapshot,
    }
}

fn served(not_after: Timestamp) -> Served {
    samples::served(samples::leaf(now(), not_after))
}
