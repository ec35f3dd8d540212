//! A file system that hangs, as NFS and FUSE can. In these tests another process prevents a file from being opened.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, StoreError, Token};
use fork::Fork;
use testkit::{Held, Scratch, eventually, within};

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(60);

/// The 4 s for which a call waits, and 4 s more for a busy machine.
const BOUND: Duration = Duration::from_secs(8);

fn granting() -> (Scratch, FileStore) {
    let scratch = Scratch::new();
    let mut store = FileStore::new(scratch.path());
    store.init_immediately(&LAYOUT, 2).unwrap();
    (scratch, store)
}

/// Asserts that the call ends, with an error that says for how long the file system has not answered.
#[track_caller]
fn assert_hangs<T: Debug>(call: impl FnOnce() -> Result<T, StoreError>) {
    let started = Instant::now();
    let outcome = call();
    assert!(started.elapsed() < BOUND, "{:?}: {outcome:?}", started.elapsed());
    let Err(StoreError::Unavailable { cause, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(cause.to_string().contains("the file system has not answered for"), "{cause}");
}

#[test]
fn each_call_ends_when_the_file_system_hangs() {
    let (scratch, mut holder) = granting();
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), TTL, "a test");
    let lease = holder.acquire(&request).unwrap().lease;
    let leases = scratch.path().join("leases");
    let _held = Held::file(&leases);
    let open = || FileStore::new(scratch.path());
    // Concurrently, each with its own store, so that each waits for its own thread.
    thread::scope(|scope| {
        scope.spawn(|| assert_hangs(|| open().acquire(&request)));
        scope.spawn(|| assert_hangs(|| open().renew(&crate::renewal(&LAYOUT, &lease, TTL, 0))));
        scope.spawn(|| assert_hangs(|| open().release(&lease, None)));
        scope.spawn(|| assert_hangs(|| open().survey()));
        scope.spawn(|| assert_hangs(|| open().init(&LAYOUT, 2)));
        scope.spawn(|| assert_hangs(|| open().init_immediately(&LAYOUT, 2)));
        scope.spawn(|| assert_hangs(|| open().reclaim(&LAYOUT, 0)));
        scope.spawn(move || {
            assert_hangs(|| holder.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)));
            // The thread of the store still hangs, so this call waits for it.
            assert_hangs(|| holder.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)));
        });
    });
}

/// Would catch: a late answer that is mistaken for the answer to the next call, and a lease that is lost by a late write.
#[test]
fn l11_a_lease_granted_or_renewed_by_a_late_write_stays_with_its_holder() {
    let (scratch, mut store) = granting();
    let (lock, leases) = (scratch.path().join("lock"), scratch.path().join("leases"));
    // Lets the thread that hangs continue, and waits for its write.
    let let_go = |held: Held| {
        let before = fs::read(&leases).unwrap();
        drop(held);
        eventually("the late write", || (fs::read(&leases).unwrap() != before).then_some(()));
    };
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), TTL, "a test");
    let held = Held::file(&lock);
    assert_hangs(|| store.acquire(&request));
    let_go(held);
    let lease = store.acquire(&request).unwrap().lease;
    assert_eq!(lease.counter(), 1, "the late write has granted it");

    let held = Held::file(&lock);
    assert_hangs(|| store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)));
    let_go(held);
    let renewed = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).unwrap().lease;
    assert_eq!((renewed.worker(), renewed.from(), renewed.counter()), (lease.worker(), lease.from(), 3));
    let other = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), TTL, "a test");
    assert_ne!(store.acquire(&other).unwrap().lease.worker(), lease.worker());
}

const TEST: &str = "hanging::forks_in_a_process_of_its_own";
const DIRECTORY: &str = "CASFLAKE_HANGING";

#[test]
fn a_fork_of_a_process_whose_store_hangs_does_not_hang() {
    let (scratch, _store) = granting();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(DIRECTORY, scratch.path());
    let output = within("the parent, and its child", move || command.stdin(Stdio::null()).output()).unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", text[0], text[1]);
    assert!(text[0].contains("the child is done"), "{}\n{}", text[0], text[1]);
}

/// Runs in a process that the test above starts.
#[test]
fn forks_in_a_process_of_its_own() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let (mut idle, mut hanging) = (FileStore::new(&directory), FileStore::new(&directory));
    idle.survey().unwrap();
    let held = Held::file(&directory.join("leases"));
    assert_hangs(|| hanging.survey());
    match fork::fork().unwrap() {
        Fork::Child => {
            // A panic would end the only thread of the child, but not the child.
            let done = catch_unwind(AssertUnwindSafe(|| {
                // The child does not have the thread that hangs.
                assert_hangs(|| hanging.survey());
                drop(held);
                idle.survey().expect("the child starts its own thread");
                println!("the child is done");
            }));
            process::exit(done.is_err().into());
        }
        Fork::Parent(child) => fork::waitpid(child).unwrap(),
    }
}
