//! `FileStore`: leases in a directory, for the processes of one host.

mod aside;
mod directory;
mod failure;
mod files;
mod format;
mod identity;
mod lock;
mod origin;
mod regular;
mod sharing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use casflake::{Clock, SystemClock};

use self::aside::Aside;
use self::directory::Directory;
use self::files::Files;
use crate::backend::{Backend, Contents};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::protocol::Change;

/// How long a call of the file system is waited for: for the lock, and as long again for the rest, which takes a disk some
/// milliseconds.
const PATIENCE: Duration = lock::PATIENCE.saturating_mul(2);

/// Leases in a directory of a local file system, for the processes of one host.
///
/// The directory holds `leases`, a line of text and a line of JSON, and `lock`, which the operating system locks for
/// the one process that changes it. A change is written to a file of its own, synced, and put in place of the old one,
/// and the directory is synced, before any of it is used.
///
/// ```
/// use std::time::Duration;
///
/// use casflake_lease::{FileStore, LeasedGenerator};
///
/// # use casflake_lease::LeaseAdmin;
/// # use casflake::{Scheme, Standard};
/// # let directory = std::env::temp_dir().join(format!("casflake-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # FileStore::new(&directory).init_immediately(&Standard::LAYOUT, 1024)?;
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(&directory))?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Several users
/// A process writes to the directory and to `lock`. To let several users share a directory, give it to a group that has all
/// of them, once: `chgrp ids DIR; chmod 2770 DIR`. If the directory is writable for its group, each new file in it is for
/// that group to read and write, whatever the umask of its process, and for others no more than the directory is. In a
/// sticky directory, as `/tmp`, or one with an access control list of either kind, and on Windows, files have the
/// permissions that the system gives them. An error about a file that a user may not open says which commands mend it.
///
/// # What it promises
/// Windows of one worker never overlap: over kills, crashes, restarts of the host, clocks that are set, and full or
/// read-only disks, on which nothing is granted. A file that is corrupt, cut off or not its own is refused, and left as
/// it is. A file that was copied back into its directory (it is another, or on Unix was made at another time) may have
/// lost leases: nothing is granted until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) are over, unless
/// the store was [initialised](crate::LeaseAdmin::init_immediately). A directory without the file has no ID space:
/// [`NoSpace`](crate::StoreError::NoSpace), until a process restores it that was granted a lease in this very directory,
/// or an operator creates it. A directory that does not exist is created by nobody, and one that was made anew, or is
/// mounted over, is another, if the system tells so by its device, inode or time.
///
/// A store that was made elsewhere and copied here is refused with [`Copied`](crate::StoreError::Copied), because the
/// copy and the original would issue the same IDs: a directory that was copied or unpacked, one that is part of a
/// container's image, and one in the file system of another container; on Linux also one on a snapshot of a logical
/// volume or of a subvolume of btrfs or ZFS, and on a clone of a disk with a serial number of its own. Put the directory
/// on a volume of the host, and mount that into each container that uses it. In a container's own file system no process
/// creates a space by itself, and after its host was started anew a store there is refused.
///
/// # What it does not
/// * Nothing holds on a network file system without locks, if several hosts share the directory, nor where the *whole*
///   file system or machine was set back to an older state without a trace.
/// * An older file that is put back without being copied goes unnoticed until a holder renews that knows more, because
///   it has the inode and the time it had: one that was kept by a hard link, or moved aside and back. If the file system
///   does not know when a file was made, so does a copy that happens to be given the inode of what was copied.
/// * A copy goes unnoticed if nothing tells it from the original: a clone of a disk that has no serial number or the same
///   one, or of a whole disk with LVM, LUKS, md, btrfs or ZFS on it; a copied directory on FUSE, 9p or virtiofs; the file
///   systems of containers of two engines on one host that name their layers alike.
/// * A directory is refused as a copy, too, if its disk gets another serial number or its file system another ID. An
///   operator who knows that it is the only one [initialises](crate::LeaseAdmin::init_immediately) it.
/// * A file system that hangs (NFS, FUSE, a disk that fails) costs time: the calls of the file system are made on a thread,
///   for which a call waits for 4 s at most. Then it fails with [`Unavailable`](crate::StoreError::Unavailable); a change that
///   it has begun may be made later. At most one thread of a store hangs, and does not keep its process from exiting unless
///   the kernel does.
/// * A process that is stopped in the midst of a change keeps the others from the store until it goes on or ends; after
///   two seconds their calls fail, and are tried again. (If it is killed, so does a child that it has forked off in the
///   midst.) Do not remove `lock`: end the process that holds it.
pub type FileStore<C = SystemClock> = BackendStore<FileBackend<C>>;

/// The backend of [`FileStore`].
pub struct FileBackend<C = SystemClock> {
    directory: Directory,
    files: Aside<Files<C>>,
}

impl FileStore {
    /// Returns the leases in `directory`, which must exist. Reads and writes nothing yet.
    ///
    /// A relative path is made absolute here, so that a later change of the working directory changes nothing. If that
    /// fails, because the path is empty or there is no working directory, each call of the store fails with
    /// [`StoreError::Url`].
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::with_clock(directory, SystemClock)
    }
}

impl<C: Clock + Send + 'static> FileStore<C> {
    /// Returns the leases in `directory` as [`new`](FileStore::new) does, by another clock than the system's. It is read
    /// on the threads of the store; if it panics, the call fails with [`Unavailable`](StoreError::Unavailable).
    #[must_use]
    pub fn with_clock(directory: impl Into<PathBuf>, clock: C) -> Self {
        let directory = Directory::of(directory.into());
        let files = Aside::of(Files::of(directory.clone(), clock), PATIENCE);
        Self::on(FileBackend { directory, files })
    }
}

impl<C: Clock + Send + 'static> FileBackend<C> {
    /// Does `work` with the files, for as long as a call may take.
    fn ask<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Files<C>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let directory = self.directory.path()?;
        let asked = self.files.ask(work);
        asked.map_err(|error| StoreError::unavailable(format!("using the directory {}", directory.display()), error))?
    }
}

impl<C: Clock + Send + 'static> Backend for FileBackend<C> {
    fn place(&self) -> String {
        self.directory.path().map_or_else(|_| "no directory".into(), |path| format!("the directory {}", path.display()))
    }

    /// A directory has one space, but so has that of each other container if it is not on a volume.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.ask(Files::others)
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.ask(Files::read)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let (seen, change) = (seen.clone(), change.clone());
        self.ask(move |files| files.swap(&seen, &change))
    }
}

impl<C> fmt::Debug for FileBackend<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}
