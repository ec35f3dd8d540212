//! `Locked`: the lock of a directory. Only the process that holds it changes the store.

use std::fs::TryLockError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::temporary;
use super::disk::Disk;
use super::failure::Failure;
use super::regular::require_file;
use crate::error::StoreError;

/// The longest time to wait while another process holds the lock. Such a process needs only some milliseconds for its
/// change.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// A held lock of a directory. Dropping this value unlocks the directory.
pub(super) struct Locked<'d, D: Disk> {
    disk: &'d D,
    file: D::File,
    path: PathBuf,
}

impl<'d, D: Disk> Locked<'d, D> {
    pub(super) fn lock(disk: &'d D, directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("lock");
        let failed = |failure: Failure| failure.of(disk, format!("locking {}", path.display()), directory);
        let late = |why: &str| failed(Failure::at(&path)(io::Error::new(ErrorKind::TimedOut, why)));
        let started = disk.now();
        loop {
            let is_late = disk.now() - started >= LOCK_TIMEOUT;
            require_file(disk, &path)?;
            let file = match disk.open_to_lock(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    make(disk, &path, directory).map_err(failed)?;
                    if is_late {
                        return Err(late("it was removed again and again for 2 s, or is a link to nothing"));
                    }
                    disk.sleep(Duration::from_millis(1));
                    continue;
                }
                Err(error) => return Err(failed(Failure::at(&path)(error))),
            };
            match disk.try_lock(&file) {
                Ok(()) => {
                    let locked = Self { disk, file, path: path.clone() };
                    // If the file was removed meanwhile, this lock is useless, because other processes lock a new file.
                    if locked.is_in_place() {
                        return Ok(locked);
                    }
                    if is_late {
                        return Err(late("it was replaced again and again for 2 s"));
                    }
                }
                Err(TryLockError::WouldBlock) if is_late => {
                    return Err(late(
                        "another process has locked it for 2 s: if that process hangs, end it; do not remove the file",
                    ));
                }
                Err(TryLockError::WouldBlock) => disk.sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(error)) => return Err(failed(Failure::at(&path)(error))),
            }
        }
    }

    pub(super) fn is_in_place(&self) -> bool {
        self.disk.is_at(&self.file, &self.path)
    }
}

impl<D: Disk> Drop for Locked<'_, D> {
    fn drop(&mut self) {
        // Closing the file is not enough, because a child that was forked meanwhile also has the file open. If
        // unlocking fails, the file stays locked until all such children have ended.
        let _ = self.disk.unlock(&self.file);
    }
}

/// Creates an empty file at `path`, unless something exists there. The file gets its permissions before it appears at
/// `path`, so other users that open `path` are never refused because of permissions that were not set yet. If another
/// user has put a symbolic link at `path`, no file is created at the target of that link.
fn make(disk: &impl Disk, path: &Path, directory: &Path) -> Result<(), Failure> {
    let new = temporary(directory).map_err(Failure::at(directory))?;
    create(disk, &new, directory).map_err(Failure::at(&new))?;
    let made = disk.link(&new, path);
    // If this fails, the next change of the store removes the temporary file.
    let _ = disk.remove(&new);
    made.or_else(|error| match error.kind() {
        // Another process has created the file at `path` first, or has removed the temporary file.
        ErrorKind::AlreadyExists | ErrorKind::NotFound => Ok(()),
        // The file system has no hard links.
        _ => create(disk, path, directory),
    })
    .or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
    .map_err(Failure::at(path))
}

fn create(disk: &impl Disk, path: &Path, directory: &Path) -> io::Result<()> {
    let file = disk.create(path)?;
    disk.share(&file, directory);
    Ok(())
}
