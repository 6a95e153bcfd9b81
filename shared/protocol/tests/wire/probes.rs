use domain::HostId;
use protocol::SCHEMA;
use protocol::probe::{LastLeaf, ProbeAsk, ProbeSeen};

use crate::kept::travels;
use crate::parts::{at, snapshots, workspace};

fn host() -> HostId {
    "019ab3c0-0000-7000-8000-000000000002".parse().expect("an id")
}

fn ask() -> ProbeAsk {
    ProbeAsk {
        schema: SCHEMA,
        workspace: workspace(),
        host_id: host(),
        hostname: "www.example.org".parse().expect("a hostname"),
        port: 443,
        addresses: vec![[192, 0, 2, 4].into()],
        asked_at: at(0),
        until: at(60),
        was_mixed: true,
        last: vec![LastLeaf {
            dialled: ([192, 0, 2, 4], 443).into(),
            leaf: domain::certificate::Fingerprint::of(b"leaf"),
        }],
    }
}

fn seen() -> ProbeSeen {
    ProbeSeen {
        schema: SCHEMA,
        workspace: workspace(),
        host_id: host(),
        asked_at: at(0),
        seen_at: at(1),
        snapshots: snapshots(),
    }
}

#[test]
fn a_look_is_ordered_and_told_as_before() {
    travels("probe-ask", &ask());
    travels("probe-seen", &seen());
}

#[test]
fn every_ask_has_a_name_of_its_own_and_its_answer_another() {
    let later = ProbeAsk {
        asked_at: at(1),
        ..ask()
    };
    let names = [ask().message_id(), later.message_id(), seen().message_id()];
    assert!(
        names[0] != names[1] && names[0] != names[2] && names[1] != names[2],
        "{names:?}"
    );
}
