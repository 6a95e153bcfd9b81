//! A panic while one message is handled costs that message: its sender is told, a copy with the reason is kept, and the process goes
//! on with what comes next.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bus::aside::serve_each;
use bus::inbox::{Delivery, Inbox};
use bus::panics::caught;
use bus::readers::Reader;
use bus::signing::Signer;
use bus::streams::StreamName;
use bus::work::Work;
use bus::{Bus, Connection, Progress, StepContext, StepError, StepHandler, SystemClock};
use domain::clock::Clock;
use domain::run::{Mode, Outcome, Product, Rehearsal, Step, StepKind};
use domain::solver::{self, Solver};
use domain::{HostId, RunId, WorkspaceId};
use protocol::SCHEMA;
use protocol::order::{Order, Spec, TidySpec};
use protocol::probe::ProbeAsk;
use protocol::report::Report;
use protocol::request::{Answer, Verb};
use protocol::subjects::Worker;
use serde_json::{Value, json};
use testkit::async_nats::jetstream;
use testkit::wait;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);
const FEARED: &str = "feared.example.org";

async fn bus() -> Result<Bus> {
    let nats = testkit::shared::nats().await;
    let connection = Connection {
        url: nats.url(),
        user: Some(nats.user().to_owned()),
        password: Some(nats.password().to_owned()),
        ..Connection::default()
    };
    let keys = testkit::run_dir::fresh("keys", None)?;
    let connection = connection
        .with_keys_in(&keys, Some(Signer::Planner))
        .map_err(anyhow::Error::msg)?;
    let bus = Bus::connect(&connection, "panics-test").await?;
    bus.apply_topology().await?;
    Ok(bus)
}

/// The reason of the newest dead letter of a stream, and what it was about.
async fn buried(stream: &str) -> Result<(String, String)> {
    let context = jetstream::new(testkit::shared::nats().await.connect().await?);
    let dead = context.get_stream("DEAD").await?;
    let subject = protocol::subjects::dead(stream, "*");
    wait::until_ok("the dead letter", SOON, async || {
        let letter = dead.get_last_raw_message_by_subject(&subject).await?;
        let header = |name: &str| letter.headers.get(name).map(ToString::to_string).context("a header");
        anyhow::Ok((header("vigilo-subject")?, header("vigilo-reason")?))
    })
    .await
}

/// Until a work queue has nothing more.
async fn is_empty(stream: &str) -> Result<()> {
    let context = jetstream::new(testkit::shared::nats().await.connect().await?);
    let stream = context.get_stream(stream).await?;
    wait::until_ok("every message to be settled", SOON, async || {
        let left = stream.get_info().await?.state.messages;
        ensure!(left == 0, "{left} are left");
        Ok(())
    })
    .await
}

/// Fears one host.
struct Fearful;

impl StepHandler for Fearful {
    type Spec = TidySpec;
    const KIND: StepKind = StepKind::Tidy;

    async fn carry_out(&self, order: &Order<TidySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        ctx.info("looked at", &[("host", order.hostname.as_str())]);
        assert_ne!(order.hostname.as_str(), FEARED, "a host that is feared");
        Ok(Progress::Done(Product::Tidied))
    }

    async fn rehearse(&self, _: &Order<TidySpec>, _: &StepContext) -> Result<Rehearsal, StepError> {
        Ok(Rehearsal::of(Vec::new()))
    }
}

fn order(hostname: &str) -> Result<Order<Spec>> {
    Ok(Order {
        schema: SCHEMA,
        run_id: RunId::new(),
        workspace: WorkspaceId::default_workspace(),
        hostname: hostname.parse()?,
        step: Step::Tidy,
        attempt: 1,
        mode: Mode::Live,
        failures: 0,
        wait_seconds: 60,
        deadline: SystemClock.now().plus(Duration::from_secs(120)),
        checkpoint: None,
        spec: Spec::Tidy(TidySpec {
            ca: None,
            solver: Solver::default(),
            left: solver::Receipt::default(),
        }),
    })
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_worker_that_panics_reports_it_and_goes_on() -> Result<()> {
    let bus = bus().await?;
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    let mut reports = Inbox::<Report>::open(bus.clone(), Reader::reports(), 10).await?;
    let work = Work::new(bus.clone(), Worker::of(StepKind::Tidy), 1).handles(Fearful);
    let stop = soft.clone();
    let working = tokio::spawn(async move { work.run(&stop, &hard).await });

    let orders = [order(FEARED)?, order("www.example.org")?];
    for answer in bus.publish_orders(&orders).await {
        answer?;
    }
    let mut outcomes = Vec::new();
    while outcomes.len() < 2 {
        let batch = tokio::time::timeout(SOON, reports.next(&soft))
            .await?
            .context("reports")?;
        for report in &batch {
            report.ack().await;
            outcomes.push((
                report.value.run_id,
                report.value.outcome.clone(),
                report.value.notes.log.len(),
            ));
        }
    }
    let (run, failed, lines) = &outcomes[0];
    ensure!(*run == orders[0].run_id && *lines == 1, "{outcomes:?}");
    let Outcome::Retry { failure, .. } = failed else {
        anyhow::bail!("{failed:?}")
    };
    ensure!(
        failure.code.as_str() == "RUN-0005" && failure.what.contains("a host that is feared"),
        "{failure:?}"
    );
    ensure!(
        matches!(
            outcomes[1].1,
            Outcome::Done {
                product: Product::Tidied
            }
        ),
        "{outcomes:?}"
    );
    let (subject, reason) = buried("ORDERS").await?;
    ensure!(
        subject.ends_with(".tidy") && reason.contains("a host that is feared"),
        "{subject}: {reason}"
    );
    is_empty("ORDERS").await?;
    soft.cancel();
    Ok(working.await??)
}

#[tokio::test]
async fn a_look_that_panics_is_buried_and_the_next_is_served() -> Result<()> {
    let bus = bus().await?;
    let stop = CancellationToken::new();
    let asks = Inbox::<ProbeAsk>::open(bus.clone(), Reader::probe_asks(), 4).await?;
    let now = SystemClock.now();
    let ask = |hostname: &str| -> Result<ProbeAsk> {
        Ok(ProbeAsk {
            schema: SCHEMA,
            workspace: WorkspaceId::default_workspace(),
            host_id: HostId::new(),
            hostname: hostname.parse()?,
            port: 443,
            addresses: Vec::new(),
            asked_at: now,
            until: now.plus(Duration::from_secs(60)),
            was_mixed: false,
            last: Vec::new(),
        })
    };
    for answer in bus.publish_probe_asks(&[ask(FEARED)?, ask("www.example.org")?]).await {
        answer?;
    }
    let served = stop.clone();
    let serve = move |ask: Delivery<ProbeAsk>| {
        let served = served.clone();
        async move {
            assert_ne!(ask.value.hostname.as_str(), FEARED, "a host that is feared");
            ask.ack().await;
            served.cancel();
        }
    };
    tokio::time::timeout(SOON, serve_each(asks, 1, &stop, serve)).await??;
    let (subject, reason) = buried("PROBES").await?;
    ensure!(
        subject.starts_with("vigilo.probe.ask") && reason.contains("feared"),
        "{subject}: {reason}"
    );
    Ok(())
}

#[tokio::test]
async fn a_request_that_panics_is_answered_with_what_to_do() -> Result<()> {
    let bus = bus().await?;
    let workspace = WorkspaceId::default_workspace();
    let mut requests = Inbox::<Value>::open(bus.clone(), Reader::asked_of(StreamName::Commands, "default"), 4).await?;
    let stop = CancellationToken::new();
    let question = json!({"hostnames": ["www.example.org"]});
    let asking = bus.request(&workspace, Verb::Renew, &question);
    let deciding = async {
        let batch = requests.next(&stop).await.context("a request")?;
        for request in &batch {
            let panicked = caught::<()>(async { panic!("a wish that is feared") })
                .await
                .expect_err("it panics");
            request.bury_defect(&panicked).await;
        }
        anyhow::Ok(())
    };
    let (answer, decided) = tokio::join!(asking, deciding);
    decided?;
    let Answer::Rejected { reason } = answer? else {
        anyhow::bail!("it is refused")
    };
    ensure!(
        reason.problem.contains("a wish that is feared") && reason.remedy.contains("report it"),
        "{reason}"
    );
    is_empty("COMMANDS").await
}

/// What Postgres would not keep does not get that far; what people send is refused by the planner, by name.
#[tokio::test]
async fn a_report_is_read_without_the_character_that_no_database_keeps() -> Result<()> {
    let bus = bus().await?;
    let context = jetstream::new(testkit::shared::nats().await.connect().await?);
    let mut report = json!({
        "schema": SCHEMA, "run_id": RunId::new(), "workspace": "default", "step": "tidy", "attempt": 1,
        "worker": "issuer/1\u{0}", "started_at": "2026-12-01T18:00:00Z", "ended_at": "2026-12-01T18:00:01Z",
        "outcome": "failed", "failure": {"code": "X", "what": "a\u{0}b", "hint": "c\\u0000"},
    });
    let subject = protocol::subjects::report(StepKind::Tidy);
    context
        .publish(subject, serde_json::to_vec(&report)?.into())
        .await?
        .await?;
    let mut inbox = Inbox::<Report>::open(bus, Reader::reports(), 4).await?;
    let batch = tokio::time::timeout(SOON, inbox.next(&CancellationToken::new()))
        .await?
        .context("a report")?;
    let read = batch.first().context("one")?;
    read.ack().await;
    report["worker"] = json!("issuer/1\u{FFFD}");
    report["failure"]["what"] = json!("a\u{FFFD}b");
    let expected: Report = serde_json::from_value(report)?;
    ensure!(read.value == expected, "{:?}", read.value);
    Ok(())
}
