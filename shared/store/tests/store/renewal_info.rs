//! Which certificates are asked about, and what an answer leaves.

use std::time::Duration;

use anyhow::{Context, Result};
use domain::Timestamp;
use domain::ari::{Suggestion, Window};
use domain::certificate::LookResult;
use domain::ids::HostId;
use store::{Answered, AskWindow, Judgement, NewRun, SnapshotRow, ToAsk};

use crate::samples::{fingerprint, seen};
use crate::world::{World, minutes, now};

/// A certificate that names its issuer's key: only such a one is asked about.
fn leaf(name: &str) -> Result<String> {
    let issuer = rcgen::Issuer::new(
        rcgen::CertificateParams::new(Vec::<String>::new())?,
        rcgen::KeyPair::generate()?,
    );
    let mut leaf = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    leaf.use_authority_key_identifier_extension = true;
    Ok(leaf.signed_by(&rcgen::KeyPair::generate()?, &issuer)?.pem())
}

/// The run has just installed this certificate.
fn installed(run: &NewRun, of: &str) -> Result<SnapshotRow> {
    let mut row = seen(run, now(), Some(minutes(100_000)));
    if let LookResult::Served(served) = &mut row.snapshot.seen {
        served.leaf.fingerprint = fingerprint(of);
        served.leaf_pem = leaf(run.head.hostname.as_str())?;
    }
    Ok(row)
}

/// Runs of so many hosts whose certificates were seen.
async fn served(world: &World, hosts: usize) -> Result<Vec<NewRun>> {
    let mut runs = Vec::new();
    for number in 0..hosts {
        runs.push(world.created(&format!("host-{number}.example.org")).await?);
    }
    for run in &runs {
        look(world, installed(run, "leaf")?).await?;
    }
    Ok(runs)
}

async fn look(world: &World, row: SnapshotRow) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_snapshots(&[row]).await?;
    Ok(ledger.commit().await?)
}

pub async fn due(world: &World, window: i64, at: Timestamp) -> Result<Vec<ToAsk>> {
    let window = AskWindow {
        most: window,
        lost: Timestamp::EPOCH,
    };
    let until = at.plus(Duration::from_secs(60));
    Ok(world.store.claim_renewal_asks(window, at, until).await?)
}

async fn due_hosts(world: &World, window: i64, at: Timestamp) -> Result<Vec<HostId>> {
    Ok(due(world, window, at)
        .await?
        .into_iter()
        .map(|one| one.host_id)
        .collect())
}

fn answer(host_id: HostId, asked_at: Timestamp, next_ask_at: Timestamp) -> Answered {
    let window = Window::new(minutes(50_000), minutes(52_000)).expect("a window");
    Answered {
        host_id,
        asked_at,
        told_at: asked_at,
        suggestion: Some(Suggestion {
            window,
            explanation_url: Some("https://ca.example.org/why".to_owned()),
        }),
        next_ask_at: Some(next_ask_at),
        failures: 0,
        last_error: None,
        called: false,
    }
}

async fn keep(world: &World, answer: Answered) -> Result<()> {
    let mut tx = world.store.renewal_answers().await?;
    assert_eq!(tx.load(&[answer.host_id]).await?.len(), 1);
    tx.save(std::slice::from_ref(&answer), answer.told_at).await?;
    Ok(tx.commit().await?)
}

#[tokio::test]
async fn what_was_installed_is_asked_about_at_once_and_again_when_nobody_answers() -> Result<()> {
    let world = World::new().await?;
    let run = &served(&world, 1).await?[0];
    let asks = due(&world, 10, now()).await?;
    let ask = asks.first().context("a question")?;
    assert_eq!((ask.host_id, asks.len()), (run.head.host_id, 1));
    assert_eq!(ask.ca, run.plan.choice.ca, "the policy's CA");
    assert_eq!(due_hosts(&world, 10, now()).await?, []);
    assert_eq!(due_hosts(&world, 10, minutes(1)).await?, [run.head.host_id]);
    Ok(())
}

#[tokio::test]
async fn what_the_survey_saw_first_is_asked_about_as_early_as_the_run_wants() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let of_the_run = installed(&run, "leaf")?;
    let of_the_survey = SnapshotRow {
        run_id: None,
        ..installed(&run, "leaf")?
    };
    look(&world, of_the_survey).await?;
    assert_eq!(due_hosts(&world, 10, now()).await?, []);
    look(&world, of_the_run).await?;
    assert_eq!(due_hosts(&world, 10, now()).await?, [run.head.host_id]);
    Ok(())
}

#[tokio::test]
async fn the_window_bounds_how_many_questions_are_out() -> Result<()> {
    let world = World::new().await?;
    served(&world, 3).await?;
    let first = due_hosts(&world, 2, now()).await?;
    assert_eq!((first.len(), due_hosts(&world, 2, now()).await?.len()), (2, 0));
    keep(&world, answer(first[0], now(), minutes(360))).await?;
    assert_eq!(due_hosts(&world, 2, now()).await?.len(), 1);
    Ok(())
}

fn judged(run: &NewRun, judge_at: Timestamp) -> Judgement {
    Judgement {
        policy: run.head.policy_id,
        due_at: Some(judge_at),
        judge_at,
        why: "when a third of the life is left".to_owned(),
        waits_for_budget: false,
    }
}

/// How many policies are judged now.
async fn to_judge(world: &World, claimed_until: Timestamp) -> Result<usize> {
    Ok(world.store.policies_to_judge(now(), claimed_until, 10).await?.len())
}

#[tokio::test]
async fn another_certificate_and_the_end_of_a_run_wake_the_clock_the_same_one_does_not() -> Result<()> {
    let world = World::new().await?;
    let (run, claimed_until) = (&served(&world, 1).await?[0], minutes(5));
    let far = judged(run, minutes(360));
    assert_eq!(to_judge(&world, claimed_until).await?, 1);
    world
        .store
        .keep_judgements(std::slice::from_ref(&far), claimed_until)
        .await?;
    look(&world, installed(run, "leaf")?).await?;
    assert_eq!(to_judge(&world, claimed_until).await?, 0, "the same");
    look(&world, installed(run, "another leaf")?).await?;
    assert_eq!(to_judge(&world, claimed_until).await?, 1);

    world
        .store
        .keep_judgements(std::slice::from_ref(&far), claimed_until)
        .await?;
    let mut ledger = world.store.ledger().await?;
    ledger.judge_again(&[run.head.policy_id], now()).await?;
    ledger.commit().await?;
    assert_eq!(to_judge(&world, claimed_until).await?, 1);
    // While it is leased something happens that its judgement knows nothing of.
    look(&world, installed(run, "a third leaf")?).await?;
    world.store.keep_judgements(&[far], claimed_until).await?;
    assert_eq!(to_judge(&world, claimed_until).await?, 1, "it is judged once more");
    Ok(())
}

#[tokio::test]
async fn an_answer_wakes_the_clock_and_names_the_predecessor() -> Result<()> {
    let world = World::new().await?;
    let run = &served(&world, 1).await?[0];
    due(&world, 10, now()).await?;
    let judged = world.store.policies_to_judge(now(), minutes(300), 10).await?;
    assert!(judged.len() == 1 && judged[0].suggested.is_none());
    keep(&world, answer(run.head.host_id, now(), minutes(360))).await?;
    let judged = world.store.policies_to_judge(now(), minutes(300), 10).await?;
    let suggested = judged[0].suggested.as_ref().context("the CA's window")?;
    assert_eq!(suggested.window.start(), minutes(50_000));
    let again = answer(run.head.host_id, now(), minutes(360));
    keep(&world, again).await?;
    assert!(
        world.store.policies_to_judge(now(), minutes(300), 10).await?.is_empty(),
        "it is no news"
    );
    assert_eq!(due_hosts(&world, 10, minutes(359)).await?, []);
    assert_eq!(due_hosts(&world, 10, minutes(360)).await?.len(), 1);

    let policies = world.store.policies(&world.home, None, 10).await?;
    let shown = policies[0].renewal.as_ref().context("it was asked")?;
    assert_eq!(shown.suggestion.as_ref(), Some(suggested));
    let names = [run.head.hostname.to_string()];
    let facts = world.store.policy_facts(&world.home, &names).await?;
    assert!(facts[0].renewal.is_none(), "no run of ours got this certificate");
    world.sql("update renewal_info set issued_here = true").await?;
    let facts = world.store.policy_facts(&world.home, &names).await?;
    let renewal = facts[0].renewal.as_ref().context("a predecessor")?;
    assert_eq!(renewal.issued_at, run.plan.choice.ca);
    assert_eq!(renewal.predecessor.names, ["www.example.org"]);
    Ok(())
}

#[tokio::test]
async fn nobody_is_asked_about_what_was_replaced_until_the_next_one_is_seen() -> Result<()> {
    let world = World::new().await?;
    let run = &served(&world, 1).await?[0];
    world.sql("update renewal_info set issued_here = true").await?;
    let mut ledger = world.store.ledger().await?;
    ledger
        .mark_replaced(&[(run.head.host_id, fingerprint("next"))], now())
        .await?;
    ledger.commit().await?;
    assert_eq!(due_hosts(&world, 10, minutes(600)).await?, []);
    let names = [run.head.hostname.to_string()];
    assert!(
        world.store.policy_facts(&world.home, &names).await?[0]
            .renewal
            .is_none()
    );
    look(&world, installed(run, "next")?).await?;
    assert_eq!(due_hosts(&world, 10, now()).await?, [run.head.host_id]);
    Ok(())
}

#[tokio::test]
async fn nobody_is_asked_about_what_has_ended() -> Result<()> {
    let world = World::new().await?;
    served(&world, 1).await?;
    assert_eq!(due_hosts(&world, 10, minutes(100_000)).await?, []);
    let still = world.store.policies(&world.home, None, 10).await?;
    assert!(still[0].renewal.is_none(), "it was never asked about");
    Ok(())
}

#[tokio::test]
async fn a_host_that_was_seen_before_this_version_is_adopted_once() -> Result<()> {
    let world = World::new().await?;
    served(&world, 3).await?;
    world.sql("delete from renewal_info").await?;
    assert_eq!(world.store.adopt_served(2).await?, 2);
    assert_eq!(world.store.adopt_served(2).await?, 1);
    assert_eq!(world.store.adopt_served(2).await?, 0);
    assert_eq!(
        due_hosts(&world, 10, now()).await?,
        [],
        "each has its own place in the next six hours"
    );
    assert_eq!(due_hosts(&world, 10, minutes(360)).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn what_a_person_wants_to_know_is_asked_about_now() -> Result<()> {
    let world = World::new().await?;
    let run = &served(&world, 1).await?[0];
    due(&world, 10, now()).await?;
    keep(&world, answer(run.head.host_id, now(), minutes(360))).await?;
    let names = [run.head.hostname.to_string(), "unknown.example.org".to_owned()];
    world.store.ask_about(&world.home, &names, minutes(5)).await?;
    assert_eq!(due_hosts(&world, 10, minutes(5)).await?, [run.head.host_id]);
    Ok(())
}
