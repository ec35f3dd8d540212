//! The parts of an origin, those of this system too, and the comparison of two origins.

use super::Origin;

fn origin(parts: &[(&'static str, &str)]) -> Origin {
    Origin(parts.iter().map(|&(name, value)| (name, value.to_string())).collect())
}

/// A directory of /proc may have another inode at each look. A `tmpfs` has no disk.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_is_known_by_its_inode_only_if_inodes_last() {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    let parts = |path: &str| Origin::of(Path::new(path)).unwrap().0;
    assert_eq!(parts("/proc"), [].into());
    let shared = "/dev/shm";
    let mut expected = vec![("directory", format!("{:x}", fs::metadata(shared).unwrap().ino()))];
    let id = rustix::fs::statvfs(shared).unwrap().f_fsid;
    expected.extend((id != 0).then(|| ("filesystem", format!("{id:x}"))));
    assert_eq!(parts(shared), expected.into_iter().collect());
}

/// Would catch: two partitions of one disk, or a disk and its clone, that have the same text.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_is_known_by_its_uuid_or_else_by_its_serial_number_and_the_number_of_the_partition() {
    use std::os::unix::fs::symlink;
    use std::{env, fs, process};

    use super::linux::disk;

    let devices = env::temp_dir().join(format!("casflake-devices-{}", process::id()));
    let files = [
        ("253:0/dm/uuid", "LVM-1"),
        ("253:0/serial", "unused"),
        ("7:0/serial", "\n"),
        ("sda/wwid", " naa.5 \n"),
        ("sda/sda2/partition", "2\n"),
        ("sdb/device/serial", "s"),
    ];
    for (path, text) in files {
        let path = devices.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (device, target) in [("8:0", "sda"), ("8:2", "sda/sda2"), ("8:16", "sdb")] {
        symlink(devices.join(target), devices.join(device)).unwrap();
    }
    let known = ["253:0", "7:0", "8:0", "8:2", "8:16", "9:9"].map(|device| disk(&devices, device));
    fs::remove_dir_all(&devices).unwrap();
    assert_eq!(
        known.each_ref().map(Option::as_deref),
        [Some("LVM-1"), None, Some("naa.5"), Some("naa.5 2"), Some("s"), None]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_is_found_by_the_number_of_its_device() {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{major, minor};

    use super::linux::{hexadecimal, mount_of};

    let device = fs::metadata("/proc").unwrap().dev();
    let mount = mount_of(&format!("{}:{}", major(device), minor(device)));
    assert!(mount.as_deref().is_some_and(|mount| mount.starts_with("proc ")), "{mount:?}");
    assert_eq!(mount_of("no device"), None);
    assert_eq!(hexadecimal("a"), "af63dc4c8601ec8c", "from the draft of FNV");
}

#[test]
fn an_origin_is_recognised_by_the_parts_that_both_sides_know() {
    let made = origin(&[("directory", "1"), ("disk", "a")]).signed("token");
    assert_eq!(made, "token, made in directory=1 disk=a");
    assert_eq!(origin(&[("directory", "1"), ("disk", "a")]).parts(), "directory=1 disk=a");
    for (here, expected) in [
        (&[("directory", "1"), ("disk", "a")][..], true),
        (&[("directory", "1")], true),
        (&[("directory", "1"), ("disk", "a"), ("filesystem", "f")], true),
        (&[], true),
        (&[("directory", "2"), ("disk", "a")], false),
        (&[("directory", "1"), ("disk", "b")], false),
        (&[("layer", "1")], false),
    ] {
        assert_eq!(origin(here).may_be_that_of(&made), expected, "{here:?}");
        assert_eq!(origin(here).may_be_that_of(&format!("{made}, found empty by 0123")), expected, "{here:?}");
    }
}

#[test]
fn a_store_of_an_earlier_version_is_accepted_except_in_a_layer() {
    assert!(origin(&[("directory", "1")]).may_be_that_of("token"));
    assert!(!origin(&[("layer", "1")]).may_be_that_of("token"));
    assert!(
        !origin(&[("directory", "1")]).may_be_that_of("a copy of 1, inode 2, made at 3 ns"),
        "the original of that copy is not known"
    );
}

#[test]
fn a_text_is_signed_once() {
    let signed = origin(&[("layer", "1")]).signed("token");
    assert_eq!(origin(&[("layer", "2")]).signed(&signed), signed);
}
