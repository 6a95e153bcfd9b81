//! The wall around a workspace: its other systems have an account of their own at the server, and
//! few doors lead out of it.
//!
//! In: a workspace. Out: the doors between its account and the fleet's. Touches: nothing. Never: a
//! door that two workspaces share, or one that makes or changes a consumer.
//!
//! Rights of users alone do not hold. What the server says itself (a stream's confirmation, the
//! messages of a consumer) goes to whatever reply subject a client names, and the server does not
//! check whether that client may publish there; inside one account a workspace could so put
//! messages among our orders. From another account an answer comes back to it alone.

use domain::WorkspaceId;
use protocol::request::Verb;
use protocol::subjects::{self, EVENT_READERS, event_reader};

/// The account of the services and of all streams.
pub const FLEET: &str = "VIGILO";

/// Where a workspace's clients find what JetStream has for them: the library's option for an API
/// prefix.
const API: &str = "vigilo.js";

/// The account of a workspace.
pub fn of(workspace: &WorkspaceId) -> String {
    format!("WS-{workspace}")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the fleet says is heard in the workspace.
    Heard,
    /// The workspace asks and gets one answer.
    Asked,
    /// The workspace asks and gets many.
    Fetched,
}

/// One subject that leads through the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    pub kind: Kind,
    /// As the fleet's account knows it.
    pub subject: String,
    /// As the workspace knows it.
    pub inside: String,
}

impl Door {
    fn same(kind: Kind, subject: String) -> Self {
        let inside = subject.clone();
        Self { kind, subject, inside }
    }

    /// An account has JetStream's own subjects already, even where it has no streams: ours need
    /// another name there.
    fn api(kind: Kind, subject: &str) -> Self {
        Self {
            kind,
            subject: format!("$JS.API.{subject}"),
            inside: format!("{API}.{subject}"),
        }
    }
}

/// Everything that a workspace can reach.
pub fn doors(workspace: &WorkspaceId) -> Vec<Door> {
    let inbox = subjects::inbox_of(&format!("ws-{workspace}"));
    // Verb by verb: the stream bounds what waits on each subject, so there must be no end of
    // subjects.
    let asked = Verb::names().map(|verb| Door::same(Kind::Asked, subjects::request(workspace, &verb)));
    let mut all: Vec<Door> = asked.collect();
    all.extend([
        Door::same(Kind::Heard, subjects::runs_of(workspace)),
        Door::same(Kind::Heard, format!("{inbox}.>")),
    ]);
    for number in 1..=EVENT_READERS {
        all.extend(of_reader(&event_reader(workspace, number)));
    }
    all
}

/// Looking at a consumer, pulling from it, and acknowledging in both forms that servers use.
fn of_reader(name: &str) -> [Door; 4] {
    [
        Door::api(Kind::Asked, &format!("CONSUMER.INFO.RUNS.{name}")),
        Door::api(Kind::Fetched, &format!("CONSUMER.MSG.NEXT.RUNS.{name}")),
        Door::same(Kind::Asked, format!("$JS.ACK.RUNS.{name}.>")),
        Door::same(Kind::Asked, format!("$JS.ACK.*.*.RUNS.{name}.>")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_door_leads_to_another_workspace_and_none_makes_a_consumer() {
        let own = doors(&"acme".parse().expect("a slug"));
        for door in &own {
            assert!(door.subject.contains("acme"), "{door:?}");
            let commands = door.subject.starts_with("vigilo.command.");
            let endless =
                door.kind == Kind::Asked && door.subject.starts_with("vigilo.") && door.subject.contains(['*', '>']);
            assert!(!commands && !endless, "{door:?}");
            let api = door.subject.starts_with("$JS.API.");
            let reads = ["CONSUMER.INFO.RUNS.", "CONSUMER.MSG.NEXT.RUNS."];
            assert!(!api || reads.iter().any(|verb| door.subject.contains(verb)), "{door:?}");
        }
        let others = doors(&"acme-1".parse().expect("a slug"));
        assert!(own.iter().all(|door| !others.contains(door)));
    }
}
