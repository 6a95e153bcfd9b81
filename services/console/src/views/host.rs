//! A host with what was last seen of it.

use domain::Timestamp;
use domain::host::Host;
use serde::Serialize;
use serde_json::Value;
use store::HostView;

use super::open_only;

#[derive(Serialize)]
pub(crate) struct ShownHost {
    #[serde(flatten)]
    host: Host,
    snapshot: Option<Value>,
    /// Of the newest run; `idle` without one.
    status: String,
    /// The newest look, whatever it saw.
    last_seen_at: Option<Timestamp>,
}

/// One host with all that the newest look saw, the PEM texts too.
#[derive(Serialize)]
pub(crate) struct WholeHost {
    #[serde(flatten)]
    host: ShownHost,
    /// One for each address that was dialled.
    look: Vec<Value>,
}

pub(crate) fn whole(view: HostView, look: Vec<Value>, now: Timestamp) -> WholeHost {
    WholeHost {
        host: host(view, now),
        look: look.into_iter().map(|one| snapshot(one, now)).collect(),
    }
}

/// As a line of a list: the snapshot without its PEM texts, which `/hosts/{id}/snapshots` has.
pub(crate) fn host(view: HostView, now: Timestamp) -> ShownHost {
    let snapshot = view.snapshot.map(|seen| {
        let mut seen = snapshot(seen, now);
        if let Some(fields) = seen.as_object_mut() {
            fields.remove("leaf_pem");
            fields.remove("chain_pem");
        }
        seen
    });
    ShownHost {
        host: view.host,
        snapshot,
        status: status(view.run_status),
        last_seen_at: view.last_seen_at,
    }
}

pub(crate) fn status(of_run: Option<String>) -> String {
    of_run.unwrap_or_else(|| "idle".to_owned())
}

/// A snapshot with the days that are left, counted from `now`.
pub(crate) fn snapshot(seen: Value, now: Timestamp) -> Value {
    let mut seen = open_only(seen);
    let ends = seen.get("not_after").cloned().map(serde_json::from_value::<Timestamp>);
    if let (Some(fields), Some(Ok(ends))) = (seen.as_object_mut(), ends) {
        fields.insert("days_until_expiry".to_owned(), ends.days_from(now).into());
    }
    seen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn days_are_counted_when_it_is_read() {
        let now = Timestamp::from_unix(1_700_000_000).expect("an instant");
        let left = |days: i64| {
            let ends = Timestamp::from_unix(1_700_000_000 + days * 86_400 + 60).expect("an instant");
            snapshot(json!({"not_after": ends}), now)["days_until_expiry"].clone()
        };
        assert_eq!((left(30), left(-2)), (json!(30), json!(-2)));
        let unreachable = snapshot(json!({"probe": "unreachable"}), now);
        assert_eq!(unreachable.get("days_until_expiry"), None);
    }
}
