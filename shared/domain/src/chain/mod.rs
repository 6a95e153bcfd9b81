//! A certificate chain that a person brings for a run: whether it may take the place of an issued one. Pure.
//!
//! In: PEM, what the run needs, `now`. Out: the chain as it is deployed and a tick per question, or the first field that is
//! wrong. Never: a judgement on the root; that is what Verify looks at.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certificate::{BROKEN, CertificateFacts, ChainMember};
use crate::clock::Timestamp;
use crate::counted::counted;
use crate::invalid::Invalid;
use crate::names::{DnsName, Hostname};
use crate::run::Check;

/// No public chain has more than four; more is some other file.
const MOST: usize = 10;
/// What CAs and browsers ask for (CA/Browser Forum Baseline Requirements §6.1.5).
const LEAST_RSA_BITS: u32 = 2048;
/// Characters: it travels in one message.
const LONGEST: usize = 200_000;
const FIELD: &str = "chain_pem";
const BEGIN_ANY: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const LABEL: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What the chain must be good for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub names: &'a [DnsName],
    pub key: Key<'a>,
    /// What the host serves, as it was last seen.
    pub served: Option<&'a CertificateFacts>,
    pub now: Timestamp,
}

/// Whose public key the leaf must have.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// The run's own: its CSR (PKCS#10, PEM).
    Prepared(&'a str),
    /// That of the private key which came with the chain: SubjectPublicKeyInfo, DER.
    Brought(&'a [u8]),
    /// One that is not seen here: it is sealed, or at the target already.
    Unseen,
    /// None was prepared and none came.
    Missing,
}

/// A chain that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub leaf: CertificateFacts,
    /// Leaf first, nothing but certificates.
    pub chain_pem: String,
    /// What was looked at, for the record.
    pub checks: Vec<Check>,
}

/// The first thing that is wrong, or the chain with a tick per question.
pub fn check(chain_pem: &str, wanted: &Wanted<'_>) -> Result<Accepted, Invalid> {
    let blocks = blocks(chain_pem)?;
    let ders = blocks
        .iter()
        .enumerate()
        .map(|(place, block)| der(place, block))
        .collect::<Result<Vec<_>, _>>()?;
    let chain = ders
        .iter()
        .enumerate()
        .map(|(place, der)| parsed(place, der))
        .collect::<Result<Vec<_>, _>>()?;
    let [leaf, ..] = chain.as_slice() else {
        return Err(no_certificate());
    };
    is_leaf(leaf, chain.get(1))?;
    let checks = vec![
        covers(&leaf.facts, wanted.names)?,
        has_key(leaf, wanted.key)?,
        linked(&chain)?,
        in_time(&chain, wanted.now)?,
        newer(&leaf.facts, wanted.served)?,
    ];
    Ok(Accepted {
        leaf: leaf.facts.clone(),
        chain_pem: blocks.concat(),
        checks,
    })
}

/// What is to be said of a member of a chain that ends before its leaf does: a hint, for clients may know a way around it.
pub fn ends_early(name: impl Into<String>, member: &ChainMember, now: Timestamp) -> Check {
    let ChainMember { called, not_after } = member;
    let evidence = if *not_after <= now {
        format!("{called} expired at {not_after}: clients that need it refuse the certificate")
    } else {
        format!("{called} ends at {not_after}, before the certificate does")
    };
    Check::cross(name, evidence).advisory()
}

struct One<'a> {
    x509: X509Certificate<'a>,
    facts: CertificateFacts,
}

/// The certificates of a PEM text; what stands between them is left out.
#[expect(clippy::too_many_lines, reason = "one kind of PEM block after the other")]
fn blocks(text: &str) -> Result<Vec<String>, Invalid> {
    if text.contains("PRIVATE KEY-----") {
        let problem = "it contains a private key";
        return Err(Invalid::new(
            FIELD,
            problem,
            "leave the key out here and give it as key_pem",
        ));
    }
    if text.len() > LONGEST {
        let problem = format!("{} characters are no chain", text.len());
        return Err(Invalid::new(FIELD, problem, "give the leaf and its intermediates only"));
    }
    let (mut blocks, mut rest) = (Vec::new(), text);
    while let Some((_, from)) = rest.split_once(BEGIN_ANY) {
        let place = blocks.len();
        let label = from.split_once(DASHES).map_or(from, |(label, _)| label);
        if label != LABEL {
            return Err(other_block(place, label));
        }
        let ended = from.split_once(END);
        let Some((inner, after)) = ended.filter(|(inner, _)| !inner.contains(BEGIN_ANY)) else {
            let problem = format!("certificate {} has no end", place + 1);
            return Err(Invalid::new(
                at(place),
                problem,
                "give the whole file, as the CA delivered it",
            ));
        };
        let body = inner.trim_start_matches(LABEL).trim_start_matches('-');
        let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        blocks.push(format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")));
        rest = after;
    }
    match blocks.len() {
        0 => Err(no_certificate()),
        1..=MOST => Ok(blocks),
        many => {
            let problem = format!("{many} certificates are no chain");
            Err(Invalid::new(FIELD, problem, "give the leaf and its intermediates only"))
        }
    }
}

/// A block that is no certificate may matter to whoever wrote the file: it is named, never left out.
fn other_block(place: usize, label: &str) -> Invalid {
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let label: String = label.chars().take_while(|c| plain(*c)).take(40).collect();
    let remedy = match label.as_str() {
        "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
            "write it as a plain one: openssl x509 -in FILE -out NEW, and give NEW"
        }
        "PKCS7" | "CMS" => "take the certificates out: openssl pkcs7 -print_certs -in FILE -out NEW, and give NEW",
        _ => "leave it out: only the leaf and its intermediates belong here",
    };
    let problem = format!("block {} is a {label}, no CERTIFICATE", place + 1);
    Invalid::new(at(place), problem, remedy)
}

fn at(place: usize) -> String {
    format!("{FIELD}[{place}]")
}

fn no_certificate() -> Invalid {
    let remedy = format!("give PEM: the leaf first, then its intermediates, each from {BEGIN} to {END}");
    Invalid::new(FIELD, "it holds no certificate", remedy)
}

fn der(place: usize, block: &str) -> Result<Vec<u8>, Invalid> {
    let (_, pem) = parse_x509_pem(block.as_bytes()).map_err(|e| unreadable(place, &e))?;
    Ok(pem.contents)
}

fn parsed(place: usize, der: &[u8]) -> Result<One<'_>, Invalid> {
    let (rest, x509) = X509Certificate::from_der(der).map_err(|_| unreadable(place, &BROKEN))?;
    if !rest.is_empty() {
        return Err(unreadable(place, &"something follows the certificate"));
    }
    let facts = CertificateFacts::read(der).map_err(|e| unreadable(place, &e))?;
    Ok(One { x509, facts })
}

fn unreadable(place: usize, why: &dyn std::fmt::Display) -> Invalid {
    let problem = format!("certificate {} cannot be read: {why}", place + 1);
    Invalid::new(at(place), problem, "give the file unchanged, as the CA delivered it")
}

/// A server's certificate, and strong enough for one.
fn is_leaf(leaf: &One<'_>, next: Option<&One<'_>>) -> Result<(), Invalid> {
    if leaf.x509.is_ca() {
        let problem = format!("{} is a CA's certificate", named(leaf));
        let remedy = match next {
            Some(next) if !next.x509.is_ca() => "the order is reversed: put the server's certificate first",
            Some(_) | None => "put the server's certificate before those of the CA",
        };
        return Err(Invalid::new(at(0), problem, remedy));
    }
    let usage = leaf.x509.extended_key_usage().ok().flatten();
    if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        let problem = "it is not made for servers (its extended key usage lacks serverAuth)";
        return Err(Invalid::new(at(0), problem, "have one issued for TLS servers"));
    }
    if leaf.facts.key_type == "RSA" && leaf.facts.key_bits < LEAST_RSA_BITS {
        let problem = format!("its RSA key has {} bits only", leaf.facts.key_bits);
        return Err(Invalid::new(
            at(0),
            problem,
            format!("give one with {LEAST_RSA_BITS} or more"),
        ));
    }
    Ok(())
}

/// RFC 9525 §6.3: the names of the certificate are its SANs, and a wildcard stands for one label.
fn covers(leaf: &CertificateFacts, names: &[DnsName]) -> Result<Check, Invalid> {
    let sans: Vec<DnsName> = leaf.sans.iter().filter_map(|san| san.parse().ok()).collect();
    let covered = |name: &DnsName| {
        let host: Option<Hostname> = name.as_str().parse().ok();
        sans.iter()
            .any(|san| san == name || host.as_ref().is_some_and(|host| san.covers(host)))
    };
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !covered(name))
        .map(DnsName::as_str)
        .collect();
    let has = if leaf.sans.is_empty() {
        "no name".to_owned()
    } else {
        leaf.sans.join(", ")
    };
    if missing.is_empty() {
        return Ok(Check::tick("covers every name", has));
    }
    let problem = format!("it does not cover {}; it covers {has}", missing.join(", "));
    let remedy = "give a certificate with every name of the policy as a subject alternative name";
    Err(Invalid::new(format!("{}.sans", at(0)), problem, remedy))
}

fn has_key(leaf: &One<'_>, key: Key<'_>) -> Result<Check, Invalid> {
    let name = "the key is the certificate's";
    let differs = |problem: &str, remedy: &str| Err(Invalid::new("key_pem", problem, remedy));
    match key {
        Key::Prepared(csr) if is_of_csr(leaf, csr)? => Ok(Check::tick(name, "the one that the run prepared")),
        Key::Prepared(_) => differs(
            "the certificate is for another key than the run has prepared, and its own key was not given",
            "give its private key too, or have it issued for the run's CSR (vigilo csr RUN), or say already_installed",
        ),
        Key::Brought(public) if leaf.x509.public_key().raw == public => Ok(Check::tick(name, "it came with it")),
        Key::Brought(_) => differs(
            "this private key does not belong to the certificate",
            "give the key with which the certificate was asked for",
        ),
        Key::Unseen => Ok(Check::tick(name, "compared where the key is")),
        Key::Missing => differs(
            "the targets need the private key, and the run has none",
            "give the private key of the certificate too, or say already_installed",
        ),
    }
}

fn is_of_csr(leaf: &One<'_>, csr_pem: &str) -> Result<bool, Invalid> {
    let broken = |why: String| {
        Invalid::new(
            "run_id",
            format!("the run's own CSR cannot be read: {why}"),
            "report it",
        )
    };
    let (_, pem) = parse_x509_pem(csr_pem.as_bytes()).map_err(|e| broken(e.to_string()))?;
    let (_, csr) = X509CertificationRequest::from_der(&pem.contents).map_err(|_| broken(BROKEN.to_owned()))?;
    Ok(leaf.x509.public_key().raw == csr.certification_request_info.subject_pki.raw)
}

/// Each certificate is signed by the one after it (RFC 8446 §4.4.2), and everything behind the leaf is a CA's.
fn linked(chain: &[One<'_>]) -> Result<Check, Invalid> {
    for (place, pair) in chain.windows(2).enumerate() {
        let (one, next) = (&pair[0], &pair[1]);
        let broken = |why: String| {
            let problem = format!("{} is not signed by {}: {why}", named(one), named(next));
            let remedy = "give the leaf first, then the CA that signed it, then the CA that signed that one";
            Err(Invalid::new(at(place + 1), problem, remedy))
        };
        if one.x509.issuer() != next.x509.subject() {
            return broken(format!("its issuer is {:?}", one.facts.issuer));
        }
        if !next.x509.is_ca() {
            return broken("that is no CA's certificate".to_owned());
        }
        if let Err(error) = one.x509.verify_signature(Some(next.x509.public_key())) {
            return broken(error.to_string());
        }
    }
    Ok(Check::tick(
        "each is signed by the next",
        counted(chain.len(), "certificate"),
    ))
}

fn in_time(chain: &[One<'_>], now: Timestamp) -> Result<Check, Invalid> {
    for (place, one) in chain.iter().enumerate() {
        if now < one.facts.not_before {
            let problem = format!("{} is valid from {} on only", named(one), one.facts.not_before);
            let remedy = "wait until then, or see whether the clock of this system is right";
            return Err(Invalid::new(format!("{}.not_before", at(place)), problem, remedy));
        }
        if one.facts.not_after <= now {
            let problem = format!("{} expired at {}", named(one), one.facts.not_after);
            return Err(Invalid::new(
                format!("{}.not_after", at(place)),
                problem,
                "give one that is valid",
            ));
        }
    }
    let first = chain.iter().min_by_key(|one| one.facts.not_after);
    let evidence = match (chain.first(), first) {
        (Some(leaf), Some(first)) if first.facts.not_after < leaf.facts.not_after => {
            let (end, own) = (first.facts.not_after, leaf.facts.not_after);
            format!("until {end}, when {} ends; the leaf itself until {own}", named(first))
        }
        (_, Some(first)) => format!("until {}", first.facts.not_after),
        (_, None) => String::new(),
    };
    Ok(Check::tick("valid now", evidence))
}

/// One that begins earlier and ends no later than what is served would turn the clock back.
fn newer(leaf: &CertificateFacts, served: Option<&CertificateFacts>) -> Result<Check, Invalid> {
    let name = "not older than what is served";
    let Some(served) = served else {
        return Ok(Check::tick(name, "nothing was seen there yet"));
    };
    if leaf.not_before < served.not_before && leaf.not_after <= served.not_after {
        let problem = format!(
            "it is older than what is served: valid {} to {}, but served is {} to {}",
            leaf.not_before, leaf.not_after, served.not_before, served.not_after
        );
        return Err(Invalid::new(
            format!("{}.not_after", at(0)),
            problem,
            "give the newer one",
        ));
    }
    Ok(Check::tick(name, format!("served until {}", served.not_after)))
}

fn named(one: &One<'_>) -> String {
    match one.facts.subject.as_str() {
        "" => format!("the certificate for {}", one.facts.sans.join(", ")),
        subject => format!("{subject:?}"),
    }
}

#[cfg(test)]
mod tests;
