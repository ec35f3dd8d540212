//! A fork while IDs are drawn.
//!
//! The child has the memory of the parent, and so its lease. It finds the fork by the number of its process, which it
//! checks with the first ID of each millisecond. Until then it can draw the same IDs as the parent.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use casflake::{GenerateError, Scheme, Snowflake, Standard};
use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
use fork::Fork;
use testkit::Scratch;

const TEST: &str = "faults::forks::forks_in_a_process_of_its_own";
const DIRECTORY: &str = "CASFLAKE_FORKS";

const TTL: Duration = Duration::from_millis(600);

#[test]
fn l1_a_forked_child_draws_nothing_after_the_millisecond_and_the_parent_keeps_its_lease() {
    let scratch = Scratch::new();
    FileStore::new(scratch.path()).init_immediately(&Standard::LAYOUT, 2).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(DIRECTORY, scratch.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", text[0], text[1]);
}

/// Runs in a process that the test above starts.
#[test]
fn forks_in_a_process_of_its_own() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let store = || FileStore::new(&directory);
    let ids = LeasedGenerator::<Standard>::builder(store()).ttl(TTL).build().unwrap();
    let draw = |count: usize| ids.generate_batch(count).unwrap().into_vec();
    let mut parents = draw(10_000);
    let before = *parents.last().unwrap();
    match fork::fork().unwrap() {
        Fork::Child => {
            child(&ids, before, &directory);
            // The lease is the parent's, so this does not release it.
            drop(ids);
            process::exit(0);
        }
        Fork::Parent(child) => {
            parents.extend(draw(100_000));
            fork::waitpid(child).unwrap();
            let children = read(&directory);
            parents.extend(draw(100));
            // A renewal after the child has ended.
            let renewals = ids.stats().renewals;
            testkit::eventually("a renewal", || (ids.stats().renewals > renewals).then_some(()));
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
    let own = LeasedGenerator::<Standard>::builder(FileStore::new(directory)).ttl(TTL).build().unwrap();
    assert_ne!(own.worker(), ids.worker());
    let batch = own.generate_batch(10_000).unwrap();
    let bytes: Vec<u8> = batch.iter().flat_map(|id| id.as_u64().to_le_bytes()).collect();
    fs::write(directory.join("ids"), bytes).unwrap();
    own.shutdown().unwrap();
    // Longer than a lease of the parent, which is renewed nevertheless.
    thread::sleep(2 * TTL);
}

fn read(directory: &Path) -> Vec<Snowflake> {
    let bytes = fs::read(directory.join("ids")).expect("the child's IDs");
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    bytes.chunks_exact(8).map(|bytes| number(bytes).try_into().expect("an ID of the layout")).collect()
}
