//! When runs go: under the limits of a CA, within the bound of a target group, in the windows of a host.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use api::Bounded;
use api::pacing::{NewLimit, NewTagWindows};
use api::renewals::Renewal;
use api::runs::{Because, Run};
use domain::limit::Scope;
use domain::run::{Mode, Status};
use domain::window::Window;
use integration::estate::{activate_by, target_of};
use integration::fleet::{Up, bound};
use integration::{Api, Estate, Fleet};
use serde_json::json;
use testkit::{FaultyCa, run_dir, wait};

use crate::world::{SOON, estate, import};

/// The CA takes so many orders at once, and then one in so many seconds.
const BURST: u32 = 20;
const PERIOD: u32 = 2;
const HOSTS: usize = 26;

#[tokio::test(flavor = "multi_thread")]
async fn three_planners_keep_the_quota_of_a_ca_that_counts() -> Result<()> {
    let estate = Estate::at_a_faulty_ca(HOSTS).await?;
    let ca = estate.faulty_ca.as_ref().context("this estate has a faulty CA")?;
    ca.limit_orders(BURST, Duration::from_secs(PERIOD.into()));
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let limit = NewLimit {
        burst: BURST,
        period_seconds: PERIOD,
        ..limit("orders of the story", &ca.directory_url())?
    };
    fleet.api.set_limit("story.orders", &limit).await?;
    import(&fleet.api, &estate).await?;
    // The planners read the limits again after two seconds at most; a first renewal is through later than that.
    let hosts = estate.nginx.hosts();
    for run in fleet.api.renew(Some(&[&hosts[0]])).await?.values() {
        fleet.api.succeeds(run, SOON).await?;
    }
    let rest: Vec<&str> = hosts[1..].iter().map(String::as_str).collect();
    fleet.api.renew(Some(&rest)).await?;

    let waiting = one_waits_for_the_limit(&fleet.api).await?;
    let said = waiting.standing.waits_for.clone().unwrap_or_default();
    ensure!(
        said.contains("orders of the story") && said.contains("until"),
        "{waiting:?}"
    );
    let counts = fleet.api.all_settled(bound(HOSTS)).await?;
    ensure!(counts[Status::Succeeded] == HOSTS as u64, "{counts:?}");
    ensure!(ca.overdrawn() == 0, "{} orders were one too many", ca.overdrawn());
    ensure!(ca.orders() == HOSTS && ca.issued() == HOSTS, "{} orders", ca.orders());
    Ok(())
}

/// The record believes in a much larger limit than the CA has: its first 429 stops everybody until the time that it names.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_ca_says_of_its_limit_holds_the_orders_of_every_planner() -> Result<()> {
    let (all, taken) = (12, 3);
    let estate = Estate::at_a_faulty_ca(all).await?;
    let ca = estate.faulty_ca.as_ref().context("this estate has a faulty CA")?;
    ca.limit_orders(taken, Duration::from_secs(900));
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let limit = NewLimit {
        burst: 1_000,
        period_seconds: 1,
        ..limit("orders as we believe", &ca.directory_url())?
    };
    fleet.api.set_limit("story.believed", &limit).await?;
    import(&fleet.api, &estate).await?;
    let hosts: Vec<&str> = estate.nginx.hosts().iter().map(String::as_str).collect();
    let (first, rest) = hosts.split_at(taken as usize);
    for run in fleet.api.renew(Some(first)).await?.values() {
        fleet.api.succeeds(run, SOON).await?;
    }
    fleet.api.renew(Some(&rest[..1])).await?;
    let one = || all_wait(&fleet.api, ca, Because::Retry, 1);
    wait::until_ok("the one that was too many to wait", SOON, one).await?;
    fleet.api.renew(Some(&rest[1..])).await?;
    let others = || all_wait(&fleet.api, ca, Because::Limit, rest.len() - 1);
    wait::until_ok("the others to wait without having asked", SOON, others).await?;
    ensure!(ca.orders() == taken as usize, "{} orders", ca.orders());
    Ok(())
}

/// A limit of an account at this CA, as somebody has written it down.
pub fn limit(title: &str, directory_url: &str) -> Result<NewLimit> {
    Ok(NewLimit {
        directory_url: directory_url.parse()?,
        scope: Scope::Account,
        title: title.to_owned(),
        burst: 1,
        period_seconds: 1,
        source: "the story".to_owned(),
        last_verified: Some("2026-11-24".to_owned()),
        enabled: true,
    })
}

/// So many runs wait for this, and the CA has refused one order and no more.
async fn all_wait(api: &Api, ca: &FaultyCa, because: Because, many: usize) -> Result<()> {
    let runs = api.runs().await?;
    let waiting = runs.iter().filter(|run| run.standing.because == Some(because));
    let (found, refused) = (waiting.count(), ca.overdrawn());
    ensure!(
        found >= many && refused == 1,
        "{found} of {many}, {refused} refused: {runs:?}"
    );
    Ok(())
}

/// Three planners deploy to targets of one group, of which two may be reloaded at once: each reload counts how many run.
#[tokio::test(flavor = "multi_thread")]
async fn so_many_targets_of_a_group_are_reloaded_at_once() -> Result<()> {
    let (all, at_once) = (12, 2);
    let mut estate = estate(all).await?;
    let counted = run_dir::fresh("reloads", None)?;
    let (now, seen) = (counted.join("now"), counted.join("seen"));
    std::fs::create_dir(&now)?;
    let script = format!(
        "touch {now}/$$; ls {now} | wc -l >> {seen}; sleep 0.2; rm {now}/$$",
        now = now.display(),
        seen = seen.display()
    );
    estate.allow("counted", &["/bin/sh".to_owned(), "-c".to_owned(), script]);
    let mut fleet = Fleet::start(&estate).await?;
    for _ in 0..2 {
        fleet.another_planner().await?;
    }
    let set = fleet
        .command(&["group", "set", "edge-lb", &at_once.to_string()])?
        .output()?;
    ensure!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let mut policies = estate.policies();
    for policy in &mut policies {
        target_of(policy).group_name = Some("edge-lb".to_owned());
        activate_by(policy, "counted", 60);
    }
    fleet.api.import("hosts", &estate.hosts()).await?;
    fleet.api.import("policies", &policies).await?;
    fleet.api.renew(None).await?;
    let counts = fleet.api.all_settled(bound(all)).await?;
    ensure!(counts[Status::Succeeded] == all as u64, "{counts:?}");

    let text = std::fs::read_to_string(&seen)?;
    let reloads: Vec<usize> = text.lines().map(|line| line.trim().parse()).collect::<Result<_, _>>()?;
    ensure!(reloads.len() == all, "{} reloads", reloads.len());
    ensure!(reloads.iter().all(|running| *running <= at_once), "{reloads:?}");
    Ok(())
}

/// A minute a day, between one and two hours from now.
#[expect(
    clippy::disallowed_methods,
    reason = "what the machine says beside what the service says"
)]
fn closed_now() -> Result<Window> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let hour = (now.as_secs() / 3600 + 2) % 24;
    let window = json!({"cron": format!("0 {hour} * * *"), "minutes": 1, "zone": "UTC"});
    Ok(serde_json::from_value(window)?)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_host_is_renewed_in_its_window_or_when_somebody_insists() -> Result<()> {
    let estate = estate(2).await?;
    let up = Up::start(&estate).await?;
    let (mut hosts, mut policies) = (estate.hosts(), estate.policies());
    for host in &mut hosts {
        host.tags = vec!["edge".to_owned()];
    }
    policies[0].cooldown_seconds = 60;
    up.api.import("hosts", &hosts).await?;
    up.api.import("policies", &policies).await?;
    // The estate begins with old certificates; new ones have time.
    for run in up.api.renew(None).await?.values() {
        up.api.succeeds(run, SOON).await?;
    }
    let live = |host: &String| Renewal {
        hostnames: Some(Bounded(vec![host.clone()])),
        mode: Some(Mode::Live),
        ..Renewal::default()
    };
    let [cooling, windowed] = estate.nginx.hosts() else {
        anyhow::bail!("an estate of two hosts")
    };

    let answered = up.api.ask(&live(cooling)).await?;
    let refused = answered.refused.first().context("it is too soon")?;
    ensure!(refused.reason.field == "cooldown_seconds", "{refused:?}");
    let when_allowed = Renewal {
        when_allowed: true,
        ..live(cooling)
    };
    let cools = waits(&up.api, &when_allowed, Because::Cooldown).await?;
    up.api.succeeds(&cools, 2 * SOON).await?;

    let windows = vec![closed_now()?];
    up.api.set_tag_windows("edge", &NewTagWindows { windows }).await?;
    let closed = waits(&up.api, &live(windowed), Because::Window).await?;
    up.api.cancel(&closed).await?;
    let at_once = Renewal {
        at_once: true,
        ..live(windowed)
    };
    let insisted = begun(&up.api, &at_once).await?;
    let why = up.api.succeeds(&insisted, SOON).await?.run.why_now;
    ensure!(
        why.as_ref()
            .is_some_and(|why| why.contains("asked for at once by owner")),
        "{why:?}"
    );
    Ok(())
}

/// Asks for a run, which says that it waits for this, and until when; gives it.
async fn waits(api: &Api, renewal: &Renewal, because: Because) -> Result<String> {
    let run = begun(api, renewal).await?;
    let shown = api.run(&run).await?.run;
    let standing = &shown.standing;
    ensure!(
        standing.because == Some(because) && standing.status == Status::Queued,
        "{shown:?}"
    );
    let until = shown.until.context("until when")?.to_string();
    let said = standing.waits_for.as_ref().context("for what")?;
    ensure!(said.contains(&until[..16]), "{shown:?}");
    Ok(run)
}

async fn begun(api: &Api, renewal: &Renewal) -> Result<String> {
    api.begin(renewal).await?.into_values().next().context("a run")
}

async fn one_waits_for_the_limit(api: &Api) -> Result<Run> {
    wait::until_ok("a run that waits for the limit", SOON, async || {
        let runs = api.runs().await?;
        let many = runs.len();
        let mut waiting = runs
            .into_iter()
            .filter(|run| run.standing.because == Some(Because::Limit));
        waiting.next().with_context(|| format!("none of {many}"))
    })
    .await
}
