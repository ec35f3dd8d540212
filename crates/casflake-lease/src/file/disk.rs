//! `Disk`: the file system, as the store uses it. Each call of the store to the file system is a method here.
//!
//! The store uses [`LocalDisk`], the file system of the host. Tests use a simulated disk, which fails, crashes or hangs
//! at any of these calls.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::identity::{self, Mark};
use super::origin::Origin;
use super::sharing;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    Directory,
    /// Another kind, such as a FIFO or a device.
    Other,
}

/// A file system with locks, and the clock that limits the wait for a lock. A `File` that is dropped is closed.
pub(super) trait Disk {
    type File;

    /// Returns the kind of the file at `path`. Follows links, and opens nothing.
    fn kind(&self, path: &Path) -> io::Result<Kind>;

    /// Opens the file at `path` for reading.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens the file at `path` for locking.
    fn open_to_lock(&self, path: &Path) -> io::Result<Self::File>;

    /// Creates an empty file at `path`. Fails with `AlreadyExists` if something exists there.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Shares `file` with the users that share `directory`, as [`sharing::share`] does.
    fn share(&self, file: &Self::File, directory: &Path);

    /// Returns the mark of `file`, as [`identity::mark`] does.
    fn mark(&self, file: &Self::File) -> io::Result<Option<Mark>>;

    /// Returns the whole text of `file`. Fails with `InvalidData` if it is not UTF-8.
    fn read(&self, file: Self::File) -> io::Result<String>;

    /// Writes all of `text` to `file`.
    fn write(&self, file: &Self::File, text: &str) -> io::Result<()>;

    /// Makes the contents of `file` durable: from then on, a crash of the host can't undo them.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Makes the names in `directory` durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;

    /// Gives the file at `from` the path `to`, in place of any file there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives the file at `from` another path, `to`. Fails with `AlreadyExists` if something exists there.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the file at `path`.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns the names in `directory`.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Locks `file` if no other process has locked it.
    fn try_lock(&self, file: &Self::File) -> Result<(), TryLockError>;

    /// Unlocks `file`. The children that this process has forked then hold no lock of it either.
    fn unlock(&self, file: &Self::File) -> io::Result<()>;

    /// Returns whether the file at `path` is still `file`.
    fn is_at(&self, file: &Self::File, path: &Path) -> bool;

    /// Returns a text that identifies `directory`, as [`identity::place`] does.
    fn place(&self, directory: &Path) -> io::Result<String>;

    /// Returns the origin of a store that is made in `directory`.
    fn origin(&self, directory: &Path) -> io::Result<Origin>;

    /// Returns the monotonic time.
    fn now(&self) -> Instant;

    /// Waits, while another process holds a lock.
    fn sleep(&self, time: Duration);
}

/// The file system of the host.
#[derive(Clone, Copy)]
pub(super) struct LocalDisk;

impl Disk for LocalDisk {
    type File = File;

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let found = fs::metadata(path)?;
        Ok(if found.is_file() {
            Kind::File
        } else if found.is_dir() {
            Kind::Directory
        } else {
            Kind::Other
        })
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn open_to_lock(&self, path: &Path) -> io::Result<File> {
        File::options().write(true).open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        File::create_new(path)
    }

    fn share(&self, file: &File, directory: &Path) {
        sharing::share(file, directory);
    }

    fn mark(&self, file: &File) -> io::Result<Option<Mark>> {
        identity::mark(file)
    }

    fn read(&self, file: File) -> io::Result<String> {
        io::read_to_string(file)
    }

    fn write(&self, mut file: &File, text: &str) -> io::Result<()> {
        file.write_all(text.as_bytes())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Does nothing on systems other than Unix: there, the system decides when a change of a name is durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn try_lock(&self, file: &File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    fn unlock(&self, file: &File) -> io::Result<()> {
        file.unlock()
    }

    fn is_at(&self, file: &File, path: &Path) -> bool {
        identity::is_at(file, path)
    }

    fn place(&self, directory: &Path) -> io::Result<String> {
        identity::place(directory)
    }

    fn origin(&self, directory: &Path) -> io::Result<Origin> {
        Origin::of(directory)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }
}
