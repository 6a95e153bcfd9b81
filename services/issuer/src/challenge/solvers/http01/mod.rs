//! http-01 (RFC 8555 §8.3) by the responder of this fleet: whichever issuer the CA asks, it
//! answers.
//!
//! In: tokens with their key authorizations. Out: answers at every issuer. Touches: the tokens on
//! NATS; in a rehearsal the ports of http and https of the names. Never: a web server that is not
//! ours.

mod fetch;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use domain::counted;
use domain::host::MOST_ADDRESSES;
use domain::reach::Reach;
use domain::run::Check;
use domain::solver::Receipt;
use futures::future::{join_all, try_join_all};

use self::fetch::Way;
use super::{Proof, Record, Remaining, Settled, Site, Solver, SolverError};
use crate::challenge::Responder;
use crate::dns::Dns;

/// Where https answers: CAs follow a redirect to no other port.
const HTTPS: u16 = 443;

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Http01 {
    responder: Responder,
    dns: Dns,
    reach: Arc<Reach>,
}

impl Http01 {
    /// `reach` says which addresses a rehearsal may ask, `dns` where it may be led to.
    pub fn new(responder: Responder, dns: Dns, reach: Reach) -> Self {
        let reach = Arc::new(reach);
        Self { responder, dns, reach }
    }

    /// A line for each address, with its own result.
    async fn fetches(&self, name: &str, site: &Site<'_>) -> Vec<Check> {
        let way = Way {
            dns: &self.dns,
            reach: &self.reach,
            http: site.http01_port,
            https: HTTPS,
        };
        let looked = &site.addresses[..site.addresses.len().min(MOST_ADDRESSES)];
        let asked = fetch::responses(&self.responder, &way, name, looked);
        let asked = match asked.await {
            Ok(asked) => asked,
            Err(why) => return vec![Check::cross(title(name, None), why).advisory()],
        };
        let mut checks = each(name, site.addresses, asked);
        let left = site.addresses.len() - looked.len();
        if left > 0 {
            let evidence = format!("not asked: {}", counted(left, "more address"));
            checks.push(Check::cross(title(name, None), evidence).advisory());
        }
        checks
    }
}

#[async_trait]
impl Solver for Http01 {
    async fn locate(&self, records: &[Record]) -> Result<Receipt, SolverError> {
        let tokens = records.iter().map(|Record { proof, .. }| {
            let Proof::Http01 { token, .. } = proof;
            token.clone()
        });
        Ok(Receipt::http01(tokens.collect()))
    }

    async fn present(&self, records: &[Record], _: &Receipt) -> Result<(), SolverError> {
        let all = records.iter().map(|Record { proof, .. }| {
            let Proof::Http01 {
                token,
                key_authorization,
            } = proof;
            self.responder.present(token, key_authorization)
        });
        let presented = try_join_all(all).await;
        presented.map(drop).map_err(|error| SolverError {
            what: error.to_string(),
        })
    }

    /// Every issuer answers from the moment at which it is presented.
    async fn check_settled(&self, _: &Receipt) -> Result<Settled, SolverError> {
        Ok(Settled::Yes)
    }

    async fn remove(&self, receipt: &Receipt) -> Result<(), Remaining> {
        let removals = receipt.tokens.iter().map(|token| async move {
            let error = self.responder.withdraw(token).await.err()?;
            Some((token.clone(), error.to_string()))
        });
        let failed: Vec<(String, String)> = join_all(removals).await.into_iter().flatten().collect();
        let Some((_, why)) = failed.first() else { return Ok(()) };
        Err(Remaining {
            why: why.clone(),
            left: Receipt::http01(failed.into_iter().map(|(token, _)| token).collect()),
        })
    }

    /// A wildcard is nowhere to be asked.
    async fn rehearse(&self, site: &Site<'_>) -> Vec<Check> {
        if site.addresses.is_empty() || site.name.is_wildcard() {
            return Vec::new();
        }
        self.fetches(site.name.as_str(), site).await
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
        let title = title(name, Some(*address));
        match asked {
            Ok(evidence) => Check::tick(title, format!("{evidence}{order}")),
            Err(why) => Check::cross(title, format!("{why}; the CA may see it differently{order}")).advisory(),
        }
    };
    addresses.iter().zip(asked).map(of_one).collect()
}

fn title(name: &str, address: Option<IpAddr>) -> String {
    let at = address.map_or_else(String::new, |address| format!(" ({address})"));
    format!("http-01 at {name}{at}, seen from here")
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
