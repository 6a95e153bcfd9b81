use anyhow::Result;
use domain::RunId;
use domain::run::Event;
use serde_json::{Value, json};
use store::StepRecord;

use crate::world::{World, minutes};

pub fn record(run_id: RunId, attempt: u32) -> StepRecord {
    StepRecord {
        run_id,
        attempt,
        step: "issue".to_owned(),
        outcome: "done",
        summary: format!("attempt {attempt}"),
        worker: "issuer@host-1/7".to_owned(),
        started_at: minutes(1),
        ended_at: minutes(2),
        checks: json!([{ "name": "order", "passed": true }]),
        log: json!([{ "message": "m" }]),
        exchange: json!([]),
    }
}

pub async fn keep(world: &World, records: &[StepRecord]) -> Result<()> {
    let mut ledger = world.store.ledger().await?;
    ledger.keep_steps(records).await?;
    Ok(ledger.commit().await?)
}

#[tokio::test]
async fn the_history_of_a_run_comes_back_as_it_was_kept_in_order() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    keep(&world, &[record(runs[0], 2), record(runs[1], 1), record(runs[0], 1)]).await?;

    let found = world.store.steps(&world.home, runs[0]).await?;

    let told: Vec<(u32, &str)> = found.iter().map(|step| (step.attempt, step.summary.as_str())).collect();
    assert_eq!(told, [(1, "attempt 1"), (2, "attempt 2")]);
    let (first, kept) = (&found[0], record(runs[0], 1));
    assert_eq!((&first.step, first.outcome.as_str()), (&kept.step, kept.outcome));
    assert_eq!((first.started_at, first.ended_at), (kept.started_at, kept.ended_at));
    assert_eq!(
        (&first.worker, &first.checks, &first.log),
        (&kept.worker, &kept.checks, &kept.log)
    );
    Ok(())
}

#[tokio::test]
async fn the_first_report_of_an_attempt_is_history() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(1).await?;
    keep(&world, &[record(runs[0], 1)]).await?;
    let mut again = record(runs[0], 1);
    again.summary = "told once more".to_owned();
    keep(&world, &[again]).await?;
    let found = world.store.steps(&world.home, runs[0]).await?;
    let told: Vec<&str> = found.iter().map(|step| step.summary.as_str()).collect();
    assert_eq!(told, ["attempt 1"]);
    Ok(())
}

#[tokio::test]
async fn only_attempts_that_talked_to_a_ca_have_an_exchange() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(1).await?;
    let talked = |attempt, path: &str| {
        let exchange = json!([{ "method": "POST", "url": path }]);
        StepRecord {
            exchange,
            ..record(runs[0], attempt)
        }
    };
    keep(
        &world,
        &[talked(3, "/finalize"), record(runs[0], 2), talked(1, "/order")],
    )
    .await?;

    let found = world.store.exchanges(&world.home, runs[0]).await?;

    let urls: Vec<&Value> = found.iter().map(|exchange| &exchange[0]["url"]).collect();
    assert_eq!(urls, ["/order", "/finalize"]);
    Ok(())
}

#[tokio::test]
async fn the_logs_of_runs_that_ended_long_ago_are_removed_once_and_their_steps_stay() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(2).await?;
    keep(&world, &[record(runs[0], 1), record(runs[1], 1)]).await?;
    let cancel = Event::CancelRequested { by: "ann".to_owned() };
    world.happens(runs[0], [cancel], minutes(3)).await?;

    assert_eq!(world.store.forget_logs(minutes(3), 10).await?, 0, "not yet");
    assert_eq!(world.store.forget_logs(minutes(60), 10).await?, 1);
    assert_eq!(world.store.forget_logs(minutes(60), 10).await?, 0);

    let ended = world.store.steps(&world.home, runs[0]).await?;
    assert_eq!((&ended[0].log, ended[0].summary.as_str()), (&json!([]), "attempt 1"));
    let active = world.store.steps(&world.home, runs[1]).await?;
    assert_eq!(active[0].log, record(runs[1], 1).log);
    Ok(())
}

/// Whatever a CA, a host or a proxy sent is kept, without the character that Postgres has no room for.
#[tokio::test]
async fn a_text_that_no_database_keeps_is_kept_without_its_nul() -> Result<()> {
    let world = World::new().await?;
    let runs = world.runs(1).await?;
    let mut odd = record(runs[0], 1);
    (odd.summary, odd.worker) = ("a\u{0}b".to_owned(), "issuer\u{0}/7".to_owned());
    odd.checks = json!([{ "name\u{0}": "\u{0}", "evidence": "\\u0000 as it was written" }]);
    (odd.log, odd.exchange) = (
        json!([{ "message": "a\u{0}\\" }]),
        json!([{ "response": "\u{1f}\u{8b}\u{0}" }]),
    );
    keep(&world, &[odd]).await?;
    let found = world.store.steps(&world.home, runs[0]).await?;
    assert_eq!(
        (found[0].summary.as_str(), found[0].worker.as_str()),
        ("a\u{fffd}b", "issuer\u{fffd}/7")
    );
    let checks = json!([{ "name\u{fffd}": "\u{fffd}", "evidence": "\\u0000 as it was written" }]);
    assert_eq!(
        (&found[0].checks, &found[0].log),
        (&checks, &json!([{ "message": "a\u{fffd}\\" }]))
    );
    Ok(())
}
