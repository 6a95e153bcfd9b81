//! Requests to the planner: stored first, answered after its commit.

use std::time::Duration;

use domain::WorkspaceId;
use futures::StreamExt;
use protocol::request::{Answer, Verb};
use protocol::subjects;
use serde::Serialize;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::inbox::REPLY_TO;
use crate::publish::Outgoing;

/// A planner that is there answers within its next commit; this is for one that just restarts.
const PATIENCE: Duration = Duration::from_secs(15);

impl Bus {
    /// Publishes what a person asks for and waits for the planner's answer. A `Timeout` leaves the request in the stream: it is
    /// carried out once a planner runs, and asking again with the same idempotency key gives its answer.
    pub async fn request<Q: Serialize + Sync>(
        &self,
        workspace: &WorkspaceId,
        verb: Verb,
        question: &Q,
    ) -> Result<Answer, BusError> {
        let inbox = self.client.new_inbox();
        let mut answers = self
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(BusError::unavailable)?;
        let subject = subjects::command(workspace, verb);
        let payload = serde_json::to_vec(question)?.into();
        let headers = vec![(REPLY_TO, inbox)];
        self.publish(Outgoing {
            subject: subject.clone(),
            message_id: None,
            headers,
            payload,
        })
        .await?;
        match tokio::time::timeout(PATIENCE, answers.next()).await {
            Ok(Some(answer)) => Ok(serde_json::from_slice(&answer.payload)?),
            Ok(None) => Err(BusError::Unavailable("the subscription ended".to_owned())),
            Err(_) => Err(BusError::Timeout { subject }),
        }
    }

    /// Answers a sender that waits. Nobody waiting is fine. A sender names an inbox, and none of another workspace: to any
    /// other subject it could have us say what it may not say itself.
    pub async fn reply<A: Serialize + Sync>(&self, subject: &str, to: &str, answer: &A) {
        if !may_be_answered(subject, to) {
            return warn!(
                subject,
                to, "an answer was wanted at what is no inbox of the sender, and is not given"
            );
        }
        let sent = match serde_json::to_vec(answer) {
            Ok(payload) => self
                .client
                .publish(to.to_owned(), payload.into())
                .await
                .map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        if let Err(error) = sent {
            warn!(%error, "an answer could not be sent");
        }
    }
}

fn may_be_answered(subject: &str, to: &str) -> bool {
    let rest = to.strip_prefix(subjects::INBOX).and_then(|rest| rest.strip_prefix('.'));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains(['*', '>', ' '])) else {
        return false;
    };
    let owner = rest.split('.').next().and_then(|user| user.strip_prefix("ws-"));
    owner.is_none_or(|owner| subject.split('.').nth(2) == Some(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_inboxes_of_the_sender_only() {
        let asked = "vigilo.request.default.renew";
        for own in ["_INBOX.ws-default.8jf.1", "_INBOX.console.x", "_INBOX.x"] {
            assert!(may_be_answered(asked, own), "{own:?}");
        }
        for other in [
            "vigilo.order.issuer.issue",
            "_INBOX",
            "_INBOX.",
            "_INBOXES.a",
            "_INBOX.>",
            "",
            "_INBOX.ws-other.8jf.1",
        ] {
            assert!(!may_be_answered(asked, other), "{other:?}");
        }
    }
}
