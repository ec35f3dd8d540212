//! Tests of new files in shared directories, with and without access control lists, and of the remedies in errors.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::{env, process};

use rustix::fs::{XattrFlags, setxattr};

use super::unix::quoted;
use super::{remedy, share};

/// An access control list in the binary form of acl(5): the owner, the user 7 and the mask may do anything, the group
/// may read and execute, others may do nothing.
const LIST: &[u8] = b"\x02\0\0\0\
    \x01\0\x07\0\xff\xff\xff\xff\
    \x02\0\x07\0\x07\0\0\0\
    \x04\0\x05\0\xff\xff\xff\xff\
    \x10\0\x07\0\xff\xff\xff\xff\
    \x20\0\0\0\xff\xff\xff\xff";

/// A directory with a given mode. The directory is removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, mode: u32) -> Self {
        let directory = env::temp_dir().join(format!("casflake-{}-{name}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        Self(directory)
    }

    /// Creates a file with the mode `before`, shares the file, and returns the new mode of the file.
    fn mode_of(&self, name: &str, before: u32) -> u32 {
        let file = File::create_new(self.0.join(name)).unwrap();
        file.set_permissions(Permissions::from_mode(before)).unwrap();
        share(&file, &self.0);
        file.metadata().unwrap().mode() & 0o777
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Would catch: a `share` that mistakes the mask of an access control list for the permissions of the group, and so
/// lets the group write to a file.
#[test]
fn a_new_file_keeps_its_mode_if_the_directory_has_an_access_control_list() {
    for list in ["system.posix_acl_access", "system.posix_acl_default"] {
        let directory = Directory::new(list, 0o770);
        assert_eq!(directory.mode_of("without", 0o600), 0o660);
        // A file system without access control lists can't be tested.
        if setxattr(&directory.0, list, LIST, XattrFlags::empty()).is_ok() {
            assert_eq!(directory.mode_of("with", 0o600), 0o600, "{list}");
        }
    }
}

/// Would catch: a store that all users can read or write, because the umask of its process is 0.
#[test]
fn other_users_get_no_more_permissions_on_a_new_file_than_on_its_directory() {
    for (directory, expected) in [(0o2770, 0o660), (0o2775, 0o664), (0o2777, 0o666)] {
        assert_eq!(Directory::new("others", directory).mode_of("new", 0o666), expected, "{directory:o}");
    }
}

/// Would catch: a remedy that tells users to join the group of root.
#[test]
fn the_remedy_for_a_directory_that_all_users_may_write_to_shares_it_by_a_group() {
    let directory = Directory::new("everybody", 0o777);
    let [lock, leases] = ["lock", "leases"].map(|name| directory.0.join(name));
    let place = quoted(&directory.0);
    let commands = remedy(&lock, &directory.0);
    assert_eq!(commands, format!("share the directory by a group: chgrp GROUP {place}; chmod 2770 {place}"));
    for file in [&lock, &leases] {
        File::create(file).unwrap();
    }
    let commands = remedy(&lock, &directory.0);
    let files = [&lock, &leases].map(|file| quoted(file)).join(" ");
    let expected = format!("chgrp GROUP {place} {files}; chmod 2770 {place}; chmod g+rw {files}");
    assert!(commands.ends_with(&expected), "{commands}");
}

/// A group that is not the group of root.
const GROUP: u32 = 7;

/// Returns a directory that a group other than that of root shares.
fn shared_by_a_group(name: &str) -> Directory {
    let directory = Directory::new(name, 0o2770);
    if fs::metadata(&directory.0).unwrap().gid() == 0 {
        chown(&directory.0, None, Some(GROUP)).unwrap();
        fs::set_permissions(&directory.0, Permissions::from_mode(0o2770)).unwrap();
    }
    directory
}

#[test]
fn a_new_file_gets_the_group_of_its_shared_directory() {
    let directory = shared_by_a_group("group");
    // Without this bit, a new file has the group of its process.
    fs::set_permissions(&directory.0, Permissions::from_mode(0o770)).unwrap();
    assert_eq!(directory.mode_of("new", 0o600), 0o660);
    let gid = |path: &Path| fs::metadata(path).unwrap().gid();
    assert_eq!(gid(&directory.0.join("new")), gid(&directory.0));
}

/// Would catch: a remedy that opens the wrong files to the group, or that adds a user to a group in vain.
#[test]
fn the_remedy_for_the_directory_of_a_group_names_the_files_that_are_closed_to_it() {
    let directory = shared_by_a_group("closed");
    let place = quoted(&directory.0);
    let group = fs::metadata(&directory.0).unwrap().gid();
    let add = format!("add this user to the group {group}, which shares {place}");
    let files = ["lock", "leases", "leases.new"].map(|name| directory.0.join(name));
    let [lock, leases, new] = &files;
    assert_eq!(remedy(&directory.0, &directory.0), add);
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for file in &files {
        File::create(file).unwrap();
        set(file, 0o660);
    }
    assert_eq!(remedy(lock, &directory.0), add);
    set(leases, 0o640);
    assert_eq!(remedy(lock, &directory.0), add, "it is not closed itself");
    let quoted = |paths: &[&PathBuf]| paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
    let open = |paths: &[&PathBuf]| format!("chgrp {group} {0}; chmod g+rw {0}", quoted(paths));
    assert_eq!(remedy(leases, &directory.0), open(&[leases]));
    set(new, 0o600);
    assert_eq!(remedy(new, &directory.0), open(&[leases, new]));
    set(leases, 0o660);
    // Only root may give a file to a group that the process is not in.
    if chown(leases, None, Some(0)).is_ok() {
        assert_eq!(remedy(leases, &directory.0), open(&[leases]), "its group is another one");
    }
}

#[test]
fn the_remedy_for_a_directory_of_one_user_shares_it_by_a_group() {
    for mode in [0o755, 0o750, 0o3770] {
        let directory = shared_by_a_group("one");
        fs::set_permissions(&directory.0, Permissions::from_mode(mode)).unwrap();
        let commands = remedy(&directory.0, &directory.0);
        assert!(commands.starts_with("share the directory by a group: chgrp GROUP "), "{mode:o}: {commands}");
    }
    let of_root = Directory::new("root", 0o2770);
    if fs::metadata(&of_root.0).unwrap().gid() == 0 {
        let commands = remedy(&of_root.0, &of_root.0);
        assert!(commands.starts_with("share the directory by a group: chgrp GROUP "), "{commands}");
    }
}

#[test]
fn a_path_is_quoted_for_a_shell() {
    for (path, quotes) in [("/srv/ids", "'/srv/ids'"), ("/a b/$(c)", "'/a b/$(c)'"), ("/it's", r"'/it'\''s'")] {
        assert_eq!(quoted(Path::new(path)), quotes);
    }
}
