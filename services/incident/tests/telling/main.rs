//! Mails reach a mail server, events reach a webhook, and a rehearsal says beforehand whether they would.

mod contract;
mod world;

use anyhow::{Context, Result};
use axum::http::StatusCode;
use bus::{Bus, Connection};
use custody::Custody;
use domain::channel::ChannelKind;
use domain::run::Check;
use incident::notify::email::Email;
use incident::notify::webhook::signature;
use incident::notify::{ChannelError, Notifier};
use protocol::subjects::Worker;
use serde_json::{Value, json};
use testkit::{MailTls, Nats, run_dir};

use crate::world::{OPS, World, letter, receiver, webhook};

fn crosses(checks: &[Check]) -> Vec<&str> {
    let failed = checks.iter().filter(|check| !check.passed);
    failed.map(|check| check.evidence.as_str()).collect()
}

#[tokio::test]
async fn a_mail_arrives_whole_however_it_is_encrypted() -> Result<()> {
    for tls in [MailTls::None, MailTls::Required, MailTls::Starttls] {
        let world = World::new(tls, "hush").await?;
        let letter = letter(ChannelKind::Email, OPS);
        world.email.deliver(&letter).await.with_context(|| format!("{tls:?}"))?;
        let mails = world.server.mails();
        let mail = mails.first().context("a mail")?;
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("vigilo@example.org", &[OPS.to_owned()][..])
        );
        assert_eq!(mail.header("Subject").as_deref(), Some(letter.subject.as_str()));
        assert_eq!(mail.header("Message-ID"), Some(format!("<{}@example.org>", letter.id)));
        assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(mail.text().replace("\r\n", "\n").trim_end(), letter.text.trim_end());
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_says_what_can_be_done() -> Result<()> {
    let mut world = World::new(MailTls::Required, "wrong").await?;
    let told = world.email.deliver(&letter(ChannelKind::Email, OPS)).await;
    assert!(
        matches!(&told, Err(ChannelError::Denied(said)) if said.contains("535")),
        "{told:?}"
    );
    world.server.stop().await;
    let told = world.email.deliver(&letter(ChannelKind::Email, OPS)).await;
    assert!(
        matches!(&told, Err(ChannelError::Unreachable(said)) if said.contains("localhost")),
        "{told:?}"
    );

    let world = World::new(MailTls::Starttls, "hush").await?;
    world.server.refuse(OPS);
    let told = world.email.deliver(&letter(ChannelKind::Email, OPS)).await;
    assert!(
        matches!(&told, Err(ChannelError::Refused(said)) if said.contains("550")),
        "{told:?}"
    );
    assert_eq!(world.server.mails(), []);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_asks_for_everything_and_sends_nothing() -> Result<()> {
    let names = [OPS.to_owned(), "gone@example.org".to_owned()];
    let world = World::new(MailTls::Starttls, "hush").await?;
    let checks = world.email.rehearse(&names).await;
    assert_eq!((checks.len(), crosses(&checks)), (6, vec![]), "{checks:?}");
    world.server.refuse("gone@example.org");
    let checks = world.email.rehearse(&names).await;
    let said = crosses(&checks);
    assert!(said.len() == 1 && said[0].contains("550"), "{checks:?}");
    assert_eq!(world.server.mails(), []);

    let mut wrong = World::new(MailTls::Required, "wrong").await?;
    let checks = wrong.email.rehearse(&names).await;
    assert!(crosses(&checks)[0].contains("535") && checks[0].passed, "{checks:?}");
    wrong.server.stop().await;
    assert_eq!(wrong.email.rehearse(&names).await.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_not_talked_to() -> Result<()> {
    let (trusted, other) = (
        World::new(MailTls::Required, "hush").await?,
        World::new(MailTls::Required, "hush").await?,
    );
    let directory = run_dir::fresh("mail", None)?;
    let root = directory.join("root.pem");
    run_dir::write(&root, trusted.server.root_pem(), None)?;
    let smtp = json!({"host": "localhost", "port": other.server.port(), "tls": "required",
                      "from": "vigilo@example.org", "root_file": root});
    let nats = Nats::start().await?;
    let connection = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    let custody = Custody::new(Bus::connect(&connection, "test").await?, Worker::Incident);
    let told = Email::new(serde_json::from_value(smtp)?, custody)?
        .deliver(&letter(ChannelKind::Email, OPS))
        .await;
    assert!(
        matches!(&told, Err(ChannelError::Unreachable(said)) if said.contains("certificate")),
        "{told:?}"
    );
    Ok(())
}

#[tokio::test]
async fn an_event_is_signed_over_its_time_and_body() -> Result<()> {
    let (url, received) = receiver(StatusCode::NO_CONTENT).await?;
    let letter = letter(ChannelKind::Webhook, "webhook");
    webhook(&url)?.deliver(&letter).await?;
    let (headers, body) = received.lock().expect("the deliveries").pop().context("a delivery")?;
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    assert_eq!(serde_json::from_str::<Value>(&body)?, letter.event);
    assert_eq!(header("vigilo-event"), "incident.opened");
    assert_eq!(header("vigilo-delivery"), letter.id.to_string());
    let expected = signature(b"a long secret", header("vigilo-timestamp").parse()?, &body);
    assert_eq!(header("vigilo-signature"), expected);
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_fails_is_named_without_its_token() -> Result<()> {
    let letter = letter(ChannelKind::Webhook, "webhook");
    for (status, kind) in [
        (500, "Unreachable"),
        (403, "Denied"),
        (410, "Refused"),
        (302, "Unreachable"),
    ] {
        let (url, _received) = receiver(StatusCode::from_u16(status)?).await?;
        let told = format!("{:?}", webhook(&url)?.deliver(&letter).await.expect_err("it fails"));
        assert!(told.starts_with(kind) && told.contains(&status.to_string()), "{told}");
        // The escapes of `Debug` would show what a terminal obeys.
        assert!(
            !told.contains("\\0") && !told.contains("\\u{1b}") && !told.contains("\\u{7}"),
            "{told}"
        );
        assert!(
            told.contains("what the receiver") && !told.contains("a-secret-token"),
            "{told}"
        );
    }
    let nobody = webhook("http://127.0.0.1:1/hook/a-secret-token")?;
    let told = format!("{:?}", nobody.deliver(&letter).await.expect_err("nobody is there"));
    assert!(
        told.starts_with("Unreachable") && !told.contains("a-secret-token"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn a_ping_rehearses_the_webhook() -> Result<()> {
    let (url, received) = receiver(StatusCode::OK).await?;
    let checks = webhook(&url)?.rehearse(&[]).await;
    assert_eq!(crosses(&checks), Vec::<&str>::new());
    let (headers, body) = received.lock().expect("the deliveries").pop().context("a ping")?;
    assert_eq!(headers["vigilo-event"], "ping");
    assert!(body.contains("ping"), "{body}");
    let (url, _received) = receiver(StatusCode::BAD_GATEWAY).await?;
    assert!(crosses(&webhook(&url)?.rehearse(&[]).await)[0].contains("502"));
    Ok(())
}
