//! The words of a letter. Pure.

use domain::counted;
use domain::incident::{Incident, Member, Recipient, Remark};
use serde_json::{Value, json};
use store::{IncidentView, Notification};
use uuid::Uuid;

use crate::notify::Letter;

/// As many runs as a letter lists; the console shows all.
pub const LISTED: i64 = 50;

/// An incident as it is now, with the first of its runs.
pub struct Subject {
    pub view: IncidentView,
    pub members: Vec<Member>,
}

/// About one incident: everything of it that this recipient has not heard.
pub fn about(subject: &Subject, news: &[Notification]) -> Option<Letter> {
    let last = news.last()?;
    let incident = &subject.view.incident;
    let changes: Vec<&str> = news.iter().map(|one| one.change.as_str()).collect();
    let line = format!(
        "[Vigilo {}] {}: {}",
        incident.severity.as_str(),
        changes.join(", "),
        headline(&subject.view)
    );
    Some(Letter {
        id: last.id,
        to: last.to.clone(),
        subject: line,
        text: text(subject, news),
        kind: format!("incident.{}", last.change.as_str()),
        event: event(subject, last),
    })
}

/// About many incidents at once, the most urgent first.
pub fn digest(mut subjects: Vec<IncidentView>, id: Uuid, to: &Recipient) -> Letter {
    subjects.sort_by_key(|view| (view.incident.severity, view.incident.id));
    let many = subjects.len();
    let worst = subjects.first().map_or("", |view| view.incident.severity.as_str());
    let lines = subjects.iter().map(|view| {
        let incident = &view.incident;
        format!(
            "{} {:<12} {}\n     vigilo incidents show {}\n",
            incident.severity.as_str(),
            incident.state.as_str(),
            headline(view),
            incident.id
        )
    });
    let text = format!(
        "{many} incidents have news; they are told together because they came within a minute.\n\n{}",
        lines.collect::<String>()
    );
    Letter {
        id,
        to: to.clone(),
        subject: format!("[Vigilo {worst}] digest: {many} incidents have news"),
        text,
        kind: "digest".to_owned(),
        event: Value::Null,
    }
}

fn headline(view: &IncidentView) -> String {
    // What looks have shown is of no run.
    if view.incident.common && view.incident.run_id.is_some() {
        let title = view.incident.title.trim_start_matches("many hosts");
        let many = u64::try_from(view.members).unwrap_or_default();
        return format!("{}{title}", counted(many, "host"));
    }
    view.incident.title.clone()
}

fn text(subject: &Subject, news: &[Notification]) -> String {
    let view = &subject.view;
    let incident = &view.incident;
    let happened = news
        .iter()
        .map(|one| format!("{} {}\n", one.created_at, one.change.as_str()));
    format!(
        "{}\nThe incident is {}.{}\n\n{}\n{}\n\n{}\nMore: vigilo incidents show {}\n",
        headline(view),
        incident.state.as_str(),
        describe(incident),
        happened.collect::<String>(),
        incident.detail,
        runs(subject),
        incident.id,
    )
}

/// What people, or the service itself, last said of it.
fn describe(incident: &Incident) -> String {
    let words = |word: &Remark| match one_line(&word.note) {
        note if note.is_empty() => format!(" {} by {}.", word.at, word.by),
        note => format!(" {} by {}: {note}.", word.at, word.by),
    };
    let last = incident.closed.as_ref().or(incident.acknowledged.as_ref());
    last.map(words).unwrap_or_default()
}

/// A note may have line breaks: they would look like lines of ours.
fn one_line(note: &str) -> String {
    let words = note.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn runs(subject: &Subject) -> String {
    let view = &subject.view;
    if view.members == 0 {
        return String::new();
    }
    let line = |member: &Member| {
        let stands = match &member.closed_because {
            Some(why) => format!("mended: {why}"),
            None => "has trouble".to_owned(),
        };
        format!("  {}  run {}  {stands}\n", member.hostname, member.run_id)
    };
    let listed: String = subject.members.iter().map(line).collect();
    let more = usize::try_from(view.members)
        .unwrap_or(0)
        .saturating_sub(subject.members.len());
    let rest = if more > 0 {
        format!("  ... and {more} more\n")
    } else {
        String::new()
    };
    format!(
        "Runs: {}, of which {} still have trouble.\n{listed}{rest}",
        view.members, view.open_members
    )
}

fn event(subject: &Subject, news: &Notification) -> Value {
    let view = &subject.view;
    let members = subject.members.iter().map(|member| {
        json!({
            "run_id": member.run_id, "hostname": member.hostname, "opened_at": member.opened_at,
            "closed_at": member.closed_at, "closed_because": member.closed_because,
        })
    });
    json!({
        "schema": 1,
        "event": format!("incident.{}", news.change.as_str()),
        "at": news.created_at,
        "incident": view.incident,
        "members_total": view.members,
        "members_open": view.open_members,
        // The first of them; the API has all.
        "members": members.collect::<Vec<Value>>(),
    })
}
