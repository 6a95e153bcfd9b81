//! Whether what an address serves is what was issued. Pure: (presented, expected, now) → ticks and crosses.
//!
//! In: the DER of a chain. Out: one check per question. Never: I/O, the clock, a decision about the run.

#![deny(clippy::wildcard_enum_match_arm)]

use domain::certificate::{BROKEN, CertificateFacts, ChainMember, Fingerprint};
use domain::chain::ends_early;
use domain::counted;
use domain::run::Check;
use domain::{DnsName, Hostname, Timestamp};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What the addresses of a host shall serve.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    pub hostname: &'a Hostname,
    /// All names of the plan.
    pub names: &'a [DnsName],
    pub leaf: &'a Fingerprint,
    /// As the CA delivered it, leaf first.
    pub chain: &'a [CertificateDer<'static>],
}

/// Judges one chain that some place serves; `at` names the place in every check.
pub fn judge(served: &[CertificateDer<'static>], expected: &Expectation<'_>, at: &str, now: Timestamp) -> Vec<Check> {
    let Some(first) = served.first() else {
        return vec![Check::cross(format!("serves a certificate at {at}"), "none was sent")];
    };
    let mut checks = vec![
        leaf(first, expected.leaf, at),
        complete(served, expected.chain, at),
        linked(served, at),
    ];
    match CertificateFacts::read(first) {
        Ok(facts) => checks.extend([names(&facts, expected, at), dates(&facts, at, now)]),
        Err(error) => checks.push(Check::cross(
            format!("the certificate at {at} can be read"),
            error.to_string(),
        )),
    }
    checks
}

/// A hint, because the verifier's trust anchors need not be those of the host's clients.
pub fn trust(problem: Option<&str>, at: &str) -> Check {
    let name = format!("the chain at {at} is trusted");
    match problem {
        None => Check::tick(name, "it leads to a trusted root").advisory(),
        Some(problem) => Check::cross(name, problem).advisory(),
    }
}

/// A hint where a certificate behind the leaf ends before it: some clients know another way to a root.
pub fn lasts(member: Option<&ChainMember>, at: &str, now: Timestamp) -> Option<Check> {
    member.map(|member| {
        ends_early(
            format!("the chain at {at} lasts as long as the certificate"),
            member,
            now,
        )
    })
}

/// A hint where the certificate was on the wire and the handshake went no further.
pub fn ends(hindrance: Option<&str>, at: &str) -> Option<Check> {
    hindrance.map(|why| Check::cross(format!("a handshake at {at} ends"), why).advisory())
}

fn leaf(served: &CertificateDer<'_>, expected: &Fingerprint, at: &str) -> Check {
    let found = Fingerprint::of(served);
    let name = format!("the new certificate is served at {at}");
    if found == *expected {
        Check::tick(name, found.to_string())
    } else {
        Check::cross(name, format!("{found} is served instead of {expected}"))
    }
}

/// A server may send the root after the issued chain; it may leave nothing out and change nothing.
fn complete(served: &[CertificateDer<'_>], issued: &[CertificateDer<'_>], at: &str) -> Check {
    let name = format!("the chain at {at} is complete");
    let differing = issued
        .iter()
        .enumerate()
        .find(|(place, one)| served.get(*place) != Some(*one));
    let Some((place, missing)) = differing else {
        return Check::tick(
            name,
            format!("{} of {} issued certificates", issued.len(), issued.len()),
        );
    };
    let wanted = subject(missing);
    let instead = served
        .get(place)
        .map_or_else(|| "nothing".to_owned(), |one| subject(one));
    let evidence = format!(
        "certificate {} of {} should be {wanted}, but is {instead}",
        place + 1,
        issued.len()
    );
    Check::cross(name, evidence)
}

/// Each certificate is signed by the one after it (RFC 8446 §4.4.2).
fn linked(served: &[CertificateDer<'_>], at: &str) -> Check {
    let name = format!("each certificate at {at} is signed by the next");
    for pair in served.windows(2) {
        if let Err(why) = signed_by(&pair[0], &pair[1]) {
            let evidence = format!("{} is not signed by {}: {why}", subject(&pair[0]), subject(&pair[1]));
            return Check::cross(name, evidence);
        }
    }
    Check::tick(name, counted(served.len(), "certificate"))
}

fn signed_by(one: &[u8], next: &[u8]) -> Result<(), String> {
    let (_, one) = X509Certificate::from_der(one).map_err(|_| BROKEN.to_owned())?;
    let (_, next) = X509Certificate::from_der(next).map_err(|_| BROKEN.to_owned())?;
    if one.issuer() != next.subject() {
        return Err(format!("its issuer is {}", one.issuer()));
    }
    one.verify_signature(Some(next.public_key())).map_err(|e| e.to_string())
}

fn names(leaf: &CertificateFacts, expected: &Expectation<'_>, at: &str) -> Check {
    let name = format!("the certificate at {at} covers every name");
    let host = DnsName::from(expected.hostname);
    let sans: Vec<DnsName> = leaf.sans.iter().filter_map(|san| san.parse().ok()).collect();
    let wanted = std::iter::once(&host).chain(expected.names);
    let missing: Vec<&str> = wanted
        .filter(|name| !is_covered(name, &sans))
        .map(DnsName::as_str)
        .collect();
    if missing.is_empty() {
        Check::tick(name, leaf.sans.join(", "))
    } else {
        Check::cross(
            name,
            format!("not {}; it covers {}", missing.join(", "), leaf.sans.join(", ")),
        )
    }
}

fn is_covered(name: &DnsName, sans: &[DnsName]) -> bool {
    let host: Option<Hostname> = name.as_str().parse().ok();
    sans.iter()
        .any(|san| san == name || host.as_ref().is_some_and(|host| san.covers(host)))
}

fn dates(leaf: &CertificateFacts, at: &str, now: Timestamp) -> Check {
    let name = format!("the certificate at {at} is valid now");
    if now < leaf.not_before {
        Check::cross(name, format!("only from {} on", leaf.not_before))
    } else if now >= leaf.not_after {
        Check::cross(name, format!("it expired at {}", leaf.not_after))
    } else {
        Check::tick(name, format!("until {}", leaf.not_after))
    }
}

fn subject(der: &[u8]) -> String {
    CertificateFacts::read(der).map_or_else(
        |_| format!("the certificate {}", Fingerprint::of(der)),
        |facts| {
            if facts.subject.is_empty() {
                facts.fingerprint.to_string()
            } else {
                format!("{:?}", facts.subject)
            }
        },
    )
}

#[cfg(test)]
mod fuzz {
    use super::*;

    const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/domain/seeds/certificates");

    /// Hosts serve what they like.
    #[test]
    fn chains_that_are_served() {
        let seeds = ::fuzz::read(std::path::Path::new(SEEDS));
        let issued: Vec<CertificateDer<'static>> = seeds.iter().cloned().map(CertificateDer::from).collect();
        let names: Vec<DnsName> = vec!["www.example.org".parse().expect("a name")];
        let leaf = Fingerprint::of(&seeds[0]);
        let hostname = "www.example.org".parse().expect("a name");
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "served", &seeds, |input| {
            let expected = Expectation {
                hostname: &hostname,
                names: &names,
                leaf: &leaf,
                chain: &issued,
            };
            let served = [CertificateDer::from(input.to_vec()), issued[0].clone()];
            for check in judge(&served, &expected, "192.0.2.1:443", Timestamp::LAST) {
                let text = check.evidence.chars().chain(check.name.chars());
                assert!(
                    !text.into_iter().any(|c| c.is_control() && c != '\n' && c != '\t'),
                    "{check:?}"
                );
            }
        });
    }
}
