//! The room on the disk under the data directory, with numbers.
//!
//! In: a directory and the bounds of the configuration. Out: whether the engines can start there, and how full it is
//! becoming. Never: a start that fails half way for want of room, without a word.

use std::path::Path;

use chassis::ConfigError;
use chassis::process::Missing;
use rustix::fs::statvfs;
use serde::{Deserialize, Serialize};

/// The cluster of Postgres, its log of changes, and the streams while they are small.
const FIRST_START_MIB: u64 = 256;
/// Recovery writes before it can free anything.
const START_MIB: u64 = 32;

/// Table `up.room` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// A warning, in the log and in the health, when less is free.
    pub low_mib: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { low_mib: 512 }
    }
}

impl Bounds {
    pub fn check(self) -> Result<Self, ConfigError> {
        match self.low_mib {
            1..=1_048_576 => Ok(self),
            wrong => Err(ConfigError(format!(
                "up.room.low_mib: {wrong} is out of range; give 1 to 1048576"
            ))),
        }
    }
}

/// What is free for us, in MiB. A file system that does not say has room.
pub fn free_mib(directory: &Path) -> u64 {
    match statvfs(directory) {
        Ok(seen) => seen.f_bavail.saturating_mul(seen.f_frsize) >> 20,
        Err(_) => u64::MAX,
    }
}

/// Before anything is started there.
pub fn enough(directory: &Path, cluster_exists: bool) -> Result<(), Missing> {
    judge(directory, free_mib(directory), cluster_exists)
}

fn judge(directory: &Path, free: u64, cluster_exists: bool) -> Result<(), Missing> {
    let (needed, what) = if cluster_exists {
        (START_MIB, "a start")
    } else {
        (FIRST_START_MIB, "the first start")
    };
    if free >= needed {
        return Ok(());
    }
    Err(Missing(format!(
        "--data-dir {}: {free} MiB are free on its disk, and {what} of NATS and Postgres needs {needed} MiB; \
         make room there, or use another directory",
        directory.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_said_with_both_numbers() {
        let at = Path::new("/var/lib/vigilo");
        assert!(judge(at, 256, false).is_ok() && judge(at, 32, true).is_ok());
        let said = judge(at, 255, false).expect_err("too little").to_string();
        assert!(
            said.contains("255 MiB") && said.contains("256 MiB") && said.contains("/var/lib/vigilo"),
            "{said}"
        );
        assert!(
            judge(at, 31, true).is_err() && judge(at, 100, true).is_ok(),
            "it comes back with little"
        );
    }

    #[test]
    fn a_bound_out_of_range_is_named() {
        let said = Bounds { low_mib: 0 }.check().expect_err("0").to_string();
        assert!(said.contains("up.room.low_mib"), "{said}");
    }
}
