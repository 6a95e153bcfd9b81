//! Five hundred hosts of every sort: what is left out is exactly what does not fit, and what it costs is what was planned.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use api::budget::NewBudget;
use domain::job::{Decision, JobState};
use domain::window::Window;
use integration::{Api, Estate, Fleet, Member};
use serde_json::json;
use testkit::Serving;

use super::{job_is, lines, planned, progress};

/// A part of the mixed estate: its hosts are named `<part>-<n>.<part>.test`.
fn part(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// Hosts of every sort: so many of each part.
const PARTS: [(&str, usize); 7] = [
    ("plain", 90),
    ("quota", 80),
    ("closed", 100),
    ("rested", 20),
    ("busy", 10),
    ("bare", 150),
    ("other", 50),
];
/// Orders that the second CA takes before the job ends.
const TAKEN: u32 = 25;
const TEN_CENTS: u64 = 100_000;
/// Of the plain hosts the job's own budget pays for so many, and not quite for one more.
const PAID: u32 = 60;
const BUDGET: u64 = PAID as u64 * TEN_CENTS + TEN_CENTS / 2;

fn mixed_names() -> Vec<String> {
    let of = |(part, hosts): (&'static str, usize)| (1..=hosts).map(move |n| format!("{part}-{n}.{part}.test"));
    PARTS.into_iter().flat_map(of).collect()
}

/// The hosts and policies: what the parts are called after.
async fn mixed() -> Result<(Estate, Fleet)> {
    let estate = Estate::of(mixed_names(), 2, Serving::Dynamic).await?;
    let fleet = Fleet::start(&estate).await?;
    let mut hosts = estate.hosts();
    for host in hosts.iter_mut().filter(|host| part(host.hostname.as_str()) == "other") {
        host.environment = "staging".to_owned();
    }
    fleet.api.import("hosts", &hosts).await?;
    let mut policies = estate.policies();
    policies.retain(|policy| part(policy.hostname.as_str()) != "bare");
    let window: Window = serde_json::from_value(json!({"cron": opens_too_late()?, "minutes": 30}))?;
    for policy in &mut policies {
        let part = part(policy.hostname.as_str());
        let ca = usize::from(part == "quota");
        match part {
            "closed" => policy.windows = vec![window.clone()],
            "rested" => policy.cooldown_seconds = 86_400,
            _ => {}
        }
        policy.directory_url = Some(estate.pebbles[ca].directory_url().parse()?);
    }
    fleet.api.import("policies", &policies).await?;
    limited(&fleet, &estate.pebbles[1].directory_url()).await?;
    priced(&fleet.api, &estate).await?;
    Ok((estate, fleet))
}

/// The first CA takes ten cents, the second nothing; twenty dollars may be spent in the month.
async fn priced(api: &Api, estate: &Estate) -> Result<()> {
    for (id, ca, price) in [("dear", 0, TEN_CENTS), ("free", 1, 0)] {
        let provider = json!({"id": id, "title": id, "directory_url": estate.pebbles[ca].directory_url(),
                              "price": {"micro_usd": price}, "source": "the story"});
        api.add_provider(&serde_json::from_value(provider)?).await?;
    }
    let budget = NewBudget {
        budget_micro_usd_per_month: Some(200 * TEN_CENTS),
    };
    api.set_budget(budget).await?;
    Ok(())
}

/// A limit of this CA, as a person would set it.
async fn limited(fleet: &Fleet, directory: &str) -> Result<()> {
    let pool = testkit::sqlx::PgPool::connect(&fleet.postgres.url_of("vigilo")).await?;
    testkit::sqlx::query(
        "insert into limits (id, directory_url, scope, title, burst, period_seconds, source, last_verified)
         values ('story.orders', $1, 'account', 'orders of the story', $2, 86400, 'a story', '2026-11-01')",
    )
    .bind(directory)
    .bind(TAKEN_BURST)
    .execute(&pool)
    .await?;
    Ok(())
}

/// From bursts of 20 on a twentieth is kept back: 27 let 25 through.
const TAKEN_BURST: i32 = 27;

fn names_of(which: &str) -> Vec<String> {
    mixed_names().into_iter().filter(|name| part(name) == which).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn five_hundred_mixed_hosts_are_renewed_exactly_as_planned() -> Result<()> {
    let (estate, fleet) = mixed().await?;
    let api = &fleet.api;
    // Some were renewed a moment ago, some are being renewed.
    let before = planned(api, json!({"filter": {"hostname_glob": "rested-*"}}))
        .await?
        .job
        .id;
    api.commit(before).await?;
    ensure!(job_is(api, before, JobState::Ended).await?.progress.succeeded == 20);
    let spec = json!({"filter": {"hostname_glob": "busy-*"}, "start_at": in_an_hour()?});
    let later = planned(api, spec).await?.job.id;
    api.commit(later).await?;
    progress(api, later, "its runs wait", |at| at.queued == 10).await?;

    let spec = json!({"filter": {"environments": ["demo"]}, "ends_at": in_an_hour()?, "concurrency": 40, "canary": {"percent": 5}, "budget_micro_usd": BUDGET});
    let shown = planned(api, spec).await?.job;
    let (job, totals) = (shown.id, shown.totals);
    ensure!(totals.hosts == 450 && totals.included == PAID + TAKEN, "{totals:?}");
    let left_out = [
        ("budget", 90 - PAID),
        ("quota", 80 - TAKEN),
        ("window", 100),
        ("cooldown", 20),
        ("active_run", 10),
        ("no_policy", 150),
    ];
    let left_out = left_out.map(|(reason, hosts)| (reason.to_owned(), hosts));
    ensure!(totals.left_out == left_out.into(), "{totals:?}");
    for limit in ["the limits of the CA: 55", "the budget: 30"] {
        ensure!(totals.binds.iter().any(|bind| bind.contains(limit)), "{totals:?}");
    }
    // Twenty were paid this month, ten more are under way.
    let cost = u64::from(PAID) * TEN_CENTS;
    ensure!(totals.cost_micro_usd == cost, "{totals:?}");
    ensure!(totals.month_left_micro_usd == Some(170 * TEN_CENTS), "{totals:?}");
    let plan = lines(api, job).await?;
    for (which, reason) in [
        ("plain", "budget"),
        ("quota", "quota"),
        ("closed", "window"),
        ("rested", "cooldown"),
        ("busy", "active_run"),
    ] {
        for (name, line) in plan.iter().filter(|(name, _)| part(name) == which) {
            if let Decision::LeftOut(why) = &line.decision {
                ensure!(why.reason() == reason, "{name}: {line:?}");
            }
        }
    }

    api.commit(job).await?;
    fleet.kill_and_restart(Member::Planner).await?;
    let ended = job_is(api, job, JobState::Ended).await?;
    ensure!(ended.progress.succeeded == PAID + TAKEN, "{ended:?}");
    ensure!(ended.cost_so_far_micro_usd == cost, "{ended:?}");
    let money = api.budget().await?;
    ensure!(
        money.spent.micro_usd == 20 * TEN_CENTS + cost && money.active.micro_usd == 10 * TEN_CENTS,
        "{money:?}"
    );
    let mut expected: BTreeMap<String, usize> = names_of("rested").into_iter().map(|name| (name, 1)).collect();
    let included = plan
        .into_iter()
        .filter(|(_, line)| matches!(line.decision, Decision::Included(_)));
    expected.extend(included.map(|(name, _)| (name, 1)));
    ensure!(
        issued_everywhere(&estate).await? == expected,
        "the CAs issued what was planned, once each"
    );
    Ok(())
}

async fn issued_everywhere(estate: &Estate) -> Result<BTreeMap<String, usize>> {
    let mut issued = BTreeMap::new();
    for pebble in &estate.pebbles {
        for certificate in pebble.issued_certificates().await? {
            for name in certificate.names {
                *issued.entry(name).or_default() += 1;
            }
        }
    }
    Ok(issued)
}

/// The line of a daily window that opens hours after the job has ended, and before any certificate does.
#[expect(
    clippy::disallowed_methods,
    reason = "what the machine says beside what the service says"
)]
fn opens_too_late() -> Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(format!("0 {} * * *", (now.as_secs() / 3_600 + 6) % 24))
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the machine says beside what the service says"
)]
fn in_an_hour() -> Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let at = domain::Timestamp::EPOCH.plus(now + std::time::Duration::from_secs(3_600));
    Ok(at.to_string())
}
