//! `FileStore`: leases in a directory, for the processes of one host.
//!
//! `files` reads and writes the file, under the lock of `lock`. `identity` and `origin` recognise copies of it. `aside`
//! runs the calls of the file system on a thread.

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

/// The time for which a call waits for the file system: [`lock::LOCK_TIMEOUT`] for the lock, and as long again for the
/// rest, which takes a disk some milliseconds.
const CALL_TIMEOUT: Duration = lock::LOCK_TIMEOUT.saturating_mul(2);

/// Leases in a directory of a local file system, for the processes of one host.
///
/// The directory holds two files: `leases`, a line of text and a line of JSON, and `lock`, which the operating system
/// locks for the one process that changes `leases`. A change is written to a new file, which is synced and then
/// replaces the old one. After that the directory is synced. Only then is the change used.
///
/// ```
/// use std::time::Duration;
///
/// use casflake_lease::{FileStore, LeasedGenerator};
///
/// # use casflake_lease::LeaseAdmin;
/// # use casflake::{Scheme, Standard};
/// # let directory = testkit::Scratch::new();
/// # let directory = directory.path();
/// # FileStore::new(directory).init_immediately(&Standard::LAYOUT, 1024)?;
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory))?; // such as "/var/lib/ids"
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Several users
/// A process writes to the directory and to `lock`. To let several users share a directory, give it to a group of all
/// these users, once: `chgrp ids DIR; chmod 2770 DIR`. If the directory is writable for its group, that group may read
/// and write each new file in it, whatever the umask of its process. Other users get at most the permissions on the
/// file that they have on the directory. In a sticky directory such as `/tmp`, in a directory with an access control
/// list of either kind, and on Windows, files have the permissions that the system gives them. If a user may not open a
/// file, the error says which commands correct that.
///
/// # What it promises
/// Windows of one worker never overlap. This holds over kills, crashes, restarts of the host, changes of the clock, and
/// full or read-only disks, on which nothing is granted. In particular:
///
/// * A file that is corrupt, cut off or not written by a `FileStore` is refused and not changed.
/// * A file that was copied back into its directory may have lost leases. It is recognised because it has another
///   inode, or on Unix another time of creation. Nothing is granted until [`MAX_TTL`](crate::MAX_TTL) +
///   [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed, unless an operator
///   [initialises](crate::LeaseAdmin::init_immediately) the store.
/// * A directory without the file has no ID space: calls fail with [`NoSpace`](crate::StoreError::NoSpace), until a
///   process that was granted a lease in this same directory restores the space, or an operator creates it.
/// * No process creates a directory that does not exist. A directory that was created again, or over which another one
///   is mounted, counts as a different one, if the system shows this by its device, inode or time.
///
/// A store that was made elsewhere and copied here is refused with [`Copied`](crate::StoreError::Copied), because the
/// copy and the original would issue the same IDs. This covers a directory that was copied or unpacked, one that is
/// part of a container's image, and one in the file system of another container. On Linux it also covers a directory on
/// a snapshot of a logical volume or of a subvolume of btrfs or ZFS, and on a clone of a disk with a serial number of
/// its own. Put the directory on a volume of the host, and mount that volume into each container that uses it. In a
/// container's own file system no process creates a space by itself, and a store there is refused after the host has
/// restarted.
///
/// # What it does not promise
/// * Nothing holds on a network file system without locks, if several hosts share the directory. Nor does anything hold
///   if the *whole* file system or machine was restored to an older state without a trace.
/// * An older file that is put back without being copied goes unnoticed, because it has the same inode and time as
///   before: a file that was kept by a hard link, or moved aside and back. It is noticed when a holder of a newer lease
///   renews. If the file system does not record when a file was created, a copy that happens to get the inode of the
///   original goes unnoticed in the same way.
/// * A copy goes unnoticed if nothing distinguishes it from the original: a clone of a disk that has no serial number
///   or the same one, or of a whole disk with LVM, LUKS, md, btrfs or ZFS on it; a copied directory on FUSE, 9p or
///   virtiofs; the file systems of containers of two engines on one host that name their layers alike.
/// * A directory is also refused as a copy if its disk gets another serial number or its file system another ID. An
///   operator who knows that it is the only one [initialises](crate::LeaseAdmin::init_immediately) it.
/// * A file system that hangs (NFS, FUSE, a failing disk) costs time. The calls of the file system run on a thread, and
///   a call of the store waits for that thread for 4 s at most. Then it fails with
///   [`Unavailable`](crate::StoreError::Unavailable). A change that it has begun may still be made later. At most one
///   thread of a store hangs. It does not keep its process from exiting, unless the kernel does.
/// * A process that is stopped during a change keeps other processes from the store until it continues or ends. Their
///   calls fail after two seconds, and are tried again. If that process is killed, a child that it forked during the
///   change keeps the lock in the same way. Do not remove `lock`: end the process that holds it.
pub type FileStore<C = SystemClock> = BackendStore<FileBackend<C>>;

/// The backend of [`FileStore`].
///
/// # Examples
/// ```
/// use casflake_lease::{Backend, FileStore};
///
/// let store = FileStore::new("/var/lib/ids");
/// # #[cfg(unix)]
/// assert_eq!(store.backend().place(), "the directory /var/lib/ids");
/// ```
pub struct FileBackend<C = SystemClock> {
    directory: Directory,
    files: Aside<Files<C>>,
}

impl FileStore {
    /// Creates a store on `directory`, which must exist. Does not read or write anything yet.
    ///
    /// Makes a relative path absolute, so that a later change of the working directory has no effect. If that fails,
    /// because the path is empty or the process has no working directory, each call of the store fails with
    /// [`StoreError::Url`].
    ///
    /// # Examples
    /// ```
    /// use casflake::{Scheme, Standard};
    /// use casflake_lease::{FileStore, LeaseAdmin};
    ///
    /// # let directory = testkit::Scratch::new();
    /// # let directory = directory.path();
    /// let mut store = FileStore::new(directory); // such as "/var/lib/ids"
    /// store.init(&Standard::LAYOUT, 1024)?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::with_clock(directory, SystemClock)
    }
}

impl<C: Clock + Send + 'static> FileStore<C> {
    /// Creates a store as [`new`](FileStore::new) does, with another clock than the system's. The clock is read on the
    /// store's thread. If it panics, the call fails with [`Unavailable`](StoreError::Unavailable).
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use casflake::{ManualClock, Scheme, Standard};
    /// use casflake_lease::{FileStore, LeaseAdmin};
    ///
    /// # let directory = testkit::Scratch::new();
    /// let clock = Arc::new(ManualClock::new(1_767_225_600_000));
    /// let mut store = FileStore::with_clock(directory.path(), Arc::clone(&clock));
    /// store.init(&Standard::LAYOUT, 4)?;
    /// clock.advance(150_000); // 150 s later, it grants leases
    /// assert_eq!(store.survey()?.unix_ns, 1_767_225_750_000_000_000);
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    #[must_use]
    pub fn with_clock(directory: impl Into<PathBuf>, clock: C) -> Self {
        let directory = Directory::of(directory.into());
        let files = Aside::of(Files::of(directory.clone(), clock), CALL_TIMEOUT);
        Self::on(FileBackend { directory, files })
    }
}

impl<C: Clock + Send + 'static> FileBackend<C> {
    /// Does `work` on the files, and waits for it for [`CALL_TIMEOUT`] at most.
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

    /// Returns no names, because a directory has one space. Fails in a container's own file system, where each
    /// container would have a space of its own.
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
