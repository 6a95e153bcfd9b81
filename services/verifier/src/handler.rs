//! Carries out Verify orders: looks at every address until all of them serve the issued certificate.
//!
//! In: one order for one host. Out: a snapshot per address and the checks. Never: decides what a chain is worth (see
//! `judgement`), changes anything anywhere.

use std::net::SocketAddr;
use std::time::Duration;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::certificate::{CertificateFacts, Seen, Snapshot};
use domain::run::{Check, Product, Rehearsal, StepKind, Verified};
use futures::future::join_all;
use protocol::order::{ExpectedCertificate, Order, VerifySpec};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::{Instant, sleep};

use crate::judgement::{self, Expectation};
use crate::probe::{Observation, Presented, ProbeError, Prober};
use crate::verdict::{VerifyError, judge};

/// A reload takes a server some milliseconds: the first looks come quickly, the later ones cost little.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What is left of the order's time for the report.
const RESERVE: Duration = Duration::from_secs(10);

pub struct Verify {
    prober: Prober,
    patience: Duration,
}

impl Verify {
    pub fn new(prober: Prober, patience: Duration) -> Self {
        Self { prober, patience }
    }
}

impl StepHandler for Verify {
    type Spec = VerifySpec;
    const KIND: StepKind = StepKind::Verify;

    async fn carry_out(&self, order: &Order<VerifySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        match self.verify(order, ctx).await {
            Ok(snapshots) => Ok(Progress::Done(Product::Verified(Verified { snapshots }))),
            Err(error) => Err(judge(error, order.next_try(ctx.now(), rand::random()))),
        }
    }

    /// What is served today, whatever it is; an address that cannot be reached is a cross.
    async fn rehearse(&self, order: &Order<VerifySpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let addresses = match self.addresses(order).await {
            Ok(addresses) => addresses,
            Err(error) => {
                let checks = vec![Check::cross("the host resolves", error.to_string())];
                return Ok(Rehearsal::of(checks));
            }
        };
        let seen = self.look_everywhere(order, &addresses).await;
        let snapshots = self.snapshots(order, &seen, ctx);
        Ok(Rehearsal::of(snapshots.iter().flat_map(today).collect()).seeing(snapshots))
    }
}

impl Verify {
    async fn verify(&self, order: &Order<VerifySpec>, ctx: &StepContext) -> Result<Vec<Snapshot>, VerifyError> {
        let missing = || VerifyError::Malformed("the order does not say which certificate is expected".to_owned());
        let expected = order.spec.expected.as_ref().ok_or_else(missing)?;
        let issued = chain(expected)?;
        let addresses = self.addresses(order).await.map_err(|e| failed(order, e))?;
        let seen = self.until_served(order, &addresses, (expected, ctx)).await;
        let snapshots = self.snapshots(order, &seen, ctx);
        let expectation = Expectation {
            hostname: &order.hostname,
            names: &order.spec.names,
            leaf: &expected.leaf,
            chain: &issued,
        };
        let checks = checks(&seen, &snapshots, (&expectation, ctx));
        for check in &checks {
            ctx.check(check.clone());
        }
        conclude(order, &seen, &checks)?;
        Ok(snapshots)
    }

    async fn addresses(&self, order: &Order<VerifySpec>) -> Result<Vec<SocketAddr>, ProbeError> {
        self.prober
            .addresses(&order.hostname, order.spec.port, &order.spec.addresses)
            .await
    }

    async fn look_everywhere(&self, order: &Order<VerifySpec>, addresses: &[SocketAddr]) -> Vec<Observation> {
        join_all(addresses.iter().map(async |address| Observation {
            address: *address,
            seen: self.prober.look(&order.hostname, *address).await,
        }))
        .await
    }

    /// Looks until every address serves the expected leaf, or the patience ends; addresses that do are left in peace.
    async fn until_served(
        &self,
        order: &Order<VerifySpec>,
        addresses: &[SocketAddr],
        (expected, ctx): (&ExpectedCertificate, &StepContext),
    ) -> Vec<Observation> {
        let left = order.deadline.since(ctx.now()).saturating_sub(RESERVE);
        let until = Instant::now() + self.patience.min(left);
        let mut seen = self.look_everywhere(order, addresses).await;
        let mut wait = FIRST_WAIT;
        loop {
            let waiting_for: Vec<usize> = (0..seen.len()).filter(|i| !serves(&seen[*i], expected)).collect();
            if waiting_for.is_empty() || Instant::now() + wait > until {
                return seen;
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            let again: Vec<SocketAddr> = waiting_for.iter().map(|i| seen[*i].address).collect();
            for (i, looked) in waiting_for.into_iter().zip(self.look_everywhere(order, &again).await) {
                seen[i] = looked;
            }
        }
    }

    fn snapshots(&self, order: &Order<VerifySpec>, seen: &[Observation], ctx: &StepContext) -> Vec<Snapshot> {
        seen.iter()
            .map(|one| self.prober.snapshot(&order.hostname, one, ctx.now()))
            .collect()
    }
}

fn chain(expected: &ExpectedCertificate) -> Result<Vec<CertificateDer<'static>>, VerifyError> {
    let malformed = |why: String| VerifyError::Malformed(format!("the chain in the order is unusable: {why}"));
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(expected.chain_pem.as_bytes()).collect();
    let chain = parsed.map_err(|e| malformed(e.to_string()))?;
    if chain.is_empty() {
        Err(malformed("it holds no certificate".to_owned()))
    } else {
        Ok(chain)
    }
}

fn serves(one: &Observation, expected: &ExpectedCertificate) -> bool {
    one.seen.as_ref().is_ok_and(|presented| presented.leaf == expected.leaf)
}

fn checks(
    seen: &[Observation],
    snapshots: &[Snapshot],
    (expected, ctx): (&Expectation<'_>, &StepContext),
) -> Vec<Check> {
    let mut checks = Vec::new();
    for (one, snapshot) in seen.iter().zip(snapshots) {
        let at = one.address.to_string();
        match &one.seen {
            Ok(presented) => checks.extend(judgement::judge(&presented.chain, expected, &at, ctx.now())),
            Err(error) => checks.push(Check::cross(format!("{at} answers"), error.to_string())),
        }
        if let Seen::Served(served) = &snapshot.seen {
            checks.push(judgement::trust(served.chain_problem.as_deref(), &at));
        }
    }
    checks
}

/// What is served wrongly comes first: it is sure, while an address that is silent may come back.
fn conclude(order: &Order<VerifySpec>, seen: &[Observation], checks: &[Check]) -> Result<(), VerifyError> {
    let host = order.hostname.to_string();
    let expected = order.spec.expected.as_ref().map(|expected| &expected.leaf);
    let presented = seen
        .iter()
        .filter_map(|one| Some((one.address, one.seen.as_ref().ok()?)));
    let others: Vec<String> = presented
        .filter(|(_, p)| Some(&p.leaf) != expected)
        .map(|(at, p)| in_words(at, p))
        .collect();
    if !others.is_empty() {
        return Err(VerifyError::OtherServed {
            host,
            instead: others.join("; "),
        });
    }
    let silent = seen
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.address, one.seen.as_ref().err()?)));
    let silent: Vec<String> = silent.collect();
    if !silent.is_empty() {
        return Err(VerifyError::Unreachable {
            host,
            why: silent.join("; "),
        });
    }
    let crosses = checks.iter().filter(|check| !check.passed && !check.advisory);
    let crosses: Vec<String> = crosses
        .map(|check| format!("not so: {} ({})", check.name, check.evidence))
        .collect();
    if crosses.is_empty() {
        Ok(())
    } else {
        Err(VerifyError::Faulty {
            host,
            crosses: crosses.join("; "),
        })
    }
}

fn in_words(at: SocketAddr, presented: &Presented) -> String {
    let facts = presented
        .chain
        .first()
        .and_then(|leaf| CertificateFacts::read(leaf).ok());
    let about = facts.map_or_else(String::new, |leaf| {
        format!(" ({}, good until {})", leaf.subject, leaf.not_after)
    });
    format!("{at} serves {}{about}", presented.leaf)
}

fn failed(order: &Order<VerifySpec>, error: ProbeError) -> VerifyError {
    match error {
        ProbeError::NoAddress { host, why } => VerifyError::NoAddress { host, why },
        ProbeError::Unreachable(why) => VerifyError::Unreachable {
            host: order.hostname.to_string(),
            why,
        },
    }
}

fn today(snapshot: &Snapshot) -> Vec<Check> {
    let at = snapshot.dialled;
    match &snapshot.seen {
        Seen::Served(served) => {
            let leaf = &served.leaf;
            let evidence = format!("{} ({}), good until {}", leaf.fingerprint, leaf.subject, leaf.not_after);
            let reached = Check::tick(format!("{at} answers"), evidence);
            vec![
                reached,
                judgement::trust(served.chain_problem.as_deref(), &at.to_string()),
            ]
        }
        Seen::Unreachable { probe_error } => vec![Check::cross(format!("{at} answers"), probe_error.as_str())],
    }
}
