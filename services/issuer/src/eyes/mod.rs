//! What can be seen of a name from here, before a CA is asked: its addresses, its CAA records, and what the solver sees.
//!
//! In: names. Out: checks with what was asked and what came back. Touches: the resolver of the configuration, and whatever a
//! solver rehearses with. Never: the last word, which is the CA's: it may see another DNS and another way.

mod caa;

use std::net::IpAddr;
use std::time::Duration;

use domain::DnsName;
use domain::run::Check;
use futures::stream::{self, StreamExt};

use crate::ca::Meta;
use crate::challenge::solvers::{Site, Solver};
use crate::dns::Dns;

/// For one name, all looks together.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;

pub struct Eyes {
    dns: Dns,
}

/// How the names of an order are looked at.
#[derive(Clone, Copy)]
pub struct LookBy<'a> {
    pub ca: &'a Meta,
    pub solver: &'a dyn Solver,
}

impl Eyes {
    pub fn new(dns: Dns) -> Self {
        Self { dns }
    }

    /// Each name by itself; none hides another.
    pub async fn look_at(&self, names: &[DnsName], by: LookBy<'_>) -> Vec<Check> {
        let looks: Vec<_> = names.iter().map(|name| self.look_at_one(name, by)).collect();
        let checks: Vec<Vec<Check>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        checks.into_iter().flatten().collect()
    }

    async fn look_at_one(&self, name: &DnsName, by: LookBy<'_>) -> Vec<Check> {
        let wildcard = name.as_str().starts_with("*.");
        let plain = name.as_str().trim_start_matches("*.");
        let permission = within(self.caa(plain, wildcard, by.ca), || caa_title(plain));
        let way = async {
            let (addresses, seen) = self.addresses(plain).await;
            let mut checks = vec![seen];
            let site = Site {
                name,
                addresses: &addresses,
                http01_port: by.ca.http01_port,
            };
            checks.extend(by.solver.rehearse(&site).await);
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
}

fn caa_title(name: &str) -> String {
    format!("CAA of {name}")
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
