//! Whether what an address serves is what was issued. Pure: (presented, expected, now) → ticks and crosses.
//!
//! In: the DER of a chain. Out: one check per question. Never: I/O, the clock, a decision about the run.

use domain::certificate::{CertificateFacts, Fingerprint};
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
    Check::tick(name, format!("{} certificates", served.len()))
}

fn signed_by(one: &[u8], next: &[u8]) -> Result<(), String> {
    let (_, one) = X509Certificate::from_der(one).map_err(|e| e.to_string())?;
    let (_, next) = X509Certificate::from_der(next).map_err(|e| e.to_string())?;
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
