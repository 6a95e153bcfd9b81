//! Certificates that a CA wants renewed at once.

use api::emergencies::{CalledHost, Emergency, EmergencyDetail, EmergencyRenewal};
use domain::counted;

use super::{Text, or_dash};

pub fn list(items: &[Emergency]) -> Text {
    let mut text = Text::default();
    items.iter().for_each(|emergency| head(emergency, &mut text));
    text
}

fn head(emergency: &Emergency, text: &mut Text) {
    let stands = match emergency.ended_at {
        Some(at) => format!("ended at {at}"),
        None => format!("{} left", emergency.left),
    };
    text.line(format!(
        "{} {} wants {} of {} renewed at once: {stands}",
        emergency.opened_at,
        emergency.directory_url,
        emergency.certificates,
        counted(emergency.of_all.unsigned_abs(), "certificate"),
    ));
    if let Some(url) = &emergency.explanation_url {
        text.line(format!("    see {url}"));
    }
    text.line(format!("    emergency {}", emergency.id));
}

pub fn detail(detail: &EmergencyDetail) -> Text {
    let mut text = Text::default();
    head(&detail.emergency, &mut text);
    let deadlines = &detail.emergency.deadlines;
    text.line(format!(
        "    revoked by {} when keys are known, else by {}",
        deadlines.grave_until, deadlines.other_until
    ));
    for plan in &detail.plans {
        text.line(format!(
            "    planned: vigilo job show {plan}; vigilo bulk commit {plan}"
        ));
    }
    detail.hosts.iter().for_each(|host| text.line(called(host)));
    text
}

fn called(host: &CalledHost) -> String {
    let stands = match (host.status, host.renews_itself) {
        (Some(status), _) => format!("{} run {}", status.as_str(), or_dash(host.run_id)),
        (None, true) => "renews itself".to_owned(),
        (None, false) => "waits to be asked for".to_owned(),
    };
    format!(
        "    {:<9} {:<40} {stands}",
        host.criticality.as_str(),
        host.hostname.as_str()
    )
}

/// What was asked for; the warning is not in it.
pub fn renewal(renewal: &EmergencyRenewal) -> Text {
    let mut text = Text::of(format!(
        "{} begun, already on the way: {}",
        counted(renewal.answered.accepted.len(), "renewal"),
        renewal.on_their_way
    ));
    for one in &renewal.answered.refused {
        text.line(format!("✗ {}: {}", one.hostname, one.reason));
    }
    text
}
