//! A CA with an intermediate, made for one test.

use anyhow::Result;
use domain::Timestamp;
use domain::certificate::Fingerprint;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

pub struct Ca {
    pub root: CertificateDer<'static>,
    pub intermediate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A leaf with the chain that its CA delivers (leaf, intermediate) and its key.
pub struct Issued {
    pub chain: Vec<CertificateDer<'static>>,
    pub key_pem: String,
}

impl Ca {
    pub fn new() -> Result<Self> {
        Self::until(None)
    }

    /// With an intermediate that ends then.
    pub fn ending(until: OffsetDateTime) -> Result<Self> {
        Self::until(Some(until))
    }

    fn until(end: Option<OffsetDateTime>) -> Result<Self> {
        let (root_params, root_key) = (authority("test root"), KeyPair::generate()?);
        let root = root_params.self_signed(&root_key)?.der().clone();
        let root_issuer = Issuer::new(root_params, root_key);
        let (mut params, key) = (authority("test intermediate"), KeyPair::generate()?);
        params.not_after = end.unwrap_or(params.not_after);
        let intermediate = params.signed_by(&key, &root_issuer)?.der().clone();
        Ok(Self {
            root,
            intermediate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Valid from an hour before `now` for 90 days.
    pub fn issue(&self, names: &[&str], now: OffsetDateTime) -> Result<Issued> {
        self.issue_for(names, now - Duration::hours(1), now + Duration::days(90))
    }

    pub fn issue_for(&self, names: &[&str], from: OffsetDateTime, until: OffsetDateTime) -> Result<Issued> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, names[0]);
        (params.not_before, params.not_after) = (from, until);
        let leaf = params.signed_by(&key, &self.issuer)?.der().clone();
        Ok(Issued {
            chain: vec![leaf, self.intermediate.clone()],
            key_pem: key.serialize_pem(),
        })
    }
}

impl Issued {
    pub fn leaf(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|one| verifier::probe::pem(one)).collect()
    }
}

pub fn today() -> OffsetDateTime {
    use domain::clock::Clock;
    bus::SystemClock.now().get()
}

pub fn at(instant: OffsetDateTime) -> Timestamp {
    Timestamp::nearest(instant)
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
