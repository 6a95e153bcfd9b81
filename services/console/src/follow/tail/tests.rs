use std::time::Duration;

use domain::Timestamp;
use domain::run::{Check, Step};
use protocol::report::{Level, LogLine};
use serde_json::json;

use super::*;

fn at(second: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(second))
}

/// What a step said second by second, the checks between the lines.
fn lines(messages: &[&str], from: u64) -> Vec<LogLine> {
    let line = |(number, message): (usize, &&str)| LogLine {
        at: at(from + 2 * number as u64),
        level: Level::Info,
        message: (*message).to_owned(),
        fields: Default::default(),
    };
    messages.iter().enumerate().map(line).collect()
}

fn checks(names: &[&str], from: u64) -> Vec<Check> {
    let check = |(number, name): (usize, &&str)| Check::tick(*name, "seen").seen(at(from + 1 + 2 * number as u64));
    names.iter().enumerate().map(check).collect()
}

fn recorded(attempt: u32, started: u64, said: &[&str], checked: &[&str]) -> StepView {
    StepView {
        attempt,
        step: "deploy-0".to_owned(),
        outcome: "done".to_owned(),
        summary: format!("end {attempt}"),
        worker: "deployer/1".to_owned(),
        started_at: at(started),
        ended_at: at(started + 50),
        checks: json!(checks(checked, started)),
        log: json!(lines(said, started)),
    }
}

/// Lines or checks behind those that were told before.
struct Part<'a> {
    before: usize,
    texts: &'a [&'a str],
}

fn part<'a>(before: usize, texts: &'a [&'a str]) -> Part<'a> {
    Part { before, texts }
}

fn told(attempt: u32, started: u64, said: Part<'_>, checked: Part<'_>) -> LogBatch {
    LogBatch {
        schema: 1,
        run_id: domain::RunId::new(),
        workspace: domain::WorkspaceId::default_workspace(),
        step: Step::Deploy(0),
        attempt,
        worker: "deployer/1".to_owned(),
        started_at: at(started),
        lines_before: said.before,
        lines: lines(said.texts, started + 2 * said.before as u64),
        checks_before: checked.before,
        checks: checks(checked.texts, started + 2 * checked.before as u64),
    }
}

fn messages(lines: Vec<Shown>) -> Vec<String> {
    lines.into_iter().map(|(line, _)| line.message).collect()
}

#[test]
fn what_was_told_is_not_shown_again_from_the_record() {
    let mut tail = Tail::default();
    assert_eq!(
        messages(tail.read(&told(3, 100, part(0, &["a"]), part(0, &["x"])))),
        ["begins", "a", "x"]
    );
    assert_eq!(messages(tail.read(&told(3, 100, part(1, &["b"]), part(1, &[])))), ["b"]);
    assert_eq!(tail.shown_whole(), Some(2));
    let record = [recorded(3, 100, &["a", "b", "c"], &["x", "y"])];
    assert_eq!(messages(tail.recorded(&record).expect("a record")), ["y", "c", "end 3"]);
    assert_eq!(tail.shown_whole(), Some(3));
    assert!(tail.read(&told(3, 100, part(2, &["c"]), part(1, &["y"]))).is_empty());
}

#[test]
fn a_batch_that_comes_twice_or_overlaps_is_shown_once_and_a_lost_one_is_left_to_the_record() {
    let mut tail = Tail::default();
    tail.read(&told(1, 100, part(0, &["a", "b"]), part(0, &[])));
    assert!(tail.read(&told(1, 100, part(0, &["a", "b"]), part(0, &[]))).is_empty());
    assert_eq!(
        messages(tail.read(&told(1, 100, part(1, &["b", "c"]), part(0, &[])))),
        ["c"]
    );
    assert!(tail.read(&told(1, 100, part(5, &["f"]), part(0, &[]))).is_empty());
    let record = [recorded(1, 100, &["a", "b", "c", "d", "e", "f"], &[])];
    assert_eq!(
        messages(tail.recorded(&record).expect("a record")),
        ["d", "e", "f", "end 1"]
    );
}

#[test]
fn what_happened_before_a_new_execution_is_read_from_the_record_first() {
    let mut tail = Tail::default();
    tail.read(&told(1, 100, part(0, &["a"]), part(0, &[])));
    let next = told(2, 200, part(0, &["b"]), part(0, &[]));
    assert!(tail.is_news(&next));
    let record = [recorded(1, 100, &["a", "z"], &[])];
    assert_eq!(messages(tail.recorded(&record).expect("a record")), ["z", "end 1"]);
    assert_eq!(messages(tail.read(&next)), ["begins", "b"]);
    assert!(!tail.is_news(&next));
}

#[test]
fn an_order_that_is_carried_out_again_is_shown_again() {
    let mut tail = Tail::default();
    tail.read(&told(1, 100, part(0, &["a"]), part(0, &[])));
    assert_eq!(
        messages(tail.read(&told(1, 130, part(0, &["a"]), part(0, &[])))),
        ["begins", "a"]
    );
    assert!(
        tail.read(&told(1, 100, part(1, &["late"]), part(0, &[]))).is_empty(),
        "the first one is dead"
    );
    let record = [recorded(1, 130, &["a", "b"], &[])];
    assert_eq!(messages(tail.recorded(&record).expect("a record")), ["b", "end 1"]);
}

#[test]
fn a_reader_comes_back_at_any_line() {
    let record = [
        recorded(1, 100, &["a", "b"], &["x", "y", "z"]),
        recorded(3, 200, &["c"], &[]),
    ];
    let whole = Tail::default().recorded(&record).expect("a record");
    for (index, (_, id)) in whole.iter().enumerate() {
        let mut again: Tail = id.to_string().parse().expect("an id");
        let behind = again.shown_whole();
        let open: Vec<StepView> = record
            .iter()
            .filter(|step| Some(step.attempt) > behind)
            .cloned()
            .collect();
        let rest = again.recorded(&open).expect("a record");
        assert_eq!(rest, whole[index + 1..]);
    }
}

#[test]
fn a_reader_comes_back_by_the_id_of_what_it_read() {
    let mut tail = Tail::default();
    tail.read(&told(7, 100, part(0, &["a"]), part(0, &["x", "y"])));
    assert_eq!(tail.to_string().parse(), Ok(tail));
    tail.recorded(&[recorded(7, 100, &["a"], &["x", "y"])])
        .expect("a record");
    assert_eq!(tail.to_string().parse(), Ok(tail));
    for wrong in ["", "1", "1-2-3-4", "1-2-3-4-0-6", "a-b-c-d-e", "99999999999-0-0-0-0"] {
        assert_eq!(wrong.parse::<Tail>(), Err(()), "{wrong}");
    }
}
