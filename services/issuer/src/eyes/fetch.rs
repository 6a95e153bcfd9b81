//! Asks for a challenge response as a CA would (RFC 8555 §8.3), from here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::challenge::Http01;

const PATIENCE: Duration = Duration::from_secs(5);
/// CAs follow about so many.
const REDIRECTS: usize = 10;
/// What is shown of a wrong answer.
const SHOWN: usize = 80;

/// Presents a token of our own, asks for it and takes it away again. What came back, good or not.
pub(super) async fn response(http01: &Http01, at: (&str, u16), addresses: &[IpAddr]) -> Result<String, String> {
    let (token, answer) = (random(), random());
    let presented = http01.present(&token, &answer).await;
    presented.map_err(|error| format!("the response could not be published: {error}"))?;
    let asked = ask(at, addresses, &token).await;
    if let Err(error) = http01.withdraw(&token).await {
        tracing::warn!(%error, "a response of a rehearsal was not removed; it expires by itself");
    }
    let (asked, status, said) = asked?;
    if said.trim() == answer {
        return Ok(format!("GET {asked} → {status}, our own response"));
    }
    let beginning: String = said.chars().take(SHOWN).collect();
    Err(format!(
        "GET {asked} → {status}, not from an issuer of ours: {beginning:?}"
    ))
}

async fn ask((name, port): (&str, u16), addresses: &[IpAddr], token: &str) -> Result<(String, u16, String), String> {
    let all: Vec<SocketAddr> = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let base = if port == 80 {
        format!("http://{name}")
    } else {
        format!("http://{name}:{port}")
    };
    let shown = format!("{base}/.well-known/acme-challenge/… at {addresses:?}");
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .redirect(Policy::limited(REDIRECTS))
        // A CA that is led to https does not look at that certificate either: it is the one to be renewed.
        .tls_danger_accept_invalid_certs(true)
        .resolve_to_addrs(name, &all)
        .build()
        .map_err(|error| told(&error))?;
    let answer = client
        .get(format!("{base}/.well-known/acme-challenge/{token}"))
        .send()
        .await;
    let answer = answer.map_err(|error| format!("GET {shown}: {}", told(&error)))?;
    let status = answer.status().as_u16();
    let said = answer
        .text()
        .await
        .map_err(|error| format!("GET {shown}: {}", told(&error)))?;
    Ok((shown, status, said))
}

/// With its causes, which say more than the error itself; without the URL, which has the token in it.
fn told(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut said = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        "failed".to_owned()
    };
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    said
}

fn random() -> String {
    let bytes: [u8; 16] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
