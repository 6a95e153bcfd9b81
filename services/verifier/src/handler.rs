//! Carries out Verify orders: looks at the addresses until each has served the issued certificate often enough in a row.
//!
//! In: one order for one host. Out: a snapshot per address and the checks. Never: decides what a chain is worth (see
//! `judgement`), changes anything anywhere.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::Timestamp;
use domain::certificate::{LookResult, Snapshot};
use domain::counted;
use domain::host::MOST_ADDRESSES;
use domain::run::{Check, Product, Rehearsal, StepKind, Verified};
use protocol::order::{ExpectedCertificate, Order, VerifySpec};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::findings::{Finding, conclude, mixed};
use crate::judgement::{self, Expectation};
use crate::lookout::{Lookout, Own, Places, for_a_run};
use crate::presented::{Presented, ProbeError};
use crate::tally::Tally;
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
        let seen = self.lookout.look(&order.hostname, &for_a_run(&places.all, false)).await;
        let snapshots = self.lookout.snapshots(&order.hostname, &seen, ctx.now());
        let someone_answers = snapshots.iter().any(|one| matches!(one.seen, LookResult::Served(_)));
        let of_one = |(one, tally): (&Snapshot, &Tally)| today(one, tally, someone_answers, ctx.now());
        let mut checks: Vec<Check> = snapshots.iter().zip(&seen).flat_map(of_one).collect();
        checks.extend(left_out(&places));
        Ok(Rehearsal::of(checks).seeing(snapshots))
    }
}

impl Verify {
    #[expect(
        clippy::too_many_lines,
        reason = "one judgement after the other, each a line of the record"
    )]
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
        let looks = for_a_run(&places.all, order.spec.was_mixed);
        let seen = self.lookout.until(&order.hostname, &looks, left, awaited).await;
        let snapshots = self.lookout.snapshots(&order.hostname, &seen, ctx.now());
        let expectation = Expectation {
            hostname: &order.hostname,
            names: &order.spec.names,
            leaf: &expected.leaf,
            chain: &issued,
        };
        let (mut findings, mut all) = (Vec::new(), Vec::new());
        for ((place, tally), snapshot) in places.all.iter().zip(&seen).zip(&snapshots) {
            let checks = checks(tally, &expectation, ctx.now());
            if place.counts {
                findings.push(Finding::of(tally, awaited, &checks));
            }
            all.push((place, checks.concat(), hints(tally, snapshot, ctx.now())));
        }
        let concluded = conclude(order.hostname.as_str(), &findings);
        for (place, checks, hints) in all {
            let unseen = findings
                .iter()
                .any(|one| one.at == place.address && one.is.is_unknown());
            let only_hints = !place.counts || unseen && concluded.is_ok();
            let checks = checks
                .into_iter()
                .map(|check| if only_hints { check.advisory() } else { check });
            checks.chain(hints).for_each(|check| ctx.check(check));
        }
        left_out(&places).into_iter().for_each(|check| ctx.check(check));
        match concluded {
            Ok(()) => Ok(snapshots),
            Err(error) => {
                ctx.saw(snapshots);
                Err(error)
            }
        }
    }

    async fn places(&self, order: &Order<VerifySpec>) -> Result<Places, ProbeError> {
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

/// What is asked of each different chain of a place, or the one cross that says what was seen instead of one.
fn checks(tally: &Tally, expected: &Expectation<'_>, now: Timestamp) -> Vec<Vec<Check>> {
    let at = tally.address.to_string();
    if !tally.is_settled() && tally.is_mixed() {
        return vec![vec![Check::cross(one_leaf(&at), mixed(tally.address, tally))]];
    }
    if let Err(error) = tally.shown() {
        return vec![vec![Check::cross(format!("{at} answers"), error.to_string())]];
    }
    let chains = tally.current();
    let several = chains.len() > 1;
    let judged = chains.into_iter().enumerate().map(|(index, one)| {
        let at = if several {
            format!("{at}, chain {}", index + 1)
        } else {
            at.clone()
        };
        let mut checks = judgement::judge(&one.chain, expected, &at, now);
        if let Some(first) = checks.first_mut() {
            first.evidence = format!("{}; {}", first.evidence, tally.extent());
        }
        checks
    });
    judged.collect()
}

/// What is worth knowing of a place and decides nothing.
fn hints(tally: &Tally, snapshot: &Snapshot, now: Timestamp) -> Vec<Check> {
    let (at, mut hints) = (tally.address.to_string(), Vec::new());
    if let LookResult::Served(served) = &snapshot.seen {
        hints.push(judgement::trust(served.chain_problem.as_deref(), &at));
        hints.extend(judgement::lasts(served.chain_end.as_ref(), &at, now));
        hints.extend(judgement::ends(served.unfinished.as_deref(), &at));
    }
    hints
}

fn one_leaf(at: &str) -> String {
    format!("one certificate is served at {at}")
}

fn left_out(places: &Places) -> Option<Check> {
    let (more, looked) = (places.left_out, MOST_ADDRESSES);
    (more > 0).then(|| {
        let evidence = format!("{} looked at, not looked at: {more} more", counted(looked, "address"));
        Check::cross("every address of the name is looked at", evidence).advisory()
    })
}

pub(crate) fn failed(host: &str, error: ProbeError) -> VerifyError {
    match error {
        ProbeError::NoAddress { host, why } => VerifyError::NoAddress { host, why },
        ProbeError::Unreachable(why) => VerifyError::Unreachable(Trouble::new(host, why, Vec::new())),
        ProbeError::Unanswered(why) => VerifyError::Unanswered(Trouble::new(host, why, Vec::new())),
        ProbeError::Unseen(why) => VerifyError::Unseen(Trouble::new(host, why, Vec::new())),
    }
}

/// A place that this verifier cannot see is a hint where another one answers, and a cross elsewhere.
fn today(snapshot: &Snapshot, tally: &Tally, someone_answers: bool, now: Timestamp) -> Vec<Check> {
    let at = snapshot.dialled.to_string();
    let answers = format!("{at} answers");
    let served = match &snapshot.seen {
        LookResult::Served(served) => served,
        LookResult::Unreachable { probe_error } => {
            let cross = Check::cross(answers, probe_error.as_str());
            let unseen = tally.refusals() == 0;
            return vec![if unseen && someone_answers {
                cross.advisory()
            } else {
                cross
            }];
        }
    };
    let leaf = &served.leaf;
    let evidence = format!(
        "{} ({}), good until {}; {}",
        leaf.fingerprint,
        leaf.called(),
        leaf.not_after,
        snapshot.extent()
    );
    let mut checks = vec![Check::tick(answers, evidence)];
    if tally.is_mixed() {
        checks.push(Check::cross(one_leaf(&at), mixed(tally.address, tally)));
    }
    checks.extend(hints(tally, snapshot, now));
    checks
}
