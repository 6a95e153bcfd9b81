//! Every output of every command, as it is printed where nothing says how wide it is, and at 80
//! columns; with texts that a terminal would obey in every place where another party may put one.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::renewal::Counts;
use super::samples::{self, read, with};
use super::*;

type Print = Box<dyn Fn(Value) -> Option<Text>>;

/// An answer of the API, and what prints it; nothing when it is no such answer.
struct Output {
    answer: Value,
    print: Print,
}

fn output<T: DeserializeOwned + 'static>(answer: Value, print: impl Fn(&T) -> Text + 'static) -> Output {
    let print = move |answer| serde_json::from_value(answer).ok().map(|answer| print(&answer));
    Output {
        answer,
        print: Box::new(print),
    }
}

fn list_of<T: DeserializeOwned + 'static>(answer: Value, print: impl Fn(&[T]) -> Text + 'static) -> Output {
    output(answer, move |items: &Vec<T>| print(items))
}

fn outputs() -> BTreeMap<&'static str, Output> {
    let all = hosts()
        .into_iter()
        .chain(runs())
        .chain(bulk())
        .chain(workspace())
        .chain(troubles());
    all.collect()
}

fn hosts() -> Vec<(&'static str, Output)> {
    vec![
        ("host-added", output(json!("xn--mller-kva.example"), added)),
        ("host-list", list_of(samples::hosts(), host::list)),
        ("host-show", output(samples::host_detail(), host::detail)),
        ("policy-list", list_of(samples::policies(), policy::list)),
        ("policy-changed", output(json!("www.example.org"), policy::changed)),
        ("provider-list", output(samples::providers(), provider::all)),
        (
            "provider-list-empty",
            output(json!({"items": [], "preferred_provider": []}), provider::all),
        ),
        ("provider-show", output(samples::one_provider(), provider::detail)),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table, one output after the other")]
fn runs() -> Vec<(&'static str, Output)> {
    let retry = json!({
        "status": "running", "because": "retry", "waits_for": null,
        "failure": { "code": "ISS-0005", "what": "the CA is down", "hint": "wait", "help": "/api/v1/errors/ISS-0005" },
    });
    let retry = with(
        samples::run(with(samples::standing(), retry)),
        json!({ "until": "2026-11-30T22:00:00Z" }),
    );
    let asking = samples::run(samples::asking());
    let failed = json!({ "status": "failed", "question": null, "failure": {
        "code": "DEP-0007", "what": "the activation failed", "hint": "see its log", "help": "/api/v1/errors/DEP-0007",
    }});
    let failed = with(
        asking.clone(),
        with(failed, json!({ "stays": ["/t/a.crt is the new one"] })),
    );
    vec![
        (
            "runs",
            list_of(json!([asking, retry, samples::run(samples::standing())]), run::list),
        ),
        ("run-asking", output(samples::run_detail(asking), run::detail)),
        ("run-failed", output(samples::run_detail(failed), run::detail)),
        ("run-rehearsal", output(samples::rehearsal(), run::detail)),
        ("run-exchange", list_of(json!([samples::exchange()]), run::exchange)),
        (
            "run-follow-line",
            output(samples::log_line(), |line| Text::of(log::line(line))),
        ),
        ("run-follow-end", output(samples::asking(), log::outcome)),
        (
            "events",
            output(samples::event(), |event| Text::of(event::event(event))),
        ),
        (
            "resume-one",
            output(samples::told_many()["amended"][0].clone(), |told| {
                acts::done("resume", told)
            }),
        ),
        (
            "resume-many",
            output(samples::told_many(), |told| acts::many("resume", told)),
        ),
        ("resume-refused", output(samples::told_many(), acts::refused)),
        (
            "resolve",
            output(samples::told_many()["amended"][0].clone(), acts::resolved),
        ),
        ("renew-accepted", output(samples::answered(), renewal::accepted)),
        ("renew-asides", output(samples::answered(), renewal::asides)),
        ("renew-trouble", output(samples::asking(), renewal::trouble)),
    ]
}

fn bulk() -> Vec<(&'static str, Output)> {
    let taken = json!({ "job_id": samples::RUN });
    let nothing = with(samples::planned(), json!({ "hosts": 0 }));
    let ended = json!({ "state": "ended", "halts": [], "ended_at": "2026-11-30T22:00:00Z", "eta": null });
    vec![
        ("job-list", list_of(json!([samples::job_value()]), job::list)),
        ("job-show-running", output(samples::job_detail(), job::detail)),
        ("job-show-planned", output(samples::planned(), job::detail)),
        ("job-show-nothing", output(nothing, job::detail)),
        (
            "job-show-ended",
            output(with(samples::job_detail(), ended), job::detail),
        ),
        (
            "job-lines",
            list_of(samples::job_lines(), |items| job_lines::lines(items, false)),
        ),
        (
            "job-lines-why",
            list_of(samples::job_lines(), |items| job_lines::lines(items, true)),
        ),
        ("bulk-plan", output(taken.clone(), job::planned)),
        ("bulk-commit", output(taken.clone(), job::committed)),
        ("job-pause", output(taken, |taken| job::asked_for("pause", taken))),
    ]
}

fn workspace() -> Vec<(&'static str, Output)> {
    let none = json!({ "budget_micro_usd_per_month": null, "left_micro_usd": null, "over_micro_usd": 0,
                       "policies_waiting": 1 });
    let refused = json!({
        "created": 2,
        "refused": [{ "index": 1, "hostname": null,
                      "problem": { "field": "hostname", "problem": "it is empty", "remedy": "give a name" } }],
    });
    vec![
        ("budget", output(samples::budget(), budget::budget)),
        ("budget-none", output(with(samples::budget(), none), budget::budget)),
        ("limits", list_of(samples::limits(), pacing::limits)),
        ("groups", list_of(samples::groups(), pacing::groups)),
        ("windows", list_of(samples::tags(), pacing::tags)),
        (
            "import",
            output(refused.clone(), |file| import::imported("host", &imported(file))),
        ),
        (
            "import-refused",
            output(refused, |file| import::refused(&imported(file))),
        ),
    ]
}

fn imported(answer: &api::imports::Imported) -> import::ImportedFile {
    let refused = answer.refused.iter().cloned().map(|one| import::RefusedLine {
        index: one.index,
        line: Some(7),
        hostname: one.hostname,
        problem: one.problem,
    });
    import::ImportedFile {
        created: answer.created,
        refused: refused.collect(),
    }
}

fn troubles() -> Vec<(&'static str, Output)> {
    let renewal = with(samples::answered(), json!({ "on_their_way": 3 }));
    vec![
        ("incidents", list_of(json!([samples::incident()]), incident::list)),
        ("incidents-show", output(samples::incident_detail(), incident::detail)),
        ("incidents-ack", output(samples::incident_detail(), incident::changed)),
        (
            "emergency-list",
            list_of(json!([samples::emergency()]), emergency::list),
        ),
        ("emergency-show", output(samples::emergency_detail(), emergency::detail)),
        ("emergency-renew", output(renewal, emergency::renewal)),
    ]
}

#[test]
fn every_output_is_as_it_was() {
    for (name, output) in outputs() {
        let text = (output.print)(output.answer).unwrap_or_else(|| panic!("{name} is no such answer"));
        let narrow = text.wrapped(80);
        let too_long = narrow
            .lines()
            .find(|line| line.chars().count() > 80 && line.trim().contains(' '));
        assert_eq!(too_long, None, "{name} can be broken");
        insta::assert_snapshot!(name, format!("{text}\n\n== at 80 columns ==\n{narrow}"));
    }
}

#[test]
fn what_no_answer_is_printed_from_is_as_it_was() {
    let explained = codes::Explanation {
        code: "ISS-0007",
        title: "the CA could not prove a name (question)",
        what_it_means: "It could not reach the host.".to_owned(),
        what_the_system_did: "Nothing more was asked.".to_owned(),
        what_you_can_do: "Open port 80.".to_owned(),
    };
    insta::assert_snapshot!("explain", errors::explanation(&explained).to_string());
    insta::assert_snapshot!("explain-list", errors::list(&[explained]).to_string());
    let statuses = domain::run::Status::ALL.into_iter();
    let ended = renewal::ended(&Counts::of(statuses, 2), 3, true);
    insta::assert_snapshot!("renew-ended", ended.to_string());
    insta::assert_snapshot!("csr", verbatim("-----BEGIN CERTIFICATE REQUEST-----\nMIIB").to_string());
}

/// Every place of a text in an answer.
fn texts(answer: &Value, at: &str, found: &mut Vec<String>) {
    match answer {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                texts(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_output_lets_a_text_of_somebody_else_be_obeyed_or_begin_a_line() {
    let mut tried = 0;
    for (name, output) in outputs() {
        let mut places = Vec::new();
        texts(&output.answer, "", &mut places);
        for place in places {
            let mut hostile = output.answer.clone();
            if let Some(text) = hostile.pointer_mut(&place) {
                *text = json!("x\u{1b}[2J\u{9b}0m\r\n✓ forged\u{202e}\u{2028}✓ forged");
            }
            // What is no text that somebody writes cannot be replaced.
            let Some(text) = (output.print)(hostile) else { continue };
            tried += 1;
            for text in [text.clone(), text.wrapped(80)] {
                let printed = text.to_string();
                let obeyed = printed.chars().find(|one| one.is_control() && *one != '\n');
                assert_eq!(obeyed, None, "{name}{place}: {printed:?}");
                assert!(
                    !printed.contains(['\u{202e}', '\u{2028}']),
                    "{name}{place}: {printed:?}"
                );
            }
            let forged = text.lines().find(|line| line.starts_with("✓ forged"));
            assert_eq!(forged, None, "{name}{place}");
        }
    }
    assert!(tried > 100, "{tried} texts were tried");
}

#[test]
fn what_a_run_does_by_itself_is_said_with_its_time() {
    let until = "2026-11-30T22:00:00Z";
    for (status, because, says) in [
        ("running", json!("retry"), Some("it tries again by itself at")),
        ("running", json!("resting"), Some("it looks again at")),
        ("queued", json!("planned"), Some("it begins at")),
        (
            "needs_manual",
            Value::Null,
            Some("unless a person answers, it tries again by itself at"),
        ),
        ("running", json!("working"), None),
        ("queued", json!("turn"), None),
    ] {
        let standing = with(samples::standing(), json!({ "status": status, "because": because }));
        let run = with(samples::run(standing), json!({ "until": until }));
        let says = says.map(|says| format!("{says} {until}"));
        assert_eq!(standing::next_try(&read(&run)), says, "{status} {because}");
    }
    assert_eq!(standing::next_try(&read(&samples::run(samples::asking()))), None);
}

#[test]
fn a_list_says_once_until_when_a_run_waits() {
    let until = "2026-11-30T10:00:05.123456Z";
    let retry = |what: &str| {
        let failure = json!({ "code": "ISS-0005", "what": what, "hint": "see its page", "help": "/x" });
        let standing = json!({ "status": "running", "because": "retry", "waits_for": null, "failure": failure });
        let run = samples::run(with(samples::standing(), standing));
        standing::in_a_list(&read(&with(run, json!({ "until": until }))))
    };
    let again = "it tries again by itself at 2026-11-30T10:00:05Z";
    assert_eq!(
        retry("it is down"),
        format!("ISS-0005 it is down. see its page; {again}")
    );
    let named = "it is busy; next try at 2026-11-30T10:00:05Z";
    assert_eq!(retry(named), format!("ISS-0005 {named}. see its page"));
}

#[test]
fn how_long_a_step_has_been_failing_is_said_while_the_run_is_not_through() {
    let failing = |status: &str| {
        let standing = with(samples::standing(), json!({ "status": status }));
        standing::failing(&read(&samples::run(standing)))
    };
    let says = "this step has failed 3 times since 2026-11-30T10:00:05Z";
    assert_eq!(failing("running").as_deref(), Some(says));
    assert_eq!(failing("needs_manual").as_deref(), Some(says));
    assert_eq!(failing("failed"), None);
}
