use std::time::Duration;

use anyhow::{Context, Result};
use domain::channel::ChannelKind;
use domain::clock::Timestamp;
use domain::disposition::ErrorCode;
use domain::ids::IncidentId;
use domain::incident::{Cause, Change, Incident, Member, Recipient, Remark, Severity, State};
use store::{Announcement, Group, IncidentFilter, IncidentView, Known, NewRun, OfHost, Told};

use crate::world::{World, minutes, now};

fn incident(run: &NewRun) -> Incident {
    Incident {
        id: IncidentId::new(),
        workspace: run.head.workspace.clone(),
        host_id: run.head.host_id,
        run_id: Some(run.head.id),
        hostname: run.head.hostname.clone(),
        severity: Severity::Sev2,
        state: State::Open,
        common: false,
        cause: Some(cause()),
        title: "the CA refused the order".to_owned(),
        detail: "ISS-0001".to_owned(),
        opened_at: now(),
        acknowledged: None,
        closed: None,
        folded_into: None,
    }
}

fn member(run: &NewRun) -> Member {
    Member {
        run_id: run.head.id,
        host_id: run.head.host_id,
        hostname: run.head.hostname.clone(),
        criticality: run.head.criticality,
        cause: Some(cause()),
        said: "ISS-0001".to_owned(),
        opened_at: now(),
        told_at: now(),
        closed_at: None,
        closed_because: None,
    }
}

fn cause() -> Cause {
    Cause {
        code: ErrorCode::new("ISS-0001"),
        step: "issue".to_owned(),
    }
}

pub fn ops() -> Recipient {
    Recipient {
        channel: ChannelKind::Email,
        name: "ops@example.org".to_owned(),
    }
}

pub fn said(note: &str) -> Remark {
    Remark::own(now(), note)
}

/// An incident with one run, told to ops.
pub async fn opened(world: &World, hostname: &str) -> Result<(NewRun, IncidentId)> {
    let run = world.created(hostname).await?;
    let id = kept(world, &run).await?;
    Ok((run, id))
}

pub async fn kept(world: &World, run: &NewRun) -> Result<IncidentId> {
    let incident = incident(run);
    let mut tx = world.store.incident_tx(&world.home).await?;
    tx.open(&incident).await?;
    tx.join(incident.id, &member(run), &incident.title, Severity::Sev3)
        .await?;
    tx.tell(
        incident.id,
        Announcement::new(Change::Opened, &said("a run")),
        &[ops()],
        now(),
    )
    .await?;
    tx.commit().await?;
    Ok(incident.id)
}

pub async fn view(world: &World, id: IncidentId) -> Result<IncidentView> {
    world.store.incident(&world.home, id).await?.context("the incident")
}

async fn known(world: &World, member: &Member) -> Result<Known> {
    let mut tx = world.store.incident_tx(&world.home).await?;
    Ok(tx.known(member, Duration::from_secs(300)).await?)
}

#[tokio::test]
async fn an_incident_is_read_back_as_it_was_opened() -> Result<()> {
    let world = World::new().await?;
    let run = world.created("www.example.org").await?;
    let opened = incident(&run);
    let mut tx = world.store.incident_tx(&world.home).await?;
    tx.open(&opened).await?;
    tx.join(opened.id, &member(&run), &opened.title, Severity::Sev3).await?;
    tx.commit().await?;
    let found = view(&world, opened.id).await?;
    assert_eq!(
        (found.incident, found.members, found.open_members),
        (opened.clone(), 1, 1)
    );
    assert_eq!(
        world.store.incident_members(&world.home, opened.id, 10).await?,
        [member(&run)]
    );
    let neighbour = world.neighbour().await?;
    assert!(world.store.incident(&neighbour, opened.id).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn pages_of_incidents_follow_each_other_the_newest_first() -> Result<()> {
    let world = World::new().await?;
    let mut all = Vec::new();
    for name in ["a.example.org", "b.example.org", "c.example.org"] {
        all.insert(0, opened(&world, name).await?.1);
    }
    let page = async |before, limit| {
        let filter = IncidentFilter {
            before,
            ..IncidentFilter::default()
        };
        let found = world.store.incidents(&world.home, &filter, limit).await?;
        anyhow::Ok(found.into_iter().map(|view| view.incident.id).collect::<Vec<_>>())
    };
    assert_eq!(page(None, 2).await?, all[..2]);
    assert_eq!(page(Some(all[1]), 2).await?, all[2..]);
    Ok(())
}

#[tokio::test]
async fn what_is_known_of_a_run_is_its_host_its_cause_and_what_is_near() -> Result<()> {
    let world = World::new().await?;
    let (first, id) = opened(&world, "a.example.org").await?;
    let told = Told {
        incident: id,
        at: now(),
    };
    let same = known(&world, &member(&first)).await?;
    let of_host = OfHost {
        incident: id,
        common: false,
        same_cause: true,
    };
    assert_eq!((same.member, same.of_host), (Some(told), Some(of_host)));

    let other = member(&world.created("b.example.org").await?);
    let near = known(&world, &other).await?;
    assert_eq!((near.of_host, &near.alone, near.common), (None, &vec![id], None));
    let late = Member {
        opened_at: minutes(6),
        ..other.clone()
    };
    assert_eq!(known(&world, &late).await?, Known::default());
    let elsewhere = Member {
        cause: Some(Cause {
            step: "deploy".to_owned(),
            ..cause()
        }),
        ..other
    };
    assert_eq!(known(&world, &elsewhere).await?, Known::default());
    Ok(())
}

#[tokio::test]
async fn folding_moves_every_run_and_what_was_not_told() -> Result<()> {
    let world = World::new().await?;
    let (_, into) = opened(&world, "a.example.org").await?;
    let (_, other) = opened(&world, "b.example.org").await?;
    let (group, word) = (
        Group {
            title: "many hosts".to_owned(),
            detail: "one cause".to_owned(),
        },
        said("2 hosts"),
    );
    let mut tx = world.store.incident_tx(&world.home).await?;
    assert_eq!(tx.audience(&[into, other]).await?, [ops()]);
    tx.fold(into, &[other], &group, &word).await?;
    tx.commit().await?;
    let common = view(&world, into).await?;
    assert!(common.incident.common && common.members == 2 && common.incident.title == "many hosts");
    let gone = view(&world, other).await?;
    assert_eq!(
        (gone.incident.state, gone.incident.folded_into),
        (State::Folded, Some(into))
    );
    assert_eq!(gone.members, 0);
    assert_eq!(world.store.notifications_of(&world.home, other).await?, []);
    assert_eq!(world.store.notifications_of(&world.home, into).await?.len(), 1);
    let newcomer = member(&world.created("c.example.org").await?);
    assert_eq!(known(&world, &newcomer).await?.common, Some(into));
    Ok(())
}

#[tokio::test]
async fn a_mended_host_closes_what_it_told_before_and_nothing_later() -> Result<()> {
    let world = World::new().await?;
    let (run, id) = opened(&world, "a.example.org").await?;
    let over = |at: Timestamp| Remark::own(at, "run 7 succeeded");
    let mut tx = world.store.incident_tx(&world.home).await?;
    let early = tx.close_of_host(run.head.host_id, &over(now())).await?;
    assert_eq!(early, [], "a success of before is no news");
    assert_eq!(tx.close_of_host(run.head.host_id, &over(minutes(1))).await?, [id]);
    assert!(tx.close_if_recovered(id, &over(minutes(1))).await?);
    assert!(!tx.close_if_recovered(id, &over(minutes(2))).await?, "it closes once");
    tx.commit().await?;
    let closed = view(&world, id).await?;
    assert_eq!((closed.incident.state, closed.open_members), (State::Closed, 0));
    assert_eq!(closed.incident.closed, Some(over(minutes(1))));

    let again = Member {
        told_at: minutes(3),
        cause: Some(Cause {
            code: ErrorCode::new("VER-0002"),
            step: "verify".to_owned(),
        }),
        ..member(&run)
    };
    let mut tx = world.store.incident_tx(&world.home).await?;
    assert!(
        tx.tell_again(id, &again, "a.example.org: elsewhere").await?,
        "it is open again"
    );
    tx.commit().await?;
    let reopened = view(&world, id).await?;
    assert_eq!((reopened.incident.state, reopened.open_members), (State::Open, 1));
    assert_eq!(reopened.incident.title, "a.example.org: elsewhere");
    assert_eq!(reopened.incident.cause, again.cause, "its newest word");
    Ok(())
}

#[tokio::test]
async fn people_acknowledge_and_close_once_and_severity_only_rises() -> Result<()> {
    let world = World::new().await?;
    let (_, id) = opened(&world, "a.example.org").await?;
    let ann = Remark {
        at: minutes(1),
        by: "ann".to_owned(),
        note: "mine".to_owned(),
    };
    let mut tx = world.store.incident_tx(&world.home).await?;
    assert!(tx.acknowledge(id, &ann).await? && !tx.acknowledge(id, &ann).await?);
    assert!(!tx.raise(id, Severity::Sev3).await? && tx.raise(id, Severity::Sev1).await?);
    assert!(tx.close(id, &ann).await? && !tx.close(id, &ann).await?);
    assert!(!tx.raise(id, Severity::Sev1).await?);
    tx.commit().await?;
    let closed = view(&world, id).await?;
    assert_eq!(
        (closed.incident.severity, closed.incident.state),
        (Severity::Sev1, State::Closed)
    );
    assert_eq!(
        (closed.incident.acknowledged, closed.incident.closed),
        (Some(ann.clone()), Some(ann))
    );
    Ok(())
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn of_two_that_write_at_once_the_second_sees_what_the_first_did() -> Result<()> {
    let world = World::new().await?;
    let mut runs = Vec::new();
    for number in 0..8 {
        runs.push(world.created(&format!("host-{number}.example.org")).await?);
    }
    let writers = runs.iter().map(|run| {
        let (store, home) = (world.store.clone(), world.home.clone());
        let (incident, member) = (incident(run), member(run));
        tokio::spawn(async move {
            let mut tx = store.incident_tx(&home).await?;
            let alone = tx.known(&member, Duration::from_secs(300)).await?.alone;
            let id = alone.first().copied().unwrap_or(incident.id);
            if alone.is_empty() {
                tx.open(&incident).await?;
            }
            tx.join(id, &member, &incident.title, Severity::Sev3).await?;
            tx.commit().await?;
            anyhow::Ok(id)
        })
    });
    let mut joined = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        joined.push(writer.await??);
    }
    joined.dedup();
    assert_eq!(joined.len(), 1, "all of them are in one");
    assert_eq!(view(&world, joined[0]).await?.members, 8);
    Ok(())
}

/// Every second visitor may still get the old certificate: one good run is no end.
#[tokio::test]
async fn a_host_that_serves_two_leaves_by_turns_is_not_mended_by_a_run_that_succeeds() -> Result<()> {
    let world = World::new().await?;
    let (run, id) = opened(&world, "a.example.org").await?;
    let over = Remark::own(minutes(1), "run 7 succeeded");
    world.sql("update hosts set mixed_at = now()").await?;
    let mut tx = world.store.incident_tx(&world.home).await?;
    assert!(tx.is_mixed(run.head.host_id).await?);
    assert_eq!(tx.close_of_host(run.head.host_id, &over).await?, []);
    tx.commit().await?;
    assert!(
        world
            .store
            .watched(None, 10)
            .await?
            .iter()
            .all(|watched| watched.is_mixed)
    );

    world.sql("update hosts set mixed_at = null").await?;
    let mut tx = world.store.incident_tx(&world.home).await?;
    assert_eq!(tx.close_of_host(run.head.host_id, &over).await?, [id]);
    Ok(())
}
