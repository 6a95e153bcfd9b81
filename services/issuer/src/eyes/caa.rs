//! Whether CAA records allow a CA to issue (RFC 8659 §4). Pure.

use domain::run::Check;

use crate::dns::{CaaRecord, RelevantCaa};

/// The tags that a CA must understand; an unknown critical one forbids (RFC 8659 §4.5).
const KNOWN: [&str; 5] = ["issue", "issuewild", "iodef", "contactemail", "contactphone"];

/// `identities` are the CA's own names in CAA records; a CA that says none cannot be judged.
pub(super) fn judge(title: String, found: &RelevantCaa, identities: &[String], wildcard: bool) -> Check {
    let Some(at) = &found.at else {
        return Check::tick(title, "no CAA record up to the root: every CA may issue");
    };
    let shown: Vec<String> = found.records.iter().map(show).collect();
    let shown = format!("at {at}: {}", shown.join(", "));
    if let Some(strange) = found.records.iter().find(|one| one.critical && !is_known(one)) {
        return Check::cross(
            title,
            format!("{shown}; {} is critical and unknown: no CA may issue", strange.tag),
        );
    }
    let issuers = issuers(&found.records, wildcard);
    if issuers.is_empty() {
        return Check::tick(title, format!("{shown}; nothing limits who may issue"));
    }
    if identities.is_empty() {
        return Check::tick(
            title,
            format!("{shown}; this CA does not say by which name it may be allowed"),
        )
        .advisory();
    }
    let ours = identities.join(" or ");
    if issuers
        .iter()
        .any(|issuer| identities.iter().any(|own| own.eq_ignore_ascii_case(issuer)))
    {
        Check::tick(title, format!("{shown}; {ours} may issue"))
    } else {
        Check::cross(
            title,
            format!(
                "{shown}; {ours} may not issue: add a record issue \"{}\"",
                identities[0]
            ),
        )
    }
}

fn is_known(record: &CaaRecord) -> bool {
    KNOWN.contains(&record.tag.as_str())
}

/// Who may issue; a wildcard's own tag comes before the common one (RFC 8659 §4.3). An empty name
/// allows no CA.
fn issuers(records: &[CaaRecord], wildcard: bool) -> Vec<&str> {
    let of = |tag: &str| -> Vec<&str> {
        let tagged = records.iter().filter(|one| one.tag == tag);
        tagged
            .map(|one| one.value.split(';').next().unwrap_or("").trim())
            .collect()
    };
    let wild = of("issuewild");
    if wildcard && !wild.is_empty() {
        wild
    } else {
        of("issue")
    }
}

fn show(record: &CaaRecord) -> String {
    let critical = if record.critical { " critical" } else { "" };
    format!("{}{critical} \"{}\"", record.tag, record.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tag value`, with `!` in front when it is critical.
    fn found(records: &[&str]) -> RelevantCaa {
        let record = |text: &&str| {
            let (tag, value) = text.trim_start_matches('!').split_once(' ').expect("tag and value");
            CaaRecord {
                critical: text.starts_with('!'),
                tag: tag.to_owned(),
                value: value.to_owned(),
            }
        };
        RelevantCaa {
            at: (!records.is_empty()).then(|| "example.org".to_owned()),
            records: records.iter().map(record).collect(),
        }
    }

    fn allows(records: &[&str], wildcard: bool) -> bool {
        let identities = ["ca.example".to_owned(), "old-name.example".to_owned()];
        judge("CAA".to_owned(), &found(records), &identities, wildcard).passed
    }

    #[test]
    fn the_table_of_rfc_8659() {
        for (records, name, wildcard) in [
            (&[][..], true, true),
            (&["iodef mailto:a@example.org"], true, true),
            (&["issue ca.example"], true, true),
            (&["issue CA.example; account=1"], true, true),
            (&["issue other.example", "issue old-name.example"], true, true),
            (&["issue other.example"], false, false),
            (&["issue ;"], false, false),
            (&["issue ca.example", "issuewild ;"], true, false),
            (&["issue ;", "issuewild ca.example"], false, true),
            (&["issuewild other.example"], true, false),
            (&["!tbs unknown", "issue ca.example"], false, false),
            (&["tbs unknown"], true, true),
        ] {
            assert_eq!(allows(records, false), name, "{records:?}");
            assert_eq!(allows(records, true), wildcard, "{records:?} for a wildcard");
        }
    }

    #[test]
    fn a_ca_that_does_not_name_itself_is_not_judged() {
        let check = judge("CAA".to_owned(), &found(&["issue ca.example"]), &[], false);
        assert!(
            check.passed && check.advisory && check.evidence.contains("ca.example"),
            "{check:?}"
        );
    }
}
