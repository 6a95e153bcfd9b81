//! Runs that need a person: the question says in plain words what is wrong, and the others go on.

use anyhow::{Context, Result, ensure};
use api::runs::{OfferedAnswer, Question};
use domain::disposition::AnswerKind;
use domain::incident::Severity;
use domain::run::Status;
use integration::estate::{activate_by, target_of};
use integration::fleet::{Up, bound};

use crate::world::{SOON, estate, import, incidents_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_reached_asks_a_person_while_23_succeed() -> Result<()> {
    let estate = estate(24).await?;
    let up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    let (ca, lost) = (&estate.pebbles[0], estate.nginx.hosts()[6].as_str());
    ca.break_dns(lost).await?;

    let runs = up.api.renew(None).await?;
    let counts = up.api.all_settled(bound(24)).await?;
    ensure!(
        counts[Status::Succeeded] == 23 && counts[Status::NeedsManual] == 1,
        "{counts:?}"
    );
    ensure!(ca.issued() == 23 && ca.issued_for(lost).await? == 0);

    let run = runs.get(lost).context("the run of the lost host")?;
    let question = question(&up, run, "ISS-0007").await?;
    ensure!(question.failure.what.contains(lost), "{question:?}");
    let offered = [AnswerKind::Resume, AnswerKind::Resolve, AnswerKind::Cancel].map(OfferedAnswer::Common);
    ensure!(question.answers == offered, "{question:?}");
    let incidents = incidents_of(&up.api, run).await?;
    ensure!(
        incidents.len() == 1 && incidents[0].incident.hostname.as_str() == lost,
        "{incidents:?}"
    );
    ensure!(incidents[0].incident.severity == Severity::Sev2, "{incidents:?}");

    ca.mend_dns(lost).await?;
    up.api.resume(&run).await?;
    up.api.succeeds(run, SOON).await?;
    ensure!(ca.issued_for(lost).await? == 1 && ca.issued() == 24);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_not_set_up_and_a_reload_that_hangs_are_named() -> Result<()> {
    let mut estate = estate(3).await?;
    estate.allow("hangs", &["sleep", "3600"].map(str::to_owned));
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    target_of(&mut policies[0]).key_path = "/no-such-directory/of-this-story/key.pem".to_owned();
    // A path below a file cannot be read by root either.
    target_of(&mut policies[1]).chain_path = "/etc/hostname/chain.pem".to_owned();
    activate_by(&mut policies[2], "hangs", 1);
    up.api.import("policies", &policies).await?;

    let runs: Vec<String> = up.api.renew(None).await?.into_values().collect();
    let absent = question(&up, &runs[0], "DEP-0005").await?.failure;
    ensure!(absent.what.contains("/no-such-directory/of-this-story"), "{absent:?}");
    let below_a_file = question(&up, &runs[1], "DEP-0005").await?.failure;
    ensure!(below_a_file.what.contains("/etc/hostname"), "{below_a_file:?}");
    let hung = question(&up, &runs[2], "DEP-0008").await?.failure;
    ensure!(hung.what.contains("sleep") && hung.what.contains("1 s"), "{hung:?}");
    let words = [&hung.what, &hung.hint];
    ensure!(words.iter().any(|text| text.contains("timeout")), "{hung:?}");
    Ok(())
}

/// What a run asks with this code, once it asks; with words on what happened and what to do.
async fn question(up: &Up, run: &str, code: &str) -> Result<Question> {
    let question = up.api.asks(run, code, SOON).await?;
    let words = [&question.failure.what, &question.failure.hint];
    ensure!(
        words.iter().all(|text| text.contains(' ')),
        "no plain words: {question:?}"
    );
    Ok(question)
}
