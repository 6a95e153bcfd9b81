//! Pebble issues, and what the kit says that it has issued is true: the stories rest on that count.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use instant_acme::{
    Account, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, KeyPair};
use testkit::{Pebble, PebbleOptions, http as kit_http, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FAST: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_certificate_is_counted_once_under_its_names() -> Result<()> {
    let world = World::begin().await?;
    assert_eq!(world.pebble.issued(), 0);
    world.issue(&["a.example.test"]).await?;
    world.issue(&["a.example.test", "b.example.test"]).await?;
    assert_eq!(world.pebble.issued(), 2);
    assert_eq!(world.pebble.issued_for("a.example.test").await?, 2);
    assert_eq!(world.pebble.issued_for("b.example.test").await?, 1);
    assert_eq!(world.pebble.issued_for("c.example.test").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_name_with_broken_dns_gets_no_certificate_until_it_is_mended() -> Result<()> {
    let world = World::begin().await?;
    world.pebble.break_dns("a.example.test").await?;
    assert!(world.issue(&["a.example.test"]).await.is_err());
    world.issue(&["b.example.test"]).await.context("the neighbour")?;
    world.pebble.mend_dns("a.example.test").await?;
    world.issue(&["a.example.test"]).await.context("after the mending")?;
    assert_eq!(world.pebble.issued(), 2);
    Ok(())
}

#[tokio::test]
async fn the_count_survives_a_restart_that_the_ca_does_not() -> Result<()> {
    let world = World::begin().await?;
    world.issue(&["a.example.test"]).await?;
    world.pebble.kill_and_restart().await?;
    assert_eq!(world.pebble.issued(), 1);
    assert_eq!(world.pebble.issued_certificates().await?, []);
    assert!(
        world.issue(&["a.example.test"]).await.is_err(),
        "the CA has forgotten the account"
    );
    Ok(())
}

struct World {
    pebble: Pebble,
    account: Account,
    answers: Answers,
}

impl World {
    async fn begin() -> Result<Self> {
        let pebble = Pebble::start(PebbleOptions::default()).await?;
        let answers = Answers::default();
        answers.serve(TcpListener::bind(("127.0.0.1", pebble.http_port())).await?);
        let root = std::fs::read_to_string(pebble.api_root_path())?;
        let client = Box::new(Client(kit_http::client(&root)?));
        let who = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, _) = Account::builder_with_http(client)
            .create(&who, pebble.directory_url(), None)
            .await?;
        Ok(Self {
            pebble,
            account,
            answers,
        })
    }

    async fn issue(&self, names: &[&str]) -> Result<()> {
        let identifiers: Vec<Identifier> = names.iter().map(|name| Identifier::Dns((*name).to_owned())).collect();
        let mut order = self.account.new_order(&NewOrder::new(&identifiers)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            let mut challenge = authorization.challenge(ChallengeType::Http01).context("no http-01")?;
            self.answers
                .add(&challenge.token, challenge.key_authorization().as_str());
            challenge.set_ready().await?;
        }
        let polls = RetryPolicy::new().initial_delay(FAST).backoff(1.2).timeout(PATIENCE);
        let status = order.poll_ready(&polls).await?;
        ensure!(status == OrderStatus::Ready, "the order is {status:?}");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let csr = CertificateParams::new(names)?.serialize_request(&KeyPair::generate()?)?;
        order.finalize_csr(csr.der()).await?;
        wait::until_ok("the certificate", PATIENCE, async || {
            order.refresh().await?;
            order.certificate().await?.context("not yet")
        })
        .await
        .map(drop)
    }
}

/// What the CA is told when it asks for a token.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<HashMap<String, String>>>);

impl Answers {
    fn add(&self, token: &str, key_authorization: &str) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(token.to_owned(), key_authorization.to_owned());
    }

    fn to(&self, request: &str) -> String {
        let token = request
            .split(' ')
            .nth(1)
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
            .unwrap_or_default()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the counterpart of the test runs beside it, and ends with its runtime"
    )]
    fn serve(&self, listener: TcpListener) {
        let answers = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A CA that hangs up gets no answer; the order shows that.
                drop(answers.answer(stream).await);
            }
        });
    }

    async fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await?;
        let body = self.to(&String::from_utf8_lossy(&request[..length]));
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Ok(stream.write_all(format!("{head}{body}").as_bytes()).await?)
    }
}

struct Client(reqwest::Client);

impl HttpClient for Client {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap)).map_err(other)?;
            let response = client.execute(request).await.map_err(other)?;
            Ok(BytesResponse::from(http::Response::<reqwest::Body>::from(response)))
        })
    }
}

fn other(error: reqwest::Error) -> Error {
    Error::Other(Box::new(error))
}
