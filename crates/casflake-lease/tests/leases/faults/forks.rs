//! A fork while IDs are drawn.
//!
//! The child has the memory of the parent, and so its lease. It finds the fork by the number of its process, which it
//! checks with the first ID of each millisecond. Until then it can draw the same IDs as the parent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, process};

use casflake::{GenerateError, Snowflake, Standard};
use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator, Survey};
use fork::Fork;
use testkit::{Scratch, eventually, within};

use crate::PATIENCE;

const TEST: &str = "faults::forks::forks_in_a_process_of_its_own";
const DIRECTORY: &str = "CASFLAKE_FORKS";

/// A third of it passes until a renewal. The rest is for a busy machine.
const TTL: Duration = Duration::from_secs(9);

#[test]
fn l1_a_forked_child_draws_nothing_after_the_millisecond_and_the_parent_keeps_its_lease() {
    let scratch = Scratch::new();
    crate::initialise(&mut FileStore::new(scratch.path()), 2);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(DIRECTORY, scratch.path());
    let output = within("the parent, and its child", move || command.stdin(Stdio::null()).output()).unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", text[0], text[1]);
}

/// Runs in a process that the test above starts.
#[test]
fn forks_in_a_process_of_its_own() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let store = || FileStore::new(&directory);
    // Calls wait for a renewal that is late on a busy machine.
    let builder = LeasedGenerator::<Standard>::builder(store()).ttl(TTL).max_wait(Duration::MAX);
    let ids = builder.wait_for_worker(PATIENCE).build().unwrap();
    let draw = |count: usize| ids.generate_batch(count).unwrap().into_vec();
    let mut parents = draw(10_000);
    let before = *parents.last().unwrap();
    match fork::fork().unwrap() {
        Fork::Child => {
            // A panic would end the only thread of the child, but not the child.
            let done = catch_unwind(AssertUnwindSafe(|| child(&ids, before, &directory)));
            // The lease is the parent's, so this does not release it.
            drop(ids);
            process::exit(done.is_err().into());
        }
        Fork::Parent(child) => {
            parents.extend(draw(100_000));
            fork::waitpid(child).unwrap();
            let children = read(&directory);
            parents.extend(draw(100));
            // A renewal after the child has ended.
            let renewals = ids.stats().renewals;
            eventually("a renewal", || (ids.stats().renewals > renewals).then_some(()));
            assert_eq!(ids.stats().acquired, 1, "{:?}", ids.stats());
            let mut all: Vec<Snowflake> = parents.iter().chain(&children).copied().collect();
            all.sort_unstable();
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "the child draws its own IDs by its own lease");
            ids.shutdown().unwrap();
        }
    }
}

/// Draws by the generator of the parent until it refuses, and then by a lease of the child's own.
fn child(ids: &LeasedGenerator, before: Snowflake, directory: &Path) {
    // IDs of the millisecond of the last check before the fork, or of the one that began then. The parent may draw the
    // same.
    let mut drawn = 0;
    let error = loop {
        match ids.try_generate() {
            Ok(id) => {
                assert!(id.tick() <= before.tick() + 1, "{id:?} so long after {before:?}");
                drawn += 1;
            }
            Err(GenerateError::Exhausted { .. }) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error, GenerateError::OtherProcess, "after {drawn} IDs");
    assert_eq!(ids.generate(), Err(GenerateError::OtherProcess));
    assert_eq!(ids.generate_batch(3).unwrap_err().error(), GenerateError::OtherProcess);
    ids.shutdown().expect("nothing to do");
    let builder = LeasedGenerator::<Standard>::builder(FileStore::new(directory)).ttl(TTL).max_wait(Duration::MAX);
    let own = builder.wait_for_worker(PATIENCE).build().unwrap();
    assert_ne!(own.worker(), ids.worker());
    let batch = own.generate_batch(10_000).unwrap();
    let bytes: Vec<u8> = batch.iter().flat_map(|id| id.as_u64().to_le_bytes()).collect();
    fs::write(directory.join("ids"), bytes).unwrap();
    own.shutdown().unwrap();
    // The lease of the parent is renewed while the child runs.
    let of_parent = |survey: Survey| survey.workers.into_iter().find(|record| record.worker == ids.worker().index());
    let counter = || of_parent(FileStore::new(directory).survey().ok()?).map(|record| record.counter);
    let before = eventually("the record of the parent", counter);
    eventually("a renewal of the parent", || (counter()? > before).then_some(()));
}

fn read(directory: &Path) -> Vec<Snowflake> {
    let bytes = fs::read(directory.join("ids")).expect("the child's IDs");
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    bytes.chunks_exact(8).map(|bytes| number(bytes).try_into().expect("an ID of the layout")).collect()
}
