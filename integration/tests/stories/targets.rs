//! Several targets, hooks that fail, and the way back: seen by handshakes of our own, and by what the hooks wrote down.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use api::runs::RunDetail;
use domain::run::{Outcome, Product, Receipt, Status, StepKind};
use domain::target::{FileTarget, Target};
use futures::StreamExt;
use integration::Estate;
use integration::estate::file_target;
use integration::fleet::{Up, bound};
use protocol::report::Report;
use protocol::subjects;
use testkit::async_nats::{Message, Subscriber};
use testkit::handshake::served_leaf;
use testkit::nats::settled;
use testkit::nginx::HostFiles;
use testkit::{NginxHosts, Serving, pki, run_dir, wait};

use crate::world::{SOON, estate, fleet};

/// An estate of one host, and that host's name.
async fn one_host(serving: Serving) -> Result<(Estate, String)> {
    let estate = Estate::start(1, 1, serving).await?;
    let host = estate.nginx.hosts().first().context("a host")?.clone();
    Ok((estate, host))
}

/// Starts Vigilo over this estate, whose only policy has these targets, and asks for the renewal.
async fn renewal(estate: &Estate, targets: Vec<Target>) -> Result<(Up, String)> {
    let up = Up::start(estate).await?;
    let mut policies = estate.policies();
    policies[0].targets = targets;
    up.api.import("hosts", &estate.hosts()).await?;
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    Ok((up, run))
}

fn files(files: &HostFiles, activate: &str, serves_at: Option<&NginxHosts>) -> Target {
    Target::File(FileTarget {
        activate: Some(activate.to_owned()),
        serves_at: serves_at.iter().map(|nginx| nginx.address()).collect(),
        ..file_target(&files.chain, &files.key)
    })
}

/// A place for what hooks write down and read.
fn notes() -> Result<PathBuf> {
    run_dir::fresh("hooks", None)
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// Notes each call, then makes nginx read its files.
fn counted_reload(nginx: &NginxHosts, count: &Path) -> Vec<String> {
    let reload = nginx.reload_command().join(" ");
    shell(&format!("echo reload >> {} && {reload}", count.display()))
}

fn lines(file: &Path) -> usize {
    std::fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

async fn served(nginx: &NginxHosts, host: &str) -> Result<String> {
    Ok(served_leaf(nginx.address(), host).await?.sha256_hex)
}

/// After a reload a worker of the past may take a last connection or two.
async fn soon_serves(nginx: &NginxHosts, host: &str, leaf: &str) -> Result<()> {
    wait::until_ok(&format!("{leaf} to be served"), SOON, async || {
        let found = served(nginx, host).await?;
        ensure!(found == leaf, "{found} is served");
        Ok(())
    })
    .await
}

/// What is served once it is no longer `former`.
async fn served_after(former: &str, nginx: &NginxHosts, host: &str) -> Result<String> {
    wait::until_ok("another certificate to be served", SOON, async || {
        let found = served(nginx, host).await?;
        ensure!(found != former, "still the former one");
        Ok(found)
    })
    .await
}

/// The summaries of a step's attempts that ended so.
fn ended<'a>(run: &'a RunDetail, step: &str, outcome: &str) -> Vec<&'a str> {
    let steps = run.steps.iter();
    let of_step = steps.filter(|one| one.step == step && one.outcome == outcome);
    of_step.map(|one| one.summary.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_targets_one_fails_and_only_that_one_is_repeated() -> Result<()> {
    let (mut estate, host) = one_host(Serving::PerHost).await?;
    let other = NginxHosts::start([host.as_str()], Serving::PerHost).await?;
    let (before, old) = (served(&estate.nginx, &host).await?, served(&other, &host).await?);
    let notes = notes()?;
    let (count, hook) = (notes.join("reloads"), notes.join("reload-the-other"));
    estate.allow("other", &[hook.display().to_string()]);
    estate.allow("counted", &counted_reload(&estate.nginx, &count));
    let targets = vec![
        files(&other.files(&host), "other", Some(&other)),
        files(&estate.nginx.files(&host), "counted", Some(&estate.nginx)),
    ];

    let (up, run) = renewal(&estate, targets).await?;
    let question = up.api.asks(&run, "DEP-0005", bound(1)).await?;
    ensure!(question.failure.what.contains("reload-the-other"), "{question:?}");
    let asking = up.api.run(&run).await?;
    ensure!(ended(&asking, "deploy-1", "done").len() == 1 && ended(&asking, "verify", "done").len() == 1);
    let new = served_after(&before, &estate.nginx, &host).await?;
    ensure!(served(&other, &host).await? == old);

    install_program(&hook, &other.reload_command().join(" "))?;
    up.api.resume(&run).await?;
    let done = up.api.succeeds(&run, bound(1)).await?;

    soon_serves(&other, &host, &new).await?;
    soon_serves(&estate.nginx, &host, &new).await?;
    ensure!(ended(&done, "deploy-0", "done").len() == 1 && ended(&done, "deploy-1", "done").len() == 1);
    ensure!(
        lines(&count) == 1,
        "the good target was reloaded {} times",
        lines(&count)
    );
    ensure!(estate.issued() == 1, "{} certificates", estate.issued());
    Ok(())
}

/// Written beside its name, then named: whoever runs it finds it whole.
pub fn install_program(path: &Path, command: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let beside = path.with_extension("new");
    std::fs::write(&beside, format!("#!/bin/sh\nexec {command}\n"))?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755))?;
    Ok(std::fs::rename(beside, path)?)
}

/// A hook of an administrator that copies what was deployed to where the server reads it. Until it is mended it takes
/// every certificate but the former for a faulty one, and serves another instead; it ends with 0 all the same.
struct FaultyHook {
    deployed: HostFiles,
    mended: PathBuf,
    command: Vec<String>,
}

impl FaultyHook {
    fn new(nginx: &NginxHosts, host: &str) -> Result<Self> {
        let notes = notes()?;
        let at = |name: &str| notes.join(name);
        let reads = nginx.files(host);
        let wrong = pki::about_to_expire(host)?;
        run_dir::write(&at("wrong.crt"), &wrong.chain_pem, None)?;
        run_dir::write(&at("wrong.key"), &wrong.key_pem, None)?;
        let deployed = HostFiles {
            chain: at("www.crt"),
            key: at("www.key"),
        };
        for (from, to) in [(&reads.chain, &deployed.chain), (&reads.key, &deployed.key)] {
            std::fs::copy(from, to)?;
        }
        std::fs::copy(&reads.chain, at("former.crt"))?;
        let script = format!(
            "cd {notes} && if [ -e mended ] || cmp -s www.crt former.crt; then of=www; else of=wrong; fi && \
             cp $of.crt {chain} && cp $of.key {key} && {reload} && echo told the server",
            notes = notes.display(),
            chain = reads.chain.display(),
            key = reads.key.display(),
            reload = nginx.reload_command().join(" ")
        );
        Ok(Self {
            deployed,
            mended: at("mended"),
            command: shell(&script),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_verification_fails_is_put_back_to_what_it_served() -> Result<()> {
    let (mut estate, host) = one_host(Serving::PerHost).await?;
    let former = served(&estate.nginx, &host).await?;
    let hook = FaultyHook::new(&estate.nginx, &host)?;
    let chain_before = std::fs::read_to_string(&hook.deployed.chain)?;

    estate.allow("faulty", &hook.command);
    let targets = vec![files(&hook.deployed, "faulty", None)];
    let (up, run) = renewal(&estate, targets).await?;
    let what = up.api.asks(&run, "VER-0002", bound(1)).await?.failure.what;
    let asking = up.api.run(&run).await?;

    let rolled_back = format!("Rolled back: what was served before is served again ({former})");
    ensure!(what.contains(&rolled_back), "{what}");
    ensure!(
        ended(&asking, "rollback-0", "done") == [format!("put back {former}")],
        "{asking:?}"
    );
    ensure!(ended(&asking, "confirm", "done").len() == 1, "{asking:?}");
    soon_serves(&estate.nginx, &host, &former).await?;
    ensure!(std::fs::read_to_string(&hook.deployed.chain)? == chain_before);

    std::fs::write(&hook.mended, "")?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, bound(1)).await?;
    served_after(&former, &estate.nginx, &host).await?;
    ensure!(estate.issued() == 1, "{} certificates", estate.issued());
    Ok(())
}

/// Of two targets the faulty one goes back; the good one keeps the new certificate and is left in peace.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_target_behind_the_failure_is_put_back() -> Result<()> {
    let (mut estate, host) = one_host(Serving::PerHost).await?;
    let other = NginxHosts::start([host.as_str()], Serving::PerHost).await?;
    let (before, former) = (served(&estate.nginx, &host).await?, served(&other, &host).await?);
    let (hook, count) = (FaultyHook::new(&other, &host)?, notes()?.join("reloads"));
    estate.allow("counted", &counted_reload(&estate.nginx, &count));
    estate.allow("faulty", &hook.command);
    let targets = vec![
        files(&estate.nginx.files(&host), "counted", None),
        files(&hook.deployed, "faulty", Some(&other)),
    ];

    let (up, run) = renewal(&estate, targets).await?;
    let asking = up.api.reaches(&run, Status::NeedsManual, bound(1)).await?;

    let question = asking.run.standing.question.as_ref().context("a question")?;
    ensure!(question.failure.seen_at == [other.address()], "{question:?}");
    ensure!(ended(&asking, "rollback-1", "done").len() == 1 && ended(&asking, "rollback-0", "done").is_empty());
    let new = served_after(&before, &estate.nginx, &host).await?;
    soon_serves(&other, &host, &former).await?;

    std::fs::write(&hook.mended, "")?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, bound(1)).await?;
    soon_serves(&other, &host, &new).await?;
    soon_serves(&estate.nginx, &host, &new).await?;
    ensure!(
        lines(&count) == 1,
        "the good target was reloaded {} times",
        lines(&count)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_at_two_tries_is_tried_a_third_time_with_one_certificate() -> Result<()> {
    let mut estate = estate(1).await?;
    let host = estate.nginx.hosts()[0].clone();
    let tries = notes()?.join("tries");
    // Each try asks twice: with the new pair, and with the former one that was put back.
    let script = format!(
        "echo call >> {0}; echo this is call $(wc -l < {0}); [ $(wc -l < {0}) -ge 5 ]",
        tries.display()
    );
    estate.allow("third-time", &shell(&script));
    let targets = vec![files(&estate.nginx.files(&host), "third-time", None)];

    let (up, run) = renewal(&estate, targets).await?;
    let done = up.api.succeeds(&run, bound(1)).await?;

    ensure!(lines(&tries) == 5, "{} calls", lines(&tries));
    let failed = ended(&done, "deploy-0", "retry");
    ensure!(failed.len() == 2 && failed[0].contains("this is call 2"), "{failed:?}");
    ensure!(ended(&done, "deploy-0", "done").len() == 1);
    ensure!(estate.issued() == 1, "{} certificates", estate.issued());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_ordered_again_is_recognised_by_its_fingerprint() -> Result<()> {
    let (estate, fleet) = fleet(1).await?;
    let client = fleet.nats.connect().await?;
    let mut orders = client.subscribe(subjects::order(StepKind::Deploy)).await?;
    let mut reports = client.subscribe(subjects::report(StepKind::Deploy)).await?;
    settled(&client).await?;
    fleet.api.renew(None).await?;
    fleet.api.all_settled(bound(1)).await?;
    let order = next(&mut orders).await?;
    let first = deployed(&mut reports).await?;
    let chain = estate.nginx.files(&estate.nginx.hosts()[0]).chain;
    let written = std::fs::metadata(&chain)?.modified()?;

    // Under a name of its own: the stream would drop the same message. The planner's signature goes along.
    let mut headers = order.headers.clone().unwrap_or_default();
    headers.insert("Nats-Msg-Id", "once-more");
    client
        .publish_with_headers(order.subject, headers, order.payload)
        .await?;
    let second = deployed(&mut reports).await?;

    ensure!(!first.already_there && second.already_there, "{second:?}");
    ensure!(first.installed == second.installed && first.backups == second.backups);
    ensure!(
        first.replaced.is_some() && first.replaced == second.replaced,
        "{second:?}"
    );
    ensure!(
        std::fs::metadata(&chain)?.modified()? == written,
        "the file was written again"
    );
    Ok(())
}

async fn next(messages: &mut Subscriber) -> Result<Message> {
    let message = tokio::time::timeout(SOON, messages.next()).await;
    message.context("no message came")?.context("the subscription ended")
}

/// The receipt of the next deployment that is reported.
async fn deployed(reports: &mut Subscriber) -> Result<Receipt> {
    let report: Report = serde_json::from_slice(&next(reports).await?.payload)?;
    match report.outcome {
        Outcome::Done {
            product: Product::Deployed(receipt),
        } => Ok(receipt),
        other => bail!("{other:?}"),
    }
}
