//! An emergency with its deadlines, and the hosts that are left of it.

use api::emergencies::{CalledHost, Emergency, EmergencyDetail};
use domain::JobId;
use domain::ari::Deadlines;
use store::EmergencyView;

pub(crate) fn head(view: EmergencyView) -> Emergency {
    Emergency {
        id: view.id,
        directory_url: view.ca,
        opened_at: view.opened_at,
        explanation_url: view.explanation_url,
        certificates: view.certificates,
        of_all: view.of_all,
        left: view.left,
        ended_at: view.ended_at,
        deadlines: Deadlines::from(view.opened_at),
    }
}

pub(crate) fn detail(view: EmergencyView, plans: Vec<JobId>, hosts: Vec<store::CalledHost>) -> EmergencyDetail {
    EmergencyDetail {
        emergency: head(view),
        plans,
        hosts: hosts.into_iter().map(host).collect(),
    }
}

fn host(host: store::CalledHost) -> CalledHost {
    let (run_id, status) = host.run.unzip();
    CalledHost {
        hostname: host.hostname,
        criticality: host.criticality,
        called_at: host.called_at,
        expires_at: host.expires_at,
        renews_itself: host.by_itself,
        run_id,
        status,
    }
}
