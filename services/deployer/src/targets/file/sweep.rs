//! Removes backups that are old enough, and temporary files that a killed process left.
//!
//! In: files that were just installed, and the allowed roots. Out: their surplus is gone, at the
//! latest with their next installation; what is past its age is gone whether or not anything is
//! installed there again. Never: the backup of the run that is installing, a file that is not one
//! of ours.
//!
//! Only a listing of the whole directory shows what is there. One listing serves all files that
//! wait for it: it is made when they are many enough for what it costs, so that a directory with
//! thousands of hosts is not read anew for each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{RunId, Timestamp};
use rustix::fs::{AtFlags, Dir, Stat, statat, unlinkat};

use super::atomic::TEMPORARY;
use super::backup::{self, ABSENT, BACKUP, Keeping};
use super::directory::Directory;
use super::location::{FileLocation, OURS};

/// Longer than any order may be out: such a temporary file belongs to a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
/// So many names may be read for each file that waits; a directory with fewer is read after every
/// installation.
const NAMES_PER_FILE: usize = 64;
/// Directories below a root that are looked into, and how deep: a root is meant for certificates.
const MOST_DIRECTORIES: usize = 50_000;
const DEEPEST: usize = 8;

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
    pub fn installed(&self, places: [&FileLocation; 2], keeping: &Keeping) {
        for place in places {
            self.add(place, *keeping);
        }
        for place in places {
            let directory = place.directory().path();
            if let Some(files) = self.take(directory) {
                let names = sweep(place, &files, keeping);
                self.all().entry(directory.to_owned()).or_default().names = names;
            }
        }
    }

    fn add(&self, place: &FileLocation, keeping: Keeping) {
        let mut all = self.all();
        let waiting = all.entry(place.directory().path().to_owned()).or_default();
        waiting
            .files
            .insert(place.name().to_string_lossy().into_owned(), keeping);
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
fn sweep(place: &FileLocation, files: &Files, keeping: &Keeping) -> usize {
    let beside = surplus(place.directory(), files, keeping);
    let backups = backup::existing(place).ok().flatten();
    beside + backups.map_or(0, |backups| surplus(&backups, files, keeping))
}

fn surplus(directory: &Arc<Directory>, files: &Files, keeping: &Keeping) -> usize {
    let mut backups: HashMap<String, Vec<(RunId, String)>> = HashMap::new();
    let names = names(directory);
    for name in &names {
        match Ours::read(name) {
            Some(Ours::Backup(file, run)) if files.contains_key(file) => {
                backups.entry(file.to_owned()).or_default().push((run, name.clone()));
            }
            Some(Ours::Temporary(file)) if files.contains_key(file) && is_abandoned(directory, name, keeping.now) => {
                remove(directory, name);
            }
            Some(Ours::Backup(..) | Ours::Temporary(_)) | None => {}
        }
    }
    for (file, mut kept) in backups {
        // Ids of later runs sort later.
        kept.sort_unstable_by_key(|(run, _)| std::cmp::Reverse(*run));
        let keeping = &files[&file];
        for (place, (run, name)) in kept.iter().enumerate() {
            let too_many = place >= keeping.kept || is_past(directory, name, keeping);
            if too_many && *run != keeping.run {
                remove(directory, name);
            }
        }
    }
    names.len()
}

/// Removes all backups below these roots that are past their age; gives back how many.
pub fn sweep_roots(roots: &[PathBuf], age: Duration, now: Timestamp) -> usize {
    let mut walk = Walk {
        age,
        now,
        left: MOST_DIRECTORIES,
    };
    // A deployer that may write anywhere would have to read the whole machine.
    let roots = roots.iter().filter(|root| root.parent().is_some());
    roots.map(|root| walk.sweep_below(root, 0)).sum()
}

/// A walk through directories, for backups that are older than `age` at `now`.
struct Walk {
    age: Duration,
    now: Timestamp,
    /// Directories that may still be read.
    left: usize,
}

impl Walk {
    fn sweep_below(&mut self, directory: &Path, depth: usize) -> usize {
        let mut removed = 0;
        for entry in directory.read_dir().into_iter().flatten().flatten() {
            // Links are not followed.
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || self.left == 0 {
                continue;
            }
            self.left -= 1;
            if entry.file_name() == backup::DIRECTORY {
                removed += sweep_old(directory, self.age, self.now);
            } else if depth < DEEPEST {
                removed += self.sweep_below(&entry.path(), depth + 1);
            }
        }
        removed
    }
}

/// The backups of one directory, whosever they are.
fn sweep_old(directory: &Path, age: Duration, now: Timestamp) -> usize {
    let place = FileLocation::locate(&directory.join("any").display().to_string(), &[directory.to_owned()]);
    let Some(backups) = place.ok().and_then(|place| backup::existing(&place).ok().flatten()) else {
        return 0;
    };
    let is_old = |name: &&String| match Ours::read(name) {
        Some(Ours::Backup(..)) => kept_since(&backups, name).is_some_and(|at| now.since(at) > age),
        Some(Ours::Temporary(_)) => is_abandoned(&backups, name, now),
        None => false,
    };
    let names = names(&backups);
    let old = names.iter().filter(is_old);
    old.map(|name| remove(&backups, name)).count()
}

/// What we may have left for one of the files.
enum Ours<'a> {
    Backup(&'a str, RunId),
    Temporary(&'a str),
}

impl<'a> Ours<'a> {
    fn read(name: &'a str) -> Option<Self> {
        let (file, ours) = name.rsplit_once(OURS)?;
        if let Some(run) = ours.strip_suffix(BACKUP).or_else(|| ours.strip_suffix(ABSENT)) {
            return Some(Self::Backup(file, run.parse().ok()?));
        }
        let file = file.strip_prefix('.').filter(|_| ours.ends_with(TEMPORARY))?;
        Some(Self::Temporary(file))
    }
}

fn names(directory: &Directory) -> Vec<String> {
    let Ok(listing) = directory.readable().and_then(|opened| Ok(Dir::read_from(opened)?)) else {
        return Vec::new();
    };
    let name = |entry: rustix::fs::DirEntry| entry.file_name().to_str().ok().map(str::to_owned);
    listing
        .flatten()
        .filter_map(name)
        .filter(|name| name != "." && name != "..")
        .collect()
}

fn about(directory: &Directory, name: &str) -> Option<Stat> {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()
}

/// The last change of the file's own record: a second name was made, or the first one went.
fn kept_since(directory: &Directory, name: &str) -> Option<Timestamp> {
    Timestamp::from_unix(about(directory, name)?.st_ctime)
}

fn is_past(directory: &Directory, name: &str, keeping: &Keeping) -> bool {
    kept_since(directory, name).is_some_and(|at| keeping.now.since(at) > keeping.age)
}

fn is_abandoned(directory: &Directory, name: &str, now: Timestamp) -> bool {
    let written = about(directory, name).and_then(|about| Timestamp::from_unix(about.st_mtime));
    written.is_some_and(|at| now.since(at) > ABANDONED)
}

fn remove(directory: &Directory, name: &str) {
    let _left_to_the_next_time = unlinkat(directory, name, AtFlags::empty());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn keeping(run: RunId) -> Keeping {
        let now = Timestamp::from_unix(1_800_000_000).expect("an instant");
        Keeping {
            run,
            kept: 1,
            age: DAY * 36_500,
            now,
        }
    }

    fn place(directory: &Path, name: &str) -> FileLocation {
        FileLocation::locate(&directory.join(name).display().to_string(), &[PathBuf::from("/")]).expect("a place")
    }

    fn install(sweeper: &Sweeper, directory: &Path, name: &str) {
        let run = RunId::new();
        let places = ["crt", "key"].map(|kind| place(directory, &format!("{name}.{kind}")));
        for place in &places {
            let backups = backup::directory(place).expect("backups");
            let file = place.name().to_string_lossy();
            fs::write(place.file(), "new").expect("written");
            fs::write(backups.path().join(format!("{file}{OURS}{run}{BACKUP}")), "old").expect("written");
        }
        sweeper.installed([&places[0], &places[1]], &keeping(run));
    }

    fn backups(directory: &Path) -> usize {
        let names = fs::read_dir(directory.join(backup::DIRECTORY))
            .expect("a directory")
            .flatten();
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

    /// Its policy is gone, and nothing is installed there any more.
    #[test]
    fn old_backups_below_a_root_go_by_themselves_and_young_ones_stay() {
        let root = tempfile::tempdir().expect("a directory");
        let tls = root.path().join("site/tls");
        fs::create_dir_all(&tls).expect("made");
        install(&Sweeper::default(), &tls, "a");
        fs::write(tls.join(backup::DIRECTORY).join("notes.bak"), "not ours").expect("written");
        let roots = [root.path().canonicalize().expect("its place")];
        let made = kept_since(&backup::directory(&place(&tls, "a.crt")).expect("backups"), ".").expect("an instant");

        assert_eq!(sweep_roots(&roots, DAY * 30, made.plus(DAY * 29)), 0);
        assert_eq!(sweep_roots(&roots, DAY * 30, made.plus(DAY * 31)), 2);

        assert_eq!(backups(&tls), 1, "the file of somebody else stays");
        assert!(tls.join("a.crt").exists());
    }
}
