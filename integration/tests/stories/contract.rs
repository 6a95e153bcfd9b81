//! The contract on NATS: every service logs in as itself and can do what it is for, no more; and programs in another
//! language ask, are answered, and see what becomes of it.

use anyhow::{Context, Result, bail, ensure};
use domain::job::JobState;
use domain::run::Status;
use domain::{JobId, RunId};
use integration::Member;
use protocol::event::RunEvent;
use protocol::request::{Answer, JobStanding};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::guarded::{Guarded, guarded};
use crate::world::all_succeed_with_one_certificate_each;

#[tokio::test(flavor = "multi_thread")]
async fn the_wheel_turns_with_a_user_per_service_and_none_steps_out_of_its_row() -> Result<()> {
    let world = guarded(4).await?;
    world.fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    for member in Member::ALL {
        let log = world.fleet.member(member)?.log().to_lowercase();
        // Who starts before the planner tries to make the streams, and waits for it.
        let too_early = |line: &str| line.contains("$js.api.stream.update.");
        let lacking = log
            .lines()
            .find(|line| line.contains("permissions violation") && !too_early(line));
        ensure!(lacking.is_none(), "{member:?} lacks a right: {lacking:?}");
        let lacking = log.lines().find(|line| line.contains("permission denied"));
        ensure!(lacking.is_none(), "{member:?} lacks a right in Postgres: {lacking:?}");
    }

    for worker in ["issuer", "deployer", "key-signer", "verifier", "incident"] {
        let mut worker = world.login(worker).await?;
        let request = "vigilo.request.default.renew";
        worker.client.publish(request, "{}".into()).await?;
        worker.was_denied(request).await?;
        let _orders = worker.client.subscribe("vigilo.order.>").await?;
        worker.was_denied("vigilo.order.>").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_program_in_another_language_asks_for_a_renewal_and_sees_its_end() -> Result<()> {
    let world = guarded(1).await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let before = world.estate.served().await?;
    let (code, lines) = world.python("ws-default", &[host, "--key", "night-1"]).await?;
    ensure!(code == Some(0), "{lines:?}");
    let answer = lines[0].clone();
    let Line::Answer(Answer::Renewal { accepted, .. }) = Line::of(&answer)? else {
        bail!("{answer}")
    };
    let run = accepted.first().context("a run")?.run_id;
    let Line::Event(last) = Line::of(lines.last().context("an event")?)? else {
        bail!("{lines:?}")
    };
    ensure!(last.status == Status::Succeeded && last.run_id == run, "{last:?}");
    ensure!(world.estate.served().await? != before, "the new certificate is served");

    let (code, twin) = world.python("ws-default", &[host, "--key", "night-1"]).await?;
    ensure!(code == Some(0) && twin[0] == answer, "{twin:?} instead of {answer}");
    let runs = world.fleet.api.runs_of(host).await?;
    ensure!(runs.len() == 1, "{runs:?}");
    ensure!(world.estate.issued() == 1);

    let nonsense = [
        (r#"{"hostnames": "all of them"}"#, "payload"),
        ("renew everything, please", "payload"),
        (
            r#"{"schema": 99, "hostnames": ["a.example"], "idempotency_key": "k", "requested_by": "x"}"#,
            "schema",
        ),
        (
            r#"{"hostnames": [], "idempotency_key": "k", "requested_by": "x"}"#,
            "hostnames",
        ),
    ];
    for (text, field) in nonsense {
        let (code, lines) = world.python("ws-default", &["--raw", text]).await?;
        let Line::Answer(Answer::Rejected { reason }) = Line::of(&lines[0])? else {
            bail!("{text}: {lines:?}")
        };
        ensure!(code == Some(2) && reason.field == field, "{text}: {lines:?}");
    }

    let (code, lines) = world.python("ws-other", &[host, "--workspace", "default"]).await?;
    ensure!(code == Some(3) && is_forbidden(&lines[0])?, "{lines:?}");
    ensure!(world.estate.issued() == 1);
    the_cli_replays(&world, run)
}

/// A line that an example client prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Answer(Answer),
    Event(Box<RunEvent>),
    Error(String),
}

impl Line {
    fn of(line: &Value) -> Result<Self> {
        Self::deserialize(line).with_context(|| line.to_string())
    }
}

/// Whether the server has refused what the client said.
fn is_forbidden(line: &Value) -> Result<bool> {
    let Line::Error(error) = Line::of(line)? else {
        return Ok(false);
    };
    Ok(error.to_lowercase().contains("permissions violation"))
}

fn the_cli_replays(world: &Guarded, run: RunId) -> Result<()> {
    let output = world.fleet.command(&["events", "--json"])?.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let events: Vec<RunEvent> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of_run = events.iter().filter(|event| event.run_id == run);
    let statuses: Vec<Status> = of_run.map(|event| event.status).collect();
    ensure!(
        statuses.ends_with(&[Status::Running, Status::Succeeded]),
        "{statuses:?}"
    );
    let later = world
        .fleet
        .command(&["events", "--json", "--since", "2999-01-01T00:00:00Z"])?
        .output()?;
    ensure!(later.status.success() && later.stdout.is_empty(), "{later:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_in_another_language_plans_a_bulk_renewal_and_commits_it() -> Result<()> {
    let world = guarded(3).await?;
    let spec = json!({"filter": {"hostname_glob": "*"}, "reason": "the night plan of another system"}).to_string();
    let asked = ["--spec", spec.as_str(), "--key", "night-2"];
    let (code, lines) = world.client("bulk.py", "ws-default", &asked).await?;
    let plan = standing(&lines)?;
    ensure!(code == Some(0) && plan.state == JobState::Planned, "{lines:?}");
    ensure!(plan.totals.included == 3, "{plan:?}");
    ensure!(world.estate.issued() == 0, "nothing happens before the commit");

    let twin = [&asked[..], &["--commit"]].concat();
    let (code, lines) = world.client("bulk.py", "ws-default", &twin).await?;
    let end = standing(&lines)?;
    ensure!(code == Some(0) && end.job_id == plan.job_id, "{lines:?}");
    ensure!(end.state == JobState::Ended && end.progress.succeeded == 3, "{end:?}");
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await?;
    strange_bulks_are_refused(&world, plan.job_id).await
}

/// What the last line says of a job.
fn standing(lines: &[Value]) -> Result<JobStanding> {
    match Line::of(lines.last().context("an answer")?)? {
        Line::Answer(Answer::JobStands(standing)) => Ok(*standing),
        other => bail!("{other:?}"),
    }
}

async fn strange_bulks_are_refused(world: &Guarded, job: JobId) -> Result<()> {
    for (spec, field) in [
        (r#"{"filter": {"colour": "red"}}"#, "payload"),
        (r#"{"filter": {}, "concurrency": 0}"#, "concurrency"),
        (r#"{"filter": {}, "ends_at": "2001-01-01T00:00:00Z"}"#, "ends_at"),
    ] {
        let (code, lines) = world.client("bulk.py", "ws-default", &["--spec", spec]).await?;
        let Line::Answer(Answer::Rejected { reason }) = Line::of(&lines[0])? else {
            bail!("{spec}: {lines:?}")
        };
        ensure!(code == Some(2) && reason.field == field, "{spec}: {lines:?}");
    }
    let all = r#"{"filter": {}}"#;
    let forbidden = ["--workspace", "default", "--spec", all];
    let (code, lines) = world.client("bulk.py", "ws-other", &forbidden).await?;
    ensure!(code == Some(3) && is_forbidden(&lines[0])?, "{lines:?}");
    words_about_a_job_are_answered(world, job).await
}

#[derive(Debug, PartialEq)]
enum AnswerAboutAJob {
    Stands,
    Taken,
    Rejected,
}

impl AnswerAboutAJob {
    fn of(answer: &Answer) -> Option<Self> {
        match answer {
            Answer::JobStands(_) => Some(Self::Stands),
            Answer::Job { .. } => Some(Self::Taken),
            Answer::Rejected { .. } => Some(Self::Rejected),
            _ => None,
        }
    }
}

/// By the names that are written now and by those of the first versions.
async fn words_about_a_job_are_answered(world: &Guarded, job: JobId) -> Result<()> {
    let somebody = world.login("ws-default").await?;
    for (verb, answered) in [
        ("job-show", AnswerAboutAJob::Stands),
        ("job-pause", AnswerAboutAJob::Rejected),
        ("job_resume", AnswerAboutAJob::Rejected),
        ("bulk_commit", AnswerAboutAJob::Taken),
        // Every run of it has ended: nothing is left to give up.
        ("job-cancel", AnswerAboutAJob::Rejected),
    ] {
        let body = json!({"job_id": job, "requested_by": "cmdb"});
        let answer = somebody.asks(&format!("vigilo.request.default.{verb}"), &body).await?;
        ensure!(AnswerAboutAJob::of(&answer) == Some(answered), "{verb}: {answer:?}");
    }
    Ok(())
}
