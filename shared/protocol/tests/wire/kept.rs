//! The snapshots, and the way back from them.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// This is what goes out under this name.
pub fn goes_out(name: &str, message: &impl Serialize) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(name, message));
}

/// This is what goes out under this name, and it is read back as it was.
pub fn travels<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, message: &T) {
    goes_out(name, message);
    let wire = serde_json::to_vec(message).expect("it is written");
    let read: T = serde_json::from_slice(&wire).expect("it is read");
    assert_eq!(&read, message, "{name}");
}
