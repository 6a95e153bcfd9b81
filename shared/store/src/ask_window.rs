//! How many questions may be out at once, of looks and of renewal information alike.

use domain::Timestamp;

/// How many questions may be out. One from before `lost` does not count any more.
#[derive(Debug, Clone, Copy)]
pub struct AskWindow {
    pub most: i64,
    pub lost: Timestamp,
}
