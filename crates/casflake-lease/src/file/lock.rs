//! `Locked`: the lock of a directory. Only the process that holds it changes the store.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::directory::temporary;
use super::failure::Failure;
use super::identity::is_at;
use super::regular::require_file;
use super::sharing::share;
use crate::error::StoreError;

/// The longest time to wait while another process holds the lock. Such a process needs only some milliseconds for its
/// change.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// A held lock of a directory. Dropping this value unlocks the directory.
pub(super) struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    pub(super) fn lock(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("lock");
        let failed = |failure: Failure| failure.of(format!("locking {}", path.display()), directory);
        let late = |why: &str| failed(Failure::at(&path)(io::Error::new(ErrorKind::TimedOut, why)));
        let started = Instant::now();
        loop {
            let is_late = started.elapsed() >= LOCK_TIMEOUT;
            require_file(&path)?;
            let file = match File::options().write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    make(&path, directory).map_err(failed)?;
                    if is_late {
                        return Err(late("it was removed again and again for 2 s, or is a link to nothing"));
                    }
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(error) => return Err(failed(Failure::at(&path)(error))),
            };
            match file.try_lock() {
                Ok(()) => {
                    let locked = Self { file, path: path.clone() };
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
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(error)) => return Err(failed(Failure::at(&path)(error))),
            }
        }
    }

    pub(super) fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is not enough, because a child that was forked meanwhile also has the file open. If
        // unlocking fails, the file stays locked until all such children have ended.
        let _ = self.file.unlock();
    }
}

/// Creates an empty file at `path`, unless something exists there. The file gets its permissions before it appears at
/// `path`, so other users that open `path` are never refused because of permissions that were not set yet. If another
/// user has put a symbolic link at `path`, no file is created at the target of that link.
fn make(path: &Path, directory: &Path) -> Result<(), Failure> {
    let new = temporary(directory).map_err(Failure::at(directory))?;
    create(&new, directory).map_err(Failure::at(&new))?;
    let made = fs::hard_link(&new, path);
    // If this fails, the next change of the store removes the temporary file.
    let _ = fs::remove_file(&new);
    made.or_else(|error| match error.kind() {
        // Another process has created the file at `path` first, or has removed the temporary file.
        ErrorKind::AlreadyExists | ErrorKind::NotFound => Ok(()),
        // The file system has no hard links.
        _ => create(path, directory),
    })
    .or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
    .map_err(Failure::at(path))
}

fn create(path: &Path, directory: &Path) -> io::Result<()> {
    let file = File::create_new(path)?;
    share(&file, directory);
    Ok(())
}
