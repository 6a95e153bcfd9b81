//! The services of one process, by name: one for a fleet's process, all for `vigilo up`.

use std::sync::{Arc, Mutex, PoisonError};

use crate::life::Life;

/// Cheap to clone; all clones know the same members.
#[derive(Clone, Debug, Default)]
pub struct Crew {
    process: Life,
    members: Arc<Mutex<Vec<(String, Life)>>>,
}

impl Crew {
    pub fn new() -> Self {
        Self::default()
    }

    /// The life of the whole process.
    pub fn process_life(&self) -> &Life {
        &self.process
    }

    /// A service that must be ready before the process is.
    pub fn member(&self, name: &str) -> Life {
        let life = self.process.child();
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.push((name.to_owned(), life.clone()));
        life
    }

    /// The members that are not ready; a process without members is not ready as a whole.
    pub fn not_ready(&self) -> Vec<String> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if members.is_empty() {
            return vec!["the process is still starting".to_owned()];
        }
        members
            .iter()
            .filter(|(_, life)| !life.is_ready())
            .map(|(name, _)| name.clone())
            .collect()
    }
}
