//! An account that a CA refuses or limits holds every run that uses it: one asks a person, all go on together.

use anyhow::{Result, ensure};
use api::acts::{RunAct, RunsAct};
use api::runs::{Because, OfferedAnswer};
use domain::disposition::FurtherAnswer;
use domain::run::Status;
use integration::Estate;
use integration::fleet::Up;
use serde_json::json;
use testkit::faulty_ca::{Fault, FaultPoint};
use testkit::wait;

use crate::faulty_ca::{ca, renew, world};
use crate::world::{SOON, import, incidents_of};

/// Renews all of them, and waits until one asks about the account and nothing is in flight; gives the run that asks.
async fn one_asks_for_all(up: &Up, hosts: &[String]) -> Result<String> {
    let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let runs = up.api.renew(Some(&names)).await?;
    wait::until_ok("one run to ask for all of the account", SOON, async || {
        let (mut asking, mut held) = (Vec::new(), 0);
        for run in runs.values() {
            let standing = up.api.run(run).await?.run.standing;
            match (standing.status, standing.because) {
                (Status::NeedsManual, _) => asking.push(run.clone()),
                (Status::Running, Some(Because::Limit)) => held += 1,
                other => anyhow::bail!("{run} stands at {other:?}"),
            }
        }
        ensure!(
            asking.len() == 1 && held == runs.len() - 1,
            "{asking:?} ask, {held} wait"
        );
        Ok(asking.remove(0))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_asks_about_an_account_that_is_gone_and_a_new_one_is_begun_for_all() -> Result<()> {
    let (estate, up) = world(7).await?;
    let ca = ca(&estate)?;
    let hosts = estate.nginx.hosts();
    let first = renew(&up.api, &hosts[0]).await?;
    up.api.reaches(&first, Status::Succeeded, SOON).await?;
    ca.deactivate_accounts();

    let asking = one_asks_for_all(&up, &hosts[1..]).await?;
    let question = up.api.asks(&asking, "ISS-0010", SOON).await?;
    ensure!(question.failure.hint.contains("--new-account"), "{question:?}");
    let wanted = OfferedAnswer::Further(FurtherAnswer::NewAccount);
    ensure!(question.answers.contains(&wanted), "{question:?}");
    ensure!(incidents_of(&up.api, &asking).await?.len() == 1);
    let told = up.api.incidents().await?;
    ensure!(told.len() == 1, "one incident for all: {told:?}");

    let anew = RunAct {
        new_account: true,
        ..RunAct::default()
    };
    up.api.resume_with(&asking, &anew).await?;
    let counts = up.api.all_settled(integration::fleet::bound(hosts.len())).await?;
    ensure!(counts[Status::Succeeded] == 7, "{counts:?}");
    ensure!(ca.accounts() == 2, "{} accounts", ca.accounts());
    ensure!(hosts.iter().all(|host| ca.issued_for(host) == 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_ca_takes_the_account_again_one_resume_heals_all() -> Result<()> {
    let (estate, up) = world(7).await?;
    let ca = ca(&estate)?;
    let hosts = estate.nginx.hosts();
    let first = renew(&up.api, &hosts[0]).await?;
    up.api.reaches(&first, Status::Succeeded, SOON).await?;
    ca.deactivate_accounts();
    one_asks_for_all(&up, &hosts[1..]).await?;

    ca.reactivate_accounts();
    let all = RunsAct {
        all: true,
        code: Some("ISS-0010".to_owned()),
        ..RunsAct::default()
    };
    up.api.resume_many(&all).await?;
    let counts = up.api.all_settled(integration::fleet::bound(hosts.len())).await?;
    ensure!(
        counts[Status::Succeeded] == 7 && ca.accounts() == 1,
        "{counts:?}, {} accounts",
        ca.accounts()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_account_without_a_time_is_waited_for_by_all_together() -> Result<()> {
    const HOSTS: usize = 12;
    let estate = Estate::at_a_faulty_ca(HOSTS).await?;
    let rungs = json!({"planner": {"retry": {"rungs_seconds": [5, 5, 5, 5, 5, 5], "then_seconds": 86_400}}});
    let up = Up::start_with(&estate, rungs).await?;
    import(&up.api, &estate).await?;
    let ca = ca(&estate)?;
    let silent = Fault::Problem {
        status: 429,
        body: json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many new orders"}),
    };
    ca.misbehave(FaultPoint::NewOrder, &silent, 1_000);
    let runs = up.api.renew(None).await?;
    wait::until_ok("all to wait together", SOON, async || {
        for run in runs.values() {
            let standing = up.api.run(run).await?.run.standing;
            let waits = matches!(standing.because, Some(Because::Limit | Because::Retry));
            ensure!(waits, "{standing:?}");
        }
        Ok(())
    })
    .await?;
    // Those that were out at once, and one try for each rung: not each run for itself.
    let asked = ca.requests(FaultPoint::NewOrder);
    ensure!(asked < HOSTS, "{asked} orders were asked for");
    ca.behave(FaultPoint::NewOrder);
    let counts = up.api.all_settled(integration::fleet::bound(HOSTS)).await?;
    ensure!(counts[Status::Succeeded] == 12 && ca.issued() == HOSTS, "{counts:?}");
    Ok(())
}
