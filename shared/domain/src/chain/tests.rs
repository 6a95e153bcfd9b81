use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData,
};

use super::*;

/// A CA with a root, an intermediate and a leaf under it.
struct Pki {
    root_pem: String,
    intermediate_pem: String,
    intermediate: Issuer<'static, KeyPair>,
    key: KeyPair,
}

fn names(all: &[&str]) -> Vec<DnsName> {
    all.iter().map(|name| name.parse().expect("a name")).collect()
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_unix(1_767_225_600 + number * 86_400).expect("an instant")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn leaf(all: &[&str]) -> CertificateParams {
    let all: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(all).expect("parameters");
    params.not_before = day(0).get();
    params.not_after = day(90).get();
    params
}

impl Pki {
    fn new() -> Self {
        let root_key = KeyPair::generate().expect("a key");
        let root = authority("root");
        let root_pem = root.self_signed(&root_key).expect("a root").pem();
        let root = Issuer::new(root, root_key);
        let intermediate_key = KeyPair::generate().expect("a key");
        let intermediate = authority("intermediate");
        let intermediate_pem = intermediate.signed_by(&intermediate_key, &root).expect("one").pem();
        Self {
            root_pem,
            intermediate_pem,
            intermediate: Issuer::new(intermediate, intermediate_key),
            key: KeyPair::generate().expect("a key"),
        }
    }

    fn sign(&self, params: &CertificateParams) -> String {
        params.signed_by(&self.key, &self.intermediate).expect("a leaf").pem()
    }

    fn chain(&self) -> String {
        self.sign(&leaf(&["www.example.org"])) + &self.intermediate_pem
    }

    fn csr(&self) -> String {
        let request = leaf(&["www.example.org"]).serialize_request(&self.key);
        request.and_then(|csr| csr.pem()).expect("a CSR")
    }
}

fn wanted<'a>(names: &'a [DnsName], key: Key<'a>) -> Wanted<'a> {
    let (served, now) = (None, day(1));
    Wanted {
        names,
        key,
        served,
        now,
    }
}

fn refused(chain: &str, wanted: &Wanted<'_>) -> Invalid {
    check(chain, wanted).expect_err("it is refused")
}

#[test]
fn a_chain_for_our_csr_passes_and_loses_what_is_no_certificate() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    let csr = pki.csr();
    let text = format!("Bag Attributes\n{}\r\n\n# end", pki.chain().replace('\n', "\r\n"));
    let accepted = check(&text, &wanted(&www, Key::Prepared(&csr))).expect("it fits");
    assert_eq!(accepted.chain_pem, pki_lines(&pki, &accepted.chain_pem));
    assert_eq!(accepted.leaf.sans, ["www.example.org"]);
    assert!(accepted.checks.iter().all(|check| check.passed) && accepted.checks.len() == 5);
    let with_root = pki.chain() + &pki.root_pem;
    assert!(
        check(&with_root, &wanted(&www, Key::Prepared(&csr))).is_ok(),
        "a root at the end is fine"
    );
}

/// As it was found, when it is two blocks of PEM without anything between them.
fn pki_lines(pki: &Pki, text: &str) -> String {
    assert!(text.starts_with(BEGIN) && text.ends_with(&format!("{END}\n")) && !text.contains('\r'));
    assert!(text.ends_with(&pki.intermediate_pem.replace('\r', "")));
    text.to_owned()
}

#[test]
fn a_wildcard_covers_one_label_and_a_wildcard_that_is_wanted_must_be_there() {
    let pki = Pki::new();
    let chain = pki.sign(&leaf(&["*.example.org"])) + &pki.intermediate_pem;
    for (wants, fits) in [
        ("www.example.org", true),
        ("*.example.org", true),
        ("a.b.example.org", false),
        ("example.org", false),
    ] {
        let wants = names(&[wants]);
        let found = check(&chain, &wanted(&wants, Key::Unseen));
        assert_eq!(found.is_ok(), fits, "{wants:?}: {found:?}");
    }
    let both = names(&["www.example.org", "example.org"]);
    let said = refused(&chain, &wanted(&both, Key::Unseen));
    assert_eq!(said.field, "chain_pem[0].sans");
    assert!(
        said.problem.contains("example.org") && said.problem.contains("*.example.org"),
        "{said}"
    );
}

#[test]
fn the_key_must_be_the_certificates() {
    let (pki, www, other) = (
        Pki::new(),
        names(&["www.example.org"]),
        KeyPair::generate().expect("a key"),
    );
    let foreign = Pki {
        key: other,
        ..Pki::new()
    };
    let public = pki.key.subject_public_key_info();
    let foreign_public = foreign.key.subject_public_key_info();
    let foreign_csr = foreign.csr();
    assert!(check(&pki.chain(), &wanted(&www, Key::Brought(&public))).is_ok());
    for (key, word) in [
        (Key::Prepared(&foreign_csr), "another key"),
        (Key::Brought(&foreign_public), "does not belong"),
        (Key::Missing, "has none"),
    ] {
        let said = refused(&pki.chain(), &wanted(&www, key));
        assert!(said.field == "key_pem" && said.problem.contains(word), "{said}");
    }
}

#[test]
fn a_chain_that_does_not_hold_together_names_the_place() {
    let (pki, other, www) = (Pki::new(), Pki::new(), names(&["www.example.org"]));
    let leaf_pem = pki.sign(&leaf(&["www.example.org"]));
    let wanted = wanted(&www, Key::Unseen);
    for (chain, field) in [
        (leaf_pem.clone() + &other.intermediate_pem, "chain_pem[1]"),
        (leaf_pem.clone() + &pki.root_pem, "chain_pem[1]"),
        (
            leaf_pem.clone() + &pki.intermediate_pem + &other.root_pem,
            "chain_pem[2]",
        ),
        (leaf_pem.clone() + &leaf_pem, "chain_pem[1]"),
        (pki.intermediate_pem.clone() + &leaf_pem, "chain_pem[0]"),
        (pki.intermediate_pem.clone(), "chain_pem[0]"),
    ] {
        assert_eq!(refused(&chain, &wanted).field, field);
    }
    let reversed = refused(&(pki.intermediate_pem.clone() + &leaf_pem), &wanted);
    assert!(reversed.remedy.contains("reversed"), "{reversed}");
}

#[test]
fn what_is_no_chain_is_refused_without_repeating_it() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    let wanted = wanted(&www, Key::Unseen);
    let with_key = pki.chain() + &pki.key.serialize_pem();
    let said = refused(&with_key, &wanted);
    assert!(
        said.problem.contains("private key") && said.remedy.contains("key_pem"),
        "{said}"
    );
    assert!(!said.to_string().contains("BEGIN PRIVATE"), "{said}");
    for text in ["", "<html>", &pki.chain().repeat(6)] {
        assert_eq!(refused(text, &wanted).field, "chain_pem");
    }
    assert_eq!(refused(&pki.csr(), &wanted).field, "chain_pem[0]");
    let nonsense = format!("{BEGIN}\nAAAA\n{END}\n");
    assert_eq!(refused(&(pki.chain() + &nonsense), &wanted).field, "chain_pem[2]");
    assert_eq!(refused(BEGIN, &wanted).field, "chain_pem[0]");
}

#[test]
fn dates_are_looked_at_in_every_certificate() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    for (now, field) in [
        (day(-1), "chain_pem[0].not_before"),
        (day(90), "chain_pem[0].not_after"),
    ] {
        let wanted = Wanted {
            now,
            ..wanted(&www, Key::Unseen)
        };
        assert_eq!(refused(&pki.chain(), &wanted).field, field);
    }
}

#[test]
fn one_that_is_older_than_what_is_served_is_refused() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    let mut params = leaf(&["www.example.org"]);
    let accepted = check(&pki.chain(), &wanted(&www, Key::Unseen)).expect("a chain");
    let facts_of = |params: &CertificateParams| {
        let chain = pki.sign(params);
        check(&chain, &wanted(&www, Key::Unseen)).expect("a leaf").leaf
    };
    params.not_before = day(1).get();
    let newer = facts_of(&params);
    params.not_after = day(30).get();
    let newer_but_shorter = facts_of(&params);
    let with = |served| Wanted {
        served: Some(served),
        ..wanted(&www, Key::Unseen)
    };
    params.not_after = day(91).get();
    let longer = facts_of(&params);
    assert_eq!(refused(&pki.chain(), &with(&longer)).field, "chain_pem[0].not_after");
    assert_eq!(refused(&pki.chain(), &with(&newer)).field, "chain_pem[0].not_after");
    assert!(
        check(&pki.chain(), &with(&newer_but_shorter)).is_ok(),
        "it lives longer"
    );
    assert!(
        check(&pki.chain(), &with(&accepted.leaf)).is_ok(),
        "it is there already"
    );
}

#[test]
fn what_is_no_server_certificate_is_refused() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    let mut params = leaf(&["www.example.org"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let said = refused(&pki.sign(&params), &wanted(&www, Key::Unseen));
    assert!(said.problem.contains("serverAuth"), "{said}");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    assert!(check(&pki.sign(&params), &wanted(&www, Key::Unseen)).is_ok());
}

#[test]
fn a_block_that_is_no_certificate_is_named_and_never_left_out() {
    let (pki, www) = (Pki::new(), names(&["www.example.org"]));
    let wanted = wanted(&www, Key::Unseen);
    let block = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    for (label, remedy) in [
        ("TRUSTED CERTIFICATE", "openssl x509 -in"),
        ("X509 CERTIFICATE", "openssl x509 -in"),
        ("PKCS7", "openssl pkcs7 -print_certs"),
        ("CERTIFICATE REQUEST", "leave it out"),
        ("EC PARAMETERS", "leave it out"),
        ("X509 CRL", "leave it out"),
    ] {
        for (text, field) in [
            (pki.chain() + &block(label), "chain_pem[2]"),
            (block(label) + &pki.chain(), "chain_pem[0]"),
        ] {
            let said = refused(&text, &wanted);
            assert_eq!(said.field, field, "{label}");
            assert!(said.problem.contains(label) && said.remedy.contains(remedy), "{said}");
        }
    }
    let trusted = pki.chain().replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    assert!(refused(&trusted, &wanted).problem.contains("TRUSTED CERTIFICATE"));
    let open = format!("{}-----BEGIN X", pki.chain());
    assert_eq!(refused(&open, &wanted).field, "chain_pem[2]", "a block without an end");
}

/// The first intermediate of a chain that has `days` left, under the root.
fn chain_that_ends_at(days: i64) -> String {
    let root_key = KeyPair::generate().expect("a key");
    let root = Issuer::new(authority("root"), root_key);
    let (mut params, key) = (authority("short"), KeyPair::generate().expect("a key"));
    params.not_after = day(days).get();
    let intermediate = params.signed_by(&key, &root).expect("one").pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().expect("a key");
    leaf(&["www.example.org"])
        .signed_by(&own, &issuer)
        .expect("a leaf")
        .pem()
        + &intermediate
}

#[test]
fn the_earliest_end_in_the_chain_is_the_one_that_is_said() {
    let www = names(&["www.example.org"]);
    let early = check(&chain_that_ends_at(30), &wanted(&www, Key::Unseen)).expect("good today");
    let said = &early.checks[3].evidence;
    let expected = format!(
        "until {}, when \"CN=short\" ends; the leaf itself until {}",
        day(30),
        day(90)
    );
    assert_eq!(*said, expected);
    let late = check(&chain_that_ends_at(300), &wanted(&www, Key::Unseen)).expect("good today");
    assert_eq!(late.checks[3].evidence, format!("until {}", day(90)));
    assert_eq!(
        refused(&chain_that_ends_at(0), &wanted(&www, Key::Unseen)).field,
        "chain_pem[1].not_after"
    );
}

fn ders(pem: &str) -> Vec<Vec<u8>> {
    let blocks = blocks(pem).expect("PEM");
    blocks.iter().map(|block| der(0, block).expect("DER")).collect()
}

#[test]
fn a_member_that_ends_before_the_leaf_is_told_and_a_root_is_not() {
    let end = |pem: &str| ChainMember::ending_first(&ders(pem));
    let early = end(&chain_that_ends_at(30)).expect("one ends early");
    assert_eq!((early.called.as_str(), early.not_after), ("CN=short", day(30)));
    assert_eq!(end(&chain_that_ends_at(300)), None);
    let pki = Pki::new();
    let (mut root, key) = (authority("old root"), KeyPair::generate().expect("a key"));
    root.not_after = day(1).get();
    let root = root.self_signed(&key).expect("a root").pem();
    assert_eq!(end(&(pki.chain() + &root)), None);
    for (now, word) in [(day(29), "before the certificate does"), (day(30), "expired at")] {
        let check = ends_early("the chain", &early, now);
        assert!(
            !check.passed && check.advisory && check.evidence.contains(word),
            "{check:?}"
        );
    }
}
