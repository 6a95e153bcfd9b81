//! What people do to a run that cannot go on: bring a certificate, retry, resume, cancel; and what they may not.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use api::acts::RunAct;
use api::runs::Because;
use domain::run::{Status, Step};
use integration::api::ApiResponse;
use integration::estate::target_of;
use integration::fleet::{Up, bound};
use integration::{Api, Estate, Fleet, Member};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use testkit::handshake::{served_leaf, sha256_hex};
use testkit::pki::Authority;
use testkit::{Signal, run_dir, wait};

use crate::world::{SOON, estate, import};

/// A Vigilo whose CA can see none of its hosts: every renewal asks at its issuance.
struct Stuck {
    estate: Estate,
    up: Up,
}

impl Stuck {
    async fn with(hosts: usize) -> Result<Self> {
        let estate = estate(hosts).await?;
        let up = Up::start(&estate).await?;
        import(&up.api, &estate).await?;
        for host in estate.nginx.hosts() {
            estate.pebbles[0].break_dns(host).await?;
        }
        Ok(Self { estate, up })
    }

    fn api(&self) -> &Api {
        &self.up.api
    }

    fn host(&self, number: usize) -> &str {
        &self.estate.nginx.hosts()[number]
    }

    /// The run of one host, once it asks.
    async fn asks(&self, host: &str) -> Result<String> {
        let runs = self.api().renew(Some(&[host])).await?;
        let run = runs.get(host).context("its run")?.clone();
        let question = self.api().asks(&run, "ISS-0007", SOON).await?;
        ensure!(question.help == "/api/v1/errors/ISS-0007", "{question:?}");
        Ok(run)
    }

    async fn serves(&self, host: &str) -> Result<String> {
        Ok(sha256_hex(&served_leaf(self.estate.nginx.address(), host).await?.der))
    }

    async fn upload(&self, run: &str, body: &Value) -> Result<ApiResponse> {
        self.api().answer_to_post(&format!("/runs/{run}/resolve"), body).await
    }

    fn vigilo(&self, args: &[&str]) -> Result<Command> {
        self.up.command(args)
    }
}

fn leaf_of(chain_pem: &str) -> Result<String> {
    Ok(sha256_hex(&CertificateDer::from_pem_slice(chain_pem.as_bytes())?))
}

/// The field that was refused.
fn refused(answer: &ApiResponse, status: u16) -> Result<String> {
    ensure!(answer.status == status, "{answer:?}");
    Ok(answer.refused()?.field)
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{command:?}: {} {out}{err}", output.status);
    Ok(out.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_wrong_upload_is_refused_by_its_field_and_a_right_one_is_served() -> Result<()> {
    let world = Stuck::with(1).await?;
    let (ca, other, host) = (Authority::new()?, Authority::new()?, world.host(0));
    let run = world.asks(host).await?;
    let before = world.api().run(&run).await?;
    let (good, foreign, expired) = (
        ca.issue(host, 90)?,
        ca.issue("other.demo.test", 90)?,
        ca.issue(host, 0)?,
    );
    let leaf_only = good.chain_pem.strip_suffix(ca.intermediate_pem()).context("a leaf")?;
    let broken = format!("{leaf_only}{}", other.intermediate_pem());
    for (body, field) in [
        (
            json!({"chain_pem": foreign.chain_pem, "key_pem": foreign.key_pem}),
            "chain_pem[0].sans",
        ),
        (
            json!({"chain_pem": good.chain_pem, "key_pem": foreign.key_pem}),
            "key_pem",
        ),
        (json!({"chain_pem": good.chain_pem}), "key_pem"),
        (json!({"chain_pem": broken, "key_pem": good.key_pem}), "chain_pem[1]"),
        (
            json!({"chain_pem": expired.chain_pem, "key_pem": expired.key_pem}),
            "chain_pem[0].not_after",
        ),
        (
            json!({"chain_pem": good.chain_pem.clone() + &good.key_pem}),
            "chain_pem",
        ),
    ] {
        let answer = world.upload(&run, &body).await?;
        ensure!(refused(&answer, 422)? == field, "{field}: {answer:?}");
        ensure!(!answer.body.contains("BEGIN PRIVATE"), "{answer:?}");
        ensure!(world.api().run(&run).await? == before, "the run was touched");
    }

    let right = json!({"chain_pem": good.chain_pem, "key_pem": good.key_pem, "note": "from the partner's CA"});
    ensure!(world.upload(&run, &right).await?.status == 200);
    let done = world.api().succeeds(&run, SOON).await?;
    let leaf = leaf_of(&good.chain_pem)?;
    ensure!(world.serves(host).await? == leaf, "the upload is not served");
    ensure!(world.estate.issued() == 0, "the CA issued something");
    let act = done.acts.first().context("an act")?;
    ensure!(act.verb == "resolve" && act.by == "owner", "{act:?}");
    ensure!(
        world.upload(&run, &right).await?.status == 200,
        "the same once more is no mistake"
    );
    let other = json!({"chain_pem": ca.issue(host, 80)?.chain_pem, "already_installed": true});
    ensure!(refused(&world.upload(&run, &other).await?, 409)? == "run_id");
    ensure!(!world.up.peer.log().contains("BEGIN PRIVATE"), "a key is in the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_the_runs_own_csr_needs_no_key() -> Result<()> {
    let world = Stuck::with(1).await?;
    let (ca, host) = (Authority::new()?, world.host(0));
    let run = world.asks(host).await?;
    let csr = said(&mut world.vigilo(&["csr", &run])?)?;
    let chain = ca.sign_csr(&csr)?;
    let file = run_dir::fresh("resolve", None)?.join("chain.pem");
    run_dir::write(&file, &chain, None)?;
    said(&mut world.vigilo(&["resolve", &run, "--chain", &file.display().to_string()])?)?;
    world.api().succeeds(&run, SOON).await?;
    ensure!(world.serves(host).await? == leaf_of(&chain)?);
    let shown = said(&mut world.vigilo(&["run", &run])?)?;
    ensure!(
        shown.contains("resolve by owner") && shown.contains("resolved"),
        "{shown}"
    );
    Ok(())
}

/// Somebody has mended the host without this run: it goes on with what the newest look saw there, and installs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_serves_already_is_taken_on_a_word() -> Result<()> {
    let world = Stuck::with(1).await?;
    let (ca, host) = (Authority::new()?, world.host(0));
    let run = world.asks(host).await?;
    let (good, files) = (ca.issue(host, 90)?, world.estate.nginx.files(host));
    std::fs::write(&files.key, &good.key_pem)?;
    std::fs::write(&files.chain, &good.chain_pem)?;
    let both = json!({"chain_pem": good.chain_pem, "served": true});
    ensure!(refused(&world.upload(&run, &both).await?, 422)? == "chain_pem");
    said(&mut world.vigilo(&["host", "check", host])?)?;

    let told = said(&mut world.vigilo(&["resolve", &run, "--served"])?)?;

    ensure!(told.contains("goes on with this certificate"), "{told}");
    let done = world.api().succeeds(&run, SOON).await?;
    ensure!(!format!("{:?}", done.steps).contains("deploy-1"), "{done:?}");
    ensure!(world.serves(host).await? == leaf_of(&good.chain_pem)?);
    ensure!(world.estate.issued() == 0, "the CA issued something");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn many_that_ask_are_resumed_at_once_and_a_word_out_of_place_is_a_conflict() -> Result<()> {
    let world = Stuck::with(4).await?;
    let runs: Vec<String> = world.api().renew(None).await?.into_values().collect();
    let counts = world.api().all_settled(bound(4)).await?;
    ensure!(counts[Status::NeedsManual] == 4, "{counts:?}");
    let retried = world
        .api()
        .answer_to_post(&format!("/runs/{}/retry", runs[0]), &Value::Null)
        .await?;
    ensure!(refused(&retried, 409)? == "run_id");
    let why = retried.refused()?;
    ensure!(
        why.problem.contains("ISS-0007") && why.remedy.contains("resume, resolve, cancel"),
        "{retried:?}"
    );
    let none = said(&mut world.vigilo(&["resume", "--all-asking", "--code", "DEP-0007"])?)?;
    ensure!(none.contains("0 runs"), "{none}");

    for host in world.estate.nginx.hosts() {
        world.estate.pebbles[0].mend_dns(host).await?;
    }
    let told = said(&mut world.vigilo(&[
        "resume",
        "--all-asking",
        "--code",
        "ISS-0007",
        "--note",
        "the DNS is back",
    ])?)?;
    ensure!(told.contains("4 runs, 0 refused"), "{told}");
    for run in &runs {
        let done = world.api().succeeds(run, SOON).await?;
        let act = done.acts.first().context("an act")?;
        ensure!(act.note == "the DNS is back", "{act:?}");
    }
    ensure!(world.estate.issued() == 4);
    let resumed = world
        .api()
        .answer_to_post(&format!("/runs/{}/resume", runs[0]), &Value::Null)
        .await?;
    ensure!(
        refused(&resumed, 409)? == "run_id" && resumed.body.contains("it has succeeded"),
        "{resumed:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_after_the_issuance_asks_the_ca_for_nothing() -> Result<()> {
    let mut estate = estate(1).await?;
    let absent = run_dir::fresh("later", None)?.join("not-there-yet");
    let test = ["test".to_owned(), "-e".to_owned(), absent.display().to_string()];
    estate.allow("later", &test);
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    target_of(&mut policies[0]).activate = Some("later".to_owned());
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    up.api.asks(&run, "DEP-0014", SOON).await?;
    ensure!(estate.issued() == 1);
    run_dir::write(&absent, "", None)?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, SOON).await?;
    ensure!(estate.issued() == 1, "another certificate was issued");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_while_its_order_is_out() -> Result<()> {
    let world = Stuck::with(1).await?;
    let run = world.asks(world.host(0)).await?;
    // The CA hangs: what is out stays out until it is back.
    let ca = &world.estate.pebbles[0];
    ca.signal(Signal::STOP)?;
    world.api().resume(&run).await?;
    wait::until("the order to be out", SOON, async || {
        let standing = world.api().run(&run).await.ok()?.run.standing;
        (standing.because == Some(Because::Working) && standing.step == Some(Step::Issue)).then_some(())
    })
    .await?;
    world.api().cancel(&run).await?;
    ca.signal(Signal::CONT)?;
    let cancelled = world.api().reaches(&run, Status::Cancelled, SOON).await?;
    let by = cancelled.run.cancelled_by;
    ensure!(by.as_deref() == Some("owner") && world.estate.issued() == 0, "{by:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_retried_when_its_cause_is_mended() -> Result<()> {
    let estate = estate(1).await?;
    let fleet = Fleet::start(&estate).await?;
    fleet.api.import("hosts", &estate.hosts()).await?;
    let known = estate.pebbles[0].directory_url();
    let unknown = known.replace("127.0.0.1", "localhost");
    ensure!(known != unknown, "{known}");
    let mut policies = estate.policies();
    policies[0].directory_url = Some(unknown.parse()?);
    fleet.api.import("policies", &policies).await?;
    let run = fleet.api.renew(None).await?.into_values().next().context("a run")?;
    let failed = fleet.api.reaches(&run, Status::Failed, SOON).await?;
    let failure = failed.run.standing.failure.context("a failure")?.failure;
    ensure!(failure.code.as_str() == "ISS-0001", "{failure:?}");

    let config = fleet.member(Member::Issuer)?.directory().join("config.toml");
    run_dir::write(
        &config,
        std::fs::read_to_string(&config)?.replace(&known, &unknown),
        None,
    )?;
    fleet.kill_and_restart(Member::Issuer).await?;
    let note = RunAct {
        note: Some("it is listed now".to_owned()),
        ..RunAct::default()
    };
    fleet.api.retry_with(&run, &note).await?;
    let done = fleet.api.succeeds(&run, SOON).await?;
    let act = done.acts.first().context("an act")?;
    ensure!(act.verb == "retry" && act.note == "it is listed now", "{act:?}");
    ensure!(estate.issued() == 1);
    Ok(())
}
