//! Tests of a directory that loses data, because files are removed or are replaced by copies, and of the calls that a
//! `FileStore` passes on to its files.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process};

use casflake::{ManualClock, Scheme, Standard};

use super::FileStore;
use super::disk::{Disk, LocalDisk};
use crate::{AcquireRequest, Backend, Grant, LeaseAdmin, LeaseStore, LostReason, Renewal, StoreError, Token};

const TTL: Duration = Duration::from_secs(30);

/// A directory with an initialised store. The directory is removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("casflake-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        let directory = Self(path);
        directory.store().init_immediately(&Standard::LAYOUT, 10).unwrap();
        directory
    }

    /// Returns a store with a clock that stands still.
    fn store(&self) -> FileStore<ManualClock> {
        FileStore::with_clock(&self.0, ManualClock::new(1_900_000_000_000))
    }

    fn acquire(&self, number: u128) -> Result<Grant, StoreError> {
        self.store().acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(number), TTL, "a test"))
    }

    fn file(&self) -> PathBuf {
        self.0.join("leases")
    }

    fn backup(&self) -> PathBuf {
        self.0.join("backup")
    }

    fn grants_nothing(&self) -> bool {
        matches!(self.acquire(u128::MAX), Err(StoreError::NotYet { .. }))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

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
    let inode = || super::identity::mark(&fs::File::open(directory.file()).unwrap()).unwrap().map(|mark| mark.inode);
    let copied = inode();
    let is_back = (2..10).any(|number| {
        directory.acquire(number).unwrap();
        inode() == copied
    });
    copy(&directory.backup(), &directory.file());
    assert!(directory.grants_nothing(), "leases are in use; the same inode: {is_back}");
}

/// Would catch: a process that takes another directory at the same path for its own, or two new stores for one.
#[cfg(unix)]
#[test]
fn each_directory_has_a_place_and_each_new_store_an_incarnation_of_its_own() {
    use std::os::unix::fs::MetadataExt;

    let directory = Directory::new("place");
    fs::remove_file(directory.file()).unwrap();
    let mut backend = directory.store().into_backend();
    let (one, other) = (backend.read().unwrap(), backend.read().unwrap());
    let inode = fs::metadata(&directory.0).unwrap().ino();
    assert!(one.place.contains(&format!("inode {inode}, made at")), "{}", one.place);
    assert_eq!(one.place, other.place);
    assert_ne!(one.incarnation, other.incarnation);
}

/// Would catch: a store that goes on although it can't remove the file of a process that was killed, or that fails
/// because another process has removed the file first.
#[test]
fn a_temporary_file_that_can_not_be_removed_fails_the_call() {
    let directory = Directory::new("stuck");
    let stuck = directory.0.join("leases.0123456789abcdef0123456789abcdef.new");
    fs::create_dir(&stuck).unwrap();
    let refused = directory.acquire(1);
    assert!(refused.as_ref().is_err_and(|error| !matches!(error, StoreError::NotYet { .. })), "{refused:?}");
    fs::remove_dir(&stuck).unwrap();
    directory.acquire(1).unwrap();
}

/// Would catch: a store whose files only their owner can write, although the directory is shared by a group.
#[cfg(unix)]
#[test]
fn the_group_of_a_shared_directory_can_write_the_files_of_the_store() {
    use std::os::unix::fs::PermissionsExt;

    let directory = Directory::new("shared");
    fs::remove_file(directory.file()).unwrap();
    fs::remove_file(directory.0.join("lock")).unwrap();
    fs::set_permissions(&directory.0, fs::Permissions::from_mode(0o770)).unwrap();
    directory.store().init_immediately(&Standard::LAYOUT, 10).unwrap();
    for name in ["leases", "lock"] {
        let mode = fs::metadata(directory.0.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o060, 0o060, "{name} has the mode {mode:o}");
    }
}

/// Would catch: a store that counts as settled without a sync of its directory.
#[cfg(unix)]
#[test]
fn a_store_is_settled_only_if_its_directory_was_synced() {
    let directory = Directory::new("settle");
    let mut backend = directory.store().into_backend();
    backend.settle().unwrap();
    fs::remove_dir_all(&directory.0).unwrap();
    let settled = backend.settle();
    assert!(matches!(settled, Err(StoreError::Refused { .. })), "{settled:?}");
}

/// Would catch: a change that replaces the file of another file system, which was mounted over the directory meanwhile.
/// The roots of many file systems have the same inode.
#[cfg(target_os = "linux")]
#[test]
fn a_file_is_not_taken_for_one_with_the_same_inode_on_another_device() {
    use std::os::unix::fs::MetadataExt;

    let [processes, devices] = ["/proc", "/sys"].map(Path::new);
    let inode = |path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(processes), inode(devices), "otherwise this test checks nothing");
    let opened = fs::File::open(processes).unwrap();
    assert!(LocalDisk.is_at(&opened, processes) && !LocalDisk.is_at(&opened, devices));
}

/// Would catch: a sync that does nothing, which no test without a loss of power can see otherwise.
#[cfg(target_os = "linux")]
#[test]
fn the_local_disk_asks_the_system_for_each_sync() {
    let null = Path::new("/dev/null");
    // `fsync` fails on a device that has no data to sync.
    assert!(LocalDisk.sync(&fs::File::open(null).unwrap()).is_err());
    assert!(LocalDisk.sync_directory(null).is_err());
}

#[test]
fn a_store_names_its_directory_and_no_other_space() {
    let directory = Directory::new("names");
    let mut store = directory.store();
    let path = directory.0.display().to_string();
    assert_eq!(store.backend().place(), format!("the directory {path}"));
    let shown = format!("{store:?}");
    assert!(shown.starts_with("FileStore {") && shown.contains(&path), "{shown}");
    match store.others() {
        Ok(names) => assert_eq!(names, [""; 0]),
        Err(error) => assert!(error.to_string().contains("a container's own file system"), "{error}"),
    }
    let nowhere = FileStore::new("").others();
    assert!(matches!(nowhere, Err(StoreError::Url { .. })), "{nowhere:?}");
}
