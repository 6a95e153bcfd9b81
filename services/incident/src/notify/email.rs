//! E-mail by SMTP (RFC 5321), with TLS from the first byte or by STARTTLS (RFC 3207).

use std::time::Duration;

use async_trait::async_trait;
use custody::{Custody, CustodyError, OnBehalf};
use domain::WorkspaceId;
use domain::channel::{EmailChannel, Tls};
use domain::run::Check;
use domain::secret::Purpose;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, transport::smtp};
use zeroize::Zeroizing;

use super::{ChannelError, Letter, Notifier, error_chain};

/// For each answer of the server.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Email {
    smtp: EmailChannel,
    custody: Custody,
}

/// A server that took our word for who we are, and what it said on the way.
struct Session {
    connection: AsyncSmtpConnection,
    checks: Vec<Check>,
}

impl Email {
    /// Refuses a sender that no mail could have.
    pub fn new(smtp: EmailChannel, custody: Custody) -> Result<Self, ChannelError> {
        sender(&smtp.from)?;
        Ok(Self { smtp, custody })
    }

    /// Connects, encrypts and logs in; on a failure the checks until then and the error.
    async fn session(&self) -> Result<Session, (Vec<Check>, ChannelError)> {
        let mut checks = Vec::new();
        match self.steps(&mut checks).await {
            Ok(connection) => Ok(Session { connection, checks }),
            Err(error) => Err((checks, error)),
        }
    }

    async fn steps(&self, checks: &mut Vec<Check>) -> Result<AsyncSmtpConnection, ChannelError> {
        let server = format!("{}:{}", self.smtp.host, self.smtp.port);
        let hello = ClientId::default();
        let first = match self.smtp.tls {
            Tls::Required => Some(self.tls_parameters()?),
            Tls::Starttls | Tls::None => None,
        };
        let connected = AsyncSmtpConnection::connect_tokio1(
            (self.smtp.host.as_str(), self.smtp.port),
            Some(PATIENCE),
            &hello,
            first,
            None,
        );
        let mut connection = within(&server, connected).await?;
        checks.push(Check::tick(
            "the mail server greets",
            format!("{server} is {}", connection.server_info().name()),
        ));
        if self.smtp.tls == Tls::Starttls {
            within(&server, connection.starttls(self.tls_parameters()?, &hello)).await?;
        }
        if self.smtp.tls != Tls::None {
            checks.push(Check::tick(
                "mail is encrypted",
                format!("{server} has a certificate for {} that is trusted", self.smtp.host),
            ));
        }
        if let Some(user) = &self.smtp.user {
            let password = self.password().await?;
            let login = Credentials::new(user.clone(), password.to_string());
            within(&server, connection.auth(&[Mechanism::Plain, Mechanism::Login], &login)).await?;
            checks.push(Check::tick("the mail server lets us in", format!("as {user}")));
        }
        Ok(connection)
    }

    fn tls_parameters(&self) -> Result<TlsParameters, ChannelError> {
        let mut parameters = TlsParameters::builder(self.smtp.host.clone());
        if let Some(file) = &self.smtp.root_file {
            let unusable = |why: String| {
                let file = file.display();
                ChannelError::Misconfigured(format!("smtp.root_file: {file}: {why}; give a PEM file with the CA"))
            };
            let pem = std::fs::read(file).map_err(|e| unusable(e.to_string()))?;
            let root = Certificate::from_pem(&pem).map_err(|e| unusable(error_chain(&e)))?;
            parameters = parameters.add_root_certificate(root);
        }
        parameters
            .build()
            .map_err(|e| ChannelError::Misconfigured(format!("smtp.tls: {}", error_chain(&e))))
    }

    /// Read for every session: a password that was changed is used at once, and none is kept.
    async fn password(&self) -> Result<Zeroizing<String>, ChannelError> {
        if let Some(file) = &self.smtp.password_file {
            return chassis::secret_file::read(file).map_err(|why| {
                let file = file.display();
                ChannelError::Misconfigured(format!("smtp.password_file: {file}: {why}"))
            });
        }
        let Some(sealed) = &self.smtp.password_sealed else {
            return Ok(Zeroizing::default());
        };
        let workspace = WorkspaceId::default_workspace();
        let opened = self
            .custody
            .open(&workspace, Purpose::Credential, sealed, OnBehalf::default())
            .await;
        let secret = opened.map_err(|error| match error {
            CustodyError::Denied { .. } => ChannelError::Misconfigured(format!("smtp.password_sealed: {error}")),
            CustodyError::Unavailable { .. } => ChannelError::Unreachable(format!("smtp.password_sealed: {error}")),
        })?;
        let text = std::str::from_utf8(&secret)
            .map_err(|_| ChannelError::Misconfigured("smtp.password_sealed: the password is no text".to_owned()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn message(&self, letter: &Letter) -> Result<Message, ChannelError> {
        let from: Mailbox = sender(&self.smtp.from)?;
        let domain = from.email.domain().to_owned();
        let to = Mailbox::new(None, address(&letter.to.name)?);
        let message = Message::builder()
            .from(from)
            .to(to)
            .subject(letter.subject.clone())
            // The same for every try: a mail system may drop the repetition.
            .message_id(Some(format!("<{}@{domain}>", letter.id)))
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: no vacation program shall answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        message
            .body(letter.text.clone())
            .map_err(|e| ChannelError::Refused(format!("the mail cannot be written: {e}")))
    }
}

#[async_trait]
impl Notifier for Email {
    async fn deliver(&self, letter: &Letter) -> Result<(), ChannelError> {
        let message = self.message(letter)?;
        let server = format!("{}:{}", self.smtp.host, self.smtp.port);
        let mut session = self.session().await.map_err(|(_, error)| error)?;
        let bytes = message.formatted();
        within(&server, session.connection.send(message.envelope(), &bytes)).await?;
        // It is delivered, however the server says good-bye.
        let _ = session.connection.quit().await;
        Ok(())
    }

    async fn rehearse(&self, names: &[String]) -> Vec<Check> {
        let mut session = match self.session().await {
            Ok(session) => session,
            Err((mut checks, error)) => {
                checks.push(Check::cross("mail can be sent", error.to_string()));
                return checks;
            }
        };
        let server = format!("{}:{}", self.smtp.host, self.smtp.port);
        let mut checks = std::mem::take(&mut session.checks);
        let accepted = self.recipients(&mut session.connection, &server, names).await;
        checks.extend(accepted);
        // Nothing was sent: the transaction is taken back.
        let _ = session.connection.command(Rset).await;
        let _ = session.connection.quit().await;
        checks
    }
}

impl Email {
    async fn recipients(&self, connection: &mut AsyncSmtpConnection, server: &str, names: &[String]) -> Vec<Check> {
        let begun = async {
            let from = sender(&self.smtp.from)?.email;
            within(server, connection.command(Mail::new(Some(from), Vec::new()))).await
        };
        if let Err(error) = begun.await {
            return vec![Check::cross("the mail server takes our sender", error.to_string())];
        }
        let mut checks = vec![Check::tick("the mail server takes our sender", self.smtp.from.as_str())];
        for name in names {
            let accepted = async {
                let to = address(name)?;
                within(server, connection.command(Rcpt::new(to, Vec::new()))).await
            };
            let question = format!("the mail server takes mail for {name}");
            checks.push(match accepted.await {
                Ok(_) => Check::tick(question, "accepted; nothing was sent"),
                Err(error) => Check::cross(question, error.to_string()),
            });
        }
        checks
    }
}

fn sender(text: &str) -> Result<Mailbox, ChannelError> {
    text.parse()
        .map_err(|e| ChannelError::Misconfigured(format!("smtp.from: {text:?}: {e}")))
}

fn address(text: &str) -> Result<Address, ChannelError> {
    text.parse()
        .map_err(|e| ChannelError::Refused(format!("{text:?} is no address that mail can be sent to: {e}")))
}

/// A bound on what the library does, and its error in our words.
async fn within<T>(server: &str, doing: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, ChannelError> {
    match tokio::time::timeout(PATIENCE, doing).await {
        Ok(done) => done.map_err(|error| translated(server, &error)),
        Err(_elapsed) => Err(ChannelError::Unreachable(format!(
            "the mail server {server} did not answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// The replies of RFC 5321 and RFC 4954 by what can be done about them.
fn translated(server: &str, error: &smtp::Error) -> ChannelError {
    let said = format!("the mail server {server}: {}", error_chain(error));
    match error.status().map(u16::from) {
        Some(530 | 534 | 535 | 538 | 454) => ChannelError::Denied(said),
        Some(500..=599) => ChannelError::Refused(said),
        Some(_) | None if error.is_client() => ChannelError::Misconfigured(said),
        Some(_) | None => ChannelError::Unreachable(said),
    }
}
