//! The lock of a directory: whoever has it is the one that changes the store.

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

/// How long to wait for another process to finish its change, which takes it some milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A directory that is locked, for as long as this lives.
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
            let is_late = started.elapsed() >= PATIENCE;
            require_file(&path)?;
            let file = match File::options().write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    make(&path, directory).map_err(failed)?;
                    if is_late {
                        return Err(late("it was removed each time for 2 s, or is a link that leads nowhere"));
                    }
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(error) => return Err(failed(Failure::at(&path)(error))),
            };
            match file.try_lock() {
                Ok(()) => {
                    let locked = Self { file, path: path.clone() };
                    // Who has locked a file that is there no more has locked nothing.
                    if locked.is_in_place() {
                        return Ok(locked);
                    }
                    if is_late {
                        return Err(late("another file was put in its place each time for 2 s"));
                    }
                }
                Err(TryLockError::WouldBlock) if is_late => {
                    return Err(late(
                        "another process has locked it for 2 s: if it hangs end that process, do not remove the file",
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
        // To close the file is not enough: a process that was forked off meanwhile has it open as well. Where this
        // fails it is unlocked when the last of them has ended.
        let _ = self.file.unlock();
    }
}

/// Puts an empty file at `path`, unless something is there. It is shared before it has its name, so that no other user is
/// refused meanwhile; and it is never made at the end of a link that somebody else has put there.
fn make(path: &Path, directory: &Path) -> Result<(), Failure> {
    let new = temporary(directory).map_err(Failure::at(directory))?;
    create(&new, directory).map_err(Failure::at(&new))?;
    let made = fs::hard_link(&new, path);
    // What is left of it the next change clears away.
    let _ = fs::remove_file(&new);
    made.or_else(|error| match error.kind() {
        // Another process was faster, or has cleared it away.
        ErrorKind::AlreadyExists | ErrorKind::NotFound => Ok(()),
        // A file system on which a file has one name.
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
