//! A relative path of a store keeps the meaning that it had when the store was made.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use casflake::{Scheme, Standard};
use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, StoreError, Token};
use testkit::Scratch;

const TEST: &str = "working_directory::in_a_process_of_its_own";
const DIRECTORY: &str = "CASFLAKE_WORKING_DIRECTORY";

/// Would catch: a store that continues in an empty directory after the process has changed its working directory.
#[test]
fn l7_a_store_stays_in_its_directory_when_the_process_changes_its_own() {
    let scratch = Scratch::new();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(DIRECTORY, scratch.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", text[0], text[1]);
}

/// Runs in a process that the test above starts, because all threads of a process share the working directory.
#[test]
fn in_a_process_of_its_own() {
    let Some(scratch) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    for directory in ["a/ids", "b/ids", "gone"] {
        fs::create_dir_all(scratch.join(directory)).unwrap();
    }

    env::set_current_dir(scratch.join("a")).unwrap();
    let mut store = FileStore::new("ids");
    env::set_current_dir(scratch.join("b")).unwrap();
    store.init_immediately(&Standard::LAYOUT, 1).unwrap();
    assert!(scratch.join("a/ids/leases").exists());
    assert!(format!("{store:?}").contains("/a/ids\""), "{store:?}");

    assert_nowhere(FileStore::new(""));
    #[cfg(target_os = "linux")]
    {
        env::set_current_dir(scratch.join("gone")).unwrap();
        fs::remove_dir(scratch.join("gone")).unwrap();
        let nowhere = FileStore::new("ids");
        env::set_current_dir(scratch.join("b")).unwrap();
        assert_nowhere(nowhere);
    }
    for directory in ["b", "b/ids"] {
        let entries = fs::read_dir(scratch.join(directory)).unwrap();
        assert_eq!(entries.count(), usize::from(directory == "b"), "nothing was written to {directory}");
    }
}

/// Asserts that every call fails because the store has no directory.
fn assert_nowhere(mut store: FileStore) {
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(10), "a test");
    let errors = [
        store.survey().unwrap_err(),
        store.init_immediately(&Standard::LAYOUT, 1).unwrap_err(),
        store.reclaim(&Standard::LAYOUT, 0).unwrap_err(),
        store.acquire(&request).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Url { .. }) && !error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("give the absolute path"), "{error}");
    }
}
