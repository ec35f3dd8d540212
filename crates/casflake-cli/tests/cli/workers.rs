//! The sources of a worker: an option in each of its forms, the environment, the host name.

use casflake::{Snowflake, WorkerId};

use super::printed;
use crate::common::{assert_fails, casflake, run, text};

/// Returns the datacenter and the worker of the ID that `generate` prints with these arguments.
#[track_caller]
fn place(args: &[&str]) -> (u64, u64) {
    let id: Snowflake = printed(&[&["generate"], args].concat()).trim().parse().unwrap();
    (id.datacenter(), id.worker())
}

#[test]
fn a_worker_is_an_index_or_a_datacenters_worker() {
    assert_eq!(place(&[]), (0, 0));
    assert_eq!(place(&["--worker", "31"]), (0, 31));
    for args in [&["--worker", "37"][..], &["--worker", "1/5"], &["--datacenter", "1", "--worker", "5"]] {
        assert_eq!(place(args), (1, 5), "{args:?}");
    }
    assert_eq!(place(&["--datacenter", "3"]), (3, 0));
}

#[test]
fn a_worker_that_names_its_datacenter_excludes_the_option() {
    let both = run(&["generate", "--datacenter", "2", "--worker", "1/5"], "");
    assert_fails(&both, 2, &["--worker 1/5 names a datacenter", "leave out --datacenter 2"]);
    assert_fails(&run(&["generate", "--datacenter", "2", "--worker", "37"], ""), 2, &["worker 37", "0 to 31"]);
    assert_fails(&run(&["generate", "--worker", "1/5/6"], ""), 2, &["--worker", "1/5/6", "such as 37"]);
}

#[test]
fn a_layout_without_a_datacenter_takes_only_a_worker() {
    let refused = |args: &[&str]| run(&[&["generate", "--layout", "sonyflake"], args].concat(), "");
    assert_fails(&refused(&["--worker", "1/3"]), 2, &["--worker: datacenter 1", "no datacenter: give only the worker"]);
    assert_fails(&refused(&["--datacenter", "1"]), 2, &["--datacenter: datacenter 1", "no datacenter: omit it"]);
    assert!(refused(&["--worker", "0/3"]).status.success(), "the only datacenter is 0");
}

#[test]
fn a_worker_is_taken_from_the_environment() {
    let with = |value: &str, args: &[&str]| {
        let args = [args, &["--worker-env", "CASFLAKE_TEST_WORKER"]].concat();
        casflake(&args).env("CASFLAKE_TEST_WORKER", value).output().unwrap()
    };
    for value in ["37", "1/5", " 37\r\n"] {
        let output = with(value, &["generate"]);
        let id: Snowflake = text(&output.stdout).trim().parse().unwrap();
        assert_eq!((id.datacenter(), id.worker()), (1, 5));
        let output = with(value, &["stress", "--count", "1000", "--threads", "2"]);
        assert!(output.status.success(), "each ID is checked for its worker: {}", text(&output.stderr));
    }
    for (value, words) in [("1024", "0 to 1023"), ("", "is not a worker"), ("037", "leading zeros")] {
        for command in [&["generate"][..], &["stress", "--count", "1"], &["node"]] {
            assert_fails(&with(value, command), 2, &["CASFLAKE_TEST_WORKER", words]);
        }
    }
    assert_fails(
        &run(&["generate", "--worker-env", "CASFLAKE_TEST_UNSET"], ""),
        2,
        &["CASFLAKE_TEST_UNSET", "not set"],
    );
    assert_fails(&run(&["generate", "--worker-env", "$HOME"], ""), 2, &["$HOME is not set", "leave out the $"]);
}

#[test]
fn a_worker_is_taken_from_the_host_name_as_in_the_library() {
    for command in [&["generate"][..], &["stress", "--count", "1"]] {
        let output = run(&[command, &["--worker-hostname"]].concat(), "");
        match <WorkerId>::from_hostname() {
            Ok(_) => assert!(output.status.success(), "{}", text(&output.stderr)),
            Err(error) => assert_fails(&output, 2, &[&error.to_string()]),
        }
    }
    assert!(printed(&["generate", "--help"]).contains("ubuntu-22"), "the help has a warning");
}

#[test]
fn sources_of_a_worker_exclude_each_other() {
    for args in [
        &["--worker", "1", "--worker-env", "HOME"][..],
        &["--datacenter", "1", "--worker-hostname"],
        &["--worker-env", "HOME", "--worker-hostname"],
        &["--worker-env", "HOME", "--lease", "file:///tmp"],
        &["--worker-hostname", "--lease", "file:///tmp"],
    ] {
        assert_fails(&run(&[&["generate"], args].concat(), ""), 2, &["cannot be used with"]);
    }
}
