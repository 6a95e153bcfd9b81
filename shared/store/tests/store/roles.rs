//! `deploy/postgres/roles.sql`: every service does its work with its own role, and none does
//! another's.

use anyhow::{Context, Result};
use domain::Timestamp;
use domain::ids::IncidentId;
use domain::limit::Bucket;
use domain::run::Event;
use sqlx::{AssertSqlSafe, PgPool, Row};
use store::{Store, StoreError, TagWindows};

use crate::incidents::{kept, said};
use crate::world::{World, minutes, now};

const ROLES: &str = include_str!("../../../../deploy/postgres/roles.sql");
const DATABASE: [&str; 3] = ["roles_at_work", "roles_at_fault", "roles_of_tables"];

/// One database, seen by each service with its own role.
struct Services {
    planner: World,
    console: World,
    incident: World,
}

async fn services(database: &str) -> Result<Services> {
    let postgres = testkit::shared::postgres().await;
    let owner = postgres.database(database).await?;
    Store::connect(&owner, 1).await?.migrate().await?;
    postgres.run_script(database, ROLES).await?;
    // An upgrade runs it again.
    postgres.run_script(database, ROLES).await?;
    let by_hand = PgPool::connect(&owner).await?;
    let world = async |role: &str| -> Result<World> {
        let store = Store::connect(&postgres.url_as(database, role), 4).await?;
        store.migrate().await.context("it finds the schema up to date")?;
        let (by_hand, home) = (by_hand.clone(), "default".parse()?);
        Ok(World { store, by_hand, home })
    };
    Ok(Services {
        planner: world("vigilo_planner").await?,
        console: world("vigilo_console").await?,
        incident: world("vigilo_incident").await?,
    })
}

#[tokio::test]
async fn every_service_does_its_work_with_its_own_role() -> Result<()> {
    let Services {
        planner,
        console,
        incident,
    } = services(DATABASE[0]).await?;
    let run = console.run("www.example.org").await?;
    console_sets_the_rules(&console).await?;

    planner.create(std::slice::from_ref(&run)).await?;
    let id = run.head.id;
    planner.happens(id, [Event::Released], minutes(1)).await?;
    planner_looks_around(&planner).await?;

    let trouble = kept(&incident, &run).await?;
    incident.store.watched(None, 10).await?;
    incident.store.emergencies_to_tell().await?;

    console
        .store
        .runs(&console.home, &store::RunFilter::default(), 10)
        .await?;
    console_shows(&console, trouble).await
}

async fn console_sets_the_rules(console: &World) -> Result<()> {
    let (store, home) = (&console.store, &console.home);
    let limit = store.limits().await?.into_iter().next().context("a limit")?;
    store.set_limit(&limit).await?;
    store.set_target_group(home, "edge", Some(2)).await?;
    let windows = TagWindows {
        tag: "edge".to_owned(),
        windows: serde_json::from_value(serde_json::json!([{"cron": "0 22 * * *", "minutes": 60}]))?,
    };
    store.set_tag_windows(home, &windows).await?;
    store.prefer_providers(home, &["letsencrypt".parse()?]).await?;
    Ok(())
}

async fn planner_looks_around(planner: &World) -> Result<()> {
    let store = &planner.store;
    store.policies_to_judge(now(), minutes(300), 10).await?;
    store.take_positions("a flow", 3, now()).await?;
    store.forget_reservations(minutes(1)).await?;
    store.forget_snapshots(minutes(1), 10).await?;
    store.forget_logs(minutes(1), 10).await?;
    store.forget_answers(minutes(1)).await?;
    store.open_emergencies().await?;
    store.calls_since(Timestamp::EPOCH).await?;
    store.target_groups(None).await?;
    let mut ledger = store.ledger().await?;
    ledger.hold_buckets().await?;
    let bucket = Bucket {
        limit: "letsencrypt.new-orders".to_owned(),
        key: "default".to_owned(),
    };
    ledger.keep_buckets(&[(bucket, minutes(1))]).await?;
    Ok(ledger.commit().await?)
}

async fn console_shows(console: &World, trouble: IncidentId) -> Result<()> {
    let seen = console.store.incident(&console.home, trouble).await?;
    seen.context("the console sees it")?;
    console.store.notifications_of(&console.home, trouble).await?;
    Ok(())
}

#[tokio::test]
async fn no_service_does_the_work_of_another() -> Result<()> {
    let Services {
        planner,
        console,
        incident,
    } = services(DATABASE[1]).await?;
    let run = console.run("www.example.org").await?;
    planner.create(std::slice::from_ref(&run)).await?;
    for stranger in [&console, &incident] {
        let moved = stranger.happens(run.head.id, [Event::Released], minutes(1)).await;
        refused(moved.expect_err("only the ledger moves a run"), "runs")?;
        let created = stranger.create(std::slice::from_ref(&run)).await;
        refused(created.expect_err("only the planner creates one").into(), "requests")?;
    }
    let added = planner.host("other.example.org").await;
    refused(added.expect_err("hosts are the console's"), "hosts")?;
    for stranger in [&planner, &console] {
        let opened = kept(stranger, &run).await;
        refused(opened.expect_err("incidents are the incident service's"), "incidents")?;
    }
    let trouble = kept(&incident, &run).await?;
    let mut tx = console.store.incident_tx(&console.home).await?;
    let closed = tx.acknowledge(trouble, &said("by the console")).await;
    refused(closed.expect_err("also what people do to them").into(), "incidents")
}

fn refused(error: anyhow::Error, table: &str) -> Result<()> {
    let store = error.downcast_ref::<StoreError>().context("an error of the store")?;
    let said = store.to_string();
    anyhow::ensure!(said.contains("permission denied") && said.contains(table), "{said}");
    Ok(())
}

/// A table that a migration adds belongs to no service until it stands in the file.
#[tokio::test]
async fn every_table_has_a_service_that_writes_it_and_the_schema_is_nobodys() -> Result<()> {
    let world = services(DATABASE[2]).await?.planner;
    let may = "select tablename, exists (select from unnest(array['vigilo_planner', 'vigilo_console', 'vigilo_incident']) role
                   where has_any_column_privilege(role, format('%I', tablename), 'insert')) as written
               from pg_tables where schemaname = 'public' and tablename not in ('_sqlx_migrations', 'catalogue')";
    for row in sqlx::query(AssertSqlSafe(may)).fetch_all(&world.by_hand).await? {
        let (table, written): (String, bool) = (row.try_get("tablename")?, row.try_get("written")?);
        assert!(
            written,
            "{table}: say in deploy/postgres/roles.sql which service writes it"
        );
    }
    for role in ["vigilo_planner", "vigilo_console", "vigilo_incident"] {
        let changes = "select has_schema_privilege($1, 'public', 'create') as changes, has_table_privilege($1, 'acme_accounts', 'select') as accounts,
                       has_table_privilege($1, 'run_products', 'select') as keys";
        let row = sqlx::query(changes).bind(role).fetch_one(&world.by_hand).await?;
        assert!(!row.try_get::<bool, _>("changes")?, "{role}");
        for sealed in ["accounts", "keys"] {
            assert_eq!(
                row.try_get::<bool, _>(sealed)?,
                role == "vigilo_planner",
                "{role} reads {sealed}"
            );
        }
    }
    Ok(())
}
