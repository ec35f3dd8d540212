//! Each kind of store, by the conformance suite.

use casflake::lease::FileStore;

use crate::conformance::conforms;
use crate::scratch::Scratch;

#[test]
fn a_directory_conforms() {
    let mut directories = Vec::new();
    conforms(64, || {
        directories.push(Scratch::new());
        Box::new(FileStore::open(directories.last().expect("a directory").path()))
    });
}
