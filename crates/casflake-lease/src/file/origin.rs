//! `Origin`: in which directory of which file system a store was made, so that a copy of it elsewhere is known as one.
//!
//! A copy in its own place is a backup that was put back: it may have lost leases, and grants again when those have
//! passed. A copy in another place is a second store: the two would issue the same IDs for ever, so it is refused.
//!
//! | part | of | tells apart |
//! |---|---|---|
//! | `directory`, its inode | file systems whose inode numbers last: not FUSE, 9p and their like | `cp -a`, also with `--reflink`; an archive that was unpacked |
//! | `disk`, its serial number, or the UUID of a logical volume | file systems on a block device | snapshots of logical volumes, clones of disks |
//! | `filesystem`, its ID | ext2 to ext4, btrfs, ZFS, tmpfs | snapshots of subvolumes and data sets, two `tmpfs` |
//! | `layer`, the upper layer, its mount and the boot of the host | overlay file systems | containers of one image |
//!
//! Parts that are not known on both sides are not compared: of two containers that share a directory one may not see
//! what the other one sees. A boot is part of nothing but a layer, because a directory outlives it.
//!
//! Not told apart: a clone of a whole disk with LVM, LUKS, md, btrfs or ZFS on it, because their IDs are cloned with it;
//! disks without a serial number; and containers of two engines that run on one host and name their layers alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use super::format::COPY;

/// What a signed text has between its own words and the parts.
const MADE_IN: &str = ", made in ";

/// The parts, by name. Each value is of hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin(BTreeMap<&'static str, String>);

/// In a directory of a layer that a container's file system is made of, all but this is the same for its copies.
const LAYER: &str = "layer";

impl Origin {
    /// That of a store that is made in this directory now.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        Ok(Self(system::parts(directory, &fs::metadata(directory)?)?))
    }

    /// Whether the directory is in the file system of a container, of which each container has its own.
    pub(super) fn is_in_layer(&self) -> bool {
        self.0.contains_key(LAYER)
    }

    /// All that is known of it.
    pub(super) fn parts(&self) -> String {
        joined(&self.0)
    }

    /// The text, followed by this, unless it tells an origin already.
    pub(super) fn signed(&self, text: &str) -> String {
        if text.contains(MADE_IN) { text.into() } else { format!("{text}{MADE_IN}{}", joined(&self.0)) }
    }

    /// Whether a store that is signed so may have been made here. One that earlier versions have made is not signed.
    pub(super) fn may_be_that_of(&self, signed: &str) -> bool {
        let Some((_, rest)) = signed.split_once(MADE_IN) else {
            // They take any copy for one that was put back.
            return !self.is_in_layer() && !signed.starts_with(COPY);
        };
        // What finds a space missing adds its own words behind a comma.
        let parts = rest.split_once(',').map_or(rest, |(parts, _)| parts);
        let there: BTreeMap<&str, &str> = parts.split(' ').filter_map(|part| part.split_once('=')).collect();
        let differs = |(name, here): (&&str, &String)| there.get(name).is_some_and(|there| here != there);
        let is_in_another_layer = self.is_in_layer() && !there.contains_key(LAYER);
        !is_in_another_layer && !self.0.iter().any(differs)
    }
}

fn joined<'p>(parts: impl IntoIterator<Item = (&'p &'static str, &'p String)>) -> String {
    let parts: Vec<String> = parts.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(" ")
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;
    use std::fs::{self, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{major, minor, statfs, statvfs};

    use super::LAYER;
    use crate::file::format::checksum;

    // As linux/magic.h has them, and OpenZFS.
    const EXT: u64 = 0xef53;
    const BTRFS: u64 = 0x9123_683e;
    const ZFS: u64 = 0x2fc1_2fc1;
    const TMPFS: u64 = 0x0102_1994;
    const NFS: u64 = 0x6969;
    const CEPH: u64 = 0x00c3_6400;
    const SMB: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    const OVERLAY: u64 = 0x794c_7630;
    const FUSE: u64 = 0x6573_5546;

    /// The option of an overlay that names the layer which is written to.
    const UPPER: &str = "upperdir=";

    pub(super) fn parts(directory: &Path, metadata: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        let mut parts = BTreeMap::new();
        let kind = statfs(directory)?.f_type;
        #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "another type on each system")]
        let kind = kind as u64 & 0xffff_ffff;
        let device = format!("{}:{}", major(metadata.dev()), minor(metadata.dev()));
        let mount = if kind == OVERLAY || kind == FUSE { mount_of(&device) } else { None };
        if kind == OVERLAY || mount.as_deref().is_some_and(|mount| mount.contains("fuse-overlayfs")) {
            // Numbers of mounts and of layers begin anew on each host and with each boot.
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            // A mount that does not tell its layer is known by its number alone, which it has until it is unmounted. (Its
            // other options can differ from one mount of the same layers to the next.)
            let layer = mount.as_deref().and_then(|mount| mount.split(',').find(|option| option.starts_with(UPPER)));
            parts.insert(LAYER, hexadecimal(&format!("{boot} {}", layer.unwrap_or(&device))));
            parts.insert("directory", format!("{:x}", metadata.ino()));
            return Ok(parts);
        }
        let is_on_a_disk = major(metadata.dev()) != 0;
        if is_on_a_disk || [BTRFS, CEPH, NFS, SMB, SMB2, TMPFS, ZFS].contains(&kind) {
            parts.insert("directory", format!("{:x}", metadata.ino()));
        }
        if let Some(disk) = disk(&device).filter(|_| is_on_a_disk) {
            parts.insert("disk", hexadecimal(&disk));
        }
        if [EXT, BTRFS, ZFS, TMPFS].contains(&kind)
            && let Ok(found) = statvfs(directory)
            && found.f_fsid != 0
        {
            parts.insert("filesystem", format!("{:x}", found.f_fsid));
        }
        Ok(parts)
    }

    /// What the kernel tells of the mount of a device: the kind of file system, what is mounted, and its options, of
    /// which an overlay has its layers. (proc_pid_mountinfo(5).)
    fn mount_of(device: &str) -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mount = mounts.lines().find(|mount| mount.split(' ').nth(2) == Some(device))?;
        mount.split_once(" - ").map(|(_, told)| told.into())
    }

    /// What tells a disk, or a part of one, from its copies, if it tells anything.
    fn disk(device: &str) -> Option<String> {
        let at = PathBuf::from("/sys/dev/block").join(device);
        let told = |at: &Path, name: &str| {
            let told = fs::read_to_string(at.join(name)).ok()?;
            Some(String::from(told.trim())).filter(|told| !told.is_empty())
        };
        let own = ["dm/uuid", "md/uuid", "loop/backing_file"];
        let of_its_disk = ["wwid", "device/wwid", "serial", "device/serial"];
        own.iter().find_map(|name| told(&at, name)).or_else(|| match told(&at, "partition") {
            Some(number) => {
                let disk = fs::canonicalize(&at).ok()?;
                let told = of_its_disk.iter().find_map(|name| told(disk.parent()?, name))?;
                Some(format!("{told} {number}"))
            }
            None => of_its_disk.iter().find_map(|name| told(&at, name)),
        })
    }

    fn hexadecimal(text: &str) -> String {
        format!("{:016x}", checksum(text.as_bytes()))
    }
}

/// Of other systems less is known.
#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use std::collections::BTreeMap;
    use std::fs::Metadata;
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    pub(super) fn parts(_: &Path, metadata: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        Ok(BTreeMap::from([("directory", format!("{:x}", metadata.ino()))]))
    }
}

#[cfg(windows)]
mod system {
    use std::collections::BTreeMap;
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    use winapi_util::Handle;
    use winapi_util::file::information;

    pub(super) fn parts(directory: &Path, _: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        let known = information(Handle::from_path_any(directory)?)?;
        let (directory, disk) = (known.file_index(), known.volume_serial_number());
        Ok(BTreeMap::from([("directory", format!("{directory:x}")), ("disk", format!("{disk:x}"))]))
    }
}

#[cfg(not(any(unix, windows)))]
mod system {
    use std::collections::BTreeMap;
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    pub(super) fn parts(_: &Path, _: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        Ok(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {

    use super::Origin;

    fn origin(parts: &[(&'static str, &str)]) -> Origin {
        Origin(parts.iter().map(|&(name, value)| (name, value.to_string())).collect())
    }

    #[test]
    fn an_origin_is_known_by_the_parts_that_both_sides_know() {
        let made = origin(&[("directory", "1"), ("disk", "a")]).signed("token");
        assert_eq!(made, "token, made in directory=1 disk=a");
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
    fn a_store_of_earlier_versions_is_known_but_in_a_layer() {
        assert!(origin(&[("directory", "1")]).may_be_that_of("token"));
        assert!(!origin(&[("layer", "1")]).may_be_that_of("token"));
        assert!(
            !origin(&[("directory", "1")]).may_be_that_of("a copy of 1, inode 2, made at 3 ns"),
            "of what, it is not known"
        );
    }

    #[test]
    fn a_text_is_signed_once() {
        let signed = origin(&[("layer", "1")]).signed("token");
        assert_eq!(origin(&[("layer", "2")]).signed(&signed), signed);
    }
}
