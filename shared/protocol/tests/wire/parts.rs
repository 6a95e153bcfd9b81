//! What several kinds of messages carry.

use domain::certificate::{CertificateFacts, LookResult, Served, Snapshot};
use domain::disposition::Failure;
use domain::run::{AcmeOrder, Checkpoint, Former, Receipt};
use domain::secret::Envelope;
use domain::solver;
use domain::target::Target;
use domain::{RunId, SnapshotId, Timestamp, WorkspaceId};
use serde_json::json;

pub use samples::fingerprint;

pub const RUN: &str = "019ab3c0-0000-7000-8000-000000000001";

pub fn run_id() -> RunId {
    RUN.parse().expect("an id")
}

pub fn workspace() -> WorkspaceId {
    WorkspaceId::default_workspace()
}

/// 2026-11-24, so many seconds past two o'clock.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_795_485_600 + seconds).expect("an instant")
}

pub fn envelope(of: &str) -> Envelope {
    Envelope::try_from(format!("cmek:v1:{of}")).expect("an envelope")
}

pub fn failure() -> Failure {
    Failure::new("ISS-0001", "the CA refused the order", "look at the CAA records")
}

pub fn seen_failure() -> Failure {
    failure().seen_at(vec![([192, 0, 2, 7], 443).into()])
}

pub fn target() -> Target {
    let target = json!({
        "kind": "file", "chain_path": "/etc/tls/a.crt", "key_path": "/etc/tls/a.key", "owner": "nginx", "group": "tls",
        "key_mode": "0640", "activate": "nginx", "activate_timeout_seconds": 20,
        "serves_at": ["192.0.2.7:443"],
    });
    serde_json::from_value(target).expect("a target")
}

pub fn receipt() -> Receipt {
    Receipt {
        installed: fingerprint("leaf"),
        already_there: false,
        backups: vec!["/etc/tls/.a.crt.1".to_owned()],
        replaced: Some(Former {
            leaf: fingerprint("former"),
            not_after: at(86_400),
        }),
        reload_output: Some("reloaded".to_owned()),
    }
}

pub fn acme_order() -> Checkpoint {
    Checkpoint::AcmeOrder(AcmeOrder {
        url: "https://ca.example.org/order/1".parse().expect("a URL"),
        expires: Some(at(86_400)),
        placed: solver::Receipt::http01(vec!["token".to_owned()]),
        unfinalized: false,
    })
}

pub fn leaf() -> CertificateFacts {
    CertificateFacts {
        serial: "04d2".to_owned(),
        crl_urls: vec!["http://ca.example.org/1.crl".to_owned()],
        aia_urls: vec!["http://ca.example.org/ca.der".to_owned()],
        ..samples::leaf(at(0), at(7_776_000))
    }
}

/// One look that saw a certificate, and one that saw nothing.
pub fn snapshots() -> Vec<Snapshot> {
    let served = Served {
        leaf_pem: "-----BEGIN CERTIFICATE-----\nleaf".to_owned(),
        chain_pem: "-----BEGIN CERTIFICATE-----\nleaf and issuer".to_owned(),
        chain_trusted: false,
        chain_problem: Some("unknown issuer".to_owned()),
        ..samples::served(leaf())
    };
    let nothing = LookResult::Unreachable {
        probe_error: "connection refused".to_owned(),
    };
    vec![look(4, LookResult::Served(Box::new(served))), look(5, nothing)]
}

fn look(number: u8, seen: LookResult) -> Snapshot {
    let id = format!("019ab3c0-0000-7000-8000-00000000000{number}");
    Snapshot {
        id: id.parse::<SnapshotId>().expect("an id"),
        dialled: ([192, 0, 2, number], 443).into(),
        taken_at: at(60),
        seen,
        looks: 1,
        others: Vec::new(),
    }
}
