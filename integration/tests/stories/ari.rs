//! A CA that says when it wants certificates renewed: it is heard, whatever it says, and an order replaces what it renews.

use anyhow::{Context, Result, ensure};
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
async fn told(api: &Api, host: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    wait::until_ok(&format!("what the CA says about {host}"), SOON, async || {
        let policy = policy(api, host).await?;
        ensure!(holds(&policy["renewal_info"]), "it shows {}", policy["renewal_info"]);
        Ok(policy)
    })
    .await
}

async fn policy(api: &Api, host: &str) -> Result<Value> {
    let all = api.get("/policies?limit=1000").await?;
    let mut items = all["items"].as_array().into_iter().flatten();
    items.find(|one| one["hostname"] == host).cloned().context("a policy")
}

fn has_window(shown: &Value) -> bool {
    shown["window_start"].is_string()
}

/// Looks at the host, which asks its CA too.
async fn check(api: &Api, host: &str) -> Result<()> {
    api.post(&format!("/hosts/{host}/check"), &json!({})).await.map(|_| ())
}

async fn leaf(api: &Api, host: &str) -> Result<String> {
    let shown = api.get(&format!("/hosts/{host}")).await?;
    let leaf = shown["look"][0]["leaf_pem"].as_str();
    leaf.map(str::to_owned).with_context(|| format!("no leaf in {shown}"))
}

/// The newest run of the host once it has succeeded by the clock.
async fn renewed_by_itself(api: &Api, host: &str) -> Result<Value> {
    wait::until_ok(&format!("{host} to renew itself"), SOON, async || {
        let runs = api.get(&format!("/runs?hostname={host}")).await?;
        let newest = runs["items"][0].clone();
        let done = newest["trigger"] == "schedule" && newest["status"] == "succeeded";
        ensure!(done, "the newest run is {newest}");
        Ok(newest)
    })
    .await
}

/// Its steps with their checks and log, and the exchange with the CA.
async fn whole(api: &Api, run: &str) -> Result<String> {
    let (steps, exchange) = (
        api.get(&format!("/runs/{run}")).await?,
        api.get(&format!("/runs/{run}/exchange")).await?,
    );
    Ok(format!("{steps} {exchange}"))
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
    ensure!(first["renewal_info"]["next_ask_at"].is_string(), "{first}");

    up.start_again_with(eager()).await?;
    let pebble = &estate.pebbles[0];
    pebble.set_renewal_info(&leaf(&up.api, called).await?, PAST).await?;
    check(&up.api, called).await?;
    let run = renewed_by_itself(&up.api, called).await?;
    let why = run["why_now"].as_str().unwrap_or_default();
    for part in [
        "the CA suggests 2025-01-02T04:00:00Z",
        "(ARI, see https://ca.example.org/incident)",
    ] {
        ensure!(why.contains(part), "{why}");
    }
    let whole = whole(&up.api, run["id"].as_str().context("its id")?).await?;
    ensure!(whole.contains("the CA took the order as a replacement"), "{whole}");
    ensure!(pebble.issued_for(called).await? == 2 && pebble.issued_for(quiet).await? == 1);
    // The next certificate is asked about like the first, and is not due.
    let next = told(&up.api, called, has_window).await?;
    ensure!(next["renewal_info"]["window_start"] != "2025-01-02T04:00:00Z", "{next}");
    let suggested = policy(&up.api, quiet).await?;
    let why = suggested["due_why"].as_str().unwrap_or_default();
    ensure!(
        why.starts_with("the CA suggests ") && suggested["due_at"].is_string(),
        "{suggested}"
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
        check(&up.api, host).await?;
        let shown = told(&up.api, host, |shown| {
            shown["last_error"].is_string() && !has_window(shown)
        })
        .await?;
        let said = shown["renewal_info"]["last_error"].as_str().unwrap_or_default();
        ensure!(said.starts_with("the CA's answer cannot be used"), "{said}");
        estate.pebbles[0]
            .set_renewal_info(&leaf(&up.api, host).await?, FUTURE)
            .await?;
        check(&up.api, host).await?;
        told(&up.api, host, has_window).await?;
    }
    let counts = up.api.counts().await?;
    ensure!(counts.values().sum::<u64>() == 1, "nothing was due: {counts:?}");
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
    policies[0]["profile"] = json!("tlsserver");
    policies[1]["profile"] = json!("moonlight");
    up.api.import("policies", &policies).await?;
    let runs = up.api.renew(None).await?;
    let run = |index: usize| runs.get(&estate.nginx.hosts()[index]).cloned().context("a run");
    up.api.run_is(&run(0)?, "succeeded", SOON).await?;
    let exchange = whole(&up.api, &run(0)?).await?;
    ensure!(exchange.contains("tlsserver"), "{exchange}");
    let failed = up.api.run_is(&run(1)?, "failed", SOON).await?;
    let failure = &failed["failure"];
    ensure!(failure["code"] == "ISS-0017", "{failure}");
    let what = failure["what"].as_str().unwrap_or_default();
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
    ensure!(shown["renewal_info"]["next_ask_at"].is_string(), "{shown}");
    let body = json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "never heard of it"});
    ca(&estate)?.misbehave(FaultPoint::RenewalInfo, &Fault::Problem { status: 404, body }, 1);
    check(&up.api, host).await?;
    let shown = told(&up.api, host, |shown| !has_window(shown)).await?;
    let said = shown["renewal_info"]["last_error"].as_str().unwrap_or_default();
    ensure!(said.starts_with("the CA does not know the certificate"), "{said}");

    ca(&estate)?.misbehave(FaultPoint::RenewalInfo, &Fault::Busy(RetryAfter::Seconds(60)), 1);
    check(&up.api, host).await?;
    let shown = told(&up.api, host, |shown| shown["last_error"].to_string().contains("503")).await?;
    ensure!(shown["renewal_info"]["next_ask_at"].is_string(), "{shown}");
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
    up.api.run_is(&run, "succeeded", SOON).await?;
    let log = whole(&up.api, &run).await?;
    ensure!(
        log.contains("somebody was faster (alreadyReplaced)); it is placed without"),
        "{log}"
    );
    ensure!(ca.orders() == before + 1 && ca.replaced().last() == Some(&None));

    ca.keep_silent_about_predecessors();
    let run = up.api.renew(Some(&[silent])).await?[silent].clone();
    up.api.run_is(&run, "succeeded", SOON).await?;
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

async fn emergencies(api: &Api) -> Result<Vec<Value>> {
    let all = api.get("/emergencies").await?;
    Ok(all["items"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn a_revocation_of_many_is_one_incident_that_ends_when_all_are_replaced() -> Result<()> {
    let estate = estate(4).await?;
    let up = Up::start_with(&estate, few_are_many()).await?;
    let mut hosts = estate.hosts();
    for (host, criticality) in hosts.iter_mut().zip(["low", "critical", "medium", "high"]) {
        host["criticality"] = json!(criticality);
    }
    up.api.import("hosts", &hosts).await?;
    let mut policies = estate.policies();
    // What was got a moment ago is revoked all the same.
    policies[0]["cooldown_seconds"] = json!(86_400);
    up.api.import("policies", &policies).await?;
    up.api.renew(None).await?;
    up.api.all_settled(SOON).await?;
    for host in estate.nginx.hosts() {
        told(&up.api, host, has_window).await?;
    }
    let called: Vec<&str> = estate.nginx.hosts().iter().map(String::as_str).take(3).collect();
    for (number, host) in called.iter().enumerate() {
        ensure!(emergencies(&up.api).await?.is_empty(), "{number} are not many");
        estate.pebbles[0]
            .set_renewal_info(&leaf(&up.api, host).await?, PAST)
            .await?;
        check(&up.api, host).await?;
        told(&up.api, host, |shown| shown["window_end"] == "2025-01-03T04:00:00Z").await?;
    }
    let emergency = wait::until_ok("an emergency", SOON, async || {
        emergencies(&up.api).await?.first().cloned().context("none")
    })
    .await?;
    ensure!(
        emergency["certificates"] == 3 && emergency["of_all"] == 4 && emergency["left"] == 3,
        "{emergency}"
    );
    let id = emergency["id"].as_str().context("its id")?;
    let incident = wait::until_ok("its incident", SOON, async || {
        up.api.get(&format!("/incidents/{id}")).await
    })
    .await?;
    let title = incident["title"].as_str().unwrap_or_default();
    ensure!(
        title.contains("asks for immediate renewal of 3 certificates"),
        "{incident}"
    );
    ensure!(
        incident["detail"]
            .to_string()
            .contains("https://ca.example.org/incident"),
        "{incident}"
    );
    ensure!(
        incident["severity"] == "sev1" && incident["run_id"].is_null(),
        "{incident}"
    );

    let plan = up.api.get(&format!("/emergencies/{id}")).await?;
    let order: Vec<&str> = plan["hosts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|host| host["criticality"].as_str())
        .collect();
    ensure!(order == ["critical", "medium", "low"], "{plan}");
    let job = wait::until_ok("a bulk plan of it", SOON, async || {
        let plan = up.api.get(&format!("/emergencies/{id}")).await?;
        let job = plan["plans"][0].as_str().context("no plan yet")?;
        let job = up.api.get(&format!("/jobs/{job}")).await?;
        ensure!(job["state"] == "planned", "{job}");
        Ok(job)
    })
    .await?;
    ensure!(job["totals"]["included"] == 3, "{job}");
    let despite = json!({"the cooldown of the policy": 1});
    ensure!(job["totals"]["despite"] == despite, "{job}");
    ensure!(
        job["spec"]["reason"].to_string().contains(&format!("emergency {id}")),
        "{job}"
    );
    let renewed = up.command(&["emergency", "renew", id])?.output()?;
    ensure!(renewed.status.success(), "{renewed:?}");
    let said = String::from_utf8_lossy(&renewed.stdout);
    ensure!(said.starts_with("3 renewals begun, already on the way: 0"), "{said}");
    up.api.all_settled(SOON).await?;
    let closed = wait::until_ok("the end of its incident", SOON, async || {
        let shown = up.api.get(&format!("/incidents/{id}")).await?;
        ensure!(shown["state"] == "closed", "{shown}");
        Ok(shown)
    })
    .await?;
    ensure!(closed["closed"]["by"] == "vigilo", "{closed}");
    ensure!(emergencies(&up.api).await?.len() == 1, "it was one");
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
