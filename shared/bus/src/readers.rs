//! Who reads a stream: the durable consumers, each with the subjects it takes.

use std::time::Duration;

use domain::run::Status;
use protocol::subjects::{self, Worker};

use crate::streams::StreamName;

/// A message whose reader died comes back after this long; a reader that lives says so every third
/// of it.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
/// A workspace from which nothing came for so long has no reader at the server any more.
const FORGOTTEN: Duration = Duration::from_secs(3600);
const LONGEST_NAME: usize = 60;

/// A durable reader: which stream, which subjects, how many messages may be in its hands at once.
#[derive(Debug, Clone)]
pub struct Reader {
    pub stream: StreamName,
    pub durable: String,
    /// Of the subjects of the stream.
    pub filters: Vec<String>,
    pub max_ack_pending: i64,
    /// The server forgets a reader that no consumer pulled from for so long.
    pub forgotten_after: Option<Duration>,
}

impl Reader {
    /// What is asked of one workspace, in a stream of requests or of commands. Each workspace has a
    /// reader of its own: however much one asks, no other consumer waits behind it.
    pub fn asked_of(stream: StreamName, workspace: &str) -> Self {
        let (verb, token) = (stream.first_token(), workspace);
        let slug = !token.is_empty()
            && token
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let name = if slug && token.len() <= LONGEST_NAME {
            format!("planner-{token}")
        } else {
            // No name of a workspace; it is answered so.
            let hex: String = token
                .bytes()
                .take(LONGEST_NAME)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("planner-_{hex}")
        };
        Self {
            forgotten_after: Some(FORGOTTEN),
            ..Self::new(stream, &name, &format!("vigilo.{verb}.{token}.*"), 200)
        }
    }

    /// The orders of one service, shared by its replicas.
    pub fn orders(worker: Worker) -> Self {
        Self::new(
            StreamName::Orders,
            worker.as_str(),
            &protocol::subjects::orders_of(worker),
            5_000,
        )
    }

    pub fn reports() -> Self {
        Self::new(StreamName::Reports, "planner", "vigilo.report.>", 5_000)
    }

    /// The looks that the planner asks for, shared by the verifiers.
    pub fn probe_asks() -> Self {
        Self::new(StreamName::Probes, "verifier", "vigilo.probe.ask.*", 2_000)
    }

    /// What the verifiers saw, shared by the planners.
    pub fn probes_seen() -> Self {
        Self::new(StreamName::Probes, "planner", "vigilo.probe.seen.*", 2_000)
    }

    /// The questions that the planner has for CAs, shared by the issuers.
    pub fn renewal_info_asks() -> Self {
        Self::new(StreamName::RenewalInfo, "issuer", "vigilo.renewal-info.ask.*", 2_000)
    }

    /// What the CAs answered, shared by the planners.
    pub fn renewal_info_told() -> Self {
        Self::new(StreamName::RenewalInfo, "planner", "vigilo.renewal-info.told.*", 2_000)
    }

    /// The run events of these statuses, for one kind of reader.
    pub fn runs(durable: &str, statuses: &[Status]) -> Self {
        Self {
            filters: statuses.iter().map(|status| subjects::runs_that_are(*status)).collect(),
            ..Self::new(StreamName::Runs, durable, "", 1_000)
        }
    }

    fn new(stream: StreamName, durable: &str, filter: &str, max_ack_pending: i64) -> Self {
        Self {
            stream,
            durable: durable.to_owned(),
            filters: vec![filter.to_owned()],
            max_ack_pending,
            forgotten_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workspace_has_a_reader_with_a_name_of_its_own() {
        let name = |workspace: &str| Reader::asked_of(StreamName::Requests, workspace).durable;
        assert_eq!(name("acme"), "planner-acme");
        let odd = ["Acme", "ac_me", "\u{fc}", "", &"a".repeat(61)].map(name);
        let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        assert!(odd.iter().all(plain), "{odd:?}");
        assert!(!odd.contains(&name("acme")));
        let reader = Reader::asked_of(StreamName::Commands, "acme");
        assert_eq!(reader.filters, ["vigilo.command.acme.*"]);
    }
}
