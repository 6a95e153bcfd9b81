//! Which CAs may be used, and the client of each.
//!
//! In: the configuration and a directory URL. Out: a shared [`Directory`], or the refusal that names the key. The two
//! of Let's Encrypt are always allowed; anything else is what an operator listed. Never: a URL from an order alone.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::config::ConfigError;
use http::HeaderValue;
use instant_acme::LetsEncrypt;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::client::{Settings, Transport};
use super::pace::Pace;
use crate::ca::CaError;
use crate::config::{Config, DirectoryConfig};

pub struct Directory {
    pub url: Url,
    pub transport: Transport,
    pub pace: Pace,
    pub contact: Vec<String>,
    /// Its staging, or itself.
    pub rehearse_at: Url,
    pub http01_port: u16,
}

pub struct Directories {
    config: Config,
    known: Mutex<HashMap<Url, Arc<Directory>>>,
}

impl Directories {
    /// Reads every root file, so that a bad one is told at the start.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut known = HashMap::new();
        for (index, directory) in config.directories.iter().enumerate() {
            let built =
                build(&config, directory).map_err(|what| ConfigError(format!("directories[{index}].{what}")))?;
            if known.insert(directory.url.clone(), Arc::new(built)).is_some() {
                let url = &directory.url;
                return Err(ConfigError(format!(
                    "directories[{index}].url: {url} is listed twice; keep one"
                )));
            }
        }
        Ok(Self {
            config,
            known: Mutex::new(known),
        })
    }

    pub fn of(&self, url: &Url) -> Result<Arc<Directory>, CaError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = known.get(url) {
            return Ok(Arc::clone(directory));
        }
        let public = [LetsEncrypt::Production.url(), LetsEncrypt::Staging.url()];
        if !public.contains(&url.as_str()) {
            return Err(CaError::NotAllowed { directory: url.clone() });
        }
        let built = build(&self.config, &DirectoryConfig::public(url.clone()));
        let built = Arc::new(built.map_err(|what| CaError::Misconfigured {
            what: format!("issuer.directories.{what}"),
        })?);
        known.insert(url.clone(), Arc::clone(&built));
        Ok(built)
    }
}

/// The error begins with the key.
fn build(config: &Config, directory: &DirectoryConfig) -> Result<Directory, String> {
    let roots = match &directory.root_file {
        Some(file) => roots_of(file)?,
        None => native_roots()?,
    };
    let origins = std::iter::once(&directory.url)
        .chain(&directory.extra_origins)
        .map(Url::origin)
        .collect();
    let user_agent = HeaderValue::from_str(&config.user_agent).map_err(|e| format!("user_agent: {e}"))?;
    let settings = Settings {
        origins,
        roots,
        user_agent,
        connect_timeout: config.connect_timeout(),
        request_timeout: config.request_timeout(),
    };
    Ok(Directory {
        url: directory.url.clone(),
        transport: Transport::new(settings).map_err(|e| format!("url: no TLS: {e}"))?,
        pace: Pace::of(&config.poll, directory.polls_fast()),
        contact: directory.contact.clone(),
        rehearse_at: rehearse_at(directory).map_err(|e| format!("rehearse_at: {e}"))?,
        http01_port: directory.http01_port,
    })
}

/// A rehearsal at Let's Encrypt uses up none of the production's limits.
fn rehearse_at(directory: &DirectoryConfig) -> Result<Url, url::ParseError> {
    match &directory.rehearse_at {
        Some(url) => Ok(url.clone()),
        None if directory.url.as_str() == LetsEncrypt::Production.url() => LetsEncrypt::Staging.url().parse(),
        None => Ok(directory.url.clone()),
    }
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let wrong = |problem: String| {
        format!(
            "root_file: {}: {problem}; give a PEM file with CA certificates",
            file.display()
        )
    };
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(file).map_err(|e| wrong(e.to_string()))? {
        let root = root.map_err(|e| wrong(e.to_string()))?;
        roots.add(root).map_err(|e| wrong(e.to_string()))?;
    }
    if roots.is_empty() {
        Err(wrong("no certificate in it".to_owned()))
    } else {
        Ok(roots)
    }
}

fn native_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(
            "root_file: this machine has no trust anchors; install ca-certificates or give a root_file".to_owned(),
        );
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, root_file: &Path) -> Config {
        let directory = DirectoryConfig {
            root_file: Some(root_file.to_owned()),
            ..DirectoryConfig::public(url.parse().expect("a URL"))
        };
        Config {
            directories: vec![directory],
            ..Config::default()
        }
    }

    #[test]
    fn a_bad_root_file_is_refused_by_the_name_of_its_key() {
        for file in ["/nonexistent/roots.pem", file!(), "/dev/null"] {
            let refused = Directories::new(config("https://ca.example/dir", Path::new(file)));
            let said = refused.err().expect("no certificate in it").to_string();
            assert!(
                said.starts_with("directories[0].root_file: ") && said.contains("PEM"),
                "{said}"
            );
        }
    }

    #[test]
    fn lets_encrypt_is_rehearsed_at_its_staging_and_any_other_where_it_says() {
        let at = |url: &str, rehearse: Option<&str>| {
            let directory = DirectoryConfig {
                rehearse_at: rehearse.map(|url| url.parse().expect("a URL")),
                ..DirectoryConfig::public(url.parse().expect("a URL"))
            };
            rehearse_at(&directory).expect("a URL").to_string()
        };
        assert_eq!(at(LetsEncrypt::Production.url(), None), LetsEncrypt::Staging.url());
        assert_eq!(at(LetsEncrypt::Staging.url(), None), LetsEncrypt::Staging.url());
        assert_eq!(at("https://ca.example/dir", None), "https://ca.example/dir");
        let staging = "https://staging.ca.example/dir";
        assert_eq!(at("https://ca.example/dir", Some(staging)), staging);
    }

    #[test]
    fn a_directory_that_is_not_listed_is_refused() {
        let directories = Directories::new(Config::default()).expect("the default");
        let url: Url = "https://elsewhere.example/dir".parse().expect("a URL");
        assert_eq!(directories.of(&url).err(), Some(CaError::NotAllowed { directory: url }));
    }
}
