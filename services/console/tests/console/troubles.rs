//! Incidents as people see them, and what people say of them.

use anyhow::{Context, Result};
use domain::IncidentId;
use domain::channel::ChannelKind;
use domain::disposition::ErrorCode;
use domain::incident::{Cause, Change, Incident, Member, Recipient, Remark, Severity, State};
use protocol::incident::{IncidentAct, IncidentActAnswer};
use serde_json::{Value, json};
use store::{Announcement, NewRun};
use testkit::Nats;

use crate::watching::queued;
use crate::world::{World, now, play_incident};

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
async fn what_a_person_does_to_an_incident_is_asked_of_the_incident_service() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let run = queued(&world, "www.example.org").await?;
    let id = opened(&world, &run).await?;
    let path = format!("/incidents/{id}");
    let whole = world.get(&path).await?.good(200)?;
    assert_eq!((&whole["state"], &whole["members_open"]), (&json!("open"), &json!(1)));
    assert_eq!(whole["members"][0]["hostname"], "www.example.org");
    assert_eq!(whole["notifications"][0]["state"], "waiting");

    let note = json!({"note": "looking at it"});
    let acts = async {
        let shown = world.post(&format!("{path}/acknowledge"), &note).await?.good(200)?;
        world.post(&format!("{path}/close"), &json!({})).await?.good(200)?;
        Ok(shown)
    };
    let (shown, asked) = play_incident(&world, |_| IncidentActAnswer::Done, acts).await?;
    assert_eq!(shown["id"], id.to_string(), "what the record says afterwards");
    let said: Vec<_> = asked
        .iter()
        .map(|one| (one.incident_id, one.act, one.by.as_str(), one.note.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (id, IncidentAct::Acknowledge, "owner", "looking at it"),
            (id, IncidentAct::Close, "owner", "")
        ]
    );
    Ok(())
}

#[tokio::test]
async fn an_act_on_an_incident_that_cannot_be_done_says_why() -> Result<()> {
    let nats = Nats::start().await?;
    let world = World::on(&nats).await?;
    let run = queued(&world, "www.example.org").await?;
    let id = opened(&world, &run).await?;
    let (acknowledge, close) = (format!("/incidents/{id}/acknowledge"), format!("/incidents/{id}/close"));
    let state = State::Closed;
    let acts = async {
        let taken = world.post(&acknowledge, &json!({})).await?;
        let closed = world.post(&close, &json!({})).await?;
        Ok([taken, closed])
    };
    let (refused, _) = play_incident(&world, move |_| IncidentActAnswer::OutOfPlace { state }, acts).await?;
    let why = ["only an open incident can be acknowledged", "it is closed already"];
    for (refused, why) in refused.into_iter().zip(why) {
        assert_eq!(refused.body["detail"], format!("{why}; incident {id} is closed"));
        refused.refused(409, "API-0009")?;
    }
    for (answer, status, code) in [
        (IncidentActAnswer::Unknown, 404, "API-0004"),
        (IncidentActAnswer::Unavailable, 503, "API-0010"),
        (IncidentActAnswer::Failed, 500, "API-0013"),
    ] {
        let body = json!({});
        let act = world.post(&close, &body);
        let (refused, _) = play_incident(&world, move |_| answer.clone(), act).await?;
        refused.refused(status, code)?;
    }
    let silent = world.post(&close, &json!({})).await?;
    assert!(
        silent.body["detail"].to_string().contains("no incident service runs"),
        "{silent:?}"
    );
    silent.refused(503, "API-0018")?;
    let long = world.post(&close, &json!({"note": "x".repeat(2_001)})).await?;
    assert_eq!(long.refused(422, "API-0002")?["field"], "note");
    Ok(())
}

#[tokio::test]
async fn a_state_that_no_incident_has_is_refused() -> Result<()> {
    let world = World::new().await?;
    let open = world.get("/incidents?state=open").await?.good(200)?;
    assert_eq!(open["items"], json!([]));
    let odd = world.get("/incidents?state=odd").await?;
    odd.refused(422, "API-0002")?;
    Ok(())
}
