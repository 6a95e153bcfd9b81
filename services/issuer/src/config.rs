//! The issuer's configuration. `deploy/config/issuer.toml` explains each key.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bus::Connection;
use chassis::config::ConfigError;
use domain::reach::{Network, Reach};
use serde::Deserialize;
use url::Url;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub nats: Connection,
    /// Orders that are carried out at the same time.
    pub slots: usize,
    /// Where the CAs ask for http-01 responses.
    pub http01_listen: SocketAddr,
    /// The CAs beside Let's Encrypt, or other settings for that one.
    pub directories: Vec<DirectoryConfig>,
    pub poll: PollConfig,
    /// The DNS that a rehearsal asks; this machine's own when empty.
    pub resolvers: Vec<SocketAddr>,
    /// Whether a rehearsal refuses to ask private and loopback addresses for its own http-01
    /// response.
    pub deny_private: bool,
    /// Of those the networks that are asked all the same.
    pub allowed_networks: Vec<Network>,
    pub connect_timeout_seconds: u64,
    /// For one request with its answer.
    pub request_timeout_seconds: u64,
    pub user_agent: String,
}

/// One CA.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    pub url: Url,
    /// PEM with the roots of the CA's own HTTPS; the machine's trust anchors without it.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// `mailto:` addresses for the accounts there.
    #[serde(default)]
    pub contact: Vec<String>,
    /// Other origins that the CA's URLs may lead to.
    #[serde(default)]
    pub extra_origins: Vec<Url>,
    /// The CA answers at once and may be asked often; without a word, for a CA on this machine
    /// only.
    #[serde(default)]
    pub fast_poll: Option<bool>,
    /// The directory of its staging, where rehearsals are done; itself without it (Let's Encrypt
    /// has its own).
    #[serde(default)]
    pub rehearse_at: Option<Url>,
    /// Where it asks for http-01 responses: port 80, but for a CA of tests.
    #[serde(default = "http")]
    pub http01_port: u16,
}

fn http() -> u16 {
    80
}

/// How an order's state is asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollConfig {
    pub fast_first_ms: u64,
    pub fast_longest_ms: u64,
    pub first_ms: u64,
    pub longest_ms: u64,
    /// After this long one order of a step is given back.
    pub patience_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats: Connection::default(),
            slots: 1_000,
            http01_listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)),
            directories: Vec::new(),
            poll: PollConfig::default(),
            resolvers: Vec::new(),
            deny_private: false,
            allowed_networks: Vec::new(),
            connect_timeout_seconds: 10,
            request_timeout_seconds: 30,
            user_agent: concat!("vigilo-issuer/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Default for PollConfig {
    fn default() -> Self {
        Self {
            fast_first_ms: 15,
            fast_longest_ms: 250,
            first_ms: 500,
            longest_ms: 5_000,
            patience_seconds: 60,
        }
    }
}

/// The ledger waits 180 s for an order of Issue; a longer patience would never be heard of.
const LONGEST_PATIENCE: u64 = 150;

impl Config {
    /// Which addresses a rehearsal may ask.
    pub fn reach(&self) -> Reach {
        Reach {
            deny_private: self.deny_private,
            allowed_networks: self.allowed_networks.clone(),
        }
    }

    /// Which key cannot be used, and why.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(ConfigError(problem.to_owned()));
        if self.slots == 0 {
            return wrong("slots: 0 orders at a time is no work; give 1 or more");
        }
        if !self.allowed_networks.is_empty() && !self.deny_private {
            return wrong("allowed_networks: it has no effect without deny_private = true; set that, or leave it out");
        }
        if self.connect_timeout_seconds == 0 {
            return wrong("connect_timeout_seconds: 0 leaves no time to connect; give 1 or more");
        }
        if self.request_timeout_seconds == 0 {
            return wrong("request_timeout_seconds: 0 leaves no time for an answer; give 1 or more");
        }
        if http::HeaderValue::from_str(&self.user_agent).is_err() || self.user_agent.is_empty() {
            return wrong("user_agent: it must be visible ASCII, for example vigilo/1 (+https://example.org)");
        }
        self.poll.check()?;
        let mut numbered = self.directories.iter().enumerate();
        numbered.try_for_each(|(index, directory)| directory.check(index))
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }
}

impl PollConfig {
    fn check(&self) -> Result<(), ConfigError> {
        if self.fast_first_ms == 0 || self.first_ms == 0 {
            return Err(ConfigError(
                "poll: a first wait of 0 ms never ends; give 1 or more".to_owned(),
            ));
        }
        if !(1..=LONGEST_PATIENCE).contains(&self.patience_seconds) {
            let problem = format!(
                "poll.patience_seconds: {} is out of range; give 1 to {LONGEST_PATIENCE}",
                self.patience_seconds
            );
            return Err(ConfigError(problem));
        }
        Ok(())
    }
}

impl DirectoryConfig {
    fn check(&self, index: usize) -> Result<(), ConfigError> {
        let key = format!("directories[{index}]");
        if !is_usable(&self.url) {
            let url = &self.url;
            return Err(ConfigError(format!(
                "{key}.url: {url} is no https URL; a CA is asked by https only"
            )));
        }
        if let Some(bad) = self.extra_origins.iter().find(|url| !is_usable(url)) {
            return Err(ConfigError(format!("{key}.extra_origins: {bad} is no https URL")));
        }
        if let Some(bad) = self.rehearse_at.iter().find(|url| !is_usable(url)) {
            return Err(ConfigError(format!("{key}.rehearse_at: {bad} is no https URL")));
        }
        if let Some(bad) = self.contact.iter().find(|contact| !contact.starts_with("mailto:")) {
            return Err(ConfigError(format!(
                "{key}.contact: {bad:?} must be like mailto:certs@example.org"
            )));
        }
        Ok(())
    }

    /// Let's Encrypt needs no entry.
    pub fn public(url: Url) -> Self {
        Self {
            url,
            root_file: None,
            contact: Vec::new(),
            extra_origins: Vec::new(),
            fast_poll: None,
            rehearse_at: None,
            http01_port: http(),
        }
    }

    pub fn polls_fast(&self) -> bool {
        self.fast_poll.unwrap_or_else(|| is_local(&self.url))
    }
}

/// A CA is asked by https; without it on this machine only.
pub fn is_usable(url: &Url) -> bool {
    url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && is_local(url))
}

/// The line that allows a directory, as it stands below `[[directories]]`.
pub fn line_of_directory(url: &Url) -> String {
    format!("url = {}", quote(url.as_str()))
}

/// The line that allows a CA to lead to this address, as it stands below the `url` of its
/// directory.
pub fn line_of_origin(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    format!("extra_origins = [{}]", quote(&origin))
}

/// A string of TOML; an address has no control characters.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(url: &str) -> DirectoryConfig {
        DirectoryConfig::public(url.parse().expect("a URL"))
    }

    /// What is printed as advice is taken by the parser and by the checks, as it is.
    #[test]
    fn the_lines_that_are_printed_are_configuration() {
        for strange in [
            "https://ca.example/acme/directory",
            "https://[2001:db8::1]:14000/dir?\"a\"='b'&c=\\d",
            "http://127.0.0.1:9000/dir",
        ] {
            let url: Url = strange.parse().expect("a URL");
            let lines = format!("{}\n{}", line_of_directory(&url), line_of_origin(&url));
            let file = tempfile(&format!("[[directories]]\n{lines}\n"));
            let config: Config = chassis::config::read(Some(&file)).expect("it parses");
            std::fs::remove_file(&file).expect("it was there");
            config.check().expect("it is taken");
            assert_eq!(config.directories[0].url, url);
            assert_eq!(config.directories[0].extra_origins[0].origin(), url.origin());
        }
    }

    fn tempfile(text: &str) -> PathBuf {
        let file = std::env::temp_dir().join(format!("issuer-{}-{}.toml", std::process::id(), text.len()));
        std::fs::write(&file, text).expect("a file");
        file
    }

    fn refusal(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().expect_err("it must be refused").to_string()
    }

    #[test]
    fn each_bad_value_is_refused_by_the_name_of_its_key() {
        assert!(refusal(|c| c.slots = 0).starts_with("slots:"));
        assert!(refusal(|c| c.request_timeout_seconds = 0).starts_with("request_timeout_seconds:"));
        assert!(refusal(|c| c.connect_timeout_seconds = 0).starts_with("connect_timeout_seconds:"));
        assert!(refusal(|c| c.user_agent = "a\nb".to_owned()).starts_with("user_agent:"));
        assert!(refusal(|c| c.poll.patience_seconds = 600).starts_with("poll.patience_seconds:"));
        assert!(refusal(|c| c.poll.fast_first_ms = 0).starts_with("poll:"));
        assert!(refusal(|c| c.directories.push(directory("http://ca.example/dir"))).starts_with("directories[0].url:"));
        let mut contact = directory("https://ca.example/dir");
        contact.contact.push("certs@example.org".to_owned());
        assert!(refusal(|c| c.directories.push(contact)).starts_with("directories[0].contact:"));
    }

    #[test]
    fn only_a_ca_on_this_machine_is_polled_fast_unless_told() {
        assert!(directory("https://127.0.0.1:14000/dir").polls_fast());
        assert!(!directory("https://ca.example/dir").polls_fast());
        let told = DirectoryConfig {
            fast_poll: Some(true),
            ..directory("https://ca.example/dir")
        };
        assert!(told.polls_fast());
    }
}
