//! What the steps bring, made once: as large as the real thing, and worth nothing.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use bus::StepContext;
use domain::SnapshotId;
use domain::certificate::{CertificateFacts, Fingerprint, LookResult, Served, Snapshot};
use domain::run::{AcmeOrder, Checkpoint, IssuedCertificate, PreparedKey, Receipt};
use domain::secret::Envelope;
use domain::solver;
use rcgen::{CertificateParams, KeyPair};
use url::Url;

pub struct Canned {
    chain_pem: String,
    leaf: CertificateFacts,
    csr_pem: String,
    sealed: Envelope,
    order_url: Url,
}

impl Canned {
    pub fn make() -> Result<Self> {
        let key = KeyPair::generate()?;
        let names = || CertificateParams::new(vec!["host.null.test".to_owned()]);
        let certificate = names()?.self_signed(&key)?;
        let leaf = CertificateFacts::read(certificate.der()).context("our own certificate")?;
        Ok(Self {
            chain_pem: certificate.pem().repeat(2),
            leaf,
            csr_pem: names()?.serialize_request(&key)?.pem()?,
            sealed: format!("{}{}", Envelope::PREFIX, "0".repeat(600)).try_into()?,
            order_url: "https://ca.null.test/order/1".parse()?,
        })
    }

    pub fn key(&self) -> PreparedKey {
        PreparedKey {
            csr_pem: self.csr_pem.clone(),
            sealed_key: Some(self.sealed.clone()),
        }
    }

    pub fn account(&self) -> Checkpoint {
        Checkpoint::AcmeAccountKey {
            sealed_key: self.sealed.clone(),
        }
    }

    pub fn opened(&self) -> Checkpoint {
        Checkpoint::AcmeOrder(AcmeOrder {
            url: self.order_url.clone(),
            expires: None,
            placed: solver::Receipt::http01(vec!["t".repeat(43)]),
            unfinalized: false,
        })
    }

    pub fn issued(&self) -> IssuedCertificate {
        IssuedCertificate {
            order_url: None,
            chain_pem: self.chain_pem.clone(),
            leaf: self.leaf.clone(),
            left: solver::Receipt::http01(vec!["t".repeat(43)]),
            sealed_key: None,
        }
    }

    pub fn receipt(&self) -> Receipt {
        Receipt {
            installed: self.leaf.fingerprint.clone(),
            already_there: false,
            backups: Vec::new(),
            replaced: None,
            reload_output: None,
        }
    }

    pub fn snapshot(&self, ctx: &StepContext) -> Snapshot {
        let served = Served {
            leaf: self.leaf.clone(),
            leaf_pem: self.chain_pem.clone(),
            chain_pem: self.chain_pem.clone(),
            chain_fingerprints: vec![Fingerprint::of(b"")],
            chain_trusted: true,
            chain_problem: None,
            protocol: "TLSv1_3".to_owned(),
            cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
            chain_end: None,
            unfinished: None,
        };
        Snapshot {
            id: SnapshotId::new(),
            dialled: SocketAddr::from((Ipv4Addr::LOCALHOST, 443)),
            taken_at: ctx.now(),
            seen: LookResult::Served(Box::new(served)),
            looks: 1,
            others: Vec::new(),
        }
    }
}
