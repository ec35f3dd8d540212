//! `Origin`: the directory and the file system in which a store was made. The origin shows whether a store is a copy
//! from another place.
//!
//! A copy in the place of the original is a backup that was put back. Leases that were granted after the backup may be
//! missing, so the store grants nothing until these leases have ended. A copy in another place is a second store.
//! Processes of the two stores would issue the same IDs for ever, so the copy is refused.
//!
//! | part | available on | distinguishes |
//! |---|---|---|
//! | `directory`: the inode | file systems with lasting inode numbers (so not FUSE, 9p or similar ones) | copies by `cp -a`, also with `--reflink`; unpacked archives |
//! | `disk`: the serial number of the disk, or the UUID of a logical volume | file systems on a block device | snapshots of logical volumes, clones of disks |
//! | `filesystem`: the ID of the file system | ext2 to ext4, btrfs, ZFS, tmpfs | snapshots of subvolumes and data sets, two `tmpfs` |
//! | `layer`: the upper layer or the mount, and the boot of the host | overlay file systems | containers of one image |
//!
//! Two origins are compared: the origin of the directory now, and the stored origin. A part is compared only if it is
//! known in both origins, because two containers that share a directory may not see the same parts. There is one
//! exception: a store in a layer is a copy if its stored origin has no layer. Only the part `layer` identifies the boot
//! of the host. The other parts stay the same when the host restarts.
//!
//! Some copies are not recognised:
//!
//! * clones of a whole disk with LVM, LUKS, md, btrfs or ZFS on it, because the IDs are cloned with the disk
//! * clones of a disk without a serial number
//! * copies from one container to another on the same host, if two engines run the containers and give their layers the
//!   same names

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

#[cfg(target_os = "linux")]
use self::linux::parts;
#[cfg(all(unix, not(target_os = "linux")))]
use self::other_unix::parts;
#[cfg(not(any(unix, windows)))]
use self::others::parts;
#[cfg(windows)]
use self::windows::parts;
use super::format::COPY;

/// A text that `Origin::signed` returns consists of the original text, this separator, and the parts of the origin.
const MADE_IN: &str = ", made in ";

/// The value of each part, by the name of the part. Each value consists of hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin(pub(super) BTreeMap<&'static str, String>);

/// The name of the part for the layer of a container. If a store in the layer of a container is copied into another
/// container, only this part shows that the second store is a copy, because all other parts are the same.
const LAYER: &str = "layer";

impl Origin {
    /// Returns the origin that a store gets if it is made in `directory` now.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        Ok(Self(parts(directory, &fs::metadata(directory)?)?))
    }

    /// Returns whether the directory is in a container's own file system.
    pub(super) fn is_in_layer(&self) -> bool {
        self.0.contains_key(LAYER)
    }

    /// Returns all parts as a text.
    pub(super) fn parts(&self) -> String {
        joined(&self.0)
    }

    /// Returns `text` followed by this origin. If `text` already contains an origin, returns `text` unchanged.
    pub(super) fn signed(&self, text: &str) -> String {
        if text.contains(MADE_IN) { text.into() } else { format!("{text}{MADE_IN}{}", joined(&self.0)) }
    }

    /// Returns whether a store may have been made at this origin. `signed` is the incarnation that the store's file
    /// contains. If `signed` contains no origin, an earlier version of casflake made the store. The result is then
    /// `true`, except in two cases: this origin is in the layer of a container, or `signed` says that the file is a
    /// copy.
    pub(super) fn may_be_that_of(&self, signed: &str) -> bool {
        let Some((_, rest)) = signed.split_once(MADE_IN) else {
            // An earlier version wrote `signed`. Such a version treats every copy as a backup that was put back, so if
            // `signed` begins with `COPY`, the store may come from any place.
            return !self.is_in_layer() && !signed.starts_with(COPY);
        };
        // `protocol::found_empty` appends words after a comma.
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
mod linux {
    use std::collections::BTreeMap;
    use std::fs::{self, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use rustix::fs::{major, minor, statfs, statvfs};

    use super::LAYER;
    use crate::file::format::checksum;

    // From linux/magic.h and OpenZFS.
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

    /// The beginning of the mount option that names the writable layer of an overlay file system.
    const UPPER: &str = "upperdir=";

    pub(super) fn parts(directory: &Path, metadata: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        let mut parts = BTreeMap::new();
        let kind = statfs(directory)?.f_type;
        #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "another type on each system")]
        let kind = kind as u64 & 0xffff_ffff;
        let device = format!("{}:{}", major(metadata.dev()), minor(metadata.dev()));
        let mount = if kind == OVERLAY || kind == FUSE { mount_of(&device) } else { None };
        if kind == OVERLAY || mount.as_deref().is_some_and(|mount| mount.contains("fuse-overlayfs")) {
            // The numbering of mounts and layers starts again on each host and with each boot.
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            // If a mount does not name its layer, only the device number identifies the mount. The mount keeps this
            // number until it is unmounted. The other options are of no use, because they can differ between two mounts
            // of the same layers.
            let layer = mount.as_deref().and_then(|mount| mount.split(',').find(|option| option.starts_with(UPPER)));
            parts.insert(LAYER, hexadecimal(&format!("{boot} {}", layer.unwrap_or(&device))));
            parts.insert("directory", format!("{:x}", metadata.ino()));
            return Ok(parts);
        }
        let is_on_a_disk = major(metadata.dev()) != 0;
        if is_on_a_disk || [BTRFS, CEPH, NFS, SMB, SMB2, TMPFS, ZFS].contains(&kind) {
            parts.insert("directory", format!("{:x}", metadata.ino()));
        }
        if let Some(disk) = disk(Path::new("/sys/dev/block"), &device).filter(|_| is_on_a_disk) {
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

    /// Returns the kernel's description of the mount with this device number: the kind of file system, the source and
    /// the options. The options of an overlay file system name its layers. See proc_pid_mountinfo(5).
    pub(super) fn mount_of(device: &str) -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mount = mounts.lines().find(|mount| mount.split(' ').nth(2) == Some(device))?;
        mount.split_once(" - ").map(|(_, told)| told.into())
    }

    /// Returns a text that distinguishes a disk or a partition from copies of it. Returns `None` if the kernel knows no
    /// such text. `devices` is the directory of sysfs that has an entry for each block device.
    pub(super) fn disk(devices: &Path, device: &str) -> Option<String> {
        let at = devices.join(device);
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

    pub(super) fn hexadecimal(text: &str) -> String {
        format!("{:016x}", checksum(text.as_bytes()))
    }
}

/// On Unix systems other than Linux, the origin has only the inode of the directory.
#[cfg(all(unix, not(target_os = "linux")))]
mod other_unix {
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
mod windows {
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
mod others {
    use std::collections::BTreeMap;
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    pub(super) fn parts(_: &Path, _: &Metadata) -> io::Result<BTreeMap<&'static str, String>> {
        Ok(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests;
