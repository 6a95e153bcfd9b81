//! Certificates that renew themselves: nobody asks, and nothing is ordered that is not due.

use anyhow::{Result, ensure};
use api::policies::Policy;
use api::runs::Run;
use domain::run::{Status, Trigger};
use integration::fleet::Up;
use serde_json::json;

use crate::world::{SOON, estate};

/// Two hosts are renewed by hand; the third still serves what is near its end when the clock is started.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn what_is_due_renews_itself_once_and_says_why() -> Result<()> {
    let estate = estate(3).await?;
    let mut up = Up::start(&estate).await?;
    up.api.import("hosts", &estate.hosts()).await?;
    let mut policies = estate.policies();
    // More than any certificate lives: what was renewed must not be due at once again.
    policies[0].renew_before_days = Some(4_000);
    policies[1].renew_before_days = Some(4_000);
    policies[1].auto_renew = false;
    up.api.import("policies", &policies).await?;
    let by_hand: Vec<&str> = estate.nginx.hosts()[1..].iter().map(String::as_str).collect();
    up.api.renew(Some(&by_hand)).await?;
    up.api.all_settled(SOON).await?;

    let every_second = json!({"planner": {"schedule": {"enabled": true, "every_seconds": 1}}});
    up.start_again_with(every_second).await?;
    let eager = estate.nginx.hosts()[0].as_str();
    let by_clock = testkit::wait::until("a run that nobody asked for", SOON, async || {
        let runs = up.api.runs_of(eager).await.ok()?;
        let ended = |run: &Run| run.standing.status == Status::Succeeded;
        runs.into_iter()
            .find(|run| run.trigger == Trigger::Schedule && ended(run))
    })
    .await?;
    ensure!(by_clock.operator == "schedule", "{by_clock:?}");
    let why = by_clock.why_now.unwrap_or_default();
    ensure!(why.starts_with("4000 days before the end, as the policy says"), "{why}");

    let judged = testkit::wait::until("the judgement of every policy", SOON, async || {
        let policies = up.api.policies().await.ok()?;
        let by_ari = |policy: &Policy| policy.due_why.as_ref().is_some_and(|why| why.contains("(ARI"));
        policies
            .iter()
            .all(|policy| policy.due_why.is_some())
            .then_some(policies)
            // Judged again once the CA has said its window.
            .filter(|policies| by_ari(&policies[2]) && policies[0].due_at.is_some())
    })
    .await?;
    let reason = |index: usize| judged[index].due_why.clone().unwrap_or_default();
    ensure!(reason(1).contains("auto_renew"), "{}", reason(1));
    ensure!(judged[2].due_at.is_some(), "{:?}", judged[2]);
    ensure!(reason(2).starts_with("the CA suggests "), "{}", reason(2));
    ensure!(
        reason(0).contains("not before a third of the life is over"),
        "{}",
        reason(0)
    );
    for once in estate.nginx.hosts() {
        let runs = up.api.runs_of(once).await?;
        ensure!(runs.len() == 1, "{runs:?}");
    }
    Ok(())
}
