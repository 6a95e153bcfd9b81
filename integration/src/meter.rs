//! What processes have used, by the kernel's account (proc(5)).
//!
//! In: process ids. Out: CPU time and peak memory. Never: a sample; both are the kernel's running totals.

use std::fs;

use anyhow::{Context, Result};

/// The unit of the times in /proc/<pid>/stat: 100 per second on every Linux (`USER_HZ`).
const MS_PER_TICK: u64 = 10;

/// A process as its line in the kernel's table tells.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    parent: u32,
    own_ticks: u64,
    /// Of children that have ended and been collected.
    collected_ticks: u64,
}

/// One process' totals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    pub cpu_ms: u64,
    pub peak_rss_kib: u64,
}

/// This process alone, without its children.
///
/// # Errors
/// If there is no such process.
pub fn alone(pid: u32) -> Result<Used> {
    let process = process(pid).with_context(|| format!("there is no process {pid}"))?;
    Ok(Used {
        cpu_ms: process.own_ticks * MS_PER_TICK,
        peak_rss_kib: kib(pid, "VmHWM").unwrap_or(0),
    })
}

/// This process and its children, those that have ended included.
///
/// # Errors
/// If there is no such process.
pub fn with_children(pid: u32) -> Result<Used> {
    let parent = process(pid).with_context(|| format!("there is no process {pid}"))?;
    let children = children_of(pid);
    let ticks: u64 = children.iter().map(|child| child.own_ticks).sum();
    let all = || children.iter().map(|child| child.pid).chain([pid]);
    // Postgres' processes share their buffers and their program: these count once.
    let (own, shared): (Vec<u64>, Vec<u64>) = all().map(memory).unzip();
    Ok(Used {
        cpu_ms: (ticks + parent.own_ticks + parent.collected_ticks) * MS_PER_TICK,
        peak_rss_kib: own.iter().sum::<u64>() + shared.into_iter().max().unwrap_or(0),
    })
}

/// The child of this name.
///
/// # Errors
/// If there is none.
pub fn child(parent: u32, name: &str) -> Result<u32> {
    let found = children_of(parent).into_iter().find(|child| child.name == name);
    found
        .map(|child| child.pid)
        .with_context(|| format!("process {parent} has no child {name}"))
}

/// What the process had at its peak: memory of its own, and memory that others see too.
fn memory(pid: u32) -> (u64, u64) {
    let read = |field| kib(pid, field).unwrap_or(0);
    let shared = read("RssFile") + read("RssShmem");
    (read("VmHWM").saturating_sub(shared), shared)
}

fn kib(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn children_of(parent: u32) -> Vec<Process> {
    let numbered = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbered.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(process)
        .filter(|process| process.parent == parent)
        .collect()
}

fn process(pid: u32) -> Option<Process> {
    parsed(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state parent …`, and the name may hold spaces and parentheses.
fn parsed(pid: u32, line: &str) -> Option<Process> {
    let (start, end) = (line.find('(')?, line.rfind(')')?);
    let fields: Vec<&str> = line.get(end + 1..)?.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        pid,
        name: line.get(start + 1..end)?.to_owned(),
        parent: u32::try_from(number(1)?).ok()?,
        own_ticks: number(11)? + number(12)?,
        collected_ticks: number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "7 (a (b) c) S 3 7 7 0 -1 4194560 1 2 3 4 50 6 70 8 20 0 1 0 99";
        let process = parsed(7, line).expect("a process");
        assert_eq!((process.name.as_str(), process.parent), ("a (b) c", 3));
        assert_eq!((process.own_ticks, process.collected_ticks), (56, 78));
    }

    #[test]
    fn this_process_is_in_the_table() {
        let used = alone(std::process::id()).expect("itself");
        assert!(used.peak_rss_kib > 1024, "{used:?}");
    }
}
