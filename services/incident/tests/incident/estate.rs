//! What looks at hosts show although no run failed: told once, and over by itself.

use std::time::Duration;

use anyhow::Result;
use bus::SystemClock;
use domain::clock::Clock;
use domain::host::Criticality;
use domain::incident::{Remark, Severity, State};
use domain::observation::Steadiness;
use domain::observation::trouble::{Since, Standing, Trouble, UNSEEN_AFTER};
use domain::{HostId, Timestamp, WorkspaceId};
use incident::estate::round;
use incident::intake::Intake;
use serde_json::json;
use store::{IncidentView, Observation};

use crate::world::World;

/// A host with an active policy that renews by itself.
async fn host(world: &World, hostname: &str, criticality: Criticality, since: Timestamp) -> Result<HostId> {
    let workspace = WorkspaceId::default_workspace();
    let new = serde_json::from_value(json!({ "hostname": hostname, "criticality": criticality }))?;
    let host = world.store.add_host(&workspace, &new, since).await?;
    let policy = serde_json::from_value(
        json!({ "hostname": hostname, "targets": [], "notify_on_failure": ["ops@example.org"] }),
    )?;
    world
        .store
        .add_policies(&workspace, &[(host.id, policy)], since)
        .await?;
    Ok(host.id)
}

/// What the newest look came to: these troubles, each since then.
async fn looked(world: &World, host: HostId, seen_at: Timestamp, troubles: &[(Trouble, Timestamp)]) -> Result<()> {
    let troubles = troubles.iter().map(|(trouble, since)| {
        let (since, said) = (*since, "192.0.2.1:443: as seen".to_owned());
        (*trouble, Since { since, said })
    });
    let observation = Observation {
        host_id: host,
        asked_at: seen_at,
        seen_at,
        digest: "any".to_owned(),
        steadiness: Steadiness::default(),
        standing: Standing {
            has_served: true,
            was_trusted: true,
            troubles: troubles.collect(),
        },
        next_at: seen_at.plus(UNSEEN_AFTER),
    };
    let mut survey = world.store.survey().await?;
    survey.load(&[host]).await?;
    survey.save(&[observation]).await?;
    Ok(survey.commit().await?)
}

fn intake(world: &World) -> Intake {
    Intake {
        store: world.store.clone(),
        gather: Duration::ZERO,
        always_told: Vec::new(),
    }
}

async fn views(world: &World) -> Result<Vec<IncidentView>> {
    let all = store::IncidentFilter::default();
    let mut found = world
        .store
        .incidents(&WorkspaceId::default_workspace(), &all, 100)
        .await?;
    found.sort_by(|one, other| one.incident.title.cmp(&other.incident.title));
    Ok(found)
}

async fn codes(world: &World) -> Result<Vec<(String, Severity, State)>> {
    let told = views(world).await?.into_iter().map(|view| {
        let incident = view.incident;
        let code = incident.cause.map(|cause| cause.code.to_string()).unwrap_or_default();
        (code, incident.severity, incident.state)
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(told)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn each_kind_of_trouble_is_an_incident_of_its_own_that_closes_itself() -> Result<()> {
    let world = World::new("host_troubles").await?;
    let (intake, now) = (intake(&world), SystemClock.now());
    let long_ago = now.minus(UNSEEN_AFTER * 3);
    host(&world, "never.example.org", Criticality::Low, long_ago).await?;
    host(&world, "new.example.org", Criticality::Low, now).await?;
    let kinds = [
        Trouble::Unreachable,
        Trouble::Expired,
        Trouble::OtherName,
        Trouble::NotTrusted,
    ];
    let mut hosts = Vec::new();
    for (trouble, number) in kinds.into_iter().zip(0..) {
        let host = host(
            &world,
            &format!("host-{number}.example.org"),
            Criticality::Critical,
            long_ago,
        )
        .await?;
        looked(&world, host, now, &[(trouble, long_ago)]).await?;
        hosts.push(host);
    }

    round(&intake, now).await?;
    round(&intake, now).await?;

    let told = |state| {
        let sev1 = |code: &str| (code.to_owned(), Severity::Sev1, state);
        let seen = [sev1("INC-0007"), sev1("INC-0008"), sev1("INC-0009"), sev1("INC-0010")];
        [
            vec![("INC-0006".to_owned(), Severity::Sev4, State::Open)],
            seen.to_vec(),
        ]
        .concat()
    };
    assert_eq!(
        codes(&world).await?,
        told(State::Open),
        "each once, the new host not yet"
    );
    let expired = &views(&world).await?[1];
    for words in [
        "INC-0008",
        "has expired",
        "192.0.2.1:443: as seen",
        "vigilo renew host-1.example.org",
    ] {
        assert!(expired.incident.detail.contains(words), "{}", expired.incident.detail);
    }
    for host in hosts {
        looked(&world, host, now, &[]).await?;
    }
    round(&intake, now).await?;
    assert_eq!(codes(&world).await?, told(State::Closed), "and each closes itself");
    Ok(())
}

#[tokio::test]
async fn a_silent_host_is_told_of_after_an_hour_and_a_second_look() -> Result<()> {
    let world = World::new("silent_hosts").await?;
    let (intake, now) = (intake(&world), SystemClock.now());
    let since = now.minus(UNSEEN_AFTER);
    let host = host(&world, "www.example.org", Criticality::Medium, since).await?;
    looked(&world, host, since, &[(Trouble::Unreachable, since)]).await?;
    round(&intake, now).await?;
    assert_eq!(views(&world).await?.len(), 0, "one look may have met a restart");
    looked(&world, host, now, &[(Trouble::Unreachable, since)]).await?;
    round(&intake, now).await?;
    assert_eq!(views(&world).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn one_that_a_person_has_closed_comes_back_only_with_new_trouble() -> Result<()> {
    let world = World::new("closed_troubles").await?;
    let (intake, now) = (intake(&world), SystemClock.now());
    let host = host(&world, "www.example.org", Criticality::Medium, now).await?;
    looked(&world, host, now, &[(Trouble::Expired, now)]).await?;
    round(&intake, now).await?;
    let id = views(&world).await?[0].incident.id;
    let mut tx = world.store.incident_tx(&WorkspaceId::default_workspace()).await?;
    assert!(tx.close(id, &Remark::own(now, "it is known")).await?);
    tx.commit().await?;

    round(&intake, now).await?;
    assert_eq!(
        views(&world).await?.len(),
        1,
        "it is not over, and a person has had the word"
    );
    looked(&world, host, now, &[]).await?;
    round(&intake, now).await?;
    looked(&world, host, now, &[(Trouble::Expired, now)]).await?;
    round(&intake, now).await?;
    let states: Vec<State> = views(&world).await?.iter().map(|view| view.incident.state).collect();
    assert!(states.len() == 2 && states.contains(&State::Open), "{states:?}");
    Ok(())
}

#[tokio::test]
async fn many_hosts_in_one_trouble_are_one_incident_until_the_last_is_mended() -> Result<()> {
    let world = World::new("many_troubles").await?;
    let (intake, now) = (intake(&world), SystemClock.now());
    let mut hosts = Vec::new();
    // Three alone; the next three make them many; one more joins.
    for (number, criticality) in (0..7).zip([Criticality::Low; 6].into_iter().chain([Criticality::High])) {
        let host = host(&world, &format!("host-{number}.example.org"), criticality, now).await?;
        looked(&world, host, now, &[(Trouble::NotTrusted, now)]).await?;
        hosts.push(host);
        if matches!(number, 2 | 5 | 6) {
            round(&intake, now).await?;
        }
        if number == 2 {
            assert_eq!(views(&world).await?.len(), 3);
        }
    }
    let told = views(&world).await?;
    let incident = &told[0].incident;
    assert_eq!(
        (told.len(), incident.common, incident.severity),
        (1, true, Severity::Sev2)
    );
    assert_eq!(
        incident.title,
        "7 hosts: the certificate in service is not trusted any more (INC-0010)"
    );
    assert!(incident.detail.contains("host-0.example.org"), "{}", incident.detail);
    for (host, left) in hosts.into_iter().zip((0..7).rev()) {
        looked(&world, host, now, &[]).await?;
        round(&intake, now).await?;
        let state = views(&world).await?[0].incident.state;
        assert_eq!(
            state,
            if left == 0 { State::Closed } else { State::Open },
            "{left} left"
        );
    }
    Ok(())
}
