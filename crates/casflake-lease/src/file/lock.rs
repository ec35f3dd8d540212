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

/// The time to wait for another process to finish its change, which takes some milliseconds.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// A lock of a directory. Dropping it unlocks the directory.
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
                    // A lock on a file that was removed locks nothing.
                    if locked.is_in_place() {
                        return Ok(locked);
                    }
                    if is_late {
                        return Err(late("it was replaced again and again for 2 s"));
                    }
                }
                Err(TryLockError::WouldBlock) if is_late => {
                    return Err(late(
                        "another process has locked it for 2 s: if it hangs, end that process; do not remove the file",
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
        // Closing the file is not enough, because a child that was forked meanwhile has it open as well. If unlocking
        // fails, the file is unlocked when the last of these processes has ended.
        let _ = self.file.unlock();
    }
}

/// Creates an empty file at `path`, unless something exists there. The file gets its permissions before its name, so
/// that no other user is refused in between. It is never created at the target of a symbolic link that another user has
/// put there.
fn make(path: &Path, directory: &Path) -> Result<(), Failure> {
    let new = temporary(directory).map_err(Failure::at(directory))?;
    create(&new, directory).map_err(Failure::at(&new))?;
    let made = fs::hard_link(&new, path);
    // If this fails, the next change removes the file.
    let _ = fs::remove_file(&new);
    made.or_else(|error| match error.kind() {
        // Another process has created it first, or has removed the temporary file.
        ErrorKind::AlreadyExists | ErrorKind::NotFound => Ok(()),
        // A file system without hard links.
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
