//! What can be seen of a name from here, before a CA is asked: its addresses, its CAA records, and whether our own
//! response to a challenge comes back.
//!
//! In: names. Out: checks with what was asked and what came back. Touches: the resolver of the configuration, and the
//! ports 80 and 443 of the names. Never: the last word, which is the CA's: it may see another DNS and another way.

mod caa;
mod dns;
mod fetch;

use std::net::IpAddr;
use std::time::Duration;

use domain::DnsName;
use domain::counted;
use domain::host::MOST_ADDRESSES;
use domain::reach::Reach;
use domain::run::Check;
use futures::stream::{self, StreamExt};

pub use self::dns::Dns;
use self::fetch::Way;
use crate::ca::Meta;
use crate::challenge::Http01;

/// For one name, all looks together.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;

/// Where https answers: CAs follow a redirect to no other port.
const HTTPS: u16 = 443;

pub struct Eyes {
    dns: Dns,
    http01: Http01,
    reach: Reach,
}

impl Eyes {
    pub fn new(dns: Dns, http01: Http01) -> Self {
        Self {
            dns,
            http01,
            reach: Reach::default(),
        }
    }

    /// With these rules for which addresses are asked.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
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
                checks.extend(self.fetches(plain, &addresses, ca.http01_port).await);
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

    /// A line for each address, with its own result.
    async fn fetches(&self, name: &str, addresses: &[IpAddr], port: u16) -> Vec<Check> {
        let way = Way {
            dns: &self.dns,
            reach: &self.reach,
            http: port,
            https: HTTPS,
        };
        let (looked, left) = addresses.split_at(addresses.len().min(MOST_ADDRESSES));
        let asked = fetch::responses(&self.http01, &way, name, looked);
        let asked = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(asked)) => asked,
            Ok(Err(why)) => return vec![Check::cross(fetch_title(name, None), why).advisory()],
            Err(_) => return vec![Check::cross(fetch_title(name, None), no_answer()).advisory()],
        };
        let mut checks = each(name, addresses, asked);
        if !left.is_empty() {
            let evidence = format!("not asked: {}", counted(left.len(), "more address"));
            checks.push(Check::cross(fetch_title(name, None), evidence).advisory());
        }
        checks
    }
}

/// A line for each address that was asked, in the order of the addresses.
fn each(name: &str, addresses: &[IpAddr], asked: Vec<Result<String, String>>) -> Vec<Check> {
    let first = fetch::asked_first(addresses).filter(|_| addresses.len() > 1);
    let of_one = |(address, asked): (&IpAddr, Result<String, String>)| {
        let order = if first == Some(*address) {
            "; the CA asks this one first"
        } else {
            ""
        };
        let title = fetch_title(name, Some(*address));
        match asked {
            Ok(evidence) => Check::tick(title, format!("{evidence}{order}")),
            Err(why) => Check::cross(title, format!("{why}; the CA may see it differently{order}")).advisory(),
        }
    };
    addresses.iter().zip(asked).map(of_one).collect()
}

fn caa_title(name: &str) -> String {
    format!("CAA of {name}")
}

fn fetch_title(name: &str, address: Option<IpAddr>) -> String {
    let at = address.map_or_else(String::new, |address| format!(" ({address})"));
    format!("http-01 at {name}{at}, seen from here")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_line_of_its_own_and_the_one_the_ca_asks_first_is_marked() {
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().expect("an address"));
        let checks = each(
            "www.example.test",
            &addresses,
            vec![Ok("200".to_owned()), Err("refused".to_owned())],
        );
        let [four, six] = &checks[..] else {
            panic!("two lines: {checks:?}")
        };
        assert!(four.passed && four.name.contains("(192.0.2.1)"), "{four:?}");
        assert!(!four.evidence.contains("first"), "{four:?}");
        assert!(
            !six.passed && six.advisory && six.name.contains("(2001:db8::1)"),
            "{six:?}"
        );
        assert!(
            six.evidence.starts_with("refused") && six.evidence.ends_with("the CA asks this one first"),
            "{six:?}"
        );
        let alone = each("www.example.test", &addresses[..1], vec![Ok("200".to_owned())]);
        assert!(
            !alone[0].evidence.contains("first"),
            "of one address there is no order: {alone:?}"
        );
    }
}
