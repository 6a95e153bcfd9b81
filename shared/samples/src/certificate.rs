use domain::Timestamp;
use domain::certificate::{CertificateFacts, Fingerprint, Served};

pub fn fingerprint(of: &str) -> Fingerprint {
    Fingerprint::of(of.as_bytes())
}

/// The leaf of `www.example.org`.
pub fn leaf(not_before: Timestamp, not_after: Timestamp) -> CertificateFacts {
    CertificateFacts {
        fingerprint: fingerprint("leaf"),
        subject: "CN=www.example.org".to_owned(),
        issuer: "CN=Example CA".to_owned(),
        serial: "01".to_owned(),
        sans: vec!["www.example.org".to_owned()],
        key_type: "EC".to_owned(),
        key_bits: 256,
        signature_algorithm: "ecdsa-with-SHA256".to_owned(),
        not_before,
        not_after,
        crl_urls: Vec::new(),
        aia_urls: Vec::new(),
    }
}

/// What a probe sees of a host with this leaf and its issuer.
pub fn served(leaf: CertificateFacts) -> Served {
    Served {
        chain_fingerprints: vec![leaf.fingerprint.clone(), fingerprint("issuer")],
        leaf,
        leaf_pem: "leaf".to_owned(),
        chain_pem: "leaf and issuer".to_owned(),
        chain_trusted: true,
        chain_problem: None,
        protocol: "TLSv1_3".to_owned(),
        cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
        chain_end: None,
        unfinished: None,
    }
}
