//! Which commands run is the deployer's to say, and what a server refuses is put back: seen from outside, on a real nginx.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use domain::run::Status;
use domain::target::{Reload, Target};
use integration::estate::{ESTATE_NGINX, activate_by, file_target, target_of};
use integration::fleet::{Up, bound};
use integration::{Estate, Fleet, Member};
use serde_json::json;
use testkit::handshake::served_leaf;
use testkit::{NginxHosts, Serving, run_dir};

use crate::world::{SOON, estate};

/// An nginx that tests its configuration before it is told anything, as the preset does.
fn tested(estate: &mut Estate) {
    let nginx = &estate.nginx;
    let (reload, test) = (nginx.reload_command(), nginx.test_command());
    estate.allow_with_test(ESTATE_NGINX, &reload, &test);
}

async fn renewal(up: &Up, estate: &Estate) -> Result<String> {
    up.api.import("hosts", &estate.hosts()).await?;
    up.api.import("policies", &estate.policies()).await?;
    up.api.renew(None).await?.into_values().next().context("a run")
}

async fn served(nginx: &NginxHosts, host: &str) -> Result<String> {
    Ok(served_leaf(nginx.address(), host).await?.sha256_hex)
}

fn without_backups(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.contains(".vigilo-") {
            all.push((name, std::fs::read(entry.path())?));
        }
    }
    all.sort();
    Ok(all)
}

/// A server that does not take ECDSA keys: its test says so. What it has stays as it was, the run asks, and after the server is
/// mended the same certificate is installed.
#[tokio::test(flavor = "multi_thread")]
async fn what_nginx_refuses_is_put_back_at_once_and_the_question_says_who_is_to_blame() -> Result<()> {
    let mut estate = Estate::start(1, 1, Serving::PerHost).await?;
    let host = estate.nginx.hosts()[0].clone();
    let files = estate.nginx.files(&host);
    let former = served(&estate.nginx, &host).await?;
    let tls = files.chain.parent().context("a directory")?.to_owned();
    let before = without_backups(&tls)?;
    // As a server with rules of its own would: only what it has, until somebody mends it.
    let notes = run_dir::fresh("rules", None)?;
    std::fs::copy(&files.chain, notes.join("good.crt"))?;
    let test = format!(
        "cmp -s {} {}/good.crt || [ -e {}/mended ] || {{ echo 'nginx: [emerg] no such key type'; exit 1; }}; exec {}",
        files.chain.display(),
        notes.display(),
        notes.display(),
        estate.nginx.test_command().join(" ")
    );
    let reload = estate.nginx.reload_command();
    estate.allow_with_test(ESTATE_NGINX, &reload, &["sh".to_owned(), "-c".to_owned(), test]);
    let up = Up::start(&estate).await?;

    let run = renewal(&up, &estate).await?;
    let question = up.api.asks(&run, "DEP-0007", bound(1)).await?;

    for words in [
        "no such key type",
        "the server refused the new pair",
        "the server has taken it",
    ] {
        ensure!(question.failure.what.contains(words), "{question:?}");
    }
    ensure!(without_backups(&tls)? == before, "chain and key are the former ones");
    ensure!(served(&estate.nginx, &host).await? == former);

    std::fs::write(notes.join("mended"), "")?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, bound(1)).await?;
    ensure!(served(&estate.nginx, &host).await? != former && estate.issued() == 1);
    Ok(())
}

/// Somebody else has broken the configuration of the server: nothing is touched, and the new pair is not blamed.
#[tokio::test(flavor = "multi_thread")]
async fn an_nginx_that_is_broken_already_is_said_to_be_and_not_touched() -> Result<()> {
    let mut estate = Estate::start(2, 1, Serving::PerHost).await?;
    tested(&mut estate);
    let (host, other) = (estate.nginx.hosts()[0].clone(), estate.nginx.hosts()[1].clone());
    let files = estate.nginx.files(&host);
    let tls = files.chain.parent().context("a directory")?.to_owned();
    let broken = estate.nginx.files(&other).key;
    let good = std::fs::read(&broken)?;
    std::fs::write(&broken, "no key")?;
    let before = without_backups(&tls)?;
    let up = Up::start(&estate).await?;

    up.api.import("hosts", &estate.hosts()).await?;
    up.api.import("policies", &estate.policies()).await?;
    let run = up
        .api
        .renew(Some(&[&host]))
        .await?
        .into_values()
        .next()
        .context("a run")?;
    let question = up.api.asks(&run, "DEP-0014", bound(1)).await?;

    ensure!(question.failure.what.contains("nothing was touched"), "{question:?}");
    ensure!(without_backups(&tls)? == before);

    std::fs::write(&broken, good)?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, bound(1)).await?;
    Ok(())
}

/// A timeout is no refusal: the new pair stays in place, and a person who gives the run up gets back what was there.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_given_up_while_its_activation_hangs_leaves_what_was_there() -> Result<()> {
    let mut estate = estate(1).await?;
    let gate = run_dir::fresh("gate", None)?.join("open");
    let hangs = format!("[ -e {} ] || exec sleep 600", gate.display());
    estate.allow("hangs", &["sh".to_owned(), "-c".to_owned(), hangs]);
    let host = estate.nginx.hosts()[0].clone();
    let former = served(&estate.nginx, &host).await?;
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    activate_by(&mut policies[0], "hangs", 1);
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    up.api.asks(&run, "DEP-0008", SOON).await?;
    ensure!(served(&estate.nginx, &host).await? != former, "it is in place");

    std::fs::write(&gate, "")?;
    up.api.cancel(&run).await?;
    let cancelled = up.api.reaches(&run, Status::Cancelled, SOON).await?;

    ensure!(served(&estate.nginx, &host).await? == former, "{cancelled:?}");
    ensure!(cancelled.run.stays.is_empty(), "{cancelled:?}");
    Ok(())
}

/// The activation of a policy hangs; the policy is corrected and gets one more target. The same run goes on at the step that failed,
/// by today's policy, and says what it took from there; the CA is asked for nothing more.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_policy_that_is_corrected_is_what_the_resumed_run_goes_on_with() -> Result<()> {
    let mut estate = estate(1).await?;
    estate.allow("hangs", &["sleep", "600"].map(str::to_owned));
    let host = estate.nginx.hosts()[0].clone();
    let former = served(&estate.nginx, &host).await?;
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    let good = target_of(&mut policies[0]).activate.clone();
    activate_by(&mut policies[0], "hangs", 1);
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    up.api.asks(&run, "DEP-0008", SOON).await?;

    let places = run_dir::fresh("second", None)?;
    let target = target_of(&mut policies[0]);
    target.activate = good;
    target.activate_timeout_seconds = 120;
    let second = file_target(&places.join("a.crt"), &places.join("a.key"));
    policies[0].targets.push(Target::File(second));
    let corrected = json!({"targets": policies[0].targets, "key_algorithm": "p384"});
    up.api.change_policy(&host, &corrected).await?;
    let told = up.command(&["resume", &run])?.output()?;
    let (told, failed) = (String::from_utf8_lossy(&told.stdout).into_owned(), told.stderr);

    for words in [
        "taken from today's policy: file ",
        "activate_timeout_seconds 1 → 120",
        "a.crt is a target now",
        "not taken, because it needs a new certificate: key algorithm",
    ] {
        ensure!(told.contains(words), "{words}: {told} {failed:?}");
    }
    let done = up.api.succeeds(&run, SOON).await?;
    let leaf = served(&estate.nginx, &host).await?;
    ensure!(leaf != former && places.join("a.key").exists(), "{done:?}");
    ensure!(
        estate.issued() == 1 && estate.pebbles[0].orders() == 1,
        "one order, one certificate"
    );
    let prepared = done.steps.iter().filter(|step| step.step == "prepare-key");
    ensure!(prepared.count() == 1, "{done:?}");
    let amended = done.acts.iter().find(|act| act.verb == "amend").context("an act")?;
    ensure!(amended.note.contains("1 → 120"), "{amended:?}");
    Ok(())
}

/// Where nothing was before, a cancelled run says what it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_names_what_stays() -> Result<()> {
    let mut estate = estate(1).await?;
    let places = run_dir::fresh("first", None)?;
    estate.allow("hangs", &["sleep", "600"].map(str::to_owned));
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    *target_of(&mut policies[0]) = file_target(&places.join("a.crt"), &places.join("a.key"));
    activate_by(&mut policies[0], "hangs", 1);
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    up.api.reaches(&run, Status::NeedsManual, SOON).await?;
    up.api.cancel(&run).await?;
    let cancelled = up.api.reaches(&run, Status::Cancelled, SOON).await?;
    let named = cancelled.run.stays.first().context("what stays")?;
    ensure!(
        named.contains("a.crt: the new pair is in place") && places.join("a.key").exists(),
        "{cancelled:?}"
    );
    let shown = up.command(&["run", &run])?.output()?.stdout;
    ensure!(String::from_utf8_lossy(&shown).contains("stays: file "), "{shown:?}");
    Ok(())
}

/// A policy of an older version, with a command of its own: it loads, its run asks with the line to add, and with that very line it
/// goes on; a change of something else may leave it as it is, and the API takes no such policy anew.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_stored_policy_with_a_command_asks_for_its_activation_and_goes_on_with_it() -> Result<()> {
    let mut estate = estate(1).await?;
    estate.allow_only(vec![run_dir::base()?]);
    let host = estate.nginx.hosts()[0].clone();
    let fleet = Fleet::start(&estate).await?;
    let api = &fleet.api;
    api.import("hosts", &estate.hosts()).await?;
    let mut old = estate.policies();
    let reload = Reload {
        command: ["sh", "-c", "echo told && exit 0"].map(str::to_owned).to_vec(),
        timeout_seconds: 9,
    };
    target_of(&mut old[0]).reload = Some(reload.clone());
    let refused = api.answer_to_post("/policies", &old[0]).await?;
    ensure!(refused.refused()?.field == "targets[0].reload", "{refused:?}");
    api.import("policies", &estate.policies()).await?;
    let as_stored_once = format!(
        "update policies set says = jsonb_set(says, '{{targets,0,reload}}', '{}')",
        json!(reload)
    );
    fleet.postgres.run_script("vigilo", &as_stored_once).await?;
    let changed = fleet
        .command(&["policy", "set", &host, "--cooldown-seconds", "1"])?
        .output()?;
    ensure!(changed.status.success(), "{changed:?}");

    let run = api.renew(None).await?.into_values().next().context("a run")?;
    let hint = api.asks(&run, "DEP-0013", SOON).await?.failure.hint;
    let from = hint.find("workspaces.default.activations.reload-server.command = ");
    let to = hint.find(" (vigilo up");
    let line = hint
        .get(from.context("a line")?..to.context("its end")?)
        .context("a line")?;

    let config = fleet.member(Member::Deployer)?.directory().join("config.toml");
    let with_line = format!("{line}\n{}", std::fs::read_to_string(&config)?);
    run_dir::write(&config, &with_line, None)?;
    fleet.kill_and_restart(Member::Deployer).await?;
    api.resume(&run).await?;
    api.succeeds(&run, SOON).await?;

    let named = fleet
        .command(&["policy", "set", &host, "--activate", "reload-server"])?
        .output()?;
    ensure!(named.status.success(), "{named:?}");
    let mut policies = api.policies().await?;
    let target = target_of(&mut policies[0].policy.spec);
    ensure!(
        target.activate.as_deref() == Some("reload-server") && target.reload.is_none(),
        "{target:?}"
    );
    Ok(())
}

/// One machine: what is allowed is said by flags, and without them the refusals print them.
#[tokio::test(flavor = "multi_thread")]
async fn on_one_machine_the_flags_of_a_refusal_allow_it() -> Result<()> {
    let mut estate = estate(1).await?;
    let directory = estate.nginx.files(&estate.nginx.hosts()[0]).chain;
    let directory = directory
        .parent()
        .context("a directory")?
        .canonicalize()?
        .display()
        .to_string();
    estate.allow_only(Vec::new());
    let mut up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    target_of(&mut policies[0]).activate = Some("edge".to_owned());
    up.api.import("policies", &policies).await?;
    let run = up.api.renew(None).await?.into_values().next().context("a run")?;
    let question = up.api.asks(&run, "DEP-0013", SOON).await?;
    ensure!(
        question.failure.hint.contains("--allow-activation edge="),
        "{question:?}"
    );
    up.start_again_with_flags(&["--allow-activation", "edge=true"]).await?;
    up.api.resume(&run).await?;
    let asking = up.api.reaches(&run, Status::NeedsManual, SOON).await?;
    let hint = asking.run.standing.question.context("a question")?.failure.hint;
    ensure!(hint.contains(&format!("--allow-root {directory})")), "{hint}");

    up.start_again_with_flags(&["--allow-activation", "edge=true", "--allow-root", &directory])
        .await?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, SOON).await?;
    ensure!(estate.issued() == 1);
    Ok(())
}
