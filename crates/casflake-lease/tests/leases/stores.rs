//! The decisions of a directory against those of the rules; those of servers are in `every_server/rules.rs`.

use testkit::Scratch;

use crate::reference::decides_by_the_rules;

/// The number of sequences of requests for each kind of store. `.ci/full faults` tries more.
pub(crate) const CASES: u32 = 10;

#[test]
fn each_decision_of_a_directory_is_that_of_the_rules() {
    let mut directories = Vec::new();
    decides_by_the_rules(CASES, || {
        directories.push(Scratch::new());
        Box::new(casflake_lease::FileStore::new(directories.last().expect("a directory").path()))
    });
}
