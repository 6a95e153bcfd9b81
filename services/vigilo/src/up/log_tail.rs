//! The end of a child's log: it usually says why the child ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// More of a log is not read.
const MOST: u64 = 64 << 10;

/// How long it is now; what is appended later belongs to a later start.
pub fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |seen| seen.len())
}

/// The last lines of what came after `from`.
pub fn since(log: &Path, from: u64, lines: usize) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(MOST))))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn only_what_came_later_is_told() {
        let log = std::env::temp_dir().join(format!("vigilo-log-{}", uuid::Uuid::now_v7()));
        assert_eq!((length(&log), since(&log, 0, 3).as_str()), (0, ""));
        std::fs::write(&log, "an old fault\n").expect("a log");
        let before = length(&log);
        assert_eq!(since(&log, before, 3), "");
        std::fs::write(&log, "an old fault\none\n\ntwo\nthree\n").expect("a log");
        assert_eq!(since(&log, before, 2), "two\nthree");
        std::fs::remove_file(log).expect("removed");
    }
}
