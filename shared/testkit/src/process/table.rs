//! The kernel's table of processes, as far as ending a process and its children needs it.

use std::fs;

use rustix::process::Pid;

pub(super) fn children_of(parent: Pid) -> Vec<Pid> {
    let numbered = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = numbered.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| stat_of(*pid).is_some_and(|stat| stat.parent == parent.as_raw_nonzero().get()))
        .collect()
}

pub(super) fn has_ended(pid: Pid) -> bool {
    // A zombie that its new parent does not collect holds nothing any more.
    stat_of(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

struct Stat {
    state: char,
    parent: i32,
}

/// proc(5): `pid (name) state parent …`, and the name may hold spaces and parentheses.
fn stat_of(pid: Pid) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut fields = line.get(line.rfind(')')? + 1..)?.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}
