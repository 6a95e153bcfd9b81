//! Servers with which a handshake of today does not end: what they serve is seen all the same. OpenSSL's s_server is each of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use domain::certificate::Fingerprint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use testkit::ready::Ready;
use testkit::{Peer, Spec, ports};

use crate::pki::{Ca, today};
use crate::world::{HOST, SHORT, order, rehearsed, served, verified, verifier};

fn openssl(directory: &Path, args: &[&str]) -> Result<()> {
    let ran = Command::new("openssl").current_dir(directory).args(args).output();
    let ran = ran.context("openssl is needed")?;
    ensure!(
        ran.status.success(),
        "openssl {args:?}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(())
}

/// A server of its own with `cert.pem` and `key.pem` of the directory.
struct Server {
    _peer: Peer,
    _port: ports::Port,
    at: SocketAddr,
}

impl Server {
    async fn start(directory: &Path, args: &[&str]) -> Result<Self> {
        let port = ports::lease()?;
        let at = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let accept = at.to_string();
        let common = [
            "s_server", "-accept", &accept, "-cert", "cert.pem", "-key", "key.pem", "-www",
        ];
        let program = PathBuf::from("/usr/bin/env");
        let spec = Spec::new("openssl", program, directory, Ready::Tcp(at));
        let all = ["-C", directory.to_str().context("a path")?, "openssl"];
        let spec = spec
            .args(all)
            .args(common)
            .args(args.iter().copied())
            .ask_on_parent_death();
        Ok(Self {
            _peer: Peer::start(spec).await?,
            _port: port,
            at,
        })
    }
}

fn self_signed(directory: &Path, key: &[&str]) -> Result<Fingerprint> {
    let name = format!("subjectAltName=DNS:{HOST}");
    let fixed = [
        "req", "-x509", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30", "-subj", "/CN=a",
    ];
    let args: Vec<&str> = fixed.iter().chain(key).copied().chain(["-addext", &name]).collect();
    openssl(directory, &args)?;
    leaf(directory)
}

fn leaf(directory: &Path) -> Result<Fingerprint> {
    let pem = std::fs::read(directory.join("cert.pem"))?;
    Ok(Fingerprint::of(&CertificateDer::from_pem_slice(&pem)?))
}

/// The leaf that a rehearsal sees there, and why the handshake did not end.
async fn seen(at: SocketAddr) -> Result<(Fingerprint, Option<String>, String)> {
    let rehearsal = rehearsed(&verifier(&Ca::new()?, SHORT)?, &order(at, None)).await?;
    let seen = served(&rehearsal.snapshots[0])?.clone();
    let said = rehearsal.checks.iter().any(|check| {
        check.advisory && !check.passed && seen.unfinished.as_ref().is_some_and(|why| check.evidence == *why)
    });
    ensure!(
        said || seen.unfinished.is_none(),
        "the reason is a check too: {:?}",
        rehearsal.checks
    );
    Ok((seen.leaf.fingerprint, seen.unfinished, seen.protocol))
}

const RSA: [&str; 2] = ["-newkey", "rsa:2048"];

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn what_is_on_the_wire_is_seen_with_the_reason_why_the_handshake_does_not_end() -> Result<()> {
    let old = "ALL:@SECLEVEL=0";
    let table: [(&str, &[&str], &[&str], &str); 5] = [
        (
            "TLS 1.1",
            &RSA,
            &["-tls1_1", "-cipher", old],
            "the server speaks TLS 1.1 at most",
        ),
        (
            "no common suite",
            &RSA,
            &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
            "no common cipher suite: the server chose 0x009c",
        ),
        (
            "no common group",
            &RSA,
            &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-curves", "P-521"],
            "no common group: the server chose secp521r1",
        ),
        (
            "a short key",
            &["-newkey", "rsa:1024"],
            &["-tls1_2", "-cipher", old],
            "its RSA key has 1024 bits only: clients of today want 2048 or more",
        ),
        (
            "a short key in TLS 1.3",
            &["-newkey", "rsa:1024"],
            &["-tls1_3", "-cipher", old],
            "its RSA key has 1024 bits only: clients of today want 2048 or more",
        ),
    ];
    for (story, key, args, reason) in table {
        let directory = tempfile::tempdir()?;
        let leaf = self_signed(directory.path(), key)?;
        let server = Server::start(directory.path(), args).await?;
        let (found, why, _) = seen(server.at).await.context(story)?;
        assert_eq!((found, why.as_deref()), (leaf, Some(reason)), "{story}");
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_version_1_is_seen() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let new = [
        "req", "-new", "-nodes", "-newkey", "rsa:2048", "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=a",
    ];
    openssl(path, &new)?;
    openssl(
        path,
        &[
            "x509", "-req", "-in", "csr.pem", "-signkey", "key.pem", "-days", "30", "-out", "cert.pem",
        ],
    )?;
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Server::start(path, &[version]).await?;
        let (found, why, _) = seen(server.at).await?;
        assert_eq!(found, leaf(path)?);
        let why = why.unwrap_or_default();
        assert!(
            why.starts_with("its certificate is X.509 version 1"),
            "{version}: {why}"
        );
    }
    Ok(())
}

/// A server that lets nobody in without a certificate has proven its own by then.
#[tokio::test]
async fn a_server_that_wants_a_client_certificate_is_verified_and_said_to_want_one() -> Result<()> {
    let (ca, directory) = (Ca::new()?, tempfile::tempdir()?);
    let path = directory.path();
    let new = ca.issue(&[HOST], today())?;
    std::fs::write(path.join("cert.pem"), new.chain_pem())?;
    std::fs::write(path.join("key.pem"), &new.key_pem)?;
    let intermediate = verifier::probe::pem(&ca.intermediate);
    std::fs::write(path.join("between.pem"), intermediate)?;
    for version in ["-tls1_2", "-tls1_3"] {
        let wants = [
            version,
            "-Verify",
            "2",
            "-verify_return_error",
            "-cert_chain",
            "between.pem",
        ];
        let server = Server::start(path, &wants).await?;
        let (snapshots, checks) = verified(&verifier(&ca, SHORT)?, &order(server.at, Some(&new))).await?;
        assert_eq!(snapshots[0].extent(), "3 looks, 1 leaf", "{version}");
        let told = checks
            .iter()
            .any(|check| check.advisory && check.evidence == "the server wants a client certificate");
        assert_eq!(
            told,
            version == "-tls1_2",
            "in TLS 1.3 our own handshake ends: {checks:?}"
        );
    }
    Ok(())
}

/// What was issued is what is served, to whoever still speaks that: it is verified, with a hint.
#[tokio::test]
async fn the_new_certificate_on_an_old_server_is_verified_with_a_hint() -> Result<()> {
    let (ca, directory) = (Ca::new()?, tempfile::tempdir()?);
    let path = directory.path();
    let new = ca.issue(&[HOST], today())?;
    std::fs::write(path.join("cert.pem"), new.chain_pem())?;
    std::fs::write(path.join("key.pem"), &new.key_pem)?;
    std::fs::write(path.join("between.pem"), verifier::probe::pem(&ca.intermediate))?;
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-cert_chain", "between.pem"];
    let server = Server::start(path, &old).await?;
    let (snapshots, checks) = verified(&verifier(&ca, SHORT)?, &order(server.at, Some(&new))).await?;
    assert_eq!(served(&snapshots[0])?.protocol, "TLSv1_1");
    let hint = checks.iter().find(|check| check.name.starts_with("a handshake at"));
    assert!(
        hint.is_some_and(|check| check.advisory && check.evidence == "the server speaks TLS 1.1 at most"),
        "{hint:?}"
    );
    Ok(())
}
