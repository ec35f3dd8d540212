//! Processes with different workers. The test starts its own binary: one function is the parent, and also each child,
//! if the variable `FILE` is set.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Output, Stdio};
use std::time::SystemTime;

use casflake::{Generator, Snowflake, SystemClock, WorkerId};

use crate::history::{ROUND, Returned, planned, round, sorted_and_distinct};
use crate::{builder, calls, pool};

/// The path of the test below in this binary.
const TEST: &str = "processes::i1_processes_with_different_workers_get_distinct_ids";

/// Names a child's worker.
const WORKER: &str = "CASFLAKE_HISTORIES_WORKER";
/// Names the file that a child writes its IDs to.
const FILE: &str = "CASFLAKE_HISTORIES_FILE";

const PROCESSES: usize = 4;
const THREADS: usize = 4;

#[test]
fn i1_processes_with_different_workers_get_distinct_ids() {
    let of_each = calls(5) / PROCESSES;
    let rounds = of_each.div_ceil(ROUND / PROCESSES);
    match env::var_os(FILE) {
        Some(file) => child(&file, of_each / rounds),
        None => (0..rounds).for_each(|_| parent(of_each / rounds)),
    }
}

fn child(file: &OsStr, calls: usize) {
    let generator: Generator =
        builder(WorkerId::from_env(WORKER).expect("a worker"), SystemClock).build().expect("a generator");
    let pool = pool(THREADS);
    // The pipe ends when the parent has started all children.
    io::stdin().read_to_end(&mut Vec::new()).expect("a pipe from the parent");
    let ids = round(&generator, &pool, calls, &Returned::default());
    let bytes: Vec<u8> = ids.into_iter().flat_map(|id| id.as_u64().to_le_bytes()).collect();
    fs::write(file, bytes).expect("a file in the parent's directory");
}

fn parent(calls: usize) {
    let directory = Directory::new();
    let workers: [WorkerId; PROCESSES] =
        [WorkerId::fixed::<0, 0>(), WorkerId::fixed::<0, 1>(), WorkerId::fixed::<1, 0>(), WorkerId::fixed::<31, 31>()];
    let file = |worker: WorkerId| directory.0.join(worker.index().to_string());

    let mut children = workers.map(|worker| start(worker, &file(worker)));
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    // Waits for all of them before it checks the first, so that no child outlives the test.
    let outputs = children.map(|child| child.wait_with_output().expect("the child ends"));

    let ids = workers.iter().zip(&outputs).map(|(&worker, output)| {
        assert_ended_well(worker, output);
        let ids = read(&file(worker));
        assert_eq!(ids.len(), planned(THREADS, calls), "IDs of {worker}");
        let own = |id: &Snowflake| (id.datacenter(), id.worker()) == (worker.datacenter(), worker.worker());
        assert_eq!(ids.iter().find(|id| !own(id)), None, "not of {worker}");
        ids
    });
    let ids = sorted_and_distinct(ids.collect());
    println!("{calls} calls by {THREADS} threads in each of {PROCESSES} processes gave {} IDs", ids.len());
}

fn start(worker: WorkerId, file: &Path) -> Child {
    let mut command = Command::new(env::current_exe().expect("this test's binary"));
    command.args(["--exact", TEST, "--nocapture"]).env(WORKER, worker.to_string()).env(FILE, file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child")
}

fn assert_ended_well(worker: WorkerId, output: &Output) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "the child with {worker}: {}\n{}\n{}", output.status, text[0], text[1]);
}

fn read(file: &Path) -> Vec<Snowflake> {
    let bytes = fs::read(file).expect("a child's file");
    assert_eq!(bytes.len() % 8, 0, "half an ID");
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    bytes.chunks_exact(8).map(|bytes| number(bytes).try_into().expect("an ID of the layout")).collect()
}

/// A directory that is removed when the test ends, even by a panic.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let now_ns = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let path = env::temp_dir().join(format!("casflake-histories-{}-{now_ns}", process::id()));
        fs::create_dir(&path).expect("a new directory for temporary files");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
