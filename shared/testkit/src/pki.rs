//! Certificates that the servers of the tests need for themselves.
//!
//! In: names. Out: PEM. Never: anything that the product under test issues or trusts by default.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{KeyUsagePurpose, string::Ia5String};
use time::{Duration, OffsetDateTime};

/// A chain (leaf first) and its private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    pub chain_pem: String,
    pub key_pem: String,
}

/// A server identity for `localhost` and `127.0.0.1`, and the root that it chains to.
#[derive(Clone)]
pub struct LocalServer {
    pub root_pem: String,
    pub identity: Identity,
}

/// Makes a root of its own and a server certificate under it.
///
/// # Errors
/// If the cryptography library refuses.
pub fn local_server() -> Result<LocalServer> {
    let root_key = KeyPair::generate()?;
    let mut root = CertificateParams::new(Vec::<String>::new())?;
    root.distinguished_name.push(DnType::CommonName, "testkit root");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root_pem = root.self_signed(&root_key)?.pem();
    let issuer = Issuer::new(root, root_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_pem = leaf.signed_by(&key, &issuer)?.pem();
    let identity = Identity {
        chain_pem: format!("{leaf_pem}{root_pem}"),
        key_pem: key.serialize_pem(),
    };
    Ok(LocalServer { root_pem, identity })
}

/// A self-signed certificate such as an estate has shortly before its renewal: 90 days long, ten of them left.
///
/// # Errors
/// If the name is no ASCII name, or the cryptography library refuses.
pub fn about_to_expire(hostname: &str) -> Result<Identity> {
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(Vec::<String>::new())?;
    leaf.subject_alt_names = vec![rcgen::SanType::DnsName(Ia5String::try_from(hostname)?)];
    leaf.distinguished_name
        .push(DnType::CommonName, "old certificate of the testkit");
    let now = today();
    leaf.not_before = now - Duration::days(80);
    leaf.not_after = now + Duration::days(10);
    let leaf = leaf.self_signed(&key)?;
    Ok(Identity {
        chain_pem: leaf.pem(),
        key_pem: key.serialize_pem(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "nginx and the clients of a test live in real time"
)]
fn today() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
