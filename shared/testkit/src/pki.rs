//! Certificates that the servers of the tests need for themselves.
//!
//! In: names. Out: PEM. Never: anything that the product under test issues or trusts by default.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
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

/// A self-signed certificate such as an estate has shortly before its renewal: 90 days long, ten of
/// them left.
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

/// A CA that a person would walk to: a root, an intermediate, and what it is asked to sign.
pub struct Authority {
    pub root_pem: String,
    intermediate_pem: String,
    intermediate: Issuer<'static, KeyPair>,
}

impl Authority {
    /// # Errors
    /// If the cryptography library refuses.
    pub fn new() -> Result<Self> {
        let (root_key, intermediate_key) = (KeyPair::generate()?, KeyPair::generate()?);
        let root = ca("root of a CA by hand")?;
        let root_pem = root.self_signed(&root_key)?.pem();
        let root = Issuer::new(root, root_key);
        let intermediate = ca("intermediate of a CA by hand")?;
        let intermediate_pem = intermediate.signed_by(&intermediate_key, &root)?.pem();
        Ok(Self {
            root_pem,
            intermediate_pem,
            intermediate: Issuer::new(intermediate, intermediate_key),
        })
    }

    #[must_use]
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// The chain for a CSR (PEM), leaf first, good for 90 days.
    ///
    /// # Errors
    /// If the CSR cannot be read.
    pub fn sign_csr(&self, csr_pem: &str) -> Result<String> {
        let mut request = CertificateSigningRequestParams::from_pem(csr_pem)?;
        last_for(&mut request.params, 90);
        Ok(request.signed_by(&self.intermediate)?.pem() + &self.intermediate_pem)
    }

    /// A chain for these names with a key of its own, good for so many days from yesterday on;
    /// none: it has expired.
    ///
    /// # Errors
    /// If a name is no ASCII name.
    pub fn issue(&self, hostname: &str, days: i64) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![hostname.to_owned()])?;
        last_for(&mut params, days);
        let leaf_pem = params.signed_by(&key, &self.intermediate)?.pem();
        Ok(Identity {
            chain_pem: leaf_pem + &self.intermediate_pem,
            key_pem: key.serialize_pem(),
        })
    }
}

fn ca(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn last_for(params: &mut CertificateParams, days: i64) {
    params.not_before = today() - Duration::days(1);
    params.not_after = today() - Duration::hours(1) + Duration::days(days);
}
