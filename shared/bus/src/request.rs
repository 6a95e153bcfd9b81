//! Requests to the planner: stored first, answered after its commit.

use std::time::Duration;

use domain::WorkspaceId;
use domain::run::StepKind;
use futures::StreamExt;
use protocol::request::{Answer, Verb};
use protocol::subjects::{self, Worker};
use serde::Serialize;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::inbox::REPLY_TO;
use crate::permissions::User;
use crate::publish::Outgoing;

/// A planner that is there answers within its next commit; this is for one that just restarts.
const PATIENCE: Duration = Duration::from_secs(15);

impl Bus {
    /// Publishes what a person asks for and waits for the planner's answer. A `Timeout` leaves the
    /// request in the stream: it is carried out once a planner runs, and asking again with the same
    /// idempotency key gives its answer.
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
            signed: false,
        })
        .await?;
        match self
            .heard(async { Ok(tokio::time::timeout(PATIENCE, answers.next()).await) })
            .await?
        {
            Ok(Some(answer)) => Ok(serde_json::from_slice(&answer.payload)?),
            Ok(None) => Err(BusError::Unavailable("the subscription ended".to_owned())),
            Err(_) => Err(BusError::Timeout { subject }),
        }
    }

    /// Answers a sender that waits. It is no error when the sender waits no longer. A sender names
    /// an inbox of its own: to any other subject it could have us say what it may not say itself.
    pub async fn reply<A: Serialize + Sync>(&self, subject: &str, to: &str, answer: &A) {
        if !may_be_answered(subject, to, self.user.as_deref()) {
            return warn!(
                subject,
                to, "an answer was wanted at what is no inbox of the sender, and is not given"
            );
        }
        let sent = match serde_json::to_vec(answer) {
            Ok(payload) => self.say(to, payload).await.map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        if let Err(error) = sent {
            warn!(%error, "an answer could not be sent");
        }
    }
}

/// Whether a sender on this subject may listen there. `own` is our user: where all services share
/// one login, the inboxes of senders carry its name too.
fn may_be_answered(subject: &str, to: &str, own: Option<&str>) -> bool {
    let rest = to.strip_prefix(subjects::INBOX).and_then(|rest| rest.strip_prefix('.'));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains(['*', '>', ' '])) else {
        return false;
    };
    let owner = rest.split('.').next().unwrap_or_default();
    match sender(subject) {
        Some(sender) if sender == owner => true,
        // One login for all: no name of a user with rights of its own.
        Some(_) | None => !is_guarded(owner) && own.is_none_or(|own| own == owner),
    }
}

/// The user who publishes on this subject where every user has rights of its own.
fn sender(subject: &str) -> Option<String> {
    let mut tokens = subject.strip_prefix("vigilo.")?.split('.');
    let (kind, of) = (tokens.next()?, tokens.next()?);
    match kind {
        "request" => Some(format!("ws-{of}")),
        "command" => Some(User::Console.name()),
        "report" => {
            let kind = StepKind::ALL.into_iter().find(|kind| kind.as_str() == of)?;
            Some(Worker::of(kind).to_string())
        }
        _ => None,
    }
}

/// A user of `vigilo nats-config`.
fn is_guarded(user: &str) -> bool {
    user.starts_with("ws-") || User::services().iter().any(|service| service.name() == user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_to_the_senders_own_inbox_only() {
        for (asked, own, foreign) in [
            (
                "vigilo.request.default.renew",
                "_INBOX.ws-default.8jf.1",
                "_INBOX.ws-other.8jf.1",
            ),
            (
                "vigilo.command.default.renew",
                "_INBOX.console.x",
                "_INBOX.ws-default.x",
            ),
            ("vigilo.report.issue", "_INBOX.issuer.x", "_INBOX.deployer.x"),
            ("vigilo.report.rollback", "_INBOX.deployer.x", "_INBOX.planner.x"),
        ] {
            assert!(may_be_answered(asked, own, Some("planner")), "{asked} {own}");
            for other in [
                foreign,
                "_INBOX.key-signer.x",
                "_INBOX.planner.x",
                "vigilo.order.issuer.issue",
                "_INBOX",
                "_INBOX.",
                "_INBOXES.a",
                "_INBOX.>",
                "",
            ] {
                assert!(!may_be_answered(asked, other, Some("planner")), "{asked} {other:?}");
            }
        }
    }

    #[test]
    fn where_all_share_one_login_its_name_is_in_every_inbox() {
        for asked in ["vigilo.report.issue", "vigilo.command.default.renew"] {
            assert!(may_be_answered(asked, "_INBOX.vigilo.x", Some("vigilo")), "{asked}");
            assert!(!may_be_answered(asked, "_INBOX.other.x", Some("vigilo")), "{asked}");
            assert!(may_be_answered(asked, "_INBOX.x", None), "{asked}");
        }
    }
}
