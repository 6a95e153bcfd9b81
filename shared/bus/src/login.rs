//! Where NATS is, who we are there, what we sign with and whom we believe: the table `[nats]` of a
//! service's configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::signing::{Signer, SigningKey, Trusted};

/// Where NATS is and who we are there. Its `Debug` shows no password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// `nats://host:port` or `tls://host:port`, several with commas.
    #[serde(default = "local")]
    pub url: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    /// A file with the password, instead of the password itself.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A file with the seed of an NKey, instead of a password: no secret is sent. `user` then only
    /// names the inbox.
    #[serde(default)]
    pub nkey_file: Option<PathBuf>,
    /// A credentials file (JWT and seed), instead of a password. `user` then only names the inbox,
    /// as the rights of the service have it: `_INBOX.<user>.>`.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// PEM file of the CA of the server's certificate, when it is a private one.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// Copies that a cluster keeps of every stream: 1 for a single server, 3 for a cluster.
    #[serde(default = "one")]
    pub replicas: usize,
    /// Whose signatures are believed: `planner:<public key>` and `key-signer:<public key>`, two of
    /// each at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// A file with the values of `signers`, one in each line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers_file: Option<PathBuf>,
    /// The private key with which planner and key-signer sign what they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_file: Option<PathBuf>,
}

fn local() -> String {
    "nats://127.0.0.1:4222".to_owned()
}

fn one() -> usize {
    1
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            url: local(),
            user: None,
            password: None,
            password_file: None,
            nkey_file: None,
            credentials_file: None,
            root_file: None,
            replicas: one(),
            signers: Vec::new(),
            signers_file: None,
            signing_key_file: None,
        }
    }
}

/// What a process signs with, and whom it believes.
#[derive(Default)]
pub(crate) struct Keys {
    pub own: Option<SigningKey>,
    pub trusted: Arc<Trusted>,
}

impl Connection {
    /// Whether this service can tell by a signature that these have spoken.
    ///
    /// # Errors
    /// Names the key of the configuration, and the line to add.
    pub fn believes(&self, signers: &[Signer]) -> Result<(), String> {
        let trusted = self.trusted()?;
        let unknown = signers.iter().find(|signer| !trusted.knows(**signer));
        unknown.map_or(Ok(()), |signer| {
            let name = signer.as_str();
            Err(format!(
                "nats.signers: no key of the {name} is known, and this service acts on its word; add `signers_file = \
                 \"DIR/signers\"` under [nats], or `signers = [\"{name}:…\"]`: `vigilo nats-config --secrets DIR --make-secrets` \
                 writes that file"
            ))
        })
    }

    /// Whether this service can sign what it says.
    ///
    /// # Errors
    /// Names the key of the configuration, and the line to add.
    pub fn signs_as(&self, signer: Signer) -> Result<(), String> {
        let name = signer.as_str();
        match self.own_key()? {
            Some(_) => Ok(()),
            None => Err(format!(
                "nats.signing_key_file: the {name} signs what it says; add `signing_key_file = \"DIR/{name}.key\"` under [nats]: \
                 `vigilo nats-config --secrets DIR --make-secrets` makes that file"
            )),
        }
    }

    /// This connection for a service that believes the signers whose keys are in this directory,
    /// and who signs as one of them when it is one. Missing keys are made: for all services on one
    /// machine.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn with_keys_in(self, directory: &Path, own: Option<Signer>) -> Result<Self, String> {
        Ok(Self {
            signers: Signer::lines_in(directory, true)?,
            signing_key_file: own.map(|signer| signer.key_file(directory)),
            ..self
        })
    }

    pub(crate) fn keys(&self) -> Result<Keys, String> {
        Ok(Keys {
            own: self.own_key()?,
            trusted: Arc::new(self.trusted()?),
        })
    }

    fn own_key(&self) -> Result<Option<SigningKey>, String> {
        let read = self.signing_key_file.as_deref().map(SigningKey::read).transpose();
        read.map_err(|why| format!("nats.signing_key_file: {why}"))
    }

    fn trusted(&self) -> Result<Trusted, String> {
        let file = self.signers_file.as_deref().map(|path| {
            let read = std::fs::read_to_string(path);
            read.map_err(|e| format!("nats.signers_file: {}: {e}", path.display()))
        });
        let file = file.transpose()?.unwrap_or_default();
        let lines = file
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        Trusted::read(self.signers.iter().map(String::as_str).chain(lines))
            .map_err(|why| format!("nats.signers: {why}"))
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("user", &self.user)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
