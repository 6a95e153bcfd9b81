//! Hosts, and what they serve.

use api::hosts::{Host, HostDetail, Served, Snapshot};
use domain::counted;

use super::{Text, hostname, or_dash, text_or_dash};

pub fn list(items: &[Host]) -> Text {
    super::list(items, |host| {
        let spec = &host.host.spec;
        format!(
            "{:<40} {:>5} {:<12} {:<9} {}",
            hostname(&spec.hostname),
            spec.port,
            host.status,
            spec.criticality.as_str(),
            host.snapshot
                .as_ref()
                .map_or_else(|| "not looked at yet".to_owned(), sight),
        )
    })
}

/// What was seen, in one line.
fn sight(snapshot: &Snapshot) -> String {
    match &snapshot.seen {
        api::hosts::AddressState::Unreachable { probe_error } => format!("unreachable: {probe_error}"),
        api::hosts::AddressState::Served(served) => {
            format!("{}  {}", expiry(served.days_until_expiry), served.leaf.fingerprint)
        }
    }
}

fn expiry(days: i64) -> String {
    match days {
        0 => "expires within a day".to_owned(),
        left @ 1.. => format!("expires in {}", counted(left.unsigned_abs(), "day")),
        ago => format!("expired {} ago", counted(ago.unsigned_abs(), "day")),
    }
}

/// A host with what each of its addresses serves.
pub fn detail(detail: &HostDetail) -> Text {
    let (host, spec) = (&detail.host, &detail.host.host.spec);
    let mut text = Text::of(format!(
        "{}, port {}  {}  {}  newest run: {}",
        hostname(&spec.hostname),
        spec.port,
        spec.environment,
        spec.criticality.as_str(),
        host.status
    ));
    text.line(format!(
        "last seen {}, looked at once in {}",
        or_dash(host.last_seen_at),
        counted(spec.probe_interval_seconds, "second")
    ));
    detail.look.iter().for_each(|seen| address(seen, &mut text));
    text
}

fn address(seen: &Snapshot, text: &mut Text) {
    text.line(format!("{}  since {}  {}", seen.dialled, seen.taken_at, sight(seen)));
    let Some(served) = seen.served() else { return };
    for (name, value) in facts(served).into_iter().chain([("seen", extent(seen))]) {
        text.line(format!("    {name:<8} {value}"));
    }
    if let Some(why) = &served.unfinished {
        text.line(format!("    {:<8} the handshake does not end: {why}", "but"));
    }
}

fn facts(served: &Served) -> Vec<(&'static str, String)> {
    let leaf = &served.leaf;
    let trust = match &served.chain_problem {
        Some(problem) => format!("not trusted: {problem}"),
        None => "trusted".to_owned(),
    };
    let ends = served.chain_end.as_ref();
    let ends = ends.map(|member| format!("; {} ends at {}", member.called, member.not_after));
    let length = counted(served.chain_fingerprints.len(), "certificate");
    vec![
        // CAs leave the subject empty more and more: the names stand in the extension.
        ("subject", text_or_dash(&leaf.subject).to_owned()),
        ("names", leaf.sans.join(", ")),
        ("issuer", leaf.issuer.clone()),
        ("serial", leaf.serial.clone()),
        ("valid", format!("{} to {}", leaf.not_before, leaf.not_after)),
        (
            "key",
            format!("{} {} bits, {}", leaf.key_type, leaf.key_bits, leaf.signature_algorithm),
        ),
        ("chain", format!("{length}, {trust}{}", ends.unwrap_or_default())),
        ("spoken", format!("{} {}", served.protocol, served.cipher)),
    ]
}

/// What a look rests on, with the further leaves that visitors get by turns.
fn extent(seen: &Snapshot) -> String {
    let extent = domain::certificate::extent(seen.looks, seen.others.len() + 1);
    seen.others.iter().fold(extent, |said, other| {
        format!(
            "{said}; by turns {} until {}  {}",
            other.called, other.not_after, other.fingerprint
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_in_the_past_is_said_as_one() {
        for (days, said) in [
            (-98, "expired 98 days ago"),
            (-1, "expired 1 day ago"),
            (0, "expires within a day"),
            (1, "expires in 1 day"),
            (30, "expires in 30 days"),
        ] {
            assert_eq!(expiry(days), said);
        }
    }
}
