//! A plain HTTP client for looking at the servers of the tests.
//!
//! In: the root certificate that it shall trust, if any. Out: a `reqwest` client. Never: a proxy, the machine's trust
//! anchors, or a kept connection (a client may outlive the runtime of the test that made it).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A client that trusts the certificates of `roots_pem` only; without any, it speaks plain HTTP or fails.
///
/// # Errors
/// If the text holds no usable certificate.
pub fn client(roots_pem: &str) -> Result<reqwest::Client> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots_pem.as_bytes()) {
        roots.add(root.context("reading the root certificate")?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // RFC 8555 wants every ACME client to name itself, and Pebble insists.
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .user_agent("testkit");
    Ok(builder
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(10))
        .build()?)
}
