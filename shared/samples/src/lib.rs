//! Values of the domain for tests: each is whole and usual, and a test says only what matters to it.
//!
//! In: what shall be different, as the JSON of a policy, plan or provider has it. Out: the value. Touches: nothing. Never: in
//! what is shipped; a value that the domain's own types would refuse.

mod certificate;
mod plan;
mod policy;
mod provider;
mod run;
mod target;

use serde_json::Value;

pub use certificate::{fingerprint, leaf, served};
pub use plan::{CA, plan, plan_with};
pub use policy::{facts_of, new_policy, new_policy_with, policy, policy_facts};
pub use provider::provider;
pub use run::run_head;
pub use target::{file_target, file_target_with};

/// The fields of `whole`, those of `changes` in place of its own or beside them.
pub fn with(mut whole: Value, changes: Value) -> Value {
    if let (Some(fields), Value::Object(changes)) = (whole.as_object_mut(), changes) {
        fields.extend(changes);
    }
    whole
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_sample_is_one_that_people_may_save() {
        assert_eq!(new_policy("www.example.org").check_entry(None), Ok(()));
        assert_eq!(provider("own", json!({})).check(Timestamp::LAST), Ok(()));
        let plan = plan("www.example.org");
        assert_eq!(plan.targets, [file_target("www.example.org")]);
        assert_eq!(run_head("www.example.org").hostname, plan.hostname);
    }

    #[test]
    fn a_change_takes_the_place_of_what_is_usual() {
        let policy = new_policy_with("www.example.org", json!({"cooldown_seconds": 5, "targets": []}));
        assert_eq!((policy.cooldown_seconds, policy.targets.len()), (5, 0));
        assert_eq!(provider("own", json!({"rank": 7})).rank, 7);
    }
}
