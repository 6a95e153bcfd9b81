//! Hosts under an active policy that a person must hear of although no run failed: what is never
//! seen or silent is never renewed as it should be, and what is served is expired, of another name,
//! or not trusted any more.
//!
//! One incident per host and kind; from [`MANY`] hosts of one kind within minutes on they are one.
//! It closes by itself when no host in it has the trouble. One that a person has closed is not told
//! again before the trouble is over and comes back.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use bus::SystemClock;
use domain::clock::Clock;
use domain::counted;
use domain::disposition::ErrorCode;
use domain::incident::{Cause, Change, Incident, Recipient, Remark, Severity, State};
use domain::observation::trouble::Trouble;
use domain::{HostId, IncidentId, Timestamp};
use store::{Announcement, Group, HostTrouble, IncidentTx, KnownTroubles, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::intake::{GROWTH, Intake, close_if_recovered};
use crate::placement::{MANY, NEAR};

const PAGE: i64 = 1_000;
/// Names in the text of an incident of many hosts.
const NAMED: i64 = 20;

/// Looks every so often, until `stop`.
pub async fn watch(intake: &Intake, every: Duration, stop: &CancellationToken) {
    while chassis::pause(every, stop).await.is_some() {
        if let Err(error) = round(intake, SystemClock.now()).await {
            warn!(%error, "what looks at hosts show cannot be told now; trying again");
        }
    }
}

/// One look at all troubles: what is over is closed, what is new is told.
pub async fn round(intake: &Intake, now: Timestamp) -> Result<(), StoreError> {
    for over in intake.store.troubles_over().await? {
        let mut tx = intake.store.incident_tx(&over.workspace).await?;
        if let Some(incident) = tx.trouble_over(&over).await? {
            close_if_recovered(&mut tx, incident, &Remark::own(now, ended(over.trouble))).await?;
        }
        tx.commit().await?;
    }
    loop {
        let found = intake.store.troubles_to_tell(now, PAGE).await?;
        for group in found.chunk_by(|one, next| (&one.workspace, one.trouble) == (&next.workspace, next.trouble)) {
            tell(intake, group, now).await?;
        }
        if i64::try_from(found.len()).unwrap_or(PAGE) < PAGE {
            return Ok(());
        }
    }
}

/// Tells of new troubles of one kind in one workspace.
async fn tell(intake: &Intake, found: &[HostTrouble], now: Timestamp) -> Result<(), StoreError> {
    let Some(first) = found.first() else { return Ok(()) };
    let mut tx = intake.store.incident_tx(&first.workspace).await?;
    let all: Vec<&HostTrouble> = found.iter().collect();
    let ours: HashSet<HostId> = tx.claim_troubles(&all).await?.into_iter().collect();
    let new: Vec<&HostTrouble> = all.into_iter().filter(|one| ours.contains(&one.host_id)).collect();
    let known = tx.known_troubles(first.trouble, now.minus(NEAR)).await?;
    if known.common.is_some() || known.alone.len() + new.len() >= MANY {
        let many = TroubleOfMany { new, known };
        together(intake, &mut tx, many, now).await?;
    } else {
        for one in new {
            alone(intake, &mut tx, one, now).await?;
        }
    }
    tx.commit().await
}

async fn alone(intake: &Intake, tx: &mut IncidentTx, one: &HostTrouble, now: Timestamp) -> Result<(), StoreError> {
    let incident = incident(one, now)?;
    tx.open(&incident).await?;
    tx.put_troubles(one.trouble, &[one.host_id], incident.id, &[]).await?;
    let note = Remark::own(now, format!("since {}", one.since));
    let told = intake.everyone(&one.notify);
    tx.tell(
        incident.id,
        Announcement::new(Change::Opened, &note),
        &told,
        now.plus(intake.gather),
    )
    .await?;
    info!(id = %incident.id, host = one.hostname, code = one.trouble.code(), "a host is in trouble");
    Ok(())
}

/// One kind of trouble of many hosts: those of which no notification was sent, and the incidents
/// that tell of others.
struct TroubleOfMany<'a> {
    new: Vec<&'a HostTrouble>,
    known: KnownTroubles,
}

/// Into the incident that many hosts have for this, or into one that is made of those that were
/// opened lately.
async fn together(
    intake: &Intake,
    tx: &mut IncidentTx,
    many: TroubleOfMany<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let TroubleOfMany { new, known } = many;
    let Some(first) = new.first() else { return Ok(()) };
    let (mut others, mut change) = (known.alone, Change::Grown);
    let into = match known.common {
        Some(common) => common,
        None if others.is_empty() => {
            let incident = incident(first, now)?;
            tx.open(&incident).await?;
            change = Change::Opened;
            incident.id
        }
        None => others.remove(0),
    };
    let hosts: Vec<HostId> = new.iter().map(|one| one.host_id).collect();
    tx.put_troubles(first.trouble, &hosts, into, &others).await?;
    let group = group(tx, into, first.trouble).await?;
    let note = Remark::own(now, format!("{}, one kind of trouble", counted(new.len(), "more host")));
    let mut everyone = recipients(intake, &new);
    for id in others.iter().chain([&into]) {
        everyone.extend(tx.audience(&[*id]).await?);
    }
    if !others.is_empty() {
        tx.fold(into, &others, &group, &note).await?;
    }
    let worst = new.iter().map(|one| Severity::of(one.criticality)).min();
    tx.retell(into, &group, worst.unwrap_or(Severity::Sev4)).await?;
    let due = if known.common.is_some() { GROWTH } else { intake.gather };
    let everyone: Vec<Recipient> = everyone.into_iter().collect();
    tx.tell(into, Announcement::new(change, &note), &everyone, now.plus(due))
        .await?;
    info!(id = %into, code = first.trouble.code(), hosts = new.len(), "many hosts are in trouble");
    Ok(())
}

fn recipients(intake: &Intake, new: &[&HostTrouble]) -> BTreeSet<Recipient> {
    new.iter().flat_map(|one| intake.everyone(&one.notify)).collect()
}

async fn group(tx: &mut IncidentTx, id: IncidentId, trouble: Trouble) -> Result<Group, StoreError> {
    let (count, names) = tx.troubled_hosts(id, NAMED).await?;
    let more = count - i64::try_from(names.len()).unwrap_or(count);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let code = trouble.code();
    Ok(Group {
        title: format!("{}: {} ({code})", counted(count, "host"), what(trouble)),
        detail: format!(
            "{code}: {} at {}: {}{rest}.\nWhat to do: look for the one cause first; then {}\n{CLOSES}\n\
             More on it: vigilo explain {code}",
            what(trouble),
            counted(count, "host"),
            names.join(", "),
            remedy(trouble, "HOST"),
        ),
    })
}

fn incident(one: &HostTrouble, now: Timestamp) -> Result<Incident, StoreError> {
    let hostname = one.hostname.parse();
    let code = one.trouble.code();
    Ok(Incident {
        id: IncidentId::new(),
        workspace: one.workspace.clone(),
        host_id: one.host_id,
        run_id: None,
        hostname: hostname.map_err(|e| StoreError::Corrupt {
            table: "hosts",
            id: one.host_id.to_string(),
            why: format!("{e}"),
        })?,
        severity: Severity::of(one.criticality),
        state: State::Open,
        common: false,
        cause: Some(Cause {
            code: ErrorCode::new(code),
            step: String::new(),
        }),
        title: format!("{}: {} ({code})", one.hostname, what(one.trouble)),
        detail: format!(
            "{code}: {} since {}: {}.\nWhat to do: {}\n{CLOSES}\nMore on it: vigilo explain {code}",
            what(one.trouble),
            one.since,
            one.said,
            remedy(one.trouble, &one.hostname),
        ),
        opened_at: now,
        acknowledged: None,
        closed: None,
        folded_into: None,
    })
}

const CLOSES: &str = "It closes by itself when a look finds that it is over.";

const fn what(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NeverSeen => "renews by itself, and no certificate was ever seen there",
        Trouble::Unreachable => "renews by itself, and does not answer any more",
        Trouble::Expired => "the certificate in service has expired",
        Trouble::OtherName => "the certificate in service is not good for the name",
        Trouble::NotTrusted => "the certificate in service is not trusted any more",
    }
}

fn remedy(trouble: Trouble, host: &str) -> String {
    match trouble {
        Trouble::NeverSeen => format!(
            "see whether it runs and can be reached from the verifier: vigilo host check {host}. If it waits for its first \
             certificate: vigilo renew {host}. Until a certificate was seen there it is never due."
        ),
        Trouble::Unreachable => format!(
            "see whether it runs, and whether its name or addresses are still right: vigilo host check {host}. What it serves \
             is not known meanwhile. If it is gone for good, end its policy."
        ),
        Trouble::Expired => format!(
            "renew it: vigilo renew {host}. If it was renewed, its server has not read the new files: vigilo host check {host} \
             shows what each address serves."
        ),
        Trouble::OtherName => format!(
            "see what is served at which address: vigilo host check {host}. Name the missing name in the policy and renew, or \
             mend the server's choice of the certificate (SNI)."
        ),
        Trouble::NotTrusted => format!(
            "see which member of the chain is wrong: vigilo host check {host}. As a rule an intermediate is missing or has \
             ended, or the certificate is of another CA: vigilo renew {host} puts a whole chain there."
        ),
    }
}

const fn ended(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NeverSeen => "a certificate was seen, or no policy renews it by itself any more",
        Trouble::Unreachable => "it answers again, or no policy renews it by itself any more",
        Trouble::Expired => "what is served has not expired, or no policy looks after it any more",
        Trouble::OtherName => "what is served is good for its name, or no policy looks after it any more",
        Trouble::NotTrusted => "what is served is trusted, or no policy looks after it any more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_explained() {
        for trouble in Trouble::ALL {
            let code = trouble.code();
            assert!(codes::find(code).is_some(), "{code} is not explained");
        }
    }
}
