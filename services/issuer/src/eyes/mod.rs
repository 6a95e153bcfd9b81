//! What can be seen of a name from here, before a CA is asked: its addresses, its CAA records, and whether our own
//! response to a challenge comes back.
//!
//! In: names. Out: checks with what was asked and what came back. Touches: the resolver of the configuration, and port 80
//! of the names. Never: the last word, which is the CA's: it may see another DNS and another way.

mod caa;
mod dns;
mod fetch;

use std::net::IpAddr;
use std::time::Duration;

use domain::DnsName;
use domain::run::Check;
use futures::stream::{self, StreamExt};

pub use self::dns::Dns;
use crate::ca::Meta;
use crate::challenge::Http01;

/// For one name, all looks together.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;

pub struct Eyes {
    dns: Dns,
    http01: Http01,
}

impl Eyes {
    pub fn new(dns: Dns, http01: Http01) -> Self {
        Self { dns, http01 }
    }

    /// Each name by itself; none hides another.
    pub async fn look_at(&self, names: &[DnsName], ca: &Meta) -> Vec<Check> {
        let looks: Vec<_> = names.iter().map(|name| self.look_at_one(name, ca)).collect();
        let checks: Vec<Vec<Check>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        checks.into_iter().flatten().collect()
    }

    async fn look_at_one(&self, name: &DnsName, ca: &Meta) -> Vec<Check> {
        let wildcard = name.as_str().starts_with("*.");
        let plain = name.as_str().trim_start_matches("*.");
        let permission = within(self.caa(plain, wildcard, ca), || caa_title(plain));
        let way = async {
            let (addresses, seen) = self.addresses(plain).await;
            let mut checks = vec![seen];
            if !addresses.is_empty() && !wildcard {
                checks.push(within(self.fetch(plain, &addresses, ca.http01_port), || fetch_title(plain)).await);
            }
            checks
        };
        let (mut checks, permission) = tokio::join!(way, permission);
        checks.push(permission);
        checks
    }

    async fn addresses(&self, name: &str) -> (Vec<IpAddr>, Check) {
        let title = format!("addresses of {name}");
        let found = match tokio::time::timeout(PATIENCE, self.dns.addresses(name)).await {
            Ok(found) => found,
            Err(_) => Err(no_answer()),
        };
        match found {
            Ok(addresses) if addresses.is_empty() => {
                let evidence = "no A and no AAAA record, seen from here";
                (addresses, Check::cross(title, evidence).advisory())
            }
            Ok(addresses) => {
                let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                (addresses, Check::tick(title, shown.join(", ")))
            }
            Err(why) => (Vec::new(), Check::cross(title, why).advisory()),
        }
    }

    async fn caa(&self, name: &str, wildcard: bool, ca: &Meta) -> Check {
        match self.dns.caa(name).await {
            Ok(found) => caa::judge(caa_title(name), &found, &ca.caa_identities, wildcard),
            Err(why) => {
                Check::cross(caa_title(name), format!("{why}; a CA does not issue while this lasts")).advisory()
            }
        }
    }

    async fn fetch(&self, name: &str, addresses: &[IpAddr], port: u16) -> Check {
        let title = fetch_title(name);
        match fetch::response(&self.http01, (name, port), addresses).await {
            Ok(evidence) => Check::tick(title, evidence),
            Err(evidence) => Check::cross(title, format!("{evidence}; the CA may see it differently")).advisory(),
        }
    }
}

fn caa_title(name: &str) -> String {
    format!("CAA of {name}")
}

fn fetch_title(name: &str) -> String {
    format!("http-01 at {name}, seen from here")
}

fn no_answer() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

async fn within(look: impl Future<Output = Check>, title: impl FnOnce() -> String) -> Check {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(check) => check,
        Err(_) => Check::cross(title(), no_answer()).advisory(),
    }
}
