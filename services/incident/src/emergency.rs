//! A CA that wants many certificates renewed at once is one incident, from when the planner notices it until nothing of
//! it is served any more.

use std::time::Duration;

use bus::SystemClock;
use bus::panics::or_next_round;
use domain::Timestamp;
use domain::ari::Deadlines;
use domain::clock::Clock;
use domain::counted;
use domain::incident::{Change, Incident, Remark, Severity, State};
use store::{Announcement, StoreError, ToTell};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::intake::{Intake, close_if_recovered};

const TICK: Duration = Duration::from_secs(5);

/// Opens and closes such incidents, until `stop`.
pub async fn watch(intake: &Intake, stop: &CancellationToken) {
    while chassis::pause(TICK, stop).await.is_some() {
        if let Err(error) = or_next_round(round(intake, SystemClock.now())).await {
            warn!(%error, "emergencies cannot be told of now; trying again");
        }
    }
}

/// One look at all of them.
pub async fn round(intake: &Intake, now: Timestamp) -> Result<(), StoreError> {
    for found in intake.store.emergencies_to_tell().await? {
        open(intake, &found, now).await?;
    }
    for (workspace, id) in intake.store.emergencies_over().await? {
        let mut tx = intake.store.incident_tx(&workspace).await?;
        let why = "every certificate that the CA called for has been replaced, or has ended";
        close_if_recovered(&mut tx, id, &Remark::own(now, why)).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn open(intake: &Intake, found: &ToTell, now: Timestamp) -> Result<(), StoreError> {
    let mut tx = intake.store.incident_tx(&found.workspace).await?;
    // Under the workspace's lock: of several replicas one opens it.
    if !tx.is_new(found.id).await? {
        return Ok(());
    }
    let incident = incident(found)?;
    tx.open(&incident).await?;
    let note = Remark::own(now, counted(found.certificates, "certificate"));
    let told = intake.everyone(&found.notify);
    tx.tell(
        incident.id,
        Announcement::new(Change::Opened, &note),
        &told,
        now.plus(intake.gather),
    )
    .await?;
    tx.commit().await?;
    info!(id = %found.id, ca = %found.ca, "an emergency");
    Ok(())
}

fn incident(found: &ToTell) -> Result<Incident, StoreError> {
    let hostname = found.hostname.parse();
    Ok(Incident {
        id: found.id,
        workspace: found.workspace.clone(),
        host_id: found.host_id,
        run_id: None,
        hostname: hostname.map_err(|e| StoreError::Corrupt {
            table: "hosts",
            id: found.host_id.to_string(),
            why: format!("{e}"),
        })?,
        // The more urgent is the smaller: certificates will be revoked, whatever the hosts.
        severity: Severity::of(found.criticality).min(Severity::Sev2),
        state: State::Open,
        common: false,
        cause: None,
        title: title(found),
        detail: detail(found),
        opened_at: found.opened_at,
        acknowledged: None,
        closed: None,
        folded_into: None,
    })
}

fn title(found: &ToTell) -> String {
    format!(
        "CA {} asks for immediate renewal of {}",
        found.ca,
        counted(found.certificates, "certificate")
    )
}

fn detail(found: &ToTell) -> String {
    let clock = Deadlines::from(found.opened_at);
    let page = match &found.explanation_url {
        Some(url) => format!("The CA explains it at {url}"),
        None => "The CA gives no page that explains it.".to_owned(),
    };
    format!(
        "Of {} that it issued here the CA wants {} renewed at once (ARI): as a rule that many are about to be revoked.\n\
         {page}\n\
         A CA must revoke within 24 hours (by {}) when keys are known or names were not proven, else within five days (by {}).\n\
         Policies that renew themselves do so now, the most critical hosts first. What is left, in that order: \
         vigilo emergency show {}\nAll that is left, those that renew by hand too: vigilo emergency renew {}",
        counted(found.of_all, "certificate"),
        found.certificates,
        clock.grave_until,
        clock.other_until,
        found.id,
        found.id
    )
}
