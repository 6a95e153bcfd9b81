//! A CA that limits, forgets, breaks off and lies: every run goes on by itself or asks a person, and no certificate is
//! asked for twice.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use api::runs::{Because, Run, RunDetail};
use domain::run::{Check, Status};
use domain::target::Target;
use integration::estate::{file_target, target_of};
use integration::fleet::Up;
use integration::{Api, Estate};
use serde_json::{Value, json};
use testkit::faulty_ca::{Chain, Fault, FaultPoint, FaultyCa, Lapse, RetryAfter};
use testkit::wait;

use crate::world::{SOON, import, incidents_of};

/// So many hosts at such a CA, known to a running Vigilo.
pub async fn world(hosts: usize) -> Result<(Estate, Up)> {
    let estate = Estate::at_a_faulty_ca(hosts).await?;
    let up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    Ok((estate, up))
}

pub fn ca(estate: &Estate) -> Result<&FaultyCa> {
    estate.faulty_ca.as_ref().context("this estate has a faulty CA")
}

pub async fn renew(api: &Api, host: &str) -> Result<String> {
    let runs = api.renew(Some(&[host])).await?;
    runs.get(host).cloned().with_context(|| format!("no run for {host}"))
}

/// Until the run shows that it waits for a retry with this code; gives the run.
async fn waits_with(api: &Api, run: &str, code: &str) -> Result<Run> {
    wait::until_ok(&format!("run {run} to wait with {code}"), SOON, async || {
        let shown = api.run(run).await?.run;
        let standing = &shown.standing;
        let failure = standing.failure.as_ref().map(|shown| shown.failure.code.as_str());
        let waits = standing.because == Some(Because::Retry) && failure == Some(code);
        ensure!(waits, "it stands at {standing:?}");
        Ok(shown)
    })
    .await
}

/// A fault of the CA, and the words that the run shows while it waits because of it.
struct Trouble {
    place: FaultPoint,
    fault: Fault,
    code: &'static str,
    says: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_named_time_is_waited_for_visibly_and_the_run_goes_on_by_itself() -> Result<()> {
    let troubles = [
        Trouble {
            place: FaultPoint::NewOrder,
            fault: Fault::RateLimit(RetryAfter::Seconds(3)),
            code: "ISS-0006",
            says: "rate limited",
        },
        Trouble {
            place: FaultPoint::Finalize,
            fault: Fault::RateLimit(RetryAfter::DateIn(4)),
            code: "ISS-0006",
            says: "rate limited",
        },
        Trouble {
            place: FaultPoint::NewOrder,
            fault: Fault::Busy(RetryAfter::Seconds(3)),
            code: "ISS-0005",
            says: "503",
        },
        Trouble {
            place: FaultPoint::Finalize,
            fault: Fault::Busy(RetryAfter::DateIn(4)),
            code: "ISS-0005",
            says: "503",
        },
    ];
    let (estate, up) = world(troubles.len()).await?;
    let ca = ca(&estate)?;
    for (host, trouble) in estate.nginx.hosts().iter().zip(troubles) {
        ca.misbehave(trouble.place, &trouble.fault, 1);
        let run = renew(&up.api, host).await?;
        let waiting = waits_with(&up.api, &run, trouble.code).await?;
        let until = waiting.until.context("until when it waits")?.to_string();
        let standing = waiting.standing;
        let what = standing.failure.context("a failure")?.failure.what;
        ensure!(what.contains(trouble.says), "{what}");
        ensure!(what.contains(&until[..19]), "{what} does not name {until}");
        ensure!(standing.status == Status::Running, "{:?}", standing.status);
        up.api.succeeds(&run, SOON).await?;
        ensure!(ca.issued_for(host) == 1, "{host}");
    }
    ensure!(ca.issued() == estate.nginx.hosts().len());
    let incidents = up.api.incidents().await?;
    ensure!(incidents.is_empty(), "waiting is no incident: {incidents:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_slow_or_wrong_costs_no_second_certificate() -> Result<()> {
    let slow = Fault::Slow(Duration::from_secs(11));
    let troubles = [
        (FaultPoint::NewOrder, Fault::RefuseNonce, 2),
        (FaultPoint::Finalize, Fault::RefuseNonce, 4),
        (FaultPoint::NewOrder, Fault::BreakOff, 1),
        (FaultPoint::Authorization, Fault::BreakOff, 1),
        (FaultPoint::Challenge, Fault::BreakOff, 1),
        (FaultPoint::Finalize, Fault::BreakOff, 1),
        (FaultPoint::Certificate, Fault::BreakOff, 1),
        (FaultPoint::Order, Fault::Internal, 1),
        (FaultPoint::Finalize, Fault::Internal, 1),
        (FaultPoint::Finalize, slow, 1),
    ];
    let (estate, up) = world(troubles.len()).await?;
    let ca = ca(&estate)?;
    for (host, (place, fault, times)) in estate.nginx.hosts().iter().zip(troubles) {
        ca.misbehave(place, &fault, times);
        let run = renew(&up.api, host).await?;
        let ended = up.api.succeeds(&run, SOON).await;
        ended.with_context(|| format!("{fault:?} at {place:?}"))?;
        ensure!(
            ca.issued_for(host) == 1,
            "{fault:?} at {place:?}: {} issued",
            ca.issued_for(host)
        );
    }
    ensure!(ca.accounts() == 1, "one account for all: {}", ca.accounts());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_turns_invalid_names_each_host_with_its_reason() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(1).await?;
    let up = Up::start(&estate).await?;
    let ca = ca(&estate)?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    policies[0].sans = vec!["two.demo.test".parse()?, "three.demo.test".parse()?];
    up.api.import("policies", &policies).await?;
    let host = estate.nginx.hosts()[0].as_str();
    ca.refuse_name(host, "connection", "timeout during connect");
    ca.refuse_name("three.demo.test", "caa", "CAA record prevents issuance");

    let run = renew(&up.api, host).await?;
    let what = up.api.asks(&run, "ISS-0007", SOON).await?.failure.what;
    for part in [
        format!("{host}: timeout during connect (connection)"),
        "three.demo.test: CAA record prevents issuance (caa)".to_owned(),
    ] {
        ensure!(what.contains(&part), "{what}");
    }
    ensure!(!what.contains("two.demo.test"), "only what failed is named: {what}");
    ensure!(incidents_of(&up.api, &run).await?.len() == 1 && ca.issued() == 0);

    ca.accept_all_names();
    up.api.resume(&run).await?;
    up.api.succeeds(&run, SOON).await?;
    ensure!(
        ca.issued() == 1 && ca.orders() == 2,
        "a new order was placed after Resume"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_not_ours_is_a_question_and_nothing_is_deployed() -> Result<()> {
    let lies = [
        (Chain::OtherKey, "another public key"),
        (Chain::OtherName, "does not carry the name"),
        (Chain::Expired, "good until"),
        (Chain::NotYetGood, "good from"),
    ];
    let (estate, up) = world(lies.len()).await?;
    let ca = ca(&estate)?;
    let before = estate.served().await?;
    let mut runs = Vec::new();
    for (host, (chain, says)) in estate.nginx.hosts().iter().zip(lies) {
        ca.deliver(chain);
        let run = renew(&up.api, host).await?;
        let question = up.api.asks(&run, "ISS-0012", SOON).await?;
        ensure!(question.failure.what.contains(says), "{question:?}");
        ensure!(ca.issued_for(host) == 1, "nobody asked for another one");
        runs.push(run);
    }
    ensure!(estate.served().await? == before, "nothing was deployed");

    ca.deliver(Chain::Good);
    for run in &runs {
        up.api.resume(&run).await?;
        up.api.succeeds(run, SOON).await?;
    }
    ensure!(ca.issued() == 2 * lies.len());
    Ok(())
}

/// What the record of Issue says of a look at the targets before the order went out.
fn looks_at_targets(run: &RunDetail, place: usize) -> Result<&Check> {
    let issue = run.steps.iter().find(|step| step.step == "issue").context("issue")?;
    let is_look = |check: &&Check| check.name == "the targets can take a certificate";
    let mut looks = issue.checks.iter().filter(is_look);
    looks.nth(place).with_context(|| format!("{:?}", issue.checks))
}

/// Directories that do not exist are found before certificates are bought for them.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ordered_for_targets_that_could_not_take_a_certificate() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(3).await?;
    let up = Up::start(&estate).await?;
    let ca = ca(&estate)?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    let files = estate.nginx.files(&estate.nginx.hosts()[0]);
    let real = files.chain.parent().context("a directory")?.to_owned();
    let missing = real.with_file_name("not-there-yet");
    let unready = &estate.nginx.hosts()[..2];
    for (policy, host) in policies.iter_mut().zip(unready) {
        let files = estate.nginx.files(host);
        let moved = |file: &Path| Some(missing.join(file.file_name()?).display().to_string());
        let target = target_of(policy);
        target.chain_path = moved(&files.chain).context("a name")?;
        target.key_path = moved(&files.key).context("a name")?;
    }
    up.api.import("policies", &policies).await?;

    let runs = up.api.renew(None).await?;

    for host in unready {
        let what = up.api.asks(&runs[host], "DEP-0005", SOON).await?.failure.what;
        ensure!(
            what.contains("not-there-yet does not exist; no certificate has been ordered yet"),
            "{what}"
        );
    }
    let third = &estate.nginx.hosts()[2];
    let good = up.api.succeeds(&runs[third], SOON).await?;
    ensure!(looks_at_targets(&good, 0)?.passed, "{good:?}");
    ensure!(ca.orders() == 1, "{} orders", ca.orders());

    std::os::unix::fs::symlink(&real, &missing)?;
    for host in unready {
        up.api.resume(&runs[host]).await?;
        let run = up.api.succeeds(&runs[host], SOON).await?;
        let (first, then) = (looks_at_targets(&run, 0)?, looks_at_targets(&run, 1)?);
        ensure!(!first.passed && then.passed, "{first:?} {then:?}");
        ensure!(first.evidence.contains("not-there-yet"), "{first:?}");
    }
    ensure!(ca.orders() == 3, "{} orders", ca.orders());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_after_the_issuance_is_resumed_with_the_same_certificate() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(1).await?;
    let up = Up::start(&estate).await?;
    let ca = ca(&estate)?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    let files = estate.nginx.files(&estate.nginx.hosts()[0]);
    let directory = files.chain.with_file_name("not-there-yet");
    let second = file_target(&directory.join("chain.pem"), &directory.join("key.pem"));
    policies[0].targets.push(Target::File(second));
    up.api.import("policies", &policies).await?;

    let host = estate.nginx.hosts()[0].as_str();
    let run = renew(&up.api, host).await?;
    up.api.asks(&run, "DEP-0005", SOON).await?;
    std::fs::create_dir(&directory)?;
    up.api.resume(&run).await?;
    up.api.succeeds(&run, SOON).await?;
    ensure!(ca.issued_for(host) == 1 && ca.orders() == 1 && ca.requests(FaultPoint::Finalize) == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_expires_while_the_run_asks_is_replaced_after_resume() -> Result<()> {
    let lapses = [Lapse::Invalid, Lapse::Forgotten];
    let (estate, up) = world(lapses.len()).await?;
    let ca = ca(&estate)?;
    for (host, lapse) in estate.nginx.hosts().iter().zip(lapses) {
        let terms =
            json!({"type": "urn:ietf:params:acme:error:userActionRequired", "detail": "agree to the new terms"});
        let terms = Fault::Problem {
            status: 403,
            body: terms,
        };
        ca.misbehave(FaultPoint::Finalize, &terms, 1);
        let orders = ca.orders();
        let run = renew(&up.api, host).await?;
        up.api.asks(&run, "ISS-0010", SOON).await?;
        ensure!(ca.issued_for(host) == 0 && ca.orders() == orders + 1, "{lapse:?}");

        ca.expire_orders(lapse);
        up.api.resume(&run).await?;
        let ended = up.api.succeeds(&run, SOON).await;
        ended.with_context(|| format!("an order that is {lapse:?}"))?;
        ensure!(ca.issued_for(host) == 1 && ca.orders() == orders + 2, "{lapse:?}");
    }
    ensure!(ca.issued() == lapses.len());
    Ok(())
}

/// The time is up after two seconds of a step, and the ladder of a story has seconds.
fn impatient() -> Value {
    json!({"issuer": {"poll": {"patience_seconds": 2}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_stays_processing_is_a_question_whatever_the_ca_asks_for() -> Result<()> {
    let waits = [
        (RetryAfter::Seconds(3_000_000), 3),
        (RetryAfter::Seconds(0), 200),
        (RetryAfter::Past, 200),
    ];
    let estate = Estate::at_a_faulty_ca(waits.len()).await?;
    let up = Up::start_with(&estate, impatient()).await?;
    import(&up.api, &estate).await?;
    let ca = ca(&estate)?;
    for (host, (wait, most)) in estate.nginx.hosts().iter().zip(waits) {
        up.api.check(host).await?;
        ca.stall(wait);
        let before = ca.requests(FaultPoint::Order);
        let run = renew(&up.api, host).await?;
        let question = up.api.asks(&run, "ISS-0005", SOON).await?;
        ensure!(question.failure.what.contains("still processing"), "{question:?}");
        ensure!(incidents_of(&up.api, &run).await?.len() == 1, "{wait:?}");
        let polls = ca.requests(FaultPoint::Order) - before;
        ensure!(polls <= most, "{polls} looks at an order with {wait:?}");
        // While nobody answers it is looked at once a day, whatever the CA says.
        let asking = up.api.run(&run).await?.run;
        ensure!(asking.until > Some(asking.moved_at), "{asking:?}");

        ca.go_on();
        up.api.resume(&run).await?;
        up.api.succeeds(&run, SOON).await?;
        ensure!(ca.issued_for(host) == 1, "{wait:?}");
    }
    ensure!(ca.orders() == waits.len(), "nobody placed another order");
    Ok(())
}

/// A wait that is borne is shown in the list with its reason and its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_the_ca_asks_for_is_shown_in_the_list_of_runs() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(1).await?;
    let up = Up::start_with(&estate, impatient()).await?;
    import(&up.api, &estate).await?;
    let (ca, host) = (ca(&estate)?, estate.nginx.hosts()[0].as_str());
    ca.stall(RetryAfter::Seconds(3_600));
    let run = renew(&up.api, host).await?;
    let waiting = waits_with(&up.api, &run, "ISS-0005").await?;
    let until = waiting.until.context("until when")?.to_string()[..19].replace('T', " ");
    // It is said in the zone of the reader.
    let listed = up.command(&["runs"])?.env("TZ", "UTC").output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for part in [host, "ISS-0005", "still processing", until.as_str()] {
        ensure!(listed.contains(part), "no {part} in {listed}");
    }
    Ok(())
}
