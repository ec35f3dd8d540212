//! A disk that a test can fill or make read-only.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use testkit::{eventually, skipped};

/// A disk of 64 KiB that is mounted on a directory until this is dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Mounts a disk. Returns `None` if the user may not mount one.
    #[track_caller]
    pub(crate) fn mounted_on(path: impl Into<PathBuf>) -> Option<Self> {
        let disk = Self(path.into());
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk.0).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(disk);
        }
        skipped("a full disk", "permission to mount a file system (root)");
        None
    }

    /// Fills all free space.
    pub(crate) fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).expect("a file");
        // Writes as much as fits, and then fails.
        let _ = filler.write_all(&[1; 1 << 17]);
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the file that fills it");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Makes the disk read-only, or writable again.
    pub(crate) fn set_read_only(&self, is_read_only: bool) {
        let options = if is_read_only { "remount,ro" } else { "remount,rw" };
        // Fails as long as a process is writing.
        eventually("the disk is remounted", || {
            let set = Command::new("mount").args(["-o", options]).arg(&self.0).output();
            set.expect("mount").status.success().then_some(())
        });
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
