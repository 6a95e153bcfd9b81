use std::time::Duration;

use domain::HostId;
use domain::ari::{CertId, RenewalInfoAnswer, Suggestion, Window};
use protocol::SCHEMA;
use protocol::renewal_info::{RenewalInfoAsk, RenewalInfoTold, Served, Told};

use crate::kept::travels;
use crate::parts::{at, workspace};

fn host() -> HostId {
    "019ab3c0-0000-7000-8000-000000000002".parse().expect("an id")
}

fn certificate() -> CertId {
    "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().expect("an identifier")
}

fn another() -> HostId {
    "019ab3c0-0000-7000-8000-000000000003".parse().expect("an id")
}

fn served(host_id: HostId) -> Served {
    Served {
        host_id,
        cert_id: certificate(),
    }
}

fn ask() -> RenewalInfoAsk {
    RenewalInfoAsk {
        schema: SCHEMA,
        workspace: workspace(),
        first: served(host()),
        more: Vec::new(),
        ca: "https://ca.example.org/dir".parse().expect("a CA"),
        asked_at: at(0),
        until: at(60),
    }
}

fn answered(host_id: HostId, answer: RenewalInfoAnswer) -> Told {
    Told {
        host_id,
        cert_id: certificate(),
        asked_at: at(0),
        told_at: at(1),
        answer,
    }
}

fn told(answer: RenewalInfoAnswer) -> RenewalInfoTold {
    RenewalInfoTold {
        schema: SCHEMA,
        workspace: workspace(),
        first: answered(host(), answer),
        more: Vec::new(),
    }
}

fn suggested() -> RenewalInfoAnswer {
    let window = Window::new(at(0), at(0).plus(Duration::from_secs(155_520))).expect("a window");
    let explanation_url = Some("https://ca.example.org/why".to_owned());
    RenewalInfoAnswer::Suggested {
        suggestion: Suggestion {
            window,
            explanation_url,
        },
        retry_at: Some(at(21_600)),
    }
}

#[test]
fn a_ca_is_asked_about_a_certificate_as_before() {
    travels("renewal-info-ask", &ask());
}

#[test]
fn every_answer_is_told_as_before() {
    let said = || "what the CA said".to_owned();
    let answers = [
        ("suggested", suggested()),
        ("not-offered", RenewalInfoAnswer::NotOffered),
        ("unknown", RenewalInfoAnswer::Unknown { said: said() }),
        ("garbled", RenewalInfoAnswer::Garbled { said: said() }),
        (
            "unavailable",
            RenewalInfoAnswer::Unavailable {
                until: Some(at(120)),
                said: said(),
            },
        ),
        ("not-allowed", RenewalInfoAnswer::NotAllowed { said: said() }),
    ];
    for (kind, answer) in answers {
        travels(&format!("renewal-info-told-{kind}"), &told(answer));
    }
}

#[test]
fn several_certificates_travel_in_one_message() {
    let more = vec![served(another())];
    travels("renewal-info-ask-of-two", &RenewalInfoAsk { more, ..ask() });
    let more = vec![answered(another(), RenewalInfoAnswer::NotOffered)];
    let told = RenewalInfoTold {
        more,
        ..told(suggested())
    };
    travels("renewal-info-told-of-two", &told);
}

#[test]
fn every_ask_has_a_name_of_its_own_and_its_answer_another() {
    let later = RenewalInfoAsk {
        asked_at: at(1),
        ..ask()
    };
    let names = [
        ask().message_id(),
        later.message_id(),
        told(RenewalInfoAnswer::NotOffered).message_id(),
    ];
    assert!(
        names[0] != names[1] && names[0] != names[2] && names[1] != names[2],
        "{names:?}"
    );
}
