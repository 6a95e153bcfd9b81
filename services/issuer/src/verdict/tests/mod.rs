//! Every error with its code, its disposition, and whether the order goes on.

mod causes;

use std::time::Duration;

use domain::ca::CaRef;

use super::*;

const NOW: i64 = 1_800_000_000;

fn circumstances() -> Circumstances {
    let at = NextTry {
        now: now(),
        failures: 0,
        wait: Duration::from_secs(60),
        jitter: 0.0,
    };
    Circumstances { at, key: None }
}

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).expect("an instant")
}

fn problem(kind: ProblemKind) -> Problem {
    Problem {
        kind,
        detail: "because".to_owned(),
        of_names: Vec::new(),
    }
}

fn invalid_by(kind: ProblemKind) -> IssueError {
    let names = vec![NameProblem {
        name: "a.example".to_owned(),
        problem: problem(kind),
    }];
    CaError::OrderInvalid { names, order: None }.into()
}

fn moved(to: &str) -> IssueError {
    let (from, to) = ("https://old.example/dir", to);
    let url = |text: &str| text.parse().expect("a URL");
    let (from, to, status) = (url(from), url(to), 301);
    CaError::Moved { from, to, status }.into()
}

fn hint_of(error: IssueError, circumstances: Circumstances) -> String {
    match judge(error, circumstances).disposition {
        Disposition::RetryAt(_, failure) | Disposition::Fail(failure) => failure.hint,
        Disposition::NeedsHuman(question) => question.hint,
    }
}

#[test]
fn a_refused_key_is_not_advised_again() {
    let refused = || CaError::Refused(problem(ProblemKind::BadPublicKey)).into();
    for key in KeyAlgorithm::ALL {
        let named = Circumstances {
            key: Some(key),
            ..circumstances()
        };
        let hint = hint_of(refused(), named);
        let (said, advised) = hint.split_once(" to one that it takes (").expect("an advice");
        let advised = advised.split(')').next().unwrap_or_default();
        assert!(said.contains(key.as_str()) && !advised.contains(key.as_str()), "{hint}");
        assert_eq!(advised.split(", ").count(), KeyAlgorithm::ALL.len() - 1, "{hint}");
    }
    assert!(hint_of(refused(), circumstances()).contains("key_algorithm"));
}

/// The advice itself is fed to the parser: what follows the last colon is a line below `[[directories]]`.
#[test]
fn the_lines_of_advices_are_configuration() {
    let old = "https://ca.example:9000/acme?x=\"y\"";
    let not_allowed = CaError::NotAllowed {
        directory: old.parse().expect("a URL"),
    };
    for (hint, url) in [
        (hint_of(not_allowed.into(), circumstances()), old),
        (
            hint_of(moved("https://new.example/dir"), circumstances()),
            "https://new.example/dir",
        ),
    ] {
        let line = hint.split_once("url = ").map(|(_, rest)| format!("url = {rest}"));
        let line = line
            .expect("a line")
            .replace(" ; or choose another CA in the policy", "");
        let file = std::env::temp_dir().join(format!("advice-{}.toml", std::process::id()));
        std::fs::write(&file, format!("[[directories]]\n{line}\n")).expect("a file");
        let config: crate::Config = chassis::config::read(Some(&file)).expect("it parses");
        config.check().expect("it is taken");
        let expected: url::Url = url.parse().expect("a URL");
        assert_eq!(config.directories[0].url, expected, "{hint}");
        std::fs::remove_file(&file).expect("it was there");
    }
    for useless in ["http://ca.example/dir", "ftp://ca.example/dir"] {
        let not_allowed = CaError::NotAllowed {
            directory: useless.parse().expect("a URL"),
        };
        let hints = [
            hint_of(not_allowed.into(), circumstances()),
            hint_of(moved(useless), circumstances()),
        ];
        assert!(
            hints
                .iter()
                .all(|hint| !hint.contains("url = \"") && hint.contains("https")),
            "{hints:?}"
        );
    }
}

/// The verdict as one line: disposition, code, whether the checkpoint is forgotten.
fn line(error: IssueError) -> String {
    let judged = judge(error, circumstances());
    let (kind, code) = match judged.disposition {
        Disposition::RetryAt(_, failure) if failure.passes_by_itself() => ("wait", failure.code),
        Disposition::RetryAt(_, failure) => ("retry", failure.code),
        Disposition::Fail(failure) => ("fail", failure.code),
        Disposition::NeedsHuman(question) => ("ask", question.code),
    };
    format!("{kind} {code}{}", if judged.forget_checkpoint { " afresh" } else { "" })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn the_table() {
    let directory = "https://elsewhere.example/dir".parse().expect("a URL");
    let text = String::new;
    let table = [
        (CaError::NotAllowed { directory }.into(), "fail ISS-0001"),
        (CaError::Misconfigured { what: text() }.into(), "ask ISS-0002"),
        (
            CaError::Custody(CustodyError::Unavailable { reason: text() }).into(),
            "wait ISS-0003",
        ),
        (
            CaError::Custody(CustodyError::Denied { reason: text() }).into(),
            "ask ISS-0004",
        ),
        (
            CaError::Unavailable {
                until: None,
                what: text(),
            }
            .into(),
            "retry ISS-0005",
        ),
        (
            CaError::Unavailable {
                until: Some(now()),
                what: text(),
            }
            .into(),
            "wait ISS-0005",
        ),
        (
            CaError::RateLimited {
                until: None,
                said: text(),
            }
            .into(),
            "wait ISS-0006",
        ),
        (
            CaError::Paused {
                portal: "https://portal.example/unpause".parse().expect("a URL"),
                said: text(),
            }
            .into(),
            "ask ISS-0018",
        ),
        (invalid_by(ProblemKind::Unauthorized), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Connection), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Dns), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::Caa), "ask ISS-0007 afresh"),
        (invalid_by(ProblemKind::ServerInternal), "retry ISS-0005 afresh"),
        (
            CaError::OrderInvalid {
                names: vec![],
                order: None,
            }
            .into(),
            "retry ISS-0005 afresh",
        ),
        (CaError::Unattended { what: text() }.into(), "retry ISS-0005 afresh"),
        (CaError::AccountGone.into(), "retry ISS-0011"),
        (CaError::OrderGone { url: text() }.into(), "retry ISS-0011 afresh"),
        (Foreign::OtherKey.into(), "ask ISS-0012 afresh"),
        (Foreign::NameMissing(text()).into(), "ask ISS-0012 afresh"),
        (Foreign::Broken(1).into(), "ask ISS-0012"),
        (Foreign::NoChain(text()).into(), "retry ISS-0019"),
        (CaError::Undelivered { what: text() }.into(), "retry ISS-0019"),
        (moved("https://new.example/dir"), "ask ISS-0002"),
        (CaError::NotServed { ca: CaRef::Manual }.into(), "fail ISS-0020"),
        (
            CaError::NoSuchChallenge {
                name: text(),
                challenge: "http-01",
            }
            .into(),
            "fail ISS-0013",
        ),
        (IssueError::Challenge("dns-01"), "fail ISS-0013"),
        (CaError::NotPresented { what: text() }.into(), "wait ISS-0014"),
        (CaError::NotClaimed { what: text() }.into(), "wait ISS-0014"),
        (IssueError::NotRemoved(text()), "wait ISS-0014"),
        (Foreign::Expired(now()).into(), "ask ISS-0012 afresh"),
        (Foreign::NotYetGood(now()).into(), "ask ISS-0012 afresh"),
        (BadCsr::Missing.into(), "fail ISS-0015"),
    ];
    for (error, expected) in table {
        let shown = format!("{error:?}");
        assert_eq!(line(error), expected, "{shown}");
    }
}

/// What the CA says → what becomes of it: as the answer to a request, and as the reason of a name in an invalid order.
const TYPES: [(&str, &str, &str); 26] = [
    ("accountDoesNotExist", "retry ISS-0011", "retry ISS-0005 afresh"),
    ("alreadyReplaced", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("alreadyRevoked", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("badCSR", "fail ISS-0009", "fail ISS-0009 afresh"),
    ("badNonce", "retry ISS-0005", "retry ISS-0005 afresh"),
    ("badPublicKey", "fail ISS-0009", "fail ISS-0009 afresh"),
    ("badRevocationReason", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("badSignatureAlgorithm", "ask ISS-0010", "ask ISS-0007 afresh"),
    ("caa", "ask ISS-0007 afresh", "ask ISS-0007 afresh"),
    ("compound", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("connection", "ask ISS-0007 afresh", "ask ISS-0007 afresh"),
    ("dns", "ask ISS-0007 afresh", "ask ISS-0007 afresh"),
    ("externalAccountRequired", "ask ISS-0010", "ask ISS-0007 afresh"),
    ("incorrectResponse", "ask ISS-0007 afresh", "ask ISS-0007 afresh"),
    ("invalidContact", "ask ISS-0010", "ask ISS-0007 afresh"),
    ("malformed", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("orderNotReady", "retry ISS-0005", "retry ISS-0005 afresh"),
    ("rateLimited", "wait ISS-0006", "wait ISS-0006 afresh"),
    ("rejectedIdentifier", "fail ISS-0008", "fail ISS-0008 afresh"),
    ("serverInternal", "retry ISS-0005", "retry ISS-0005 afresh"),
    ("somethingNew", "ask ISS-0016", "ask ISS-0007 afresh"),
    ("tls", "ask ISS-0007 afresh", "ask ISS-0007 afresh"),
    ("unauthorized", "ask ISS-0010", "ask ISS-0007 afresh"),
    ("unsupportedContact", "ask ISS-0010", "ask ISS-0007 afresh"),
    ("unsupportedIdentifier", "fail ISS-0008", "fail ISS-0008 afresh"),
    ("userActionRequired", "ask ISS-0010", "ask ISS-0007 afresh"),
];

/// As the CA writes it, through the library and the translation, to the verdict.
fn answered(body: &str) -> IssueError {
    let said = serde_json::from_str(body).expect("a problem document");
    crate::ca::acme::translate(instant_acme::Error::Api(said)).into()
}

#[test]
fn every_type_of_problem_has_its_verdict() {
    for (kind, as_answer, in_order) in TYPES {
        let body = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}","detail":"because"}}"#);
        assert_eq!(line(answered(&body)), as_answer, "{kind} as an answer");
        assert_eq!(line(invalid_by(ProblemKind::parse(kind))), in_order, "{kind} of a name");
    }
}

#[test]
fn a_compound_is_judged_by_its_weightiest_name_and_says_each_with_its_type() {
    let body = r#"{"type":"urn:ietf:params:acme:error:compound","detail":"2 names","subproblems":[
        {"type":"urn:ietf:params:acme:error:dns","detail":"no records","identifier":{"type":"dns","value":"a.example"}},
        {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"on our list","identifier":{"type":"dns","value":"b.example"}}]}"#;
    let Disposition::Fail(failure) = judge(answered(body), circumstances()).disposition else {
        panic!("the policy must change");
    };
    assert_eq!(failure.code.as_str(), "ISS-0008");
    for part in [
        "a.example: no records (dns)",
        "b.example: on our list (rejectedIdentifier)",
    ] {
        assert!(failure.what.contains(part), "{}", failure.what);
    }
}

#[test]
fn the_cas_own_time_is_kept_and_named() {
    let until = now().plus(Duration::from_secs(3600));
    let limited = CaError::RateLimited {
        until: Some(until),
        said: "too many certificates".to_owned(),
    };
    let Disposition::RetryAt(at, failure) = judge(limited.into(), circumstances()).disposition else {
        panic!("a rate limit is never a failure");
    };
    assert_eq!(at, until);
    assert!(
        failure.what.contains("rate limited") && failure.what.contains(&until.to_string()),
        "{}",
        failure.what
    );
}

#[test]
fn a_time_in_the_past_means_soon_and_one_of_years_a_week() {
    let soon = now().plus(Duration::from_secs(5));
    let week = now().plus(Duration::from_secs(8 * 24 * 3600));
    let years = now().plus(Duration::from_secs(100 * 365 * 24 * 3600));
    for (said, expected) in [(Timestamp::EPOCH, soon), (now(), soon), (years, week)] {
        let unavailable = CaError::Unavailable {
            until: Some(said),
            what: String::new(),
        };
        let Disposition::RetryAt(at, _) = judge(unavailable.into(), circumstances()).disposition else {
            panic!("it comes back");
        };
        assert_eq!(at, expected);
    }
}

#[test]
fn a_failed_challenge_names_host_reason_and_remedy() {
    let Disposition::NeedsHuman(question) = judge(invalid_by(ProblemKind::Connection), circumstances()).disposition
    else {
        panic!("a person must open the port");
    };
    assert!(
        question.what.contains("a.example: because (connection)"),
        "{}",
        question.what
    );
    assert!(
        question.hint.contains("port 80 of a.example") && question.hint.contains("resume"),
        "{}",
        question.hint
    );
}

#[test]
fn every_code_of_the_issuer_is_explained() {
    for number in 1..=19 {
        let code = format!("ISS-{number:04}");
        assert!(codes::find(&code).is_some(), "{code} is not explained");
    }
}
