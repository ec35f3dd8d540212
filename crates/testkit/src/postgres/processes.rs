//! The processes of a PostgreSQL server, as `/proc` shows them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

pub(super) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process ID")).expect("not 0");
    // The process may have ended.
    let _ = kill_process(pid, signal);
}

/// Returns the state of the process `pid` and the ID of its parent, or `None` if there is no such process. In the file
/// `stat`, the state and the parent's ID follow the name of the process. The name may contain spaces and parentheses,
/// so the search for the end of the name begins at the end of the file.
fn state(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

pub(super) fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

pub(super) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent)).collect()
}
