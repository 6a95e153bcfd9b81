//! What rows are filled with.

use std::net::{Ipv4Addr, SocketAddr};

use domain::certificate::{CertificateFacts, Fingerprint, Seen, Served, Snapshot};
use domain::clock::Timestamp;
use domain::disposition::Failure;
use domain::host::NewHost;
use domain::ids::SnapshotId;
use domain::plan::Plan;
use domain::policy::NewPolicy;
use domain::run::IssuedCertificate;
use domain::secret::Envelope;
use serde_json::{Value, json};
use store::{NewRun, SnapshotRow};

use crate::world::now;

pub fn host(hostname: &str) -> NewHost {
    serde_json::from_value(json!({ "hostname": hostname })).expect("a host")
}

pub fn policy(hostname: &str) -> NewPolicy {
    policy_of("default", hostname)
}

/// Each with files of its own.
pub fn policy_of(workspace: &str, hostname: &str) -> NewPolicy {
    let target = target(&format!("{workspace}/{hostname}"));
    serde_json::from_value(json!({
        "hostname": hostname, "provider": "acme", "directory_url": "https://ca.example.org/dir", "targets": [target],
    }))
    .expect("a policy")
}

fn target(name: &str) -> Value {
    let file = |kind: &str| format!("/etc/tls/{name}.{kind}");
    json!({ "kind": "file", "chain_path": file("crt"), "key_path": file("key") })
}

pub fn plan(hostname: &str) -> Plan {
    serde_json::from_value(json!({
        "hostname": hostname, "port": 443, "addresses": ["127.0.0.1"], "criticality": "medium", "names": [hostname],
        "choice": { "provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "policy default",
                    "cost_micro_usd": 0 },
        "key_backend": "local", "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01",
        "targets": [target(hostname), target(hostname)],
    }))
    .expect("a plan")
}

pub fn failure(what: &str) -> Failure {
    Failure::new("ISS-0001", what, "look at the CA")
}

pub fn sealed(text: &str) -> Envelope {
    Envelope::try_from(format!("cmek:v1:{text}")).expect("an envelope")
}

pub fn fingerprint(of: &str) -> Fingerprint {
    Fingerprint::of(of.as_bytes())
}

/// What the CA delivered: the leaf that `seen` sees.
pub fn issued() -> IssuedCertificate {
    IssuedCertificate {
        order_url: Some("https://ca.example.org/order/1".parse().expect("a URL")),
        chain_pem: "leaf and issuer".to_owned(),
        leaf: served(now()).leaf,
        tokens: Vec::new(),
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
            Some(not_after) => Seen::Served(Box::new(served(not_after))),
            None => Seen::Unreachable {
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
    Served {
        leaf: CertificateFacts {
            fingerprint: fingerprint("leaf"),
            subject: "CN=www.example.org".to_owned(),
            issuer: "CN=Example CA".to_owned(),
            serial: "01".to_owned(),
            sans: vec!["www.example.org".to_owned()],
            key_type: "EC".to_owned(),
            key_bits: 256,
            signature_algorithm: "ecdsa-with-SHA256".to_owned(),
            not_before: now(),
            not_after,
            crl_urls: Vec::new(),
            aia_urls: Vec::new(),
        },
        leaf_pem: "leaf".to_owned(),
        chain_pem: "leaf and issuer".to_owned(),
        chain_fingerprints: vec![fingerprint("leaf"), fingerprint("issuer")],
        chain_trusted: true,
        chain_problem: None,
        protocol: "TLSv1_3".to_owned(),
        cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
        chain_end: None,
        unfinished: None,
    }
}
