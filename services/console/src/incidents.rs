//! Asking the incident service: the only writer of incidents.
//!
//! In: what a person does to an incident. Out: done, or a problem that says why not. Touches: NATS. Never: the record; what was
//! done is read there afterwards.

use std::time::Duration;

use bus::{Bus, BusError};
use protocol::incident::{IncidentAct, IncidentActAnswer, IncidentActAsk};
use protocol::subjects;
use tracing::error;

use crate::auth::Caller;
use crate::error::{Code, Problem};

/// It is one short transaction, behind others of its workspace.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct IncidentService {
    bus: Bus,
}

impl IncidentService {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// The answer is not signed: it decides about what is said here, and not about what is done.
    pub(crate) async fn act(&self, caller: &Caller, ask: &IncidentActAsk) -> Result<(), Problem> {
        let subject = subjects::incident_act(&caller.workspace);
        match self.bus.ask_for_hint(&subject, ask, PATIENCE).await {
            Ok(answer) => done(ask, &answer),
            Err(error) => Err(silence(error)),
        }
    }
}

fn done(ask: &IncidentActAsk, answer: &IncidentActAnswer) -> Result<(), Problem> {
    match answer {
        IncidentActAnswer::Done => Ok(()),
        IncidentActAnswer::OutOfPlace { state } => {
            let why = match ask.act {
                IncidentAct::Acknowledge => "only an open incident can be acknowledged",
                IncidentAct::Close => "it is closed already",
            };
            let detail = format!("{why}; incident {} is {}", ask.incident_id, state.as_str());
            Err(Problem::new(Code::OutOfPlace, detail))
        }
        IncidentActAnswer::Unknown => Err(Problem::absent("incident_id", ask.incident_id)),
        IncidentActAnswer::Unavailable => Err(Problem::new(
            Code::DatabaseDown,
            "nothing was done; try again; the log of the incident service says more",
        )),
        IncidentActAnswer::Failed => Err(Problem::new(
            Code::Unreadable,
            "the incident service cannot do it; its log says why",
        )),
    }
}

fn silence(error: BusError) -> Problem {
    error!(%error, "the incident service");
    match error {
        BusError::NoResponders { .. } => Problem::new(
            Code::IncidentSilent,
            "nothing was done, as no incident service runs; see whether one does, then ask again",
        ),
        BusError::Timeout { .. } => Problem::new(
            Code::IncidentSilent,
            "it may have been done all the same; look at the incident, then ask again if it stands as before",
        ),
        BusError::Malformed(_) => Problem::new(
            Code::Unreadable,
            "the answer of the incident service; it and the console may be of different versions",
        ),
        other @ (BusError::Unavailable(_)
        | BusError::TooOld { .. }
        | BusError::Disbelieved { .. }
        | BusError::Keys(_)) => other.into(),
    }
}
