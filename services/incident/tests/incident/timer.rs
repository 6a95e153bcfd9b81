//! What time and probes do to an incident that is open.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use bus::SystemClock;
use domain::certificate::{CertificateFacts, LookResult, Snapshot};
use domain::clock::Clock;
use domain::host::Criticality;
use domain::ids::SnapshotId;
use domain::incident::{NEAR, Remark, Severity, State};
use domain::{HostId, Timestamp, WorkspaceId};
use protocol::event::RunEvent;
use store::{IncidentView, SnapshotRow};
use testkit::wait;

use crate::world::{OPS, Running, SOON, World, view};

const HOUR: Duration = Duration::from_secs(3600);

/// A certificate by its name, good from then for so long.
fn leaf(name: &str, not_before: Timestamp, good_for: Duration) -> CertificateFacts {
    CertificateFacts {
        fingerprint: samples::fingerprint(name),
        ..samples::leaf(not_before, not_before.plus(good_for))
    }
}

/// One look at all addresses of a host, as the survey keeps it.
async fn saw(world: &World, host_id: HostId, leaves: &[&CertificateFacts]) -> Result<()> {
    let taken_at = SystemClock.now();
    let rows = leaves.iter().zip(1..).map(|(leaf, number)| {
        let served = samples::served((*leaf).clone());
        let snapshot = Snapshot {
            id: SnapshotId::new(),
            dialled: SocketAddr::from(([192, 0, 2, number], 443)),
            taken_at,
            seen: LookResult::Served(Box::new(served)),
            looks: 1,
            others: Vec::new(),
        };
        SnapshotRow {
            workspace: WorkspaceId::default_workspace(),
            host_id,
            run_id: None,
            snapshot,
        }
    });
    let rows: Vec<SnapshotRow> = rows.collect();
    let mut survey = world.store.survey().await?;
    survey.keep_snapshots(&rows).await?;
    Ok(survey.commit().await?)
}

/// What happened to an incident, in order.
async fn changes(world: &World, incident: &IncidentView) -> Result<Vec<(String, String)>> {
    let workspace = WorkspaceId::default_workspace();
    let all = world
        .store
        .incident_changes(&workspace, incident.incident.id)
        .await?
        .into_iter();
    Ok(all.map(|one| (one.change, one.word.note)).collect())
}

#[tokio::test]
async fn an_open_incident_rises_by_itself_as_the_end_of_what_is_served_comes_near() -> Result<()> {
    let world = World::new("incident_rises").await?;
    let service = Running::start(&world.config).await?;
    let now = SystemClock.now();
    let since = now.minus(HOUR * 2_000);
    let leaf_until = |name: &str, end: Duration| leaf(name, since, HOUR * 2_000 + end);
    let stuck = RunEvent {
        at: now,
        ..world.stuck_at("www.example.org", Criticality::Low).await?
    };
    // Of two addresses one ends long before the other; it is still beyond the bound, for some seconds.
    let (late, soon) = (
        leaf_until("late", NEAR * 10),
        leaf_until("soon", NEAR + Duration::from_secs(8)),
    );
    saw(&world, stuck.host_id, &[&late, &soon]).await?;
    world.publish(std::slice::from_ref(&stuck)).await?;
    let opened = view(&world, |_| true).await?;
    assert_eq!(opened.incident.severity, Severity::Sev4);

    let raised = view(&world, |view| view.incident.severity == Severity::Sev3).await?;
    assert_eq!(raised.incident.id, opened.incident.id);
    let happened = changes(&world, &raised).await?;
    let note = "from sev4 to sev3: the end of a certificate is near".to_owned();
    assert_eq!(happened[1..], [("raised".to_owned(), note)]);
    let workspace = WorkspaceId::default_workspace();
    let told = world.store.notifications_of(&workspace, raised.incident.id).await?;
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|one| (one.change.as_str(), one.to.name.as_str()))
        .collect();
    assert_eq!(told, [("opened", OPS), ("raised", OPS)]);

    saw(&world, stuck.host_id, &[&leaf_until("in an hour", HOUR)]).await?;
    view(&world, |view| view.incident.severity == Severity::Sev1).await?;
    service.stop().await
}

#[tokio::test]
async fn a_look_that_finds_a_new_certificate_at_every_address_closes_it() -> Result<()> {
    let world = World::new("incident_seen").await?;
    let service = Running::start(&world.config).await?;
    let stuck = RunEvent {
        at: SystemClock.now(),
        ..world.stuck_at("www.example.org", Criticality::Medium).await?
    };
    let long_ago = stuck.at.minus(HOUR * 1_000);
    let (old, new) = (leaf("old", long_ago, HOUR * 1_300), leaf("new", stuck.at, HOUR * 2_000));
    world.publish(std::slice::from_ref(&stuck)).await?;
    world.opened(1).await?;
    saw(&world, stuck.host_id, &[&new, &old]).await?;
    // In part is not mended; that the look was judged shows in what it says of the end.
    let raised = view(&world, |view| view.incident.severity == Severity::Sev3).await?;
    assert_eq!((raised.incident.state, raised.open_members), (State::Open, 1));

    saw(&world, stuck.host_id, &[&new, &new]).await?;
    let closed = view(&world, |view| view.incident.state == State::Closed).await?;
    let word = closed.incident.closed.clone().expect("who closed it");
    assert_eq!(word.by, Remark::OWN);
    assert!(
        word.note.contains("a new certificate was seen at each of 2"),
        "{word:?}"
    );

    // The run says again that it needs a person: that is trouble anew.
    let at = SystemClock.now();
    world
        .publish(&[RunEvent {
            at,
            attempt: stuck.attempt + 1,
            ..stuck
        }])
        .await?;
    let again = view(&world, |view| view.incident.state == State::Open).await?;
    assert_eq!(again.incident.id, closed.incident.id);
    let happened: Vec<String> = changes(&world, &again)
        .await?
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(happened, ["opened", "closed", "reopened"]);
    service.stop().await
}

#[tokio::test]
async fn an_incident_whose_run_is_cancelled_stays_open_and_says_so() -> Result<()> {
    let world = World::new("incident_given_up").await?;
    Running::start(&world.config).await?.stop().await?;
    let stuck = world.stuck("www.example.org").await?;
    let other = world.stuck("other.example.org").await?;
    let cancelled = RunEvent {
        status: domain::run::Status::Cancelled,
        question: None,
        ..stuck.clone()
    };
    let of_nobody = RunEvent {
        run_id: other.run_id,
        host_id: other.host_id,
        ..cancelled.clone()
    };
    // All in its hands at once: what ends trouble is of the same breath as the trouble.
    world.publish(&[of_nobody, stuck.clone(), cancelled]).await?;
    let service = Running::start(&world.config).await?;
    let given_up = view(&world, |view| view.incident.detail.contains("was cancelled")).await?;
    let detail = &given_up.incident.detail;
    assert!(detail.contains("vigilo renew www.example.org"), "{detail}");
    assert!(detail.contains("ISS-0004: the CA cannot reach it"), "{detail}");
    assert_eq!((given_up.incident.state, given_up.open_members), (State::Open, 1));
    assert_eq!(world.incidents().await.len(), 1);
    let happened = wait::until("the history", SOON, async || {
        changes(&world, &given_up).await.ok().filter(|all| all.len() == 2)
    })
    .await?;
    assert_eq!(
        happened[1],
        ("given_up".to_owned(), format!("run {} was cancelled", stuck.run_id))
    );
    service.stop().await
}
