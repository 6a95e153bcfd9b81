//! Bad input to the real binary: it ends at once, with the code that it promises, and names the thing.

use std::net::TcpListener;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use integration::fleet::vigilo;
use testkit::{Nats, run_dir};

const EXIT_CONFIG: i32 = 64;

#[test]
fn an_unknown_key_of_the_configuration_is_named() -> Result<()> {
    let directory = run_dir::fresh("refusals", None)?;
    let file = directory.join("issuer.toml");
    run_dir::write(&file, "slotz = 3\n", None)?;
    let refused = Command::new(vigilo()?)
        .args(["issuer", "--config"])
        .arg(&file)
        .output()?;
    let said = said(&refused);
    ensure!(refused.status.code() == Some(EXIT_CONFIG), "{}: {said}", refused.status);
    ensure!(said.contains("slotz") && said.contains("issuer.toml"), "{said}");
    Ok(())
}

#[test]
fn an_unknown_table_of_the_whole_configuration_is_named() -> Result<()> {
    let directory = run_dir::fresh("refusals", None)?;
    let file = directory.join("vigilo.toml");
    run_dir::write(&file, "[issuer]\n\n[isuer]\nslots = 3\n", None)?;
    let refused = Command::new(vigilo()?)
        .args(["up", "--config"])
        .arg(&file)
        .arg("--data-dir")
        .arg(directory.join("data"))
        .output()?;
    let said = said(&refused);
    ensure!(refused.status.code() == Some(EXIT_CONFIG), "{}: {said}", refused.status);
    ensure!(said.contains("isuer"), "{said}");
    Ok(())
}

#[test]
fn what_the_deployer_is_not_to_run_or_write_is_refused_at_the_start() -> Result<()> {
    let directory = run_dir::fresh("refusals", None)?;
    let missing = directory.join("missing").display().to_string();
    for (flag, value, named) in [
        ("--allow-root", missing.as_str(), "missing"),
        ("--allow-activation", "nginx -s reload", "has no ="),
        (
            "--allow-activation",
            "edge=nginx -t && nginx -s reload",
            "only a shell understands",
        ),
        ("--allow-activation", "edge=sh -c 'nginx -s reload'", "write a script"),
        ("--allow-activation", "edge=cat a | tee b", "only a shell understands"),
        ("--allow-activation", "edge=", "no program is named"),
        ("--allow-activation", "the edge=/opt/edge", "activations.the edge"),
    ] {
        let refused = Command::new(vigilo()?)
            .args(["up", flag, value, "--data-dir"])
            .arg(directory.join("data"))
            .output()?;
        let said = said(&refused);
        ensure!(
            refused.status.code() == Some(EXIT_CONFIG),
            "{value}: {}: {said}",
            refused.status
        );
        ensure!(said.contains(named), "{value}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_named() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let directory = run_dir::fresh("refusals", None)?;
    let mut up = tokio::process::Command::new(vigilo()?);
    up.args([
        "up",
        "--api-listen",
        &address,
        "--http01-listen",
        "127.0.0.1:0",
        "--data-dir",
    ])
    .arg(directory.join("data"))
    .kill_on_drop(true);
    let refused = tokio::time::timeout(crate::world::SOON, up.output())
        .await
        .context("it did not end")??;
    let said = said(&refused);
    ensure!(
        refused.status.code().is_some_and(|code| code != 0),
        "{}: {said}",
        refused.status
    );
    ensure!(said.contains(&address), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() -> Result<()> {
    let (nats, directory) = (Nats::start().await?, run_dir::fresh("refusals", None)?);
    let (file, keys) = (directory.join("planner.toml"), directory.join("keys"));
    let mut making = std::process::Command::new(vigilo()?);
    making.args(["nats-config", "--make-secrets", "--secrets"]).arg(&keys);
    let made = making.output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let keys = keys.display();
    let config = format!(
        "database_url = \"postgres://nobody@127.0.0.1:1/none\"\nhealth_listen = \"127.0.0.1:0\"\n\
         nats = {{ url = \"{}\", user = \"{}\", password = \"{}\", \
         signing_key_file = \"{keys}/planner.key\", signers_file = \"{keys}/signers\" }}\n",
        nats.url(),
        nats.user(),
        nats.password()
    );
    run_dir::write(&file, &config, None)?;
    let mut planner = tokio::process::Command::new(vigilo()?);
    planner.args(["planner", "--config"]).arg(&file).kill_on_drop(true);
    let refused = tokio::time::timeout(crate::world::SOON, planner.output())
        .await
        .context("it did not end")??;
    let said = said(&refused);
    ensure!(
        refused.status.code().is_some_and(|code| code != 0),
        "{}: {said}",
        refused.status
    );
    ensure!(said.contains("database_url"), "{said}");
    Ok(())
}

fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}
