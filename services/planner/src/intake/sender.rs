//! Who asks, and what they may not ask for.
//!
//! In: the subject that a request came by. Out: how its sender is written down, and what is refused
//! because of who sends it. Touches: nothing. Never: a sender at its own word.
//!
//! People come by the console, which knows who they are. A workspace's other systems come by the
//! doors of its account (`bus::accounts`), and nothing more is known of who they are: the name that
//! they give is kept as what they say.

use domain::job::{Cooldown, JobSpec};
use domain::run::Trigger;
use domain::{Invalid, WorkspaceId};
use protocol::request::RenewRequest;
use serde_json::Value;

use super::checks::short;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Person,
    Systems,
}

impl Sender {
    /// The request with its sender's name as the record shall have it, and a key that no other kind
    /// of sender can use up.
    pub(super) fn sign(self, workspace: &WorkspaceId, mut body: Value) -> Result<Value, Invalid> {
        for (field, sign) in [
            ("requested_by", "systems of"),
            // The desk of jobs looks plans up by keys that it made itself.
            ("idempotency_key", "key of the systems of"),
        ] {
            // What is missing, or is no text, is told by the schema.
            let Some(Value::String(said)) = body.get_mut(field) else {
                continue;
            };
            short(field, said)?;
            if let Self::Systems = self {
                *said = format!("{sign} {workspace}: {said}");
            }
        }
        Ok(body)
    }

    /// What stands above a cooldown is a person's to ask for, and who asks is not what is said
    /// here.
    pub(super) fn may_renew(self, request: &RenewRequest) -> Result<(), Invalid> {
        match self {
            Self::Person => Ok(()),
            Self::Systems if request.trigger != Trigger::Request => {
                let problem = "it is a request of another system, whatever made that system send it";
                Err(Invalid::new("trigger", problem, "write request, or leave it out"))
            }
            Self::Systems if request.despite_cooldown => {
                let problem = "only a person renews inside a cooldown";
                let remedy = "leave it out, and give when_allowed to wait for its end; or have a person renew";
                Err(Invalid::new("despite_cooldown", problem, remedy))
            }
            Self::Systems => Ok(()),
        }
    }

    /// Whether the sender may ask for this bulk renewal, which may stand above a budget too.
    pub(super) fn may_plan(self, spec: &JobSpec) -> Result<(), Invalid> {
        match self {
            Self::Person => Ok(()),
            Self::Systems if spec.cooldown == Cooldown::Ignore => {
                let problem = "only a person renews inside a cooldown";
                Err(Invalid::new("spec.cooldown", problem, "write leave_out or schedule"))
            }
            Self::Systems if spec.beyond_month => {
                let problem = "only a person goes beyond the budget of the month";
                Err(Invalid::new("spec.beyond_month", problem, "leave it out"))
            }
            Self::Systems => Ok(()),
        }
    }

    /// A plan that it could not have asked for, it does not carry out either.
    pub(super) fn may_commit(self, spec: &JobSpec) -> Result<(), Invalid> {
        self.may_plan(spec).map_err(|why| {
            let problem = format!("this plan stands above a limit ({})", why.problem);
            Invalid::new("job_id", problem, "have a person commit it: vigilo bulk commit ID")
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::filter::Filter;
    use serde_json::json;

    use super::*;

    fn workspace() -> WorkspaceId {
        "acme".parse().expect("a slug")
    }

    fn renewal(more: Value) -> RenewRequest {
        let mut body = json!({"hostnames": ["a.example"], "idempotency_key": "k", "requested_by": "cmdb"});
        let (Value::Object(body_fields), Value::Object(more)) = (&mut body, more) else {
            panic!("objects")
        };
        body_fields.extend(more);
        serde_json::from_value(body).expect("a request")
    }

    #[test]
    fn a_system_is_written_down_as_one_whatever_it_calls_itself() {
        let body = json!({"requested_by": "ann", "idempotency_key": "night-1", "run_id": 7});
        let signed = Sender::Systems.sign(&workspace(), body.clone()).expect("signed");
        assert_eq!(signed["requested_by"], "systems of acme: ann");
        assert_ne!(signed["idempotency_key"], body["idempotency_key"]);
        assert_eq!(signed["run_id"], 7);
        assert_eq!(Sender::Person.sign(&workspace(), body.clone()), Ok(body));
    }

    #[test]
    fn a_name_is_short_and_one_line() {
        for (name, field) in [
            (String::new(), "requested_by"),
            ("x".repeat(201), "requested_by"),
            ("cmdb\nby ann".to_owned(), "requested_by"),
        ] {
            for sender in [Sender::Person, Sender::Systems] {
                let refused = sender.sign(&workspace(), json!({"requested_by": name}));
                assert_eq!(refused.expect_err("refused").field, field);
            }
        }
        let nameless = json!({"run_id": 7});
        assert_eq!(Sender::Systems.sign(&workspace(), nameless.clone()), Ok(nameless));
    }

    #[test]
    fn a_system_is_neither_the_schedule_nor_a_person_nor_an_emergency() {
        for (more, field) in [
            (json!({}), None),
            (json!({"trigger": "request", "when_allowed": true}), None),
            (json!({"trigger": "schedule"}), Some("trigger")),
            (json!({"trigger": "operator"}), Some("trigger")),
            (json!({"trigger": "bulk"}), Some("trigger")),
            (json!({"despite_cooldown": true}), Some("despite_cooldown")),
        ] {
            let request = renewal(more);
            let refused = Sender::Systems.may_renew(&request).err().map(|why| why.field);
            assert_eq!(refused.as_deref(), field, "{request:?}");
            assert_eq!(Sender::Person.may_renew(&request), Ok(()));
        }
    }

    #[test]
    fn a_plan_above_a_limit_is_a_persons() {
        let plain = JobSpec::of(Filter::default());
        let ignoring = JobSpec {
            cooldown: Cooldown::Ignore,
            ..plain.clone()
        };
        let beyond = JobSpec {
            beyond_month: true,
            ..plain.clone()
        };
        assert_eq!(Sender::Systems.may_plan(&plain), Ok(()));
        assert_eq!(Sender::Systems.may_commit(&plain), Ok(()));
        for (spec, field) in [(ignoring, "spec.cooldown"), (beyond, "spec.beyond_month")] {
            assert_eq!(Sender::Systems.may_plan(&spec).expect_err("refused").field, field);
            assert_eq!(Sender::Systems.may_commit(&spec).expect_err("refused").field, "job_id");
            assert_eq!(Sender::Person.may_plan(&spec), Ok(()));
            assert_eq!(Sender::Person.may_commit(&spec), Ok(()));
        }
    }
}
