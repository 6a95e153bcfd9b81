//! A CA that says when it wants certificates renewed: it is heard, whatever it says, and an order replaces what it renews.

use std::fmt::Display;

use anyhow::{Context, Result, ensure};
use api::policies::{Policy, RenewalInfo};
use api::runs::Run;
use domain::Timestamp;
use domain::host::Criticality;
use domain::incident::{Remark, Severity, State};
use domain::job::JobState;
use domain::run::{Status, Trigger};
use integration::fleet::Up;
use integration::{Api, Estate};
use serde_json::{Value, json};
use testkit::faulty_ca::{Fault, FaultPoint, FaultyCa, RetryAfter};
use testkit::sqlx::{self, Connection as _, PgConnection};
use testkit::{PebbleOptions, Serving, wait};

use crate::world::{SOON, all_succeed_with_one_certificate_each, estate, fleet, import};

const PAST: &str = r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"},
                       "explanationURL":"https://ca.example.org/incident"}"#;
const FUTURE: &str = r#"{"suggestedWindow":{"start":"2099-01-02T04:00:00Z","end":"2099-01-03T04:00:00Z"}}"#;

/// The clock is started only when every host has a certificate: the estates begin with old ones.
fn eager() -> Value {
    json!({"planner": {"schedule": {"enabled": true, "every_seconds": 1}}})
}

/// Until the policy's host was asked about and this holds of what is shown of it.
async fn told(api: &Api, host: &str, holds: impl Fn(&RenewalInfo) -> bool) -> Result<RenewalInfo> {
    wait::until_ok(&format!("what the CA says about {host}"), SOON, async || {
        let told = policy(api, host).await?.renewal_info.context("nothing yet")?;
        ensure!(holds(&told), "it shows {told:?}");
        Ok(told)
    })
    .await
}

async fn policy(api: &Api, host: &str) -> Result<Policy> {
    let mut all = api.policies().await?.into_iter();
    let found = all.find(|one| one.policy.spec.hostname.as_str() == host);
    found.context("a policy")
}

fn has_window(told: &RenewalInfo) -> bool {
    told.window_start.is_some()
}

/// The leaf that the newest look at the host saw.
async fn leaf(api: &Api, host: &str) -> Result<String> {
    let shown = api.host(host).await?;
    let served = shown.look.first().and_then(|look| look.served());
    let leaf = served.and_then(|served| served.leaf_pem.clone());
    leaf.with_context(|| format!("no leaf in {shown:?}"))
}

/// The newest run of the host once it has succeeded by the clock.
async fn renewed_by_itself(api: &Api, host: &str) -> Result<Run> {
    wait::until_ok(&format!("{host} to renew itself"), SOON, async || {
        let newest = api.runs_of(host).await?.into_iter().next().context("no run")?;
        let done = newest.trigger == Trigger::Schedule && newest.standing.status == Status::Succeeded;
        ensure!(done, "the newest run is {newest:?}");
        Ok(newest)
    })
    .await
}

/// Its steps with their checks and log, and the exchange with the CA.
async fn whole(api: &Api, run: impl Display) -> Result<String> {
    let (run, exchange) = (api.run(&run).await?, api.exchange(&run).await?);
    Ok(format!("{run:?} {exchange:?}"))
}

fn instant(text: &str) -> Result<Timestamp> {
    Ok(text.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_in_the_past_renews_now_in_place_of_the_old_certificate() -> Result<()> {
    let estate = estate(2).await?;
    let mut up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    up.api.renew(None).await?;
    up.api.all_settled(SOON).await?;
    let (called, quiet) = (estate.nginx.hosts()[0].as_str(), estate.nginx.hosts()[1].as_str());
    let first = told(&up.api, called, has_window).await?;
    told(&up.api, quiet, has_window).await?;
    ensure!(first.next_ask_at.is_some(), "{first:?}");

    up.start_again_with(eager()).await?;
    let pebble = &estate.pebbles[0];
    pebble.set_renewal_info(&leaf(&up.api, called).await?, PAST).await?;
    up.api.check(called).await?;
    let run = renewed_by_itself(&up.api, called).await?;
    let why = run.why_now.unwrap_or_default();
    for part in [
        "the CA suggests 2025-01-02T04:00:00Z",
        "(ARI, see https://ca.example.org/incident)",
    ] {
        ensure!(why.contains(part), "{why}");
    }
    let whole = whole(&up.api, run.standing.id).await?;
    ensure!(whole.contains("the CA took the order as a replacement"), "{whole}");
    ensure!(pebble.issued_for(called).await? == 2 && pebble.issued_for(quiet).await? == 1);
    // The next certificate is asked about like the first, and is not due.
    let next = told(&up.api, called, has_window).await?;
    let past = instant("2025-01-02T04:00:00Z")?;
    ensure!(next.window_start != Some(past), "{next:?}");
    let suggested = policy(&up.api, quiet).await?;
    let why = suggested.due_why.clone().unwrap_or_default();
    ensure!(
        why.starts_with("the CA suggests ") && suggested.due_at.is_some(),
        "{suggested:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_takes_the_window_away_and_says_so() -> Result<()> {
    let estate = estate(1).await?;
    let mut up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    up.api.renew(None).await?;
    up.api.all_settled(SOON).await?;
    let host = estate.nginx.hosts()[0].as_str();
    told(&up.api, host, has_window).await?;
    up.start_again_with(eager()).await?;
    for garbage in [
        "no JSON at all",
        r#"{"suggestedWindow":{"start":"2025-01-03T04:00:00Z","end":"2025-01-02T04:00:00Z"}}"#,
    ] {
        estate.pebbles[0]
            .set_renewal_info(&leaf(&up.api, host).await?, garbage)
            .await?;
        up.api.check(host).await?;
        let shown = told(&up.api, host, |shown| shown.last_error.is_some() && !has_window(shown)).await?;
        let said = shown.last_error.unwrap_or_default();
        ensure!(said.starts_with("the CA's answer cannot be used"), "{said}");
        estate.pebbles[0]
            .set_renewal_info(&leaf(&up.api, host).await?, FUTURE)
            .await?;
        up.api.check(host).await?;
        told(&up.api, host, has_window).await?;
    }
    let counts = up.api.counts().await?;
    ensure!(counts.total() == 1, "nothing was due: {counts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_asked_for_and_one_that_the_ca_lacks_ends_the_run() -> Result<()> {
    let options = PebbleOptions {
        profiles: vec!["tlsserver".to_owned()],
        ..PebbleOptions::default()
    };
    let estate = Estate::at(options, 2, 1, Serving::Dynamic).await?;
    let up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    policies[0].profile = Some("tlsserver".to_owned());
    policies[1].profile = Some("moonlight".to_owned());
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let run = |index: usize| runs.get(&estate.nginx.hosts()[index]).cloned().context("a run");
    up.api.succeeds(&run(0)?, SOON).await?;
    let exchange = whole(&up.api, &run(0)?).await?;
    ensure!(exchange.contains("tlsserver"), "{exchange}");
    let failed = up.api.reaches(&run(1)?, Status::Failed, SOON).await?;
    let failure = failed.run.standing.failure.context("a failure")?.failure;
    ensure!(failure.code.as_str() == "ISS-0017", "{failure:?}");
    let what = failure.what;
    ensure!(
        what.contains("moonlight") && what.contains("it offers default, tlsserver"),
        "{what}"
    );
    ensure!(estate.issued() == 1);
    Ok(())
}

/// So many hosts at a CA that offers renewal information, with a certificate each; the clock has not begun.
async fn at_a_strange_ca(hosts: usize, retry_after: Option<RetryAfter>) -> Result<(Estate, Up)> {
    let estate = Estate::at_a_faulty_ca(hosts).await?;
    ca(&estate)?.offer_renewal_info(FUTURE, retry_after);
    let up = Up::start(&estate).await?;
    import(&up.api, &estate).await?;
    up.api.renew(None).await?;
    up.api.all_settled(SOON).await?;
    Ok((estate, up))
}

fn ca(estate: &Estate) -> Result<&FaultyCa> {
    estate.faulty_ca.as_ref().context("this estate has a faulty CA")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_without_a_retry_after_is_heard_and_one_that_knows_nothing_is_named() -> Result<()> {
    let (estate, up) = at_a_strange_ca(1, None).await?;
    let host = estate.nginx.hosts()[0].as_str();
    let shown = told(&up.api, host, has_window).await?;
    ensure!(shown.next_ask_at.is_some(), "{shown:?}");
    let body = json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "never heard of it"});
    ca(&estate)?.misbehave(FaultPoint::RenewalInfo, &Fault::Problem { status: 404, body }, 1);
    up.api.check(host).await?;
    let shown = told(&up.api, host, |shown| !has_window(shown)).await?;
    let said = shown.last_error.unwrap_or_default();
    ensure!(said.starts_with("the CA does not know the certificate"), "{said}");

    ca(&estate)?.misbehave(FaultPoint::RenewalInfo, &Fault::Busy(RetryAfter::Seconds(60)), 1);
    up.api.check(host).await?;
    let busy = |shown: &RenewalInfo| shown.last_error.as_ref().is_some_and(|error| error.contains("503"));
    let shown = told(&up.api, host, busy).await?;
    ensure!(shown.next_ask_at.is_some(), "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_ca_has_against_a_predecessor_costs_no_renewal() -> Result<()> {
    let (estate, up) = at_a_strange_ca(2, Some(RetryAfter::Seconds(21_600))).await?;
    let ca = ca(&estate)?;
    for host in estate.nginx.hosts() {
        told(&up.api, host, has_window).await?;
    }
    let (replaced, silent) = (estate.nginx.hosts()[0].as_str(), estate.nginx.hosts()[1].as_str());
    let body = json!({"type": "urn:ietf:params:acme:error:alreadyReplaced", "detail": "somebody was faster"});
    ca.misbehave(FaultPoint::NewOrder, &Fault::Problem { status: 409, body }, 1);
    let before = ca.orders();
    let run = up.api.renew(Some(&[replaced])).await?[replaced].clone();
    up.api.succeeds(&run, SOON).await?;
    let log = whole(&up.api, &run).await?;
    ensure!(
        log.contains("somebody was faster (alreadyReplaced)); it is placed without"),
        "{log}"
    );
    ensure!(ca.orders() == before + 1 && ca.replaced().last() == Some(&None));

    ca.keep_silent_about_predecessors();
    let run = up.api.renew(Some(&[silent])).await?[silent].clone();
    up.api.succeeds(&run, SOON).await?;
    let log = whole(&up.api, &run).await?;
    ensure!(log.contains("it left the field aside); it goes on without"), "{log}");
    let orders = ca.replaced();
    ensure!(orders.len() == before + 2 && orders[before + 1].is_some(), "{orders:?}");
    ensure!(
        ca.issued_for(silent) == 2 && ca.issued_for(replaced) == 2,
        "one certificate each"
    );
    Ok(())
}

/// The clock stands still: only people renew. Three certificates are many here.
fn few_are_many() -> Value {
    json!({"planner": {"renewal_info": {"emergency": {"certificates": 3, "percent": 50}}}})
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_revocation_of_many_is_one_incident_that_ends_when_all_are_replaced() -> Result<()> {
    let estate = estate(4).await?;
    let up = Up::start_with(&estate, few_are_many()).await?;
    let mut hosts = estate.hosts();
    let criticalities = [
        Criticality::Low,
        Criticality::Critical,
        Criticality::Medium,
        Criticality::High,
    ];
    for (host, criticality) in hosts.iter_mut().zip(criticalities) {
        host.criticality = criticality;
    }
    up.api.import("hosts", &hosts).await?;
    let mut policies = estate.policies();
    // What was got a moment ago is revoked all the same.
    policies[0].cooldown_seconds = 86_400;
    up.api.import("policies", &policies).await?;
    up.api.renew(None).await?;
    up.api.all_settled(SOON).await?;
    for host in estate.nginx.hosts() {
        told(&up.api, host, has_window).await?;
    }
    let past = instant("2025-01-03T04:00:00Z")?;
    let called: Vec<&str> = estate.nginx.hosts().iter().map(String::as_str).take(3).collect();
    for (number, host) in called.iter().enumerate() {
        ensure!(up.api.emergencies().await?.is_empty(), "{number} are not many");
        estate.pebbles[0]
            .set_renewal_info(&leaf(&up.api, host).await?, PAST)
            .await?;
        up.api.check(host).await?;
        told(&up.api, host, |shown| shown.window_end == Some(past)).await?;
    }
    let emergency = wait::until_ok("an emergency", SOON, async || {
        up.api.emergencies().await?.into_iter().next().context("none")
    })
    .await?;
    ensure!(
        (emergency.certificates, emergency.of_all, emergency.left) == (3, 4, 3),
        "{emergency:?}"
    );
    let id = emergency.id;
    let shown = wait::until_ok("its incident", SOON, async || up.api.incident(id).await).await?;
    let incident = shown.incident.incident;
    ensure!(
        incident.title.contains("asks for immediate renewal of 3 certificates"),
        "{incident:?}"
    );
    ensure!(
        incident.detail.contains("https://ca.example.org/incident"),
        "{incident:?}"
    );
    ensure!(
        incident.severity == Severity::Sev1 && incident.run_id.is_none(),
        "{incident:?}"
    );

    let plan = up.api.emergency(id).await?;
    let order: Vec<Criticality> = plan.hosts.iter().map(|host| host.criticality).collect();
    let most_first = [Criticality::Critical, Criticality::Medium, Criticality::Low];
    ensure!(order == most_first, "{plan:?}");
    let job = wait::until_ok("a bulk plan of it", SOON, async || {
        let plans = up.api.emergency(id).await?.plans;
        let job = up.api.job(plans.first().context("no plan yet")?).await?.job;
        ensure!(job.state == JobState::Planned, "{job:?}");
        Ok(job)
    })
    .await?;
    ensure!(job.totals.included == 3, "{job:?}");
    let despite = [("the cooldown of the policy".to_owned(), 1)].into();
    ensure!(job.totals.despite == despite, "{job:?}");
    let reason = job.spec.reason.as_ref();
    ensure!(
        reason.is_some_and(|reason| reason.contains(&format!("emergency {id}"))),
        "{job:?}"
    );
    let renewed = up.command(&["emergency", "renew", &id.to_string()])?.output()?;
    ensure!(renewed.status.success(), "{renewed:?}");
    let said = String::from_utf8_lossy(&renewed.stdout);
    ensure!(said.starts_with("3 renewals begun, already on the way: 0"), "{said}");
    up.api.all_settled(SOON).await?;
    let closed = wait::until_ok("the end of its incident", SOON, async || {
        let shown = up.api.incident(id).await?.incident.incident;
        ensure!(shown.state == State::Closed, "{shown:?}");
        Ok(shown)
    })
    .await?;
    ensure!(closed.closed.is_some_and(|word| word.by == Remark::OWN));
    ensure!(up.api.emergencies().await?.len() == 1, "it was one");
    for host in called {
        ensure!(estate.pebbles[0].issued_for(host).await? == 2, "{host}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_holds_up_no_other_answer_of_its_message() -> Result<()> {
    let (estate, fleet) = fleet(2).await?;
    fleet.api.renew(None).await?;
    all_succeed_with_one_certificate_each(&fleet.api, &estate).await?;
    for host in estate.nginx.hosts() {
        told(&fleet.api, host, has_window).await?;
    }
    let mut record = PgConnection::connect(&fleet.postgres.url_of("vigilo")).await?;
    // Due together, so one message asks about both; the window of one has lost its beginning.
    let half = "update renewal_info set next_ask_at = now(), window_start = null,
                       window_end = case when host_id = (select min(host_id::text)::uuid from renewal_info)
                                         then window_end end";
    sqlx::query(half).execute(&mut record).await?;
    wait::until_ok("the other's window", SOON, async || {
        let count = "select count(*) from renewal_info where window_start is not null and window_end is not null";
        let whole: i64 = sqlx::query_scalar(count).fetch_one(&mut record).await?;
        ensure!(whole == 1, "{whole} are whole");
        Ok(())
    })
    .await
}
