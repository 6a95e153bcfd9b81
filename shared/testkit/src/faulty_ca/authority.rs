//! The keys that certificates are signed with.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateSigningRequestDer;
use time::{Duration, OffsetDateTime};

/// What kind of chain an order ends with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chain {
    #[default]
    Good,
    /// For a key that the order did not ask for.
    OtherKey,
    /// For a name that the order did not ask for.
    OtherName,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetGood,
}

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
}

impl Authority {
    pub(super) fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut root = CertificateParams::new(Vec::<String>::new())?;
        root.distinguished_name
            .push(DnType::CommonName, "faulty CA of the testkit");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_pem = root.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(root, key),
            root_pem,
        })
    }

    pub(super) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The chain for a CSR, leaf first; good for so long, for the usual days without.
    pub(super) fn sign(
        &self,
        csr_der: &[u8],
        names: &[String],
        chain: Chain,
        life: Option<std::time::Duration>,
    ) -> Result<String> {
        let csr = CertificateSigningRequestDer::from(csr_der.to_vec());
        let mut csr = CertificateSigningRequestParams::from_der(&csr)?;
        let names = match chain {
            Chain::OtherName => vec!["nobody-asked.example".to_owned()],
            Chain::Good | Chain::OtherKey | Chain::Expired | Chain::NotYetGood => names.to_vec(),
        };
        csr.params = leaf(names, chain)?;
        if let Some(life) = life {
            (csr.params.not_before, csr.params.not_after) = (today(), today() + life);
        }
        let leaf = match chain {
            Chain::OtherKey => csr.params.signed_by(&KeyPair::generate()?, &self.issuer)?,
            Chain::Good | Chain::OtherName | Chain::Expired | Chain::NotYetGood => csr.signed_by(&self.issuer)?,
        };
        Ok(format!("{}{}", leaf.pem(), self.root_pem))
    }
}

fn leaf(names: Vec<String>, chain: Chain) -> Result<CertificateParams> {
    let mut leaf = CertificateParams::new(names)?;
    let (from, until) = match chain {
        Chain::Good | Chain::OtherKey | Chain::OtherName => (-1, 90),
        Chain::Expired => (-90, -1),
        Chain::NotYetGood => (1, 90),
    };
    (leaf.not_before, leaf.not_after) = (today() + Duration::days(from), today() + Duration::days(until));
    leaf.use_authority_key_identifier_extension = true;
    Ok(leaf)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the servers and clients of a test live in real time"
)]
fn today() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
