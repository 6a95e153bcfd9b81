//! Carries out Verify orders: looks at every address until all of them serve the issued certificate.
//!
//! In: one order for one host. Out: a snapshot per address and the checks. Never: decides what a chain is worth (see
//! `judgement`), changes anything anywhere.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::certificate::{Seen, Snapshot};
use domain::run::{Check, Product, Rehearsal, StepKind, Verified};
use protocol::order::{ExpectedCertificate, Order, VerifySpec};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::findings::{Finding, conclude};
use crate::judgement::{self, Expectation};
use crate::lookout::{Lookout, Own, Place};
use crate::probe::{Observation, Presented, ProbeError};
use crate::verdict::{Trouble, VerifyError, judge};

pub struct Verify {
    lookout: Lookout,
}

impl Verify {
    pub fn new(lookout: Lookout) -> Self {
        Self { lookout }
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
        let places = match self.places(order).await {
            Ok(places) => places,
            Err(error) => {
                let checks = vec![Check::cross("the host resolves", error.to_string())];
                return Ok(Rehearsal::of(checks));
            }
        };
        let seen = self.lookout.look(&order.hostname, &places).await;
        let snapshots = self.lookout.snapshots(&order.hostname, &seen, ctx.now());
        Ok(Rehearsal::of(snapshots.iter().flat_map(today).collect()).seeing(snapshots))
    }
}

impl Verify {
    async fn verify(&self, order: &Order<VerifySpec>, ctx: &StepContext) -> Result<Vec<Snapshot>, VerifyError> {
        let missing = || VerifyError::Malformed("the order does not say which certificate is expected".to_owned());
        let expected = order.spec.expected.as_ref().ok_or_else(missing)?;
        let issued = chain(expected)?;
        let places = self
            .places(order)
            .await
            .map_err(|e| failed(order.hostname.as_str(), e))?;
        let awaited = |presented: &Presented| presented.leaf == expected.leaf;
        let left = order.deadline.since(ctx.now());
        let seen = self.lookout.until((&order.hostname, &places), left, awaited).await;
        let snapshots = self.lookout.snapshots(&order.hostname, &seen, ctx.now());
        let expectation = Expectation {
            hostname: &order.hostname,
            names: &order.spec.names,
            leaf: &expected.leaf,
            chain: &issued,
        };
        let mut findings = Vec::new();
        for ((place, one), snapshot) in places.iter().zip(&seen).zip(&snapshots) {
            let checks = checks((*place, one, snapshot), (&expectation, ctx));
            if place.counts {
                findings.push(Finding::of(one, awaited, &checks));
            }
            checks.into_iter().for_each(|check| ctx.check(check));
        }
        match conclude(order.hostname.as_str(), &findings) {
            Ok(()) => Ok(snapshots),
            Err(error) => {
                ctx.saw(snapshots);
                Err(error)
            }
        }
    }

    async fn places(&self, order: &Order<VerifySpec>) -> Result<Vec<Place>, ProbeError> {
        let own = Own {
            host: &order.hostname,
            port: order.spec.port,
            addresses: &order.spec.addresses,
        };
        self.lookout
            .places(own, !order.spec.partial, &order.spec.endpoints)
            .await
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

fn checks(
    (place, one, snapshot): (Place, &Observation, &Snapshot),
    (expected, ctx): (&Expectation<'_>, &StepContext),
) -> Vec<Check> {
    let at = one.address.to_string();
    let mut checks = match &one.seen {
        Ok(presented) => judgement::judge(&presented.chain, expected, &at, ctx.now()),
        Err(error) => vec![Check::cross(format!("{at} answers"), error.to_string())],
    };
    if let Seen::Served(served) = &snapshot.seen {
        checks.push(judgement::trust(served.chain_problem.as_deref(), &at));
    }
    if place.counts {
        checks
    } else {
        checks.into_iter().map(Check::advisory).collect()
    }
}

pub(crate) fn failed(host: &str, error: ProbeError) -> VerifyError {
    match error {
        ProbeError::NoAddress { host, why } => VerifyError::NoAddress { host, why },
        ProbeError::Unreachable(why) => VerifyError::Unreachable(Trouble::new(host, why, Vec::new())),
    }
}

fn today(snapshot: &Snapshot) -> Vec<Check> {
    let at = snapshot.dialled;
    match &snapshot.seen {
        Seen::Served(served) => {
            let leaf = &served.leaf;
            let evidence = format!(
                "{} ({}), good until {}",
                leaf.fingerprint,
                leaf.called(),
                leaf.not_after
            );
            let reached = Check::tick(format!("{at} answers"), evidence);
            vec![
                reached,
                judgement::trust(served.chain_problem.as_deref(), &at.to_string()),
            ]
        }
        Seen::Unreachable { probe_error } => vec![Check::cross(format!("{at} answers"), probe_error.as_str())],
    }
}
