//! One rule for every wait that a CA asks for, wherever it asks: a floor that grows, a longest wait, and dates by its own clock.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::ari::{Asked, CertId, RenewalInfoAnswer, next_ask};
use domain::{HostId, Timestamp};
use protocol::order::{IssueSpec, Order};
use testkit::faulty_ca::{Fault, FaultPoint, RetryAfter};

use crate::liar::Liar;
use crate::world::{Issuer, ctx, refusal, rest, retry};

const DAY: u64 = 24 * 3_600;
/// How long a test may take between the CA's answer and the look at what was made of it.
const SLACK: u64 = 20;

/// What the CA asks for, and how many seconds are waited after so many failures, at least and at most.
const RULE: [(RetryAfter, u32, [u64; 2]); 8] = [
    (RetryAfter::Seconds(0), 0, [2, 5]),
    (RetryAfter::Seconds(0), 7, [300, 600]),
    (RetryAfter::Past, 0, [2, 5]),
    (RetryAfter::Past, 7, [300, 600]),
    (RetryAfter::Seconds(3_000_000), 0, [8 * DAY, 8 * DAY + 5]),
    (RetryAfter::DateIn(3_000_000), 7, [8 * DAY, 8 * DAY + 600]),
    (AHEAD, 0, [3_599, 3_600]),
    (BEHIND, 0, [3_599, 3_600]),
];

const AHEAD: RetryAfter = RetryAfter::BySkewedClock {
    wait: 3_600,
    ahead: 86_400,
};
const BEHIND: RetryAfter = RetryAfter::BySkewedClock {
    wait: 3_600,
    ahead: -86_400,
};

/// Every way of asking, at this place, as a 429 and as a 503; `begin` brings an order to where it meets the place.
async fn holds(
    place: FaultPoint,
    begin: impl AsyncFn(&Liar, &Issuer, &Fault) -> Result<Order<IssueSpec>>,
) -> Result<()> {
    let liar = Liar::start().await?;
    let issuer = liar.issuer().await?;
    for (asked, failures, [least, most]) in RULE {
        for fault in [Fault::RateLimit(asked), Fault::Busy(asked)] {
            let mut order = begin(&liar, &issuer, &fault).await?;
            order.failures = failures;
            liar.ca.misbehave(place, &fault, 1);
            let before = ctx().now();
            let error = refusal(&issuer, &order).await.with_context(|| format!("{fault:?}"))?;
            ensure!(!error.forget_checkpoint, "{fault:?}: the same is asked for again");
            let (until, why) = retry(error)?;
            let wait = until.since(before).as_secs();
            ensure!(
                (least..=most + SLACK).contains(&wait),
                "{place:?}, {fault:?} after {failures} failures: {wait} s, not {least} to {most}"
            );
            let code = why.code.as_str();
            ensure!(
                ["ISS-0005", "ISS-0006", "ISS-0019"].contains(&code),
                "{fault:?}: {why:?}"
            );
            ensure!(
                why.what.contains(&until.to_string()),
                "it is visible until when: {why:?}"
            );
        }
    }
    Ok(())
}

async fn opened(liar: &Liar, issuer: &Issuer) -> Result<Order<IssueSpec>> {
    let mut order = liar.order(issuer, &["www.example.org"]).await?;
    rest(issuer, &mut order).await?;
    Ok(order)
}

#[tokio::test]
async fn what_a_ca_asks_for_at_a_new_order_is_waited_for_by_the_rule() -> Result<()> {
    holds(FaultPoint::NewOrder, async |liar, issuer, _| {
        liar.order(issuer, &["www.example.org"]).await
    })
    .await
}

#[tokio::test]
async fn what_a_ca_asks_for_at_an_authorization_is_waited_for_by_the_rule() -> Result<()> {
    holds(FaultPoint::Authorization, async |liar, issuer, fault| {
        let mut order = liar.order(issuer, &["www.example.org"]).await?;
        // An order that was placed is remembered first, though it cannot be read.
        liar.ca.misbehave(FaultPoint::Authorization, fault, 1);
        rest(issuer, &mut order).await?;
        Ok(order)
    })
    .await
}

#[tokio::test]
async fn what_a_ca_asks_for_at_an_order_is_waited_for_by_the_rule() -> Result<()> {
    holds(FaultPoint::Order, async |liar, issuer, _| opened(liar, issuer).await).await
}

#[tokio::test]
async fn what_a_ca_asks_for_at_a_challenge_or_finalization_is_waited_for_by_the_rule() -> Result<()> {
    for place in [FaultPoint::Challenge, FaultPoint::Finalize] {
        holds(place, async |liar, issuer, _| opened(liar, issuer).await).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_ca_asks_for_at_the_download_is_waited_for_by_the_rule() -> Result<()> {
    holds(FaultPoint::Certificate, async |liar, issuer, _| {
        opened(liar, issuer).await
    })
    .await
}

/// An order that is answered well, and is never done: its patience is counted, whatever the CA asks for.
#[tokio::test]
async fn an_order_that_stays_processing_is_left_to_the_ledger_by_the_rule() -> Result<()> {
    let liar = Liar::start().await?;
    let mut config = liar.config()?;
    config.poll.patience_seconds = 1;
    let issuer = liar.issuer_with(config).await?;
    for (asked, failures, [least, most]) in RULE {
        let mut order = opened(&liar, &issuer).await?;
        order.failures = failures;
        liar.ca.stall(asked);
        let (before, polls) = (ctx().now(), liar.ca.requests(FaultPoint::Order));
        let (until, why) = retry(refusal(&issuer, &order).await?)?;
        liar.ca.go_on();
        ensure!(why.what.contains("still processing"), "{asked:?}: {why:?}");
        let wait = until.since(before).as_secs();
        let at_once = matches!(asked, RetryAfter::Seconds(0) | RetryAfter::Past);
        // What is no time at all is the ladder's, which has 60 s here.
        let (least, most) = if at_once { (60, 66) } else { (least, most) };
        ensure!(
            (least..=most + SLACK).contains(&wait),
            "{asked:?} after {failures} failures: {wait} s, not {least} to {most}"
        );
        let polls = liar.ca.requests(FaultPoint::Order) - polls;
        ensure!(polls < 40, "{asked:?}: {polls} polls within a second");
    }
    Ok(())
}

/// When a certificate is asked about again that lives for a year.
fn next(answer: &RenewalInfoAnswer, failures: u32, now: Timestamp) -> Result<u64> {
    let asked = Asked {
        failures,
        before: None,
        not_after: now.plus(Duration::from_secs(365 * DAY)),
    };
    let next = next_ask(HostId::new(), answer, asked, now).context("it is asked about again")?;
    Ok(next.since(now).as_secs())
}

#[tokio::test]
async fn what_a_ca_asks_for_with_renewal_information_is_waited_for_by_the_rule() -> Result<()> {
    let liar = Liar::start().await?;
    let window = r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"}}"#;
    let certificate: CertId = "AAAA.AAAA".parse()?;
    let ca = liar.ca.directory_url().parse()?;
    for (asked, failures, least) in [
        (RetryAfter::Seconds(0), 1, 60),
        (RetryAfter::Seconds(0), 3, 960),
        (RetryAfter::Past, 1, 60),
        (RetryAfter::Past, 3, 960),
        (RetryAfter::Seconds(3_000_000), 1, DAY),
        (RetryAfter::DateIn(3_000_000), 3, DAY),
        (AHEAD, 1, 3_599),
        (BEHIND, 1, 3_599),
    ] {
        liar.ca.offer_renewal_info(window, Some(asked));
        let authorities = liar.authorities().await?;
        let issuer = authorities.of(&ca)?;
        let offered = issuer.renewal_info(&ca, &certificate).await;
        ensure!(matches!(offered, RenewalInfoAnswer::Suggested { .. }), "{offered:?}");
        liar.ca.misbehave(FaultPoint::RenewalInfo, &Fault::Busy(asked), 1);
        let busy = issuer.renewal_info(&ca, &certificate).await;
        ensure!(matches!(busy, RenewalInfoAnswer::Unavailable { .. }), "{busy:?}");
        // A good answer that asks for no time grows by the time between two of them (`domain::ari::asking`).
        let first = least.min(if least < 3_599 { 60 } else { least });
        for (answer, least) in [(offered, first), (busy, least)] {
            let wait = next(&answer, failures, ctx().now())?;
            // With what keeps an estate from asking all at once.
            ensure!(
                (least - 5..=least + least / 4 + SLACK).contains(&wait),
                "{asked:?}, {answer:?}: {wait} s, not {least}"
            );
        }
    }
    Ok(())
}
