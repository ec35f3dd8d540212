//! The calls that a `FileStore` passes on to its files, and those to the file system.

use std::fs;
#[cfg(target_os = "linux")]
use std::path::Path;

use casflake::{Scheme, Standard};

use super::Directory;
use crate::file::FileStore;
#[cfg(target_os = "linux")]
use crate::file::disk::{Disk, LocalDisk};
use crate::{Backend, LeaseAdmin, LeaseStore, StoreError};

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

/// Would catch: a store that takes a file which it can't remove for one that another process has removed first.
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
