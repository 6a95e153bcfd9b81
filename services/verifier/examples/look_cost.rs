//! What one look costs: the CPU time of a TLS handshake with a server on this machine, as a Verify order does it. As JSON on
//! standard output.
//!
//! `cargo xtask bench looks` runs it in release. Beside it the parts that no look can do without: a bare TCP connection that
//! is opened and closed, one X25519 key agreement, and one check of an ECDSA signature with P-256.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _};
use domain::Hostname;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use testkit::cpu::{micros, rounded};
use verifier::probe::{Patience, Prober};
use verifier::trust::Trust;

const ROUNDS: u32 = 3_000;
const HOST: &str = "www.example.org";

fn main() -> Result<()> {
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let patience = Patience {
        connect: Duration::from_secs(5),
        handshake: Duration::from_secs(5),
    };
    let trust = Trust::in_roots(RootCertStore::empty()).map_err(|why| anyhow!(why))?;
    let prober = Prober::new(trust, patience)?;
    let host: Hostname = HOST.parse().map_err(|why| anyhow!("{why}"))?;
    let look = micros(ROUNDS, || {
        let presented = runtime.block_on(prober.look(&host, address))?;
        presented
            .unfinished
            .is_none()
            .then_some(())
            .context("a handshake did not end")
    })?;
    let connection = micros(ROUNDS, || {
        runtime.block_on(tokio::net::TcpStream::connect(address))?;
        Ok(())
    })?;
    let report = serde_json::json!({
        "look_us": rounded(look),
        "of_it": {
            "connection_us": rounded(connection),
            "agreement_us": rounded(agreement_micros()?),
            "signature_us": rounded(signature_micros()?),
        },
        "two_further_looks_us": rounded(2.0 * look),
    });
    println!("{report}");
    Ok(())
}

/// A server in threads of its own, whose CPU time is not counted, with a leaf and an intermediate.
fn serve() -> Result<SocketAddr> {
    let (mut params, root_key) = (CertificateParams::default(), KeyPair::generate()?);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let intermediate = params.self_signed(&root_key)?.der().clone();
    let (issuer, key) = (Issuer::new(params, root_key), KeyPair::generate()?);
    let leaf = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &issuer)?;
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), intermediate];
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| anyhow!(why))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let (config, listener) = (Arc::new(config), TcpListener::bind(("127.0.0.1", 0))?);
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(mut session) = ServerConnection::new(Arc::clone(&config)) else {
                continue;
            };
            let mut stream = stream;
            // A client that only connects, or goes once it has seen enough, is what is measured.
            while session.is_handshaking() && session.complete_io(&mut stream).is_ok() {}
        }
    });
    Ok(address)
}

fn agreement_micros() -> Result<f64> {
    let random = SystemRandom::new();
    let of_server = EphemeralPrivateKey::generate(&X25519, &random)?.compute_public_key()?;
    let of_server = UnparsedPublicKey::new(&agreement::X25519, of_server);
    micros(ROUNDS, || {
        let own = EphemeralPrivateKey::generate(&X25519, &random)?;
        std::hint::black_box(own.compute_public_key()?);
        agree_ephemeral(own, &of_server, anyhow!("no agreement"), |secret| {
            std::hint::black_box(secret);
            Ok(())
        })
    })
}

fn signature_micros() -> Result<f64> {
    let (random, algorithm) = (SystemRandom::new(), &signature::ECDSA_P256_SHA256_ASN1_SIGNING);
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref())?;
    let signed = pair.sign(&random, HOST.as_bytes())?;
    let public = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
    micros(ROUNDS, || Ok(public.verify(HOST.as_bytes(), signed.as_ref())?))
}
