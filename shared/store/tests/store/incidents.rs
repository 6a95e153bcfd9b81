use anyhow::Result;
use domain::ids::IncidentId;
use domain::incident::{Incident, Severity};
use store::NewRun;

use crate::world::{World, now};

pub fn incident(run: &NewRun) -> Incident {
    Incident {
        id: IncidentId::new(),
        workspace: run.head.workspace.clone(),
        host_id: run.head.host_id,
        run_id: run.head.id,
        hostname: run.head.hostname.clone(),
        severity: Severity::Sev2,
        title: "the CA refused the order".to_owned(),
        detail: "ISS-0001".to_owned(),
        opened_at: now(),
    }
}

#[tokio::test]
async fn a_run_has_one_incident_however_often_it_is_told() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let (first, again) = (incident(&run), incident(&run));

    assert!(world.store.open_incident(&first).await?);
    assert!(!world.store.open_incident(&again).await?);

    assert_eq!(world.store.incidents(&world.home, None, 10).await?, [first]);
    Ok(())
}

#[tokio::test]
async fn pages_of_incidents_follow_each_other_the_newest_first() -> Result<()> {
    let world = World::new().await?;
    let mut opened = Vec::new();
    for name in ["a.example.org", "b.example.org", "c.example.org"] {
        let incident = incident(&world.created(name).await?);
        world.store.open_incident(&incident).await?;
        opened.insert(0, incident);
    }
    let first = world.store.incidents(&world.home, None, 2).await?;
    assert_eq!(first, opened[..2]);
    let before = Some(first[1].id.get());
    assert_eq!(world.store.incidents(&world.home, before, 2).await?, opened[2..]);
    Ok(())
}
