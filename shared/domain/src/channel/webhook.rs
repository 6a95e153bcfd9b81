//! Signed events as JSON to one URL.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{ChannelBody, ChannelKind, Reach};
use crate::invalid::Invalid;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChannel {
    pub url: Url,
    /// What both sides know and sign with.
    pub secret_file: PathBuf,
    /// The CA of its certificate, when it is a private one.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
}

impl ChannelBody for WebhookChannel {
    fn check(&self) -> Result<(), Invalid> {
        if is_protected(&self.url) {
            return Ok(());
        }
        let problem = "incidents would travel to another machine in clear";
        let remedy = "use https; http is for receivers on this machine";
        Err(Invalid::new("url", problem, remedy))
    }

    fn kind(&self) -> ChannelKind {
        ChannelKind::Webhook
    }

    fn reaches(&self) -> Reach {
        Reach::One("webhook")
    }
}

/// What stays on this machine needs no TLS.
fn is_protected(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        let is = |url: &str| is_protected(&url.parse().expect("a URL"));
        for good in [
            "https://hooks.example.org/x",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://localhost:1/x",
        ] {
            assert!(is(good), "{good}");
        }
        for bad in ["http://hooks.example.org/x", "http://10.0.0.7/", "ftp://127.0.0.1/"] {
            assert!(!is(bad), "{bad}");
        }
    }
}
