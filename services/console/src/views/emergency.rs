//! An emergency with its deadlines, and the hosts that are left of it.

use domain::ari::Deadlines;
use domain::host::Criticality;
use domain::run::Status;
use domain::{Hostname, IncidentId, JobId, RunId, Timestamp};
use serde::Serialize;
use store::{CalledHost, EmergencyView};

#[derive(Serialize)]
pub(crate) struct ShownEmergency {
    /// Of its incident too.
    id: IncidentId,
    directory_url: String,
    opened_at: Timestamp,
    explanation_url: Option<String>,
    certificates: i64,
    of_all: i64,
    left: i64,
    ended_at: Option<Timestamp>,
    #[serde(flatten)]
    deadlines: Deadlines,
}

#[derive(Serialize)]
pub(crate) struct WholeEmergency {
    #[serde(flatten)]
    head: ShownEmergency,
    /// Bulk plans of what was left when it was noticed; they may be committed.
    plans: Vec<JobId>,
    hosts: Vec<ShownHost>,
}

#[derive(Serialize)]
struct ShownHost {
    hostname: Hostname,
    criticality: Criticality,
    called_at: Timestamp,
    expires_at: Timestamp,
    /// Otherwise somebody must ask for it.
    renews_itself: bool,
    run_id: Option<RunId>,
    status: Option<Status>,
}

pub(crate) fn head(view: EmergencyView) -> ShownEmergency {
    ShownEmergency {
        id: view.id,
        directory_url: view.directory_url,
        opened_at: view.opened_at,
        explanation_url: view.explanation_url,
        certificates: view.certificates,
        of_all: view.of_all,
        left: view.left,
        ended_at: view.ended_at,
        deadlines: Deadlines::from(view.opened_at),
    }
}

pub(crate) fn whole(view: EmergencyView, plans: Vec<JobId>, hosts: Vec<CalledHost>) -> WholeEmergency {
    WholeEmergency {
        head: head(view),
        plans,
        hosts: hosts.into_iter().map(host).collect(),
    }
}

fn host(host: CalledHost) -> ShownHost {
    let (run_id, status) = host.run.unzip();
    ShownHost {
        hostname: host.hostname,
        criticality: host.criticality,
        called_at: host.called_at,
        expires_at: host.expires_at,
        renews_itself: host.by_itself,
        run_id,
        status,
    }
}
