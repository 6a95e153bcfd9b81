//! Incidents as people see them, and what people say of them.

use anyhow::{Context, Result};
use domain::IncidentId;
use domain::channel::ChannelKind;
use domain::disposition::ErrorCode;
use domain::incident::{Cause, Change, Incident, Member, Recipient, Remark, Severity, State};
use serde_json::{Value, json};
use store::{Announcement, NewRun};

use crate::watching::queued;
use crate::world::{World, now};

#[tokio::test]
async fn incidents_are_read_newest_first() -> Result<()> {
    let world = World::new().await?;
    for hostname in ["a.example.org", "b.example.org"] {
        let run = queued(&world, hostname).await?;
        opened(&world, &run).await?;
    }
    let first = world.get("/incidents?limit=1").await?.good(200)?;
    let newest = &first["items"][0];
    assert_eq!(
        (&newest["hostname"], &newest["severity"]),
        (&json!("b.example.org"), &json!("sev2"))
    );
    assert_eq!(newest["help"], "/api/v1/errors/ISS-0007");
    let next = first["next"].as_str().context("there is more")?;
    let second = world
        .get(&format!("/incidents?limit=1&after={next}"))
        .await?
        .good(200)?;
    assert_eq!(
        (&second["items"][0]["hostname"], &second["next"]),
        (&json!("a.example.org"), &Value::Null)
    );
    Ok(())
}

fn cause() -> Cause {
    Cause {
        code: ErrorCode::new("ISS-0007"),
        step: "issue".to_owned(),
    }
}

/// An incident of a run, in the record as the incident service writes it.
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
pub async fn opened(world: &World, run: &NewRun) -> Result<IncidentId> {
    let (head, id) = (run.head.clone(), IncidentId::new());
    let incident = Incident {
        id,
        workspace: head.workspace.clone(),
        host_id: head.host_id,
        run_id: Some(head.id),
        hostname: head.hostname.clone(),
        severity: Severity::Sev2,
        state: State::Open,
        common: false,
        cause: Some(cause()),
        title: format!("{}: the renewal failed", head.hostname),
        detail: "ISS-0007".to_owned(),
        opened_at: now(),
        acknowledged: None,
        closed: None,
        folded_into: None,
    };
    let member = Member {
        run_id: head.id,
        host_id: head.host_id,
        hostname: head.hostname,
        criticality: head.criticality,
        cause: Some(cause()),
        said: "ISS-0007".to_owned(),
        opened_at: now(),
        told_at: now(),
        closed_at: None,
        closed_because: None,
    };
    let ops = Recipient {
        channel: ChannelKind::Email,
        name: "ops@example.org".to_owned(),
    };
    let mut tx = world.store.incident_tx(&head.workspace).await?;
    tx.open(&incident).await?;
    tx.join(id, &member, &incident.title, Severity::Sev2).await?;
    let word = Remark::own(now(), "run");
    tx.tell(id, Announcement::new(Change::Opened, &word), &[ops], now())
        .await?;
    tx.commit().await?;
    Ok(id)
}

#[tokio::test]
async fn an_incident_is_taken_in_hand_and_closed_by_a_person_once() -> Result<()> {
    let world = World::new().await?;
    let run = queued(&world, "www.example.org").await?;
    let path = format!("/incidents/{}", opened(&world, &run).await?);
    let whole = world.get(&path).await?.good(200)?;
    assert_eq!((&whole["state"], &whole["members_open"]), (&json!("open"), &json!(1)));
    assert_eq!(whole["members"][0]["hostname"], "www.example.org");
    assert_eq!(whole["notifications"][0]["state"], "waiting");

    let note = json!({"note": "looking at it"});
    let taken = world.post(&format!("{path}/acknowledge"), &note).await?.good(200)?;
    assert_eq!(taken["state"], "acknowledged");
    assert_eq!(
        (&taken["acknowledged"]["by"], &taken["acknowledged"]["note"]),
        (&json!("owner"), &json!("looking at it"))
    );
    let again = world.post(&format!("{path}/acknowledge"), &note).await?;
    again.refused(409, "API-0009")?;

    let closed = world.post(&format!("{path}/close"), &json!({})).await?.good(200)?;
    assert_eq!(
        (&closed["state"], &closed["members_open"]),
        (&json!("closed"), &json!(0))
    );
    let changes: Vec<&Value> = closed["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| &c["change"])
        .collect();
    assert_eq!(changes, ["opened", "acknowledged", "closed"]);
    // Who heard that it was opened hears that somebody has it in hand, and that it was closed.
    let told: Vec<&Value> = (0..3).map(|place| &closed["notifications"][place]["change"]).collect();
    assert_eq!(told, ["opened", "acknowledged", "closed"]);
    world
        .post(&format!("{path}/close"), &json!({}))
        .await?
        .refused(409, "API-0009")?;

    let open = world.get("/incidents?state=open").await?.good(200)?;
    assert_eq!(open["items"], json!([]));
    let odd = world.get("/incidents?state=odd").await?;
    odd.refused(422, "API-0002")?;
    Ok(())
}
