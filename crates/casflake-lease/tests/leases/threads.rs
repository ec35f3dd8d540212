//! A host that can't start another thread.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::{env, fs};

use casflake::{Clock, Scheme, Standard, SystemClock};
use casflake_lease::{Backend, BackendStore, Change, Contents, LeaseAdmin, LeasedGenerator, StoreError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const TEST: &str = "threads::in_a_process_of_its_own";
const HERE: &str = "CASFLAKE_WITHOUT_THREADS";

/// Less than the stack of a thread, in bytes. The program itself needs less than this.
const SPARE: u64 = 1 << 20;

/// Would catch: a lease that is acquired before its keeper's thread is started. The worker would stay taken for a TTL.
#[test]
fn l14_a_host_that_can_not_start_a_thread_leaves_no_worker_taken() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(HERE, "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", text[0], text[1]);
}

/// Runs in a process that the test above starts, because the limit holds for all threads of a process.
#[test]
fn in_a_process_of_its_own() {
    if env::var_os(HERE).is_none() {
        return;
    }
    let memory = Memory(Arc::new(Mutex::new(Contents::new(0, "one", "memory"))));
    BackendStore::on(memory.clone()).init_immediately(&Standard::LAYOUT, 1).unwrap();
    let build = || LeasedGenerator::<Standard>::new(BackendStore::on(memory.clone()));
    let limits = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(in_use() + SPARE), ..limits }).unwrap();
    let refused = build();
    setrlimit(Resource::As, limits).unwrap();
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with("starting a thread failed"), "{refused}");
    let owners = BackendStore::on(memory.clone()).survey().unwrap().workers;
    assert!(owners.iter().all(|worker| worker.owner.is_none()), "{owners:?}");
    build().unwrap().generate().unwrap();
}

/// Returns the size of this process' address space, in bytes.
fn in_use() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    pages * u64::try_from(rustix::param::page_size()).unwrap()
}

/// A store in memory. Unlike a directory, it needs no thread of its own.
#[derive(Clone)]
struct Memory(Arc<Mutex<Contents>>);

impl Backend for Memory {
    fn place(&self) -> String {
        "memory".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let mut contents = self.0.lock().unwrap().clone();
        contents.unix_ns = u64::try_from(SystemClock.precise_unix_ns()).unwrap();
        Ok(contents)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let mut stored = self.0.lock().unwrap();
        let is_as_seen = stored.is_as_seen(seen, change);
        if is_as_seen {
            stored.apply(change);
        }
        Ok(is_as_seen)
    }
}
