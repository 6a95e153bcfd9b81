//! Asking the planner: the only service that moves runs.

use bus::{Bus, BusError};
use domain::run::{Mode, Trigger};
use domain::{Hostname, RunId, Timestamp};
use protocol::request::{Accepted, Answer, ProbeRequest, Refused, RenewRequest, RunRequest, Verb};

use crate::auth::Caller;
use crate::error::{Code, Problem};

/// Hostnames of one request to the planner: more would not fit into one of its transactions comfortably.
const AT_ONCE: usize = 500;

#[derive(Clone)]
pub(crate) struct Planner {
    bus: Bus,
}

/// What is asked for, once for all hostnames.
pub(crate) struct Wish {
    pub mode: Option<Mode>,
    pub trigger: Trigger,
    pub idempotency_key: String,
}

impl Planner {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Asks for runs of all hostnames, part by part. Each part has a key of its own, made of the wish's: asking again
    /// after a silence finds every part that was carried out.
    pub(crate) async fn renew(
        &self,
        caller: &Caller,
        hostnames: &[Hostname],
        wish: &Wish,
    ) -> Result<(Vec<Accepted>, Vec<Refused>), Problem> {
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for (part, names) in hostnames.chunks(AT_ONCE).enumerate() {
            let request = RenewRequest {
                hostnames: names.to_vec(),
                mode: wish.mode,
                idempotency_key: format!("{}.{part}", wish.idempotency_key),
                requested_by: caller.name.clone(),
                trigger: wish.trigger,
            };
            let answer = self.bus.request(&caller.workspace, Verb::Renew, &request).await;
            match answer.map_err(|error| silence(error, wish))? {
                Answer::Renewal {
                    accepted: yes,
                    refused: no,
                } => {
                    accepted.extend(yes);
                    refused.extend(no);
                }
                Answer::Rejected { reason } => return Err(reason.into()),
                Answer::Done { .. } | Answer::Probing { .. } => return Err(astray()),
            }
        }
        Ok((accepted, refused))
    }

    /// Has a host looked at now. Gives the instant of the ask, which the host shows once it was answered.
    pub(crate) async fn probe(&self, caller: &Caller, hostname: &Hostname) -> Result<Timestamp, Problem> {
        let request = ProbeRequest {
            hostnames: vec![hostname.clone()],
            requested_by: caller.name.clone(),
        };
        match self.bus.request(&caller.workspace, Verb::Probe, &request).await? {
            Answer::Probing { asked_at, refused, .. } => match refused.into_iter().next() {
                None => Ok(asked_at),
                Some(refused) => Err(Problem::field(Code::NoSuchThing, refused.reason)),
            },
            Answer::Rejected { reason } => Err(reason.into()),
            Answer::Renewal { .. } | Answer::Done { .. } => Err(astray()),
        }
    }

    pub(crate) async fn tell(&self, caller: &Caller, verb: Verb, run_id: RunId) -> Result<(), Problem> {
        let request = RunRequest {
            run_id,
            requested_by: caller.name.clone(),
        };
        match self.bus.request(&caller.workspace, verb, &request).await? {
            Answer::Done { .. } => Ok(()),
            Answer::Rejected { reason } => Err(Problem::field(Code::OutOfPlace, reason)),
            Answer::Renewal { .. } | Answer::Probing { .. } => Err(astray()),
        }
    }
}

/// Without the key nobody could ask the same again.
fn silence(error: BusError, wish: &Wish) -> Problem {
    match error {
        BusError::Timeout { .. } | BusError::NoResponders { .. } => {
            let key = &wish.idempotency_key;
            let detail = format!(
                "the request is stored and is carried out once a planner runs; send the same again with \
                 \"idempotency_key\": \"{key}\" for its answer, nothing is done twice"
            );
            Problem::new(Code::PlannerSilent, detail)
        }
        other @ (BusError::Unavailable(_) | BusError::TooOld { .. } | BusError::Malformed(_)) => other.into(),
    }
}

fn astray() -> Problem {
    Problem::new(
        Code::Unreadable,
        "the planner answered something else; planner and console may be of different versions",
    )
}
