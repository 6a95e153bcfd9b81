//! A worker that was broken into has the password of its NATS user and tries to make others act, to report for others, and to
//! hear or answer in their place. Nothing of it has an effect, and what was forged lies among the dead letters with the reason.

mod custody;
mod forging;

use anyhow::{Context, Result, ensure};
use bus::signing::{HEADER, Signer, SigningKey};
use domain::run::{Status, StepKind};
use futures::StreamExt;
use integration::Member;
use protocol::request::Answer;
use protocol::subjects::{self, Asker, Worker};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::async_nats::{Client, HeaderMap, Message};
use testkit::nats::settled;
use testkit::{Signal, run_dir, wait};

use self::forging::{Forged, buried, forged_order, nothing_came_of_it, report_of};
use crate::guarded::{Guarded, Somebody, guarded};
use crate::world::{SOON, all_succeed_with_one_certificate_each, fleet};

const DEPLOY: &str = "vigilo.order.deployer.deploy";

#[tokio::test(flavor = "multi_thread")]
async fn no_worker_changes_a_stream_or_has_one_read_to_others() -> Result<()> {
    let world = guarded(1).await?;
    for worker in Worker::ALL {
        let mut hostile = world.login(worker.as_str()).await?;
        for stream in ["ORDERS", "REPORTS", "RUNS", "DEAD", "KV_http01", "KV_finalize"] {
            let change = json!({
                "name": stream, "subjects": ["$KV.http01.>"], "sources": [{"name": "ORDERS"}],
                "republish": {"src": ">", "dest": DEPLOY},
            });
            for verb in ["CREATE", "UPDATE", "DELETE", "PURGE"] {
                let subject = format!("$JS.API.STREAM.{verb}.{stream}");
                refused(&mut hostile, &subject, &change.to_string()).await?;
            }
            refused(&mut hostile, &format!("$JS.API.DIRECT.GET.{stream}.$KV.http01.x"), "").await?;
            refused(&mut hostile, &format!("$JS.API.DIRECT.GET.{stream}"), r#"{"seq": 1}"#).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_worker_speaks_or_listens_for_another() -> Result<()> {
    let world = guarded(1).await?;
    for worker in Worker::ALL {
        let mut hostile = world.login(worker.as_str()).await?;
        for subject in foreign_subjects(worker) {
            refused(&mut hostile, &subject, "{}").await?;
        }
        for other in ["planner", "console", "ws-default"]
            .into_iter()
            .chain(others(worker).map(Worker::as_str))
        {
            let _heard = hostile.client.subscribe(subjects::inbox_of(other) + ".>").await?;
            hostile.was_denied(&format!("\"_inbox.{other}.>\"")).await?;
        }
        for heard in [
            "vigilo.order.>",
            "vigilo.report.>",
            "vigilo.current.>",
            "$KV.>",
            "vigilo.request.>",
        ] {
            let _heard = hostile.client.subscribe(heard).await?;
            hostile.was_denied(&format!("\"{}\"", heard.to_lowercase())).await?;
        }
    }
    Ok(())
}

fn others(worker: Worker) -> impl Iterator<Item = Worker> {
    Worker::ALL.into_iter().filter(move |other| *other != worker)
}

/// Everything that is another service's to say.
fn foreign_subjects(worker: Worker) -> Vec<String> {
    let mut all: Vec<String> = StepKind::ALL.into_iter().map(subjects::order).collect();
    let steps = StepKind::ALL.into_iter().filter(|kind| Worker::of(*kind) != worker);
    all.extend(steps.map(subjects::report));
    for other in others(worker) {
        all.extend([subjects::custody_open(other), subjects::current(other)]);
        all.push(subjects::custody_seal(Asker::Worker(other)));
        all.push(format!("$JS.API.CONSUMER.MSG.NEXT.ORDERS.{other}"));
        all.push(format!(
            "$JS.API.CONSUMER.CREATE.ORDERS.{other}.{}",
            subjects::orders_of(other)
        ));
        all.push(format!(
            "vigilo.log.default.019ab3c0-0000-7000-8000-000000000001.{other}"
        ));
        all.push(format!("{}.x", subjects::inbox_of(other.as_str())));
    }
    all.extend(
        [
            "vigilo.run.default.019ab3c0-0000-7000-8000-000000000001.succeeded",
            "vigilo.probe.ask.default",
            "vigilo.renewal-info.ask.default",
            "vigilo.command.default.renew",
            "vigilo.request.default.renew",
            "vigilo.custody.seal.console",
        ]
        .map(str::to_owned),
    );
    if worker != Worker::Issuer {
        all.extend(["$KV.http01.x", "$JS.API.STREAM.MSG.GET.KV_http01"].map(str::to_owned));
    }
    all
}

async fn refused(hostile: &mut Somebody, subject: &str, body: &str) -> Result<()> {
    hostile
        .client
        .publish(subject.to_owned(), body.to_owned().into())
        .await?;
    hostile.was_denied(&format!("\"{}\"", subject.to_lowercase())).await
}

/// The server says for its clients what it has for them, to whatever subject they name.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_has_the_server_repeat_on_a_foreign_subject_makes_nobody_act() -> Result<()> {
    let world = guarded(1).await?;
    let evidence = world.login("planner").await?.client;
    let issuer = world.login("issuer").await?;
    let order = forged_order(&world)?;
    let written = issuer.client.request("$KV.http01.x", order.into());
    let written: Value = serde_json::from_slice(&tokio::time::timeout(SOON, written).await??.payload)?;
    ensure!(written["seq"].is_u64(), "{written}");
    let get = r#"{"last_by_subj": "$KV.http01.x"}"#;
    for foreign in [DEPLOY, "vigilo.report.deploy", "vigilo.custody.open.deployer"] {
        let api = "$JS.API.STREAM.MSG.GET.KV_http01";
        issuer.client.publish_with_reply(api, foreign, get.into()).await?;
    }
    buried(&evidence, DEPLOY, "BUS-0001").await?;
    buried(&evidence, "vigilo.report.deploy", "does not parse").await?;
    pulled_elsewhere(&world).await?;
    nothing_came_of_it(&world).await
}

/// The verifier's own messages, delivered among the orders of others.
async fn pulled_elsewhere(world: &Guarded) -> Result<()> {
    let (verifier, system) = (world.login("verifier").await?, world.login("ws-default").await?);
    let running = world.fleet.member(Member::Verifier)?;
    running.signal(Signal::STOP)?;
    let info = "$JS.API.CONSUMER.INFO.PROBES.verifier";
    consumer(&verifier.client, info, "no pull of the verifier's is open", |it| {
        it.num_waiting == 0
    })
    .await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let look = json!({"hostnames": [host], "requested_by": "a system"});
    let answer = system.asks("vigilo.request.default.probe", &look).await?;
    ensure!(matches!(answer, Answer::Probing { .. }), "{answer:?}");
    consumer(&verifier.client, info, "an ask to wait", |it| it.num_pending != 0).await?;
    let next = "$JS.API.CONSUMER.MSG.NEXT.PROBES.verifier";
    verifier.client.publish_with_reply(next, DEPLOY, "1".into()).await?;
    consumer(&verifier.client, info, "it to be delivered", |it| it.num_pending == 0).await?;
    running.signal(Signal::CONT)
}

/// What NATS says of a consumer, as far as it is needed here.
#[derive(Debug, Deserialize)]
struct Consumer {
    num_waiting: u64,
    num_pending: u64,
}

async fn consumer(client: &Client, info: &str, what: &str, wanted: impl Fn(&Consumer) -> bool) -> Result<()> {
    wait::until_ok(what, SOON, async || {
        let told = client.request(info.to_owned(), "".into()).await?;
        let told: Consumer = serde_json::from_slice(&told.payload)?;
        ensure!(wanted(&told), "{told:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_report_counts_for_its_own_step_run_and_workspace_only() -> Result<()> {
    let world = guarded(1).await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let run = world
        .fleet
        .api
        .renew(Some(&[host]))
        .await?
        .remove(host)
        .context("a run")?;
    let before = world.fleet.api.succeeds(&run, SOON).await?;
    let evidence = world.login("planner").await?.client;
    let host_id = world.fleet.api.host(host).await?.host.host.id;
    for forged in [
        Forged::new("deployer", "vigilo.report.deploy", "BUS-0004").with(report_of(&run, "verify", "default")),
        Forged::new("verifier", "vigilo.report.confirm", "BUS-0004").with(report_of(&run, "verify", "default")),
        Forged::new("deployer", "vigilo.report.deploy", "BUS-0005").with(report_of(&run, "deploy-0", "other")),
        Forged::new("deployer", "vigilo.report.deploy", "BUS-0006").with(report_of(&run, "deploy-0", "default")),
        Forged::new("verifier", "vigilo.probe.seen.default", "BUS-0004").with(forging::seen(host_id, "other", 0)),
        Forged::new("verifier", "vigilo.probe.seen.other", "BUS-0005").with(forging::seen(host_id, "other", 0)),
        Forged::new("verifier", "vigilo.probe.seen.default", "BUS-0007").with(forging::seen(host_id, "default", 9_000)),
        Forged::new("issuer", "vigilo.renewal-info.told.default", "BUS-0004").with(forging::told(host_id, "other", 0)),
        Forged::new("issuer", "vigilo.renewal-info.told.other", "BUS-0005").with(forging::told(host_id, "other", 0)),
        Forged::new("issuer", "vigilo.renewal-info.told.default", "BUS-0007")
            .with(forging::told(host_id, "default", 9_000)),
    ] {
        let hostile = world.login(forged.user).await?;
        hostile
            .client
            .publish(forged.subject, forged.body.to_string().into())
            .await?;
        hostile.client.flush().await?;
        buried(&evidence, forged.subject, forged.code)
            .await
            .with_context(|| forged.body.to_string())?;
    }
    let after = world.fleet.api.run(&run).await?;
    ensure!(
        after.steps == before.steps && after.run.standing.status == Status::Succeeded,
        "{after:?}"
    );
    all_succeed_with_one_certificate_each(&world.fleet.api, &world.estate).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_names_a_foreign_inbox_is_not_answered_there() -> Result<()> {
    let world = guarded(1).await?;
    let host = world.estate.nginx.hosts()[0].as_str();
    let run = world
        .fleet
        .api
        .renew(Some(&[host]))
        .await?
        .remove(host)
        .context("a run")?;
    world.fleet.api.succeeds(&run, SOON).await?;
    let (hostile, victim) = (world.login("deployer").await?, world.login("issuer").await?);
    let mut heard = victim.client.subscribe("_INBOX.issuer.guessed").await?;
    let mut own = hostile.client.subscribe("_INBOX.deployer.own").await?;
    for client in [&victim.client, &hostile.client] {
        client.flush().await?;
    }
    // The planner answers one after the other: with the second answer the first was dealt with.
    for inbox in [
        "_INBOX.issuer.guessed",
        "vigilo.order.deployer.deploy",
        "_INBOX.deployer.own",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("vigilo-reply-to", inbox);
        let report = report_of(&run, "verify", "default").to_string();
        hostile
            .client
            .publish_with_headers("vigilo.report.deploy", headers, report.into())
            .await?;
        hostile.client.flush().await?;
    }
    tokio::time::timeout(SOON, own.next()).await?.context("an answer")?;
    victim.client.request("$JS.API.STREAM.INFO.ORDERS", "".into()).await?;
    let stray = futures::FutureExt::now_or_never(heard.next());
    ensure!(stray.is_none(), "the issuer was spoken to: {stray:?}");
    nothing_came_of_it(&world).await
}

/// Where all share one login nothing but the signature tells an order from a forged one.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn an_order_that_the_planner_did_not_sign_for_this_place_is_buried() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let client = fleet.nats.connect().await?;
    let mut orders = client.subscribe(subjects::order(StepKind::Deploy)).await?;
    let mut issuing = client.subscribe(subjects::order(StepKind::PrepareKey)).await?;
    settled(&client).await?;
    fleet.api.renew(None).await?;
    let deploy = tokio::time::timeout(SOON, orders.next())
        .await?
        .context("the order to deploy")?;
    let prepare = tokio::time::timeout(SOON, issuing.next())
        .await?
        .context("the order of a key")?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;

    let stranger =
        SigningKey::read_or_make(&run_dir::fresh("stranger", None)?.join("planner.key")).map_err(anyhow::Error::msg)?;
    let foreign = stranger.sign(DEPLOY, &deploy.payload);
    let planner = SigningKey::read(&Signer::Planner.key_file(&fleet.keys)).map_err(anyhow::Error::msg)?;
    let other_bytes = planner.sign(DEPLOY, b"{}");
    let own = |message: &Message| {
        message
            .headers
            .as_ref()
            .and_then(|all| all.get(HEADER))
            .map(ToString::to_string)
    };
    for (signature, code) in [
        (None, "BUS-0001"),
        (Some(foreign), "BUS-0002"),
        (Some(other_bytes), "BUS-0003"),
        // Of another place.
        (own(&prepare), "BUS-0003"),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(signature) = signature {
            headers.insert(HEADER, signature);
        }
        client
            .publish_with_headers(DEPLOY, headers, deploy.payload.clone())
            .await?;
        buried(&client, DEPLOY, code).await?;
    }
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn a_direct_reply_that_the_planner_did_not_give_is_not_believed() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let client = fleet.nats.connect().await?;
    let mut reports = client.subscribe(subjects::report(StepKind::Issue)).await?;
    settled(&client).await?;
    let (liar, answers) = (client.clone(), json!({"current": "elsewhere"}).to_string());
    let lying = tokio::spawn(async move {
        while let Some(report) = reports.next().await {
            let inbox = report.headers.as_ref().and_then(|all| all.get("vigilo-reply-to"));
            if let Some(inbox) = inbox.map(ToString::to_string) {
                liar.publish(inbox, answers.clone().into()).await?;
                liar.flush().await?;
            }
        }
        anyhow::Ok(())
    });
    fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    buried(&client, "_INBOX.", "BUS-0001").await?;
    lying.abort();
    Ok(())
}
