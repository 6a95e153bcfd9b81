//! The judgement as tables: a chain, what is expected, and which checks become crosses.

use anyhow::Result;
use domain::{DnsName, Hostname};
use rustls::pki_types::CertificateDer;
use time::Duration;
use time::macros::datetime;
use verifier::judgement::{Expectation, judge, trust};

use crate::pki::{Ca, Issued, at};

const NOW: time::OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// The checks that fail, by the word that tells them apart.
fn crosses(
    served: &[CertificateDer<'static>],
    issued: &Issued,
    names: &[&str],
    now: time::OffsetDateTime,
) -> Vec<&'static str> {
    let hostname: Hostname = names[0].parse().expect("a hostname");
    let names: Vec<DnsName> = names.iter().map(|name| name.parse().expect("a name")).collect();
    let leaf = issued.leaf();
    let expected = Expectation {
        hostname: &hostname,
        names: &names,
        leaf: &leaf,
        chain: &issued.chain,
    };
    let checks = judge(served, &expected, "127.0.0.1:443", at(now));
    assert!(
        checks
            .iter()
            .all(|check| check.name.contains("127.0.0.1:443") && !check.evidence.is_empty())
    );
    let word = |name: &str| {
        let words = [
            "new certificate",
            "complete",
            "signed by the next",
            "covers every name",
            "valid now",
            "serves a",
        ];
        words
            .into_iter()
            .find(|word| name.contains(word))
            .unwrap_or("unknown check")
    };
    checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| word(&check.name))
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn chains() -> Result<()> {
    let (ca, foreign) = (Ca::new()?, Ca::new()?);
    let issued = ca.issue(&["www.example.test"], NOW)?;
    let other = ca.issue(&["www.example.test"], NOW)?;
    let [leaf, middle] = [issued.chain[0].clone(), issued.chain[1].clone()];
    let garbage = CertificateDer::from(b"no certificate".to_vec());
    let table: [(&str, Vec<CertificateDer<'static>>, &[&str]); 9] = [
        ("as issued", vec![leaf.clone(), middle.clone()], &[]),
        (
            "with the root",
            vec![leaf.clone(), middle.clone(), ca.root.clone()],
            &[],
        ),
        (
            "with a foreign root",
            vec![leaf.clone(), middle.clone(), foreign.root.clone()],
            &["signed by the next"],
        ),
        ("the leaf alone", vec![leaf.clone()], &["complete"]),
        (
            "a foreign intermediate of the same name",
            vec![leaf.clone(), foreign.intermediate.clone()],
            &["complete", "signed by the next"],
        ),
        (
            "in the wrong order",
            vec![leaf.clone(), ca.root.clone(), middle],
            &["complete", "signed by the next"],
        ),
        (
            "another leaf of the same CA",
            other.chain,
            &["new certificate", "complete"],
        ),
        (
            "garbage behind the leaf",
            vec![leaf, garbage],
            &["complete", "signed by the next"],
        ),
        ("nothing", vec![], &["serves a"]),
    ];
    for (story, served, expected) in table {
        assert_eq!(
            crosses(&served, &issued, &["www.example.test"], NOW),
            expected,
            "{story}"
        );
    }
    Ok(())
}

#[test]
fn names() -> Result<()> {
    let ca = Ca::new()?;
    let table: [(&[&str], &[&str], bool); 7] = [
        (&["www.example.test"], &["www.example.test"], true),
        (&["WWW.example.test"], &["www.example.test"], true),
        (&["*.example.test"], &["www.example.test"], true),
        (&["*.example.test"], &["www.example.test", "a.b.example.test"], false),
        (&["www.example.test"], &["www.example.test", "api.example.test"], false),
        (&["www.example.test"], &["www.example.test", "*.example.test"], false),
        (
            &["www.example.test", "*.example.test"],
            &["www.example.test", "*.example.test"],
            true,
        ),
    ];
    for (carried, wanted, good) in table {
        let issued = ca.issue(carried, NOW)?;
        let expected: &[&str] = if good { &[] } else { &["covers every name"] };
        assert_eq!(
            crosses(&issued.chain, &issued, wanted, NOW),
            expected,
            "{carried:?} for {wanted:?}"
        );
    }
    Ok(())
}

#[test]
fn dates() -> Result<()> {
    let issued = Ca::new()?.issue_for(&["www.example.test"], NOW, NOW + Duration::days(90))?;
    let second = Duration::seconds(1);
    for (now, good) in [
        (NOW - second, false),
        (NOW, true),
        (NOW + Duration::days(90) - second, true),
        (NOW + Duration::days(90), false),
    ] {
        let expected: &[&str] = if good { &[] } else { &["valid now"] };
        assert_eq!(
            crosses(&issued.chain, &issued, &["www.example.test"], now),
            expected,
            "at {now}"
        );
    }
    Ok(())
}

#[test]
fn trust_is_never_more_than_a_hint() {
    assert!(trust(None, "x").passed && trust(None, "x").advisory);
    let cross = trust(Some("no root"), "x");
    assert!(!cross.passed && cross.advisory && cross.evidence == "no root");
}
