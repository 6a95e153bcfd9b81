//! Asks for a challenge response as a CA would (RFC 8555 §8.3), from here: at each address of a
//! name for itself.
//!
//! In: a name and its addresses. Out: for each address what came back, in a line. Touches: the
//! ports of http and https of those addresses, and of where they redirect to. Never: shows an
//! answer that is not our own: whoever answers could lead the question into a network that only
//! this machine sees. Every hop is judged by the address that is dialled.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use domain::counted;
use domain::reach::Reach;
use futures::future::join_all;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::challenge::Responder;
use crate::dns::Dns;

/// For one request.
const PATIENCE: Duration = Duration::from_secs(5);
/// For all addresses of one name.
const ALL_TOGETHER: Duration = Duration::from_secs(10);
/// CAs follow about so many.
const REDIRECTS: usize = 10;
/// A key authorization has about a hundred bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Which addresses and ports the question may be led to.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub dns: &'a Dns,
    pub reach: &'a Reach,
    /// Where the CA asks: 80 but for a CA of tests.
    pub http: u16,
    pub https: u16,
}

/// A challenge of our own: who is asked for the token answers with this.
#[derive(Debug, Clone)]
struct Challenge {
    token: String,
    answer: String,
}

/// Presents a token of our own, asks for it at each address and takes it away again.
pub(super) async fn responses(
    responder: &Responder,
    way: &Way<'_>,
    name: &str,
    addresses: &[IpAddr],
) -> Result<Vec<Result<String, String>>, String> {
    let challenge = Challenge {
        token: random(),
        answer: random(),
    };
    let presented = responder.present(&challenge.token, &challenge.answer).await;
    presented.map_err(|error| format!("the response could not be published: {error}"))?;
    let asked = join_all(addresses.iter().map(|address| ask(way, name, *address, &challenge)));
    let asked = tokio::time::timeout(ALL_TOGETHER, asked).await;
    if let Err(error) = responder.withdraw(&challenge.token).await {
        tracing::warn!(%error, "a response of a rehearsal was not removed; it expires by itself");
    }
    asked.map_err(|_| format!("no answer within {} s", ALL_TOGETHER.as_secs()))
}

/// The address that CAs try first: an IPv6 address before all others (RFC 6724, as Let's Encrypt
/// does).
pub(super) fn asked_first(addresses: &[IpAddr]) -> Option<IpAddr> {
    let six = addresses.iter().find(|address| address.is_ipv6());
    six.or(addresses.first()).copied()
}

async fn ask(way: &Way<'_>, name: &str, address: IpAddr, challenge: &Challenge) -> Result<String, String> {
    let port = if way.http == 80 {
        String::new()
    } else {
        format!(":{}", way.http)
    };
    let start = format!("http://{name}{port}/.well-known/acme-challenge/{}", challenge.token);
    let mut at = Url::parse(&start).map_err(|error| format!("{name} makes no URL: {error}"))?;
    let (mut dialled, mut gone) = (address, Vec::new());
    let mut said = format!("GET http://{name}{port}/.well-known/acme-challenge/…");
    while gone.len() <= REDIRECTS {
        let failed = |why: String| format!("{said}: {why}");
        let answer = get(way, &at, dialled).await.map_err(failed)?;
        let Some(next) = redirect(&answer, &at).map_err(failed)? else {
            return judge_answer(answer, &said, challenge).await;
        };
        gone.push(at.clone());
        may_lead_to(way, &next, &gone).map_err(failed)?;
        // The name itself is asked at the address that this line is about, another one where it
        // lives.
        if next.host_str() != Some(name) {
            dialled = resolve(way.dns, &next).await.map_err(failed)?;
        } else {
            dialled = address;
        }
        said = format!("{said} → {}, {}", answer.status().as_u16(), origin(&next));
        at = next;
    }
    Err(format!("{said}: more than {REDIRECTS} redirects"))
}

/// One request, to this very address.
async fn get(way: &Way<'_>, url: &Url, address: IpAddr) -> Result<reqwest::Response, String> {
    if let Some(why) = way.reach.refusal(address) {
        return Err(format!("{address} is not dialled: {why}"));
    }
    let usual = if url.scheme() == "https" { way.https } else { way.http };
    let at = SocketAddr::new(address, url.port().unwrap_or(usual));
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .redirect(Policy::none())
        // A CA that is led to https does not look at that certificate either: it is the one to be
        // renewed.
        .tls_danger_accept_invalid_certs(true)
        .resolve_to_addrs(url.host_str().unwrap_or_default(), &[at])
        .build()
        .map_err(|error| describe_error(&error))?;
    client
        .get(url.clone())
        .send()
        .await
        .map_err(|error| describe_error(&error))
}

/// Where the answer leads to; nothing when it leads nowhere.
fn redirect(answer: &reqwest::Response, at: &Url) -> Result<Option<Url>, String> {
    let leads = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = answer.headers().get(LOCATION).filter(|_| leads) else {
        return Ok(None);
    };
    let location = location.to_str().ok().and_then(|text| at.join(text).ok());
    location
        .map(Some)
        .ok_or_else(|| "it redirects to what is no URL".to_owned())
}

/// What CAs follow: http and https on their own ports, to a name, and nowhere twice.
fn may_lead_to(way: &Way<'_>, next: &Url, gone: &[Url]) -> Result<(), String> {
    let shown = origin(next);
    if !matches!(next.scheme(), "http" | "https") {
        return Err(format!(
            "it redirects to {}:, and CAs follow http and https only",
            next.scheme()
        ));
    }
    if let Some(port) = next.port().filter(|port| *port != way.http && *port != way.https) {
        return Err(format!("it redirects to {shown}, and CAs do not ask at port {port}"));
    }
    if !matches!(next.host(), Some(Host::Domain(_))) {
        return Err(format!("it redirects to {shown}, and CAs do not follow to an address"));
    }
    if gone.contains(next) {
        return Err(format!("it redirects in a circle, back to {shown}"));
    }
    Ok(())
}

async fn resolve(dns: &Dns, next: &Url) -> Result<IpAddr, String> {
    let host = next.host_str().unwrap_or_default();
    let addresses = dns.addresses(host).await?;
    asked_first(&addresses).ok_or_else(|| format!("it redirects to {host}, which has no address"))
}

/// Whether it is our own response. Another one is counted, never shown.
async fn judge_answer(mut answer: reqwest::Response, said: &str, challenge: &Challenge) -> Result<String, String> {
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| format!("{said}: {}", describe_error(&error)))?
    {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(format!(
                "{said} → {status}: another answer, more than {MOST_BYTES} bytes"
            ));
        }
        body.extend_from_slice(&chunk);
    }
    if status == 200 && body.trim_ascii() == challenge.answer.as_bytes() {
        return Ok(format!("{said} → {status}, our own response"));
    }
    Err(format!(
        "{said} → {status}: another answer, {}",
        counted(body.len(), "byte")
    ))
}

/// Scheme, host and port: the rest of a URL is whatever the other side makes of it.
fn origin(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let host: String = url.host_str().unwrap_or_default().chars().take(253).collect();
    format!("{}://{host}{port}", url.scheme())
}

/// With its causes, which say more than the error itself; without the URL, which has the token in
/// it.
fn describe_error(error: &reqwest::Error) -> String {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use axum::Router;
    use axum::http::{HeaderMap, StatusCode, Uri};
    use axum::response::{IntoResponse, Redirect, Response};
    use tokio::net::TcpListener;

    use super::*;

    const NAME: &str = "www.example.test";
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn challenge() -> Challenge {
        Challenge {
            token: "token".to_owned(),
            answer: "answer".to_owned(),
        }
    }

    /// A web server that answers every path so.
    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    async fn web(answers: impl Fn(&str, &str) -> Response + Send + Sync + 'static) -> u16 {
        let answers = Arc::new(answers);
        let serve = move |headers: HeaderMap, uri: Uri| {
            let answers = Arc::clone(&answers);
            async move {
                let host = headers
                    .get("host")
                    .and_then(|host| host.to_str().ok())
                    .unwrap_or_default();
                answers(host, uri.path())
            }
        };
        let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await });
        port
    }

    async fn ask_port(http: u16, reach: &Reach) -> Result<String, String> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dns = Dns::new(&[]);
        let way = Way {
            dns: &dns,
            reach,
            http,
            https: 443,
        };
        ask(&way, NAME, HERE, &challenge()).await
    }

    async fn of(answers: impl Fn(&str, &str) -> Response + Send + Sync + 'static) -> Result<String, String> {
        ask_port(web(answers).await, &Reach::default()).await
    }

    #[tokio::test]
    async fn our_own_response_is_a_tick_also_after_a_redirect_to_the_same_name() {
        let direct = of(|_, _| "answer\n".into_response()).await.expect("our own");
        assert!(direct.ends_with("→ 200, our own response"), "{direct}");
        let moved = of(|_, path| match path {
            "/moved" => "answer".into_response(),
            _ => Redirect::permanent("/moved").into_response(),
        });
        let moved = moved.await.expect("our own");
        assert!(moved.contains("→ 308, http://www.example.test:"), "{moved}");
    }

    /// What a server in a private network answers is not shown to readers of a rehearsal.
    #[tokio::test]
    async fn another_answer_is_counted_and_never_shown() {
        let other = of(|_, _| (StatusCode::OK, "secret of the inner network").into_response());
        let said = other.await.expect_err("not our own");
        assert!(
            said.ends_with("→ 200: another answer, 27 bytes") && !said.contains("secret"),
            "{said}"
        );
        let error = of(|_, _| (StatusCode::NOT_FOUND, "answer").into_response()).await;
        assert!(error.is_err_and(|said| said.ends_with("→ 404: another answer, 6 bytes")));
        let long = of(|_, _| "x".repeat(MOST_BYTES + 1).into_response()).await;
        assert!(long.is_err_and(|said| said.ends_with("another answer, more than 65536 bytes")));
    }

    #[tokio::test]
    async fn what_no_ca_follows_is_a_cross_that_says_so() {
        for (location, said) in [
            ("https://www.example.test:8443/x", "CAs do not ask at port 8443"),
            ("http://127.0.0.1/x", "CAs do not follow to an address"),
            ("http://[::1]/x", "CAs do not follow to an address"),
            ("http://2130706433/x", "CAs do not follow to an address"),
            (
                "http://169.254.169.254/latest/meta-data",
                "CAs do not follow to an address",
            ),
            ("ftp://www.example.test/x", "CAs follow http and https only"),
            ("/.well-known/acme-challenge/token", "redirects in a circle"),
        ] {
            let got = of(move |_, _| Redirect::temporary(location).into_response()).await;
            let got = got.expect_err("a cross");
            assert!(got.contains(said), "{location}: {got}");
        }
        let for_ever = of(|_, path| Redirect::temporary(&format!("{path}x")).into_response()).await;
        assert!(for_ever.is_err_and(|said| said.ends_with("more than 10 redirects")));
    }

    /// By default it goes on at 443, where no server listens here: the dial itself is what fails.
    #[tokio::test]
    async fn https_on_its_own_port_is_followed() {
        let port = web(|_, _| Redirect::temporary("https://www.example.test/x").into_response()).await;
        let closed = TcpListener::bind((HERE, 0)).await.expect("a port");
        let (dns, reach) = (Dns::new(&[]), Reach::default());
        let https = closed.local_addr().expect("an address").port();
        drop(closed);
        let way = Way {
            dns: &dns,
            reach: &reach,
            http: port,
            https,
        };
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let said = ask(&way, NAME, HERE, &challenge())
            .await
            .expect_err("nobody listens there");
        assert!(said.contains("→ 307, https://www.example.test: failed"), "{said}");
    }

    #[tokio::test]
    async fn the_address_that_is_dialled_is_the_one_that_is_judged() {
        let port = web(|_, _| "answer".into_response()).await;
        let closed = Reach {
            deny_private: true,
            allowed_networks: Vec::new(),
        };
        let said = ask_port(port, &closed).await.expect_err("a private address");
        assert!(
            said.ends_with("127.0.0.1 is not dialled: private addresses are denied here"),
            "{said}"
        );
        let (dns, reach) = (Dns::new(&[]), Reach::default());
        let way = Way {
            dns: &dns,
            reach: &reach,
            http: 80,
            https: 443,
        };
        for inner in [
            "169.254.169.254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "100.100.100.200",
        ] {
            let said = ask(&way, NAME, inner.parse().expect("an address"), &challenge()).await;
            assert!(said.is_err_and(|said| said.contains("is not dialled")), "{inner}");
        }
    }

    #[test]
    fn an_ipv6_address_is_asked_first() {
        let [four, other, six] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|text| text.parse().expect("one"));
        assert_eq!(asked_first(&[four, six, other]), Some(six));
        assert_eq!(asked_first(&[four, other]), Some(four));
        assert_eq!(asked_first(&[]), None);
    }
}
