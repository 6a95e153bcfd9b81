//! Removes backups that are old enough, and temporary files that a killed process left.
//!
//! In: files that were just installed. Out: their surplus is gone, at the latest with their next installation. Never:
//! the backup of a run that may still need it, a file that is not one of ours.
//!
//! Only a listing of the whole directory shows what is there. One listing serves all files that wait for it: it is made
//! when they are many enough for what it costs, so that a directory with thousands of hosts is not read anew for each.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{RunId, Timestamp};

use super::atomic::TEMPORARY;
use super::backup::{BACKUP, Keeping, OURS};
use super::place::Place;

/// Longer than any order may be out: such a temporary file belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
/// So many names may be read for each file that waits; a directory with fewer is read after every installation.
const NAMES_PER_FILE: usize = 64;

/// What was installed since the last listing, by directory.
#[derive(Debug, Default)]
pub struct Sweeper {
    directories: Mutex<HashMap<PathBuf, Waiting>>,
}

/// By the name of the file; of two runs the later one counts.
type Files = HashMap<String, Keeping>;

#[derive(Debug, Default)]
struct Waiting {
    files: Files,
    /// Names in the directory when it was last read.
    names: usize,
}

impl Sweeper {
    pub fn installed(&self, places: [&Place; 2], keeping: &Keeping) {
        for place in places {
            self.add(place, *keeping);
        }
        for place in places {
            let directory = place.directory();
            if let Some(files) = self.take(directory) {
                let names = sweep(directory, &files, keeping.now);
                self.all().entry(directory.to_owned()).or_default().names = names;
            }
        }
    }

    fn add(&self, place: &Place, keeping: Keeping) {
        let mut all = self.all();
        let waiting = all.entry(place.directory().to_owned()).or_default();
        waiting.files.insert(place.name(), keeping);
    }

    /// The files of a directory when it is time to read it.
    fn take(&self, directory: &Path) -> Option<Files> {
        let mut all = self.all();
        let waiting = all.get_mut(directory)?;
        let due = !waiting.files.is_empty() && waiting.files.len() * NAMES_PER_FILE >= waiting.names;
        due.then(|| std::mem::take(&mut waiting.files))
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Waiting>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the number of names that were read. What cannot be removed is left to the next time.
fn sweep(directory: &Path, files: &Files, now: Timestamp) -> usize {
    let mut backups: HashMap<&str, Vec<(RunId, PathBuf)>> = HashMap::new();
    let mut names = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        names += 1;
        let name = entry.file_name();
        match Surplus::read(&name.to_string_lossy(), files) {
            Some(Surplus::Backup(file, run)) => backups.entry(file).or_default().push((run, entry.path())),
            Some(Surplus::Temporary) if is_abandoned(&entry, now) => drop(fs::remove_file(entry.path())),
            Some(Surplus::Temporary) | None => {}
        }
    }
    for (file, mut kept) in backups {
        // Ids of later runs sort later.
        kept.sort_unstable_by_key(|(run, _)| std::cmp::Reverse(*run));
        let keeping = &files[file];
        for (_, path) in kept.iter().skip(keeping.kept).filter(|(run, _)| *run != keeping.run) {
            drop(fs::remove_file(path));
        }
    }
    names
}

/// What we may have left beside one of the files.
enum Surplus<'a> {
    Backup(&'a str, RunId),
    Temporary,
}

impl<'a> Surplus<'a> {
    fn read(name: &str, files: &'a Files) -> Option<Self> {
        let (file, ours) = name.rsplit_once(OURS)?;
        if let Some(run) = ours.strip_suffix(BACKUP) {
            let (file, _) = files.get_key_value(file)?;
            return Some(Self::Backup(file, run.parse().ok()?));
        }
        let file = file.strip_prefix('.').filter(|_| ours.ends_with(TEMPORARY))?;
        files.contains_key(file).then_some(Self::Temporary)
    }
}

fn is_abandoned(entry: &DirEntry, now: Timestamp) -> bool {
    let written = entry
        .metadata()
        .ok()
        .and_then(|about| Timestamp::from_unix(about.mtime()));
    written.is_some_and(|at| now.since(at) > ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(sweeper: &Sweeper, directory: &Path, name: &str) {
        let run = RunId::new();
        let place = |kind: &str| {
            let file = directory.join(format!("{name}.{kind}"));
            let backup = directory.join(format!("{name}.{kind}{OURS}{run}{BACKUP}"));
            fs::write(&file, "new")
                .and_then(|()| fs::write(backup, "old"))
                .expect("written");
            Place::locate(&file.display().to_string(), &[]).expect("a place")
        };
        let now = Timestamp::from_unix(1_800_000_000).expect("an instant");
        let keeping = Keeping { run, kept: 1, now };
        sweeper.installed([&place("crt"), &place("key")], &keeping);
    }

    fn backups(directory: &Path) -> usize {
        let names = fs::read_dir(directory).expect("a directory").flatten();
        names
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(BACKUP))
            .count()
    }

    #[test]
    fn a_small_directory_is_swept_after_every_installation() {
        let (directory, sweeper) = (tempfile::tempdir().expect("a directory"), Sweeper::default());
        for _ in 0..3 {
            install(&sweeper, directory.path(), "a");
            assert_eq!(backups(directory.path()), 2);
        }
    }

    #[test]
    fn in_a_large_one_files_wait_until_a_listing_is_worth_it_and_none_is_forgotten() {
        let (directory, sweeper) = (tempfile::tempdir().expect("a directory"), Sweeper::default());
        for n in 0..10 * NAMES_PER_FILE {
            fs::write(directory.path().join(n.to_string()), "").expect("written");
        }
        for round in 0..2 {
            for n in 0..20 {
                install(&sweeper, directory.path(), &format!("host-{n}"));
            }
            let (kept, left) = (40, backups(directory.path()));
            assert!((kept..kept + 20).contains(&left), "round {round}: {left}");
        }
        assert!(directory.path().join("0").exists());
    }
}
