//! No input of others ends the process, and what is read can be written, shown and read again.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ari::{CertId, Window};
use crate::certificate::{CertificateFacts, Snapshot};
use crate::chain::{self, Key, Wanted};
use crate::clock::Timestamp;
use crate::filter::Glob;
use crate::host::NewHost;
use crate::job::JobSpec;
use crate::names::{DnsName, Hostname};
use crate::policy::NewPolicy;
use crate::provider::ProviderName;
use crate::run::{Outcome, Step};
use crate::secret::Envelope;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Reads a value, and if that works, writes it and reads it again.
fn travels<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, read);
    Some(read)
}

#[test]
fn instants() {
    ::fuzz::holds(HERE, "instants", &[], |input| {
        let Ok(at) = text(input).parse::<Timestamp>() else {
            return;
        };
        let written = serde_json::to_value(at).expect("it can be written");
        let again: Timestamp = serde_json::from_value(written).expect("it can be read");
        assert_eq!(again, at);
        let week = std::time::Duration::from_secs(7 * 86_400);
        assert!(at.minus(week) <= at && at <= at.plus(week) && !at.to_string().is_empty());
        let _ = (
            at.days_from(Timestamp::EPOCH),
            at.unix_micros(),
            at.since(Timestamp::LAST),
        );
    });
}

#[test]
fn certificates() {
    ::fuzz::holds(HERE, "certificates", &[], |input| {
        if let Ok(facts) = CertificateFacts::read(input) {
            let written = serde_json::to_string(&facts).expect("it can be written");
            let again: CertificateFacts = serde_json::from_str(&written).expect("it can be read");
            assert_eq!(again, facts);
            assert!(!crate::text::has_nul(written.as_bytes()), "{written}");
            let texts = [&facts.subject, &facts.issuer]
                .into_iter()
                .chain(&facts.sans)
                .chain(&facts.crl_urls);
            let mut texts = texts.chain(&facts.aia_urls);
            assert!(texts.all(|text| !text.chars().any(char::is_control)), "{written}");
        }
        let _ = CertId::of_der(input);
    });
}

#[test]
fn chains_that_people_bring() {
    let csr = std::fs::read(format!("{HERE}/seeds/csrs/plain.der")).expect("a CSR");
    ::fuzz::holds(HERE, "chains", &[], |input| {
        let names: Vec<DnsName> = vec!["www.example.org".parse().expect("a name")];
        for key in [Key::Unseen, Key::Brought(&csr), Key::Missing] {
            let now = Timestamp::from_unix(1_790_000_000).expect("an instant");
            let wanted = Wanted {
                names: &names,
                key,
                served: None,
                now,
            };
            let _ = chain::check(&text(input), &wanted);
        }
        let _ = CertId::of_pem(&text(input));
    });
}

/// A CSR in an order is a text beside a chain.
#[test]
fn csrs() {
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::prelude::FromDer;

    let chain = std::fs::read_to_string(format!("{HERE}/seeds/chains/chain.pem")).expect("a chain");
    ::fuzz::holds(HERE, "csrs", &[], |input| {
        let _ = X509CertificationRequest::from_der(input).map(|(_, csr)| csr.verify_signature());
        let names: Vec<DnsName> = vec!["www.example.org".parse().expect("a name")];
        use base64::Engine;
        let packed = base64::engine::general_purpose::STANDARD.encode(input);
        let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{packed}\n-----END CERTIFICATE REQUEST-----\n");
        let (key, now) = (Key::Prepared(&pem), Timestamp::EPOCH);
        let _ = chain::check(
            &chain,
            &Wanted {
                names: &names,
                key,
                served: None,
                now,
            },
        );
    });
}

#[test]
fn names() {
    let seeds = seeds(&[
        "www.example.org",
        "*.example.org",
        "xn--mller-kva.example",
        "a.b",
        "letsencrypt",
        "issue",
        "deploy:2",
    ]);
    ::fuzz::holds(HERE, "names", &seeds, |input| {
        let text = text(input);
        if let Ok(name) = text.parse::<Hostname>() {
            assert_eq!(name.to_string().parse::<Hostname>().expect("it is one"), name);
        }
        if let Ok(name) = text.parse::<DnsName>() {
            assert_eq!(name.to_string().parse::<DnsName>().expect("it is one"), name);
        }
        if let Ok(glob) = text.parse::<Glob>() {
            let _ = (glob.like(), glob.matches(&"www.example.org".parse().expect("a name")));
        }
        let _ = text.parse::<CertId>().map(|id| id.parts().0.len());
        let _ = crate::price::parse_usd(&text);
        if let Ok(step) = text.parse::<Step>() {
            assert_eq!(step.to_string().parse::<Step>().expect("it is one"), step);
        }
    });
}

#[test]
fn windows() {
    let seeds = seeds(&["0 22 * * 1-5", "*/15 0-6,22 1,15 * *", "59 23 31 12 7", "0 0 29 2 *"]);
    ::fuzz::holds(HERE, "windows", &seeds, |input| {
        let text = text(input);
        for zone in ["Europe/Berlin", "Pacific/Apia", "UTC"] {
            let Ok(window) = crate::window::Window::new(&text, 60, zone) else {
                continue;
            };
            for at in [Timestamp::FIRST, Timestamp::EPOCH, Timestamp::LAST] {
                let _ = (window.is_open(at), window.next_opening(at), window.closes_at(at));
            }
        }
    });
}

#[test]
fn what_is_saved_by_people() {
    let seeds = seeds(&[
        r#"{"hostname":"www.example.org","port":443,"addresses":["192.0.2.1","2001:db8::1"],"environment":"prod","criticality":"high","tags":["edge"],"probe_interval_seconds":60}"#,
        r#"{"hostname":"www.example.org","sans":["b.example.org"],"provider":"acme","directory_url":"https://ca.example.org/dir","key_algorithm":"p256","cooldown_seconds":60,"renew_before_days":30,"notify_on_failure":["ops@example.org"],"windows":[{"cron":"0 22 * * *","minutes":60,"zone":"Europe/Berlin"}],"fallbacks":["letsencrypt"],"targets":[{"kind":"file","chain_path":"/etc/tls/chain.pem","key_path":"/etc/tls/key.pem"}]}"#,
        r#"{"filter":{"hostname_glob":"*.example.org","tags":["edge"],"days_until_expiry":30},"start_at":"2026-12-01T18:00:00Z","ends_at":"2026-12-02T18:00:00Z","concurrency":5}"#,
    ]);
    ::fuzz::holds(HERE, "saved", &seeds, |input| {
        let now = Timestamp::from_unix(1_790_000_000).expect("an instant");
        let _ = travels::<NewHost>(input).map(|host| host.check());
        if let Some(policy) = travels::<NewPolicy>(input) {
            let _ = (policy.check(), policy.names(), policy.ca(), policy.staging);
        }
        if let Some(spec) = travels::<JobSpec>(input) {
            let _ = (
                spec.check(now),
                spec.check(Timestamp::FIRST),
                spec.check(Timestamp::LAST),
            );
            let _ = spec.filter.served_until_at_most(Timestamp::LAST);
        }
        let _ = travels::<ProviderName>(input);
    });
}

#[test]
fn what_steps_leave() {
    let seeds = seeds(&[
        r#"{"outcome":"resting","until":"2026-12-01T18:00:00Z","checkpoint":{"checkpoint":"acme_order","url":"https://ca.example.org/o/1","expires":"2026-12-01T18:00:00Z","tokens":["t"]}}"#,
        r#"{"outcome":"retry","until":"2026-12-01T18:00:00Z","failure":{"code":"ISS-0001","what":"a","hint":"b","seen_at":["192.0.2.1:443"]}}"#,
        r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","dialled":"192.0.2.1:443","taken_at":"2026-12-01T18:00:00Z","probe":"unreachable","probe_error":"no"}"#,
        r#"{"start":"2026-12-01T18:00:00Z","end":"2026-12-02T18:00:00Z"}"#,
        r#""cmek:v1:AAAA.BBBB""#,
    ]);
    ::fuzz::holds(HERE, "left", &seeds, |input| {
        let _ = travels::<Outcome>(input).map(|outcome| outcome.continues(Timestamp::EPOCH));
        let _ = travels::<Snapshot>(input);
        let _ = travels::<Window>(input).map(|window| window.is_past(Timestamp::LAST));
        let _ = serde_json::from_slice::<Envelope>(input);
    });
}
