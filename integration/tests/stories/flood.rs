//! A system that asks without end: its own requests are refused at once, nobody else's are lost or held up.

use anyhow::{Result, ensure};
use integration::Member;
use serde_json::{Value, json};
use testkit::Signal;

use crate::guarded::{Somebody, guarded};
use crate::world::{SOON, all_succeed_with_one_certificate_each};

/// As many of one verb may wait in the stream (`shared/bus/src/topology.rs`).
const MOST: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_workspace_is_refused_to_it_and_to_nobody_else() -> Result<()> {
    let world = guarded(2).await?;
    let (flooder, other) = (world.login("ws-default").await?, world.login("ws-other").await?);
    // Nobody reads meanwhile.
    let planner = world.fleet.member(Member::Planner)?;
    planner.signal(Signal::STOP)?;
    let refused = until_refused(&flooder, "vigilo.request.default.probe").await?;
    ensure!(refused["err_code"] == 10077, "{refused}");
    ensure!(refused["description"].to_string().contains("per subject"), "{refused}");
    let large = "x".repeat(600_000);
    let word = sent(&flooder, "vigilo.request.default.renew", &large).await?;
    ensure!(word["error"]["err_code"] == 10054, "too large is refused too: {word}");
    // Its other verbs, another workspace and the people are none of it.
    for (asker, subject) in [
        (&flooder, "vigilo.request.default.renew"),
        (&other, "vigilo.request.other.probe"),
    ] {
        let word = sent(asker, subject, "later").await?;
        ensure!(word["stream"] == "REQUESTS", "{subject}: {word}");
    }
    planner.signal(Signal::CONT)?;

    let asked = json!({"hostnames": ["a.example.org"], "requested_by": "cmdb"});
    let answer = other.asks("vigilo.request.other.probe", &asked).await?;
    ensure!(
        answer["answer"] == "probing" || answer["answer"] == "rejected",
        "{answer}"
    );
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    let word = sent(&flooder, "vigilo.request.default.probe", "again").await?;
    ensure!(word["stream"] == "REQUESTS", "what was answered makes room: {word}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_that_are_no_verb_fill_nothing() -> Result<()> {
    let world = guarded(1).await?;
    let mut hostile = world.login("ws-default").await?;
    for made_up in ["vigilo.request.default.a1", "vigilo.request.default.renew.a1"] {
        hostile.client.publish(made_up, "{}".into()).await?;
        hostile.was_denied(made_up).await?;
    }
    Ok(())
}

/// Sends until one is refused, and makes sure that it is not the only one; a process that is stopped may read a little more.
async fn until_refused(somebody: &Somebody, subject: &str) -> Result<Value> {
    for number in 0..2 * MOST {
        let word = sent(somebody, subject, "more").await?;
        if word["error"].is_object() {
            ensure!(number >= MOST, "only {number} were taken");
            let next = sent(somebody, subject, "more").await?;
            ensure!(next["error"] == word["error"], "{next}");
            return Ok(word["error"].clone());
        }
    }
    anyhow::bail!("{} were taken", 2 * MOST)
}

/// Sends it as a client does that waits for the stream's word, and gives that.
async fn sent(somebody: &Somebody, subject: &str, note: &str) -> Result<Value> {
    let body = json!({"hostnames": ["a.example.org"], "requested_by": "a loop", "note": note}).to_string();
    let word = somebody.client.request(subject.to_owned(), body.into());
    Ok(serde_json::from_slice(
        &tokio::time::timeout(SOON, word).await??.payload,
    )?)
}
