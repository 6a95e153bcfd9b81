//! One session of the mail server.

use std::sync::Arc;

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Mail, MailStore, MailTls};
use crate::pki::LocalServer;

pub(super) fn acceptor(pki: &LocalServer) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(pki.identity.chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(pki.identity.key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

pub(super) async fn session(stream: TcpStream, store: &MailStore) -> Result<()> {
    store.kept().sessions += 1;
    match store.tls {
        MailTls::None => talk(BufStream::new(stream), store, true).await.map(drop),
        MailTls::Required => {
            let stream = store.acceptor.accept(stream).await?;
            talk(BufStream::new(stream), store, true).await.map(drop)
        }
        MailTls::Starttls => match talk(BufStream::new(stream), store, false).await? {
            Some(plain) => {
                let stream = store.acceptor.accept(plain.into_inner()).await?;
                talk_on(&mut BufStream::new(stream), store).await.map(drop)
            }
            None => Ok(()),
        },
    }
}

/// Greets and talks; gives the stream back when it shall be encrypted.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufStream<S>,
    store: &MailStore,
    secure: bool,
) -> Result<Option<BufStream<S>>> {
    say(&mut stream, "220 mail.test ESMTP").await?;
    if secure {
        talk_on(&mut stream, store).await?;
        return Ok(None);
    }
    while let Some(line) = hear(&mut stream).await? {
        match verb(&line).as_str() {
            "EHLO" => say(&mut stream, "250-mail.test\r\n250 STARTTLS").await?,
            "STARTTLS" => {
                say(&mut stream, "220 go ahead").await?;
                return Ok(Some(stream));
            }
            "QUIT" => break,
            _ => say(&mut stream, "530 5.7.0 must issue a STARTTLS command first").await?,
        }
    }
    Ok(None)
}

#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn talk_on<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, store: &MailStore) -> Result<()> {
    let (mut mail, mut known) = (empty(), store.login.is_none());
    while let Some(line) = hear(stream).await? {
        let answer = match verb(&line).as_str() {
            "EHLO" if store.login.is_some() => "250-mail.test\r\n250 AUTH PLAIN".to_owned(),
            "EHLO" => "250 mail.test".to_owned(),
            "AUTH" => {
                known = is_login(&line, store);
                if known {
                    "235 2.7.0 welcome"
                } else {
                    "535 5.7.8 wrong user or password"
                }
                .to_owned()
            }
            "MAIL" if !known => "530 5.7.0 authentication required".to_owned(),
            "MAIL" => {
                mail = Mail {
                    from: address(&line),
                    ..empty()
                };
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => recipient(&mut mail, &line, store),
            "DATA" if mail.to.is_empty() => "503 5.5.1 no recipients".to_owned(),
            "DATA" => {
                say(stream, "354 end with .").await?;
                mail.data = data(stream).await?;
                store.kept().mails.push(std::mem::replace(&mut mail, empty()));
                "250 2.0.0 kept".to_owned()
            }
            "RSET" => {
                mail = empty();
                "250 2.0.0 ok".to_owned()
            }
            "NOOP" => "250 2.0.0 ok".to_owned(),
            "QUIT" => return say(stream, "221 2.0.0 bye").await,
            _ => "502 5.5.1 not here".to_owned(),
        };
        say(stream, &answer).await?;
    }
    Ok(())
}

fn empty() -> Mail {
    Mail {
        from: String::new(),
        to: Vec::new(),
        data: String::new(),
    }
}

fn recipient(mail: &mut Mail, line: &str, store: &MailStore) -> String {
    let to = address(line);
    if store.kept().refused.contains(&to) {
        return format!("550 5.1.1 <{to}>: there is no such mailbox here");
    }
    mail.to.push(to);
    "250 2.1.5 ok".to_owned()
}

/// `AUTH PLAIN` (RFC 4616): NUL user NUL password, in base64.
fn is_login(line: &str, store: &MailStore) -> bool {
    let Some((user, password)) = &store.login else {
        return true;
    };
    let expected = BASE64.encode(format!("\0{user}\0{password}"));
    line.split(' ').nth(2) == Some(expected.as_str())
}

fn verb(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_ascii_uppercase()
}

fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(address, _)| address).to_owned()
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end().to_owned()))
}

async fn data<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            bail!("the client went away within a mail");
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, line: &str) -> Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    Ok(stream.flush().await?)
}
