//! A directory that loses data, because files are removed or are replaced by copies.

use std::fs;
use std::path::Path;

use casflake::{Scheme, Standard};

use super::{Directory, TTL};
use crate::{AcquireRequest, LeaseStore, LostReason, Renewal, StoreError, Token};

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn the_holder_of_a_forgotten_lease_has_lost_it() {
    let directory = Directory::new("forgotten");
    let mut store = directory.store();
    let lease =
        store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "a test")).unwrap().lease;
    fs::remove_file(directory.file()).unwrap();
    for _ in 0..2 {
        let renewed = store.renew(&Renewal::new(&Standard::LAYOUT, lease, TTL));
        assert!(
            matches!(renewed, Err(StoreError::Lost { worker: 0, reason: LostReason::StoreChanged })),
            "{renewed:?}"
        );
    }
    assert!(directory.grants_nothing());
}

#[test]
fn a_copy_is_noticed_after_a_lease_in_it_was_released() {
    let directory = Directory::new("given-back");
    let known = directory.acquire(1).unwrap().lease;
    // The hard link keeps the inode of the first file in use, so that no copy gets this inode.
    fs::hard_link(directory.file(), directory.backup()).unwrap();
    let forgotten = directory.acquire(2).unwrap().lease;
    fs::remove_file(directory.file()).unwrap();
    copy(&directory.backup(), &directory.file());
    directory.store().release(&known, None).unwrap();
    assert!(directory.grants_nothing(), "{forgotten:?} is in use");
}

/// Some file systems give the inode of a removed file to a later file. On other file systems, this test checks nothing.
#[cfg(unix)]
#[test]
fn a_copy_with_the_inode_of_the_original_is_noticed() {
    let directory = Directory::new("inode");
    directory.acquire(1).unwrap();
    copy(&directory.file(), &directory.backup());
    let inode =
        || crate::file::identity::mark(&fs::File::open(directory.file()).unwrap()).unwrap().map(|mark| mark.inode);
    let copied = inode();
    let is_back = (2..10).any(|number| {
        directory.acquire(number).unwrap();
        inode() == copied
    });
    copy(&directory.backup(), &directory.file());
    assert!(directory.grants_nothing(), "leases are in use; the same inode: {is_back}");
}
