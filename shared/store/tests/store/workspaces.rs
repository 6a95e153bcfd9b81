//! What one workspace keeps, another never reads: the same questions, asked by the neighbour.

use anyhow::{Context, Result};
use domain::WorkspaceId;
use serde_json::json;
use store::{AnsweredRequest, IncidentFilter, NewRun, RunFilter, StepRecord};

use crate::samples::seen;
use crate::world::{World, minutes, now};

/// A workspace with one of everything, and a neighbour with nothing.
async fn furnished() -> Result<(World, WorkspaceId, NewRun)> {
    let world = World::new().await?;
    let neighbour = world.neighbour().await?;
    let run = world.run("www.example.org").await?;
    let request = AnsweredRequest {
        workspace: &world.home,
        key: "tonight",
        answer: &json!("asked"),
    };
    world
        .store
        .create_runs(std::slice::from_ref(&run), request, now())
        .await?;
    crate::incidents::kept(&world, &run).await?;
    let talked = StepRecord {
        exchange: json!([{ "method": "POST" }]),
        ..crate::steps::record(run.head.id, 1)
    };
    let mut ledger = world.store.ledger().await?;
    ledger.keep_steps(&[talked]).await?;
    ledger.keep_snapshots(&[seen(&run, minutes(1), None)]).await?;
    ledger.commit().await?;
    Ok((world, neighbour, run))
}

/// How much each question of hosts and policies finds.
async fn inventory(world: &World, of: &WorkspaceId, run: &NewRun) -> Result<[usize; 7]> {
    let (store, names) = (&world.store, [run.head.hostname.to_string()]);
    Ok([
        store.hosts(of, None, 10).await?.len(),
        store.host_ids(of, &names).await?.len(),
        usize::try_from(store.count_hosts(of).await?)?,
        usize::from(store.has_host(of, run.head.host_id).await?),
        store.policies(of, None, 10).await?.len(),
        store.policy_facts(of, &names).await?.len(),
        store.policy_hostnames(of).await?.len(),
    ])
}

/// How much each question of runs finds, with everything that narrows it to the run in question.
async fn record(world: &World, of: &WorkspaceId, run: &NewRun) -> Result<[usize; 13]> {
    let (store, id) = (&world.store, run.head.id);
    let all = store.incidents(&world.home, &IncidentFilter::default(), 1).await?;
    let incident = all.first().context("the incident")?.incident.id;
    let by_id = RunFilter {
        ids: Some(vec![id]),
        ..RunFilter::default()
    };
    Ok([
        store.runs(of, &RunFilter::default(), 10).await?.len(),
        store.runs(of, &by_id, 10).await?.len(),
        store.run_counts(of).await?.len(),
        store.steps(of, id).await?.len(),
        store.exchanges(of, id).await?.len(),
        store.snapshots(of, run.head.host_id, 10).await?.len(),
        store.incidents(of, &IncidentFilter::default(), 10).await?.len(),
        store.incident_members(of, incident, 10).await?.len(),
        store.incident_changes(of, incident).await?.len(),
        store.notifications_of(of, incident).await?.len(),
        usize::from(store.incident(of, incident).await?.is_some()),
        store.with_trouble(&[(of.clone(), run.head.host_id)]).await?.len(),
        usize::from(store.answered(of, "tonight").await?.is_some()),
    ])
}

#[tokio::test]
async fn hosts_and_policies_are_shown_to_their_own_workspace_only() -> Result<()> {
    let (world, neighbour, run) = furnished().await?;
    assert_eq!(inventory(&world, &world.home, &run).await?, [1; 7]);
    assert_eq!(inventory(&world, &neighbour, &run).await?, [0; 7]);
    Ok(())
}

#[tokio::test]
async fn runs_and_what_they_left_are_shown_to_their_own_workspace_only() -> Result<()> {
    let (world, neighbour, run) = furnished().await?;
    assert_eq!(record(&world, &world.home, &run).await?, [1; 13]);
    assert_eq!(record(&world, &neighbour, &run).await?, [0; 13]);
    Ok(())
}

#[tokio::test]
async fn neighbours_with_hosts_of_the_same_name_see_each_their_own() -> Result<()> {
    let (world, neighbour, run) = furnished().await?;
    let other = world.run_of(&neighbour, "www.example.org").await?;
    world.create(std::slice::from_ref(&other)).await?;
    for mine in [&run, &other] {
        let of = &mine.head.workspace;
        let named = RunFilter {
            hostname: Some("www.example.org".to_owned()),
            ..RunFilter::default()
        };
        let runs = world.store.runs(of, &named, 10).await?;
        let found: Vec<_> = runs.iter().map(|view| view.run.head.id).collect();
        assert_eq!(found, [mine.head.id]);
        let names = ["www.example.org".to_owned()];
        let hosts = world.store.host_ids(of, &names).await?;
        assert_eq!(hosts, [("www.example.org".to_owned(), mine.head.host_id)]);
        let policy_facts = world.store.policy_facts(of, &names).await?;
        let policies: Vec<_> = policy_facts.iter().map(|facts| facts.policy.id).collect();
        assert_eq!(policies, [mine.head.policy_id]);
    }
    Ok(())
}
