//! What statements choose runs and policies by, also where an earlier version has saved them
//! without it.

use anyhow::{Context, Result};
use domain::disposition::Failure;
use domain::ids::JobId;
use domain::plan::Choice;
use domain::run::{Failover, Outcome, Product, Step};
use serde_json::Value;
use store::{NewRun, Standing};

use crate::people::released_and;
use crate::renewal_info::due;
use crate::samples::{failure, issued, policy, seen};
use crate::world::{World, minutes, now};

type Facts = (Option<String>, Option<i64>, Option<String>, bool);

impl World {
    /// CA, cost, code, and whether they are believed; by hostname.
    async fn facts(&self) -> Result<Vec<Facts>> {
        let facts = sqlx::query_as(
            "select current_ca, current_cost_micro_usd, trouble_code, facts_at is not distinct from moved_at
             from runs order by hostname",
        );
        Ok(facts.fetch_all(&self.by_hand).await?)
    }

    async fn keep_facts(&self) -> Result<usize> {
        let mut ledger = self.store.ledger().await?;
        let kept = ledger.keep_facts(10).await?;
        ledger.commit().await?;
        Ok(kept)
    }

    /// As an earlier version saves a run that goes to its second CA, and asks there.
    async fn saved_by_an_earlier_version(&self, run: &NewRun, question: &Failure) -> Result<()> {
        let mut progress = run.state.progress.clone();
        progress.failovers.push(Failover {
            attempt: 1,
            at: now(),
            failure: failure("it is down"),
        });
        let saved = sqlx::query(
            "update runs set course = $2, question = $3, phase = 'asking', status = 'needs_manual', step = 'issue',
                    moved_at = moved_at + interval '1 minute'
             where id = $1",
        )
        .bind(run.head.id.get())
        .bind(serde_json::to_value(&progress)?)
        .bind(serde_json::to_value(question.clone().ask())?);
        assert_eq!(saved.execute(&self.by_hand).await?.rows_affected(), 1);
        Ok(())
    }
}

/// The first CA takes one cent, the second a dollar.
fn with_second_ca(mut run: NewRun) -> Result<NewRun> {
    run.plan.choice.cost_micro_usd = Some(10_000);
    run.plan.fallbacks = vec![Choice {
        ca: "https://second.example.org/dir".parse()?,
        cost_micro_usd: Some(1_000_000),
        ..run.plan.choice.clone()
    }];
    Ok(run)
}

#[tokio::test]
async fn what_an_earlier_version_has_saved_is_never_misread() -> Result<()> {
    let world = World::new().await?;
    let run = with_second_ca(world.run("a.example.org").await?)?;
    let id = run.head.id;
    world.create(std::slice::from_ref(&run)).await?;
    let first = ("https://ca.example.org/dir".to_owned(), 10_000);
    assert_eq!(world.facts().await?, [(Some(first.0), Some(first.1), None, true)]);
    assert_eq!(world.store.budget(&world.home, now()).await?.active.micro_usd, 10_000);

    world
        .saved_by_an_earlier_version(&run, &Failure::new("ISS-0010", "what", "hint"))
        .await?;
    let asking = |code| world.store.standing(&world.home, Standing::Asking, code, 10);
    for _ in ["before it is kept", "after"] {
        assert_eq!(
            world.store.budget(&world.home, now()).await?.active.micro_usd,
            1_000_000
        );
        assert_eq!(asking(Some("ISS-0010")).await?, [id]);
        assert_eq!(asking(Some("ISS-0007")).await?, []);
        assert_eq!(asking(None).await?, [id]);
        world.keep_facts().await?;
    }
    let second = Some("https://second.example.org/dir".to_owned());
    let code = Some("ISS-0010".to_owned());
    assert_eq!(world.facts().await?, [(second, Some(1_000_000), code, true)]);
    assert_eq!(world.keep_facts().await?, 0, "once");
    Ok(())
}

#[tokio::test]
async fn every_save_says_what_is_wrong_with_the_run() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("a.example.org").await?;
    let outcome = Outcome::Failed {
        failure: Failure::new("KEY-0001", "what", "hint"),
    };
    world.happens(run.head.id, released_and(outcome), minutes(1)).await?;
    let (_, _, code, believed) = world.facts().await?.into_iter().next().context("a run")?;
    assert_eq!((code.as_deref(), believed), (Some("KEY-0001"), true));
    Ok(())
}

/// Where a run of an earlier version got what is served, and what that has cost.
#[tokio::test]
async fn a_certificate_is_asked_about_and_paid_where_the_run_turned_to() -> Result<()> {
    let world = World::new().await?;
    let mut run = with_second_ca(world.run("a.example.org").await?)?;
    let job = JobId::new();
    run.head.job = Some(job);
    world.create(std::slice::from_ref(&run)).await?;
    world.saved_by_an_earlier_version(&run, &failure("it is down")).await?;
    let mut ledger = world.store.ledger().await?;
    let product = store::Product {
        run_id: run.head.id,
        step: Step::Issue,
        product: Product::Issued(Box::new(issued())),
    };
    ledger.keep_products(&[product]).await?;
    let look = seen(&run, now(), Some(minutes(100_000)));
    ledger.keep_snapshots(&[look]).await?;
    ledger.commit().await?;
    for at in [0, 1] {
        // A leaf of the samples has no name at its CA, and no CA would be asked.
        world
            .sql("update renewal_info set cert_id = 'AQ.AQ', next_ask_at = 'epoch', asked_at = null")
            .await?;
        let asks = due(&world, 10, minutes(at)).await?;
        let asked: Vec<String> = asks.iter().map(|ask| ask.ca.to_string()).collect();
        assert_eq!(asked, ["https://second.example.org/dir"]);
        assert_eq!(world.store.job_cost(job).await?, 1_000_000);
        world.keep_facts().await?;
    }
    world
        .sql("update run_products set product = product - 'order_url' where step = 'issue'")
        .await?;
    world
        .sql("update renewal_info set next_ask_at = 'epoch', asked_at = null")
        .await?;
    let asks = due(&world, 10, minutes(3)).await?;
    let by_policy = asks.first().context("a question")?;
    assert_eq!(
        by_policy.ca, run.plan.choice.ca,
        "a person has brought it: the policy's CA is asked"
    );
    Ok(())
}

/// Who renews only by hand is looked after; who is not known yet is neither told of nor given up.
#[tokio::test]
async fn troubles_of_the_schedule_are_told_of_policies_that_renew_themselves() -> Result<()> {
    let world = World::new().await?;
    world.run("a.example.org").await?;
    let later = minutes(61);
    for (sql, told) in [
        ("update policies set renews_itself = null", 0),
        ("update policies set renews_itself = false", 0),
        ("update policies set renews_itself = true", 1),
    ] {
        world.sql(sql).await?;
        assert_eq!(world.store.troubles_to_tell(later, 10).await?.len(), told, "{sql}");
    }
    assert_eq!(
        world.store.troubles_to_tell(minutes(59), 10).await?.len(),
        0,
        "too early"
    );
    world
        .sql("insert into host_troubles (host_id, trouble, workspace, since) select id, 'never_seen', workspace, now() from hosts")
        .await?;
    for (sql, over) in [
        ("update policies set renews_itself = null", 0),
        ("update policies set renews_itself = true", 0),
        ("update policies set renews_itself = false", 1),
    ] {
        world.sql(sql).await?;
        assert_eq!(world.store.troubles_over().await?.len(), over, "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn the_migration_says_of_rows_of_before_what_the_domain_says() -> Result<()> {
    let world = World::new().await?;
    let (plain, failed_over) = (world.created("a.example.org").await?, world.run("b.example.org").await?);
    let failed_over = with_second_ca(failed_over)?;
    world.create(std::slice::from_ref(&failed_over)).await?;
    world
        .saved_by_an_earlier_version(&failed_over, &Failure::new("ISS-0010", "what", "hint"))
        .await?;
    world.keep_facts().await?;
    let by_the_domain = world.facts().await?;
    assert_eq!(by_the_domain.len(), 2, "{}", plain.head.hostname);
    sqlx::raw_sql(
        "drop trigger policies_forget_facts on policies;
         drop function forget_facts_of_policy;
         alter table policies drop column renews_itself;
         alter table job_lines drop column current_cost_micro_usd, drop column has_facts;
         alter table runs drop column current_ca, drop column current_cost_micro_usd, drop column trouble_code,
                          drop column facts_at;
         delete from _sqlx_migrations where version = 3",
    )
    .execute(&world.by_hand)
    .await?;
    // Prepared statements of the connections opened earlier know the old tables.
    let world = World {
        by_hand: sqlx::PgPool::connect_with((*world.by_hand.connect_options()).clone()).await?,
        ..world
    };
    world.store.migrate().await?;
    assert_eq!(world.facts().await?, by_the_domain);
    let known: Vec<Option<bool>> = sqlx::query_scalar("select renews_itself from policies")
        .fetch_all(&world.by_hand)
        .await?;
    assert_eq!(known, [Some(true), Some(true)]);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_an_earlier_console_changes_is_read_again() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("www.example.org").await?;
    let says = policy("www.example.org");
    world
        .store
        .add_policies(&world.home, &[(host, says.clone())], now())
        .await?;
    let known = || async {
        let known: Option<bool> = sqlx::query_scalar("select renews_itself from policies")
            .fetch_one(&world.by_hand)
            .await?;
        anyhow::Ok(known)
    };
    assert_eq!(known().await?, Some(true));
    let by_hand = domain::policy::NewPolicy {
        auto_renew: false,
        ..says
    };
    let was = world
        .store
        .policy_of(&world.home, &by_hand.hostname)
        .await?
        .context("a policy")?;
    world.store.change_policy(&was, &by_hand, minutes(1)).await?;
    assert_eq!(known().await?, Some(false));

    let rehearsed: Value = serde_json::json!({"auto_renew": true, "dry_run_default": true});
    sqlx::query("update policies set says = says || $1")
        .bind(rehearsed)
        .execute(&world.by_hand)
        .await?;
    assert_eq!(known().await?, None, "what was said of the one before does not hold");
    assert_eq!(world.store.keep_facts_of_policies(10).await?, 1);
    assert_eq!(known().await?, Some(false));
    assert_eq!(world.store.keep_facts_of_policies(10).await?, 0);
    Ok(())
}
