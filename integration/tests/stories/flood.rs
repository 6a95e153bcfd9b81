//! A system that asks without end: its own requests are refused at once, nobody else's are lost or held up.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use integration::Member;
use protocol::request::Answer;
use serde::Deserialize;
use serde_json::json;
use testkit::async_nats::jetstream;
use testkit::{Signal, wait};

use crate::guarded::{Guarded, Somebody, guarded};
use crate::world::{SOON, all_succeed_with_one_certificate_each};

/// As many of one verb may wait in the stream (`shared/bus/src/streams.rs`).
const MOST: usize = 100;
/// So many dead letters are kept of one workspace.
const LETTERS: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_workspace_is_refused_to_it_and_to_nobody_else() -> Result<()> {
    let world = guarded(2).await?;
    let (flooder, other) = (world.login("ws-default").await?, world.login("ws-other").await?);
    // Nobody reads meanwhile.
    let planner = world.fleet.member(Member::Planner)?;
    planner.signal(Signal::STOP)?;
    let refused = until_refused(&flooder, "vigilo.request.default.probe").await?;
    ensure!(refused.err_code == 10077, "{refused:?}");
    ensure!(refused.description.contains("per subject"), "{refused:?}");
    let large = "x".repeat(600_000);
    let word = sent(&flooder, "vigilo.request.default.renew", &large).await?;
    let too_large = word.error.as_ref().context("too large is refused too")?;
    ensure!(too_large.err_code == 10054, "{word:?}");
    // Its other verbs, another workspace and the people are none of it.
    for (asker, subject) in [
        (&flooder, "vigilo.request.default.renew"),
        (&other, "vigilo.request.other.probe"),
    ] {
        let word = sent(asker, subject, "later").await?;
        ensure!(word.is_stored(), "{subject}: {word:?}");
    }
    planner.signal(Signal::CONT)?;

    let asked = json!({"hostnames": ["a.example.org"], "requested_by": "cmdb"});
    let answer = other.asks("vigilo.request.other.probe", &asked).await?;
    let is_heard = matches!(answer, Answer::Probing { .. } | Answer::Rejected { .. });
    ensure!(is_heard, "{answer:?}");
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    let word = sent(&flooder, "vigilo.request.default.probe", "again").await?;
    ensure!(word.is_stored(), "what was answered makes room: {word:?}");
    Ok(())
}

/// What takes long to decide for one workspace is not before what another one asks, whoever came first.
#[tokio::test(flavor = "multi_thread")]
async fn one_workspace_is_answered_while_the_requests_of_another_still_wait() -> Result<()> {
    let world = guarded(1).await?;
    let (flooder, other) = (world.login("ws-default").await?, world.login("ws-other").await?);
    let planner = world.fleet.member(Member::Planner)?;
    planner.signal(Signal::STOP)?;
    let hostnames: Vec<String> = (0..1_000).map(|n| format!("host-{n}.example.org")).collect();
    for number in 0..MOST {
        let wish = json!({"hostnames": hostnames, "idempotency_key": format!("n-{number}"), "requested_by": "a loop"});
        let word = sent_raw(&flooder, "vigilo.request.default.renew", &wish.to_string()).await?;
        ensure!(word.error.is_none(), "{number}: {word:?}");
    }
    planner.signal(Signal::CONT)?;
    let asked = json!({"hostnames": ["a.example.org"], "requested_by": "cmdb"});
    other.asks("vigilo.request.other.probe", &asked).await?;
    let left = waiting(&world, "vigilo.request.default.renew").await?;
    ensure!(left > 0, "all requests of the other workspace were decided before");
    Ok(())
}

/// So many wait on this subject.
async fn waiting(world: &Guarded, subject: &str) -> Result<u64> {
    let client = world.login("planner").await?.client;
    let asked = json!({"subjects_filter": subject}).to_string();
    let info = client.request("$JS.API.STREAM.INFO.REQUESTS", asked.into());
    let info: Info = serde_json::from_slice(&tokio::time::timeout(SOON, info).await??.payload)?;
    let subjects = info.state.subjects.unwrap_or_default();
    Ok(subjects.get(subject).copied().unwrap_or(0))
}

/// What NATS says of a stream, as far as it is needed here.
#[derive(Deserialize)]
struct Info {
    state: State,
}

#[derive(Deserialize)]
struct State {
    /// Absent when nothing waits on any of them.
    subjects: Option<BTreeMap<String, u64>>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_what_cannot_be_read_pushes_out_no_evidence_of_others() -> Result<()> {
    let world = guarded(1).await?;
    let (flooder, other) = (world.login("ws-default").await?, world.login("ws-other").await?);
    sent_raw(&other, "vigilo.request.other.renew", "{ once").await?;
    for number in 0..LETTERS + 100 {
        wait::until_ok("room for one more", SOON, async || {
            let word = sent_raw(&flooder, "vigilo.request.default.renew", &format!("{{ {number}")).await?;
            ensure!(word.error.is_none(), "{word:?}");
            Ok(())
        })
        .await?;
    }
    let client = world.login("planner").await?.client;
    let dead = jetstream::new(client).get_stream("DEAD").await?;
    wait::until_ok("the letters of both", SOON, async || {
        let mut found = BTreeMap::new();
        let mut subjects = dead.info_with_subjects("vigilo.dead.requests.*").await?;
        while let Some((subject, letters)) = subjects.try_next().await? {
            found.insert(subject, letters);
        }
        let expected = [
            ("vigilo.dead.requests.default", LETTERS),
            ("vigilo.dead.requests.other", 1),
        ];
        let expected: BTreeMap<String, usize> = expected.map(|(of, letters)| (of.to_owned(), letters)).into();
        ensure!(
            found == expected && waiting(&world, "vigilo.request.default.renew").await? == 0,
            "{found:?}"
        );
        Ok(())
    })
    .await
}

/// What NATS says of a message for a stream.
#[derive(Debug, Deserialize)]
struct Word {
    stream: Option<String>,
    error: Option<NotStored>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct NotStored {
    err_code: u32,
    description: String,
}

impl Word {
    fn is_stored(&self) -> bool {
        self.error.is_none() && self.stream.as_deref() == Some("REQUESTS")
    }
}

/// Sends it as a client does that waits for the stream's word, and gives that.
async fn sent_raw(somebody: &Somebody, subject: &str, body: &str) -> Result<Word> {
    let word = somebody.client.request(subject.to_owned(), body.to_owned().into());
    Ok(serde_json::from_slice(
        &tokio::time::timeout(SOON, word).await??.payload,
    )?)
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
async fn until_refused(somebody: &Somebody, subject: &str) -> Result<NotStored> {
    for number in 0..2 * MOST {
        if let Some(refused) = sent(somebody, subject, "more").await?.error {
            ensure!(number >= MOST, "only {number} were taken");
            let next = sent(somebody, subject, "more").await?;
            ensure!(next.error.as_ref() == Some(&refused), "{next:?}");
            return Ok(refused);
        }
    }
    anyhow::bail!("{} were taken", 2 * MOST)
}

async fn sent(somebody: &Somebody, subject: &str, note: &str) -> Result<Word> {
    let body = json!({"hostnames": ["a.example.org"], "requested_by": "a loop", "note": note}).to_string();
    sent_raw(somebody, subject, &body).await
}
