//! `FileStore`: leases in a directory, for the processes of one host.
//!
//! The module `files` reads the file of leases without a lock, and changes the file under the lock of the module
//! `lock`. `disk` is the file system as these two modules use it. `identity` and `origin` recognise copies of the file. `aside` makes all calls to the file system on a thread
//! of their own.

mod aside;
mod directory;
mod disk;
mod failure;
mod files;
mod format;
mod identity;
mod lock;
mod origin;
mod regular;
mod sharing;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use casflake::{Clock, SystemClock};

use self::aside::Aside;
use self::directory::Directory;
use self::disk::LocalDisk;
use self::files::Files;
use crate::backend::{Backend, Contents};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::protocol::Change;

/// The longest time that a call waits for the file system. Half of this time, [`lock::LOCK_TIMEOUT`], is for getting
/// the lock. The other half is for reading and writing, which usually takes only some milliseconds.
const CALL_TIMEOUT: Duration = lock::LOCK_TIMEOUT.saturating_mul(2);

/// Leases in a directory of a local file system, for the processes of one host.
///
/// The directory holds two files, `leases` and `lock`. The file `leases` contains a line of text and a line of JSON. A
/// process that changes `leases` holds a lock of the operating system on the file `lock`. To make a change, the process
/// writes a new file, syncs the new file, replaces `leases` by it, and syncs the directory. Only after the last step
/// does the process use the change. For example, the process issues no ID with a new lease before that step.
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
/// A process writes to the directory and to `lock`. To let several users share a directory, give the directory to a
/// group of all these users, once: `chgrp ids DIR; chmod 2770 DIR`. If the directory is writable for its group, that
/// group may read and write each new file in the directory, whatever the umask of the process that creates the file. A
/// user outside the group gets a permission on the file only if this user has the same permission on the directory. In
/// a sticky directory such as `/tmp`, in a directory with an access control list for itself or for its new files, and
/// on Windows, files have the permissions that the system gives them. If a user is not allowed to open a file, the
/// error names the commands that correct this.
///
/// # What it promises
/// Windows of one worker never overlap. This promise holds even if processes are killed, if processes or the host
/// crash, if the host restarts, if the clock is set, or if the disk is full or read-only (then no lease is granted). In
/// particular:
///
/// * A file that is corrupt, cut off or not written by a `FileStore` is refused and not changed.
/// * A file that was copied back into its directory may have lost leases. The store recognises such a file because its
///   inode or, on Unix, its time of creation has changed. The store then grants nothing until
///   [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed, unless an operator
///   [initialises](crate::LeaseAdmin::init_immediately) the store.
/// * If the directory does not contain the file `leases`, there is no ID space. Calls then fail with
///   [`NoSpace`](crate::StoreError::NoSpace), until a process restores the space or an operator creates the space. Only
///   a process that was granted a lease in the same directory restores the space.
/// * The store never creates its directory. If the directory was removed and created again, or if another directory was
///   mounted over it, the store treats it as a different directory. The store notices such a change only if the device,
///   the inode or the time of creation has changed.
///
/// A directory whose store was made in another place is a copy. It is refused with
/// [`Copied`](crate::StoreError::Copied), because processes of the copy and of the original would issue the same IDs.
/// Copies are: a directory that was copied or unpacked, a directory that is part of a container's image, and a
/// directory in the file system of another container. On Linux, these are also copies: a directory on a snapshot of a
/// logical volume or of a subvolume of btrfs or ZFS, and a directory on a cloned disk that has a serial number of its
/// own. Put the directory on a volume of the host, and mount that volume into each container that uses it. In a
/// container's own file system, [`create_if_missing`](crate::LeasedGeneratorBuilder::create_if_missing) creates no
/// space, and an existing space is refused after the host has restarted.
///
/// # What it does not promise
/// * There is no promise if several hosts share the directory on a network file system without locks. There is also no
///   promise if the *whole* file system or machine was restored to an older state, and no inode, time of creation,
///   serial number or ID has changed.
/// * An older file may be put back after it was kept by a hard link or was moved away. At first, the store does not
///   notice the older file, because its inode and its time of creation are the same as before. The store notices the
///   older file when a holder of a newer lease renews that lease. The same is true of a copied file if the file system
///   does not record the time of creation, and the copy happens to get the inode of the original.
/// * The store does not notice a copy if nothing distinguishes the copy from the original. Examples are a clone of a
///   disk, if the clone has no serial number or has that of the original; a clone of a whole disk with LVM, LUKS, md,
///   btrfs or ZFS on it; a copied directory on FUSE, 9p or virtiofs; and a copy from one container into another on the
///   same host, if the two containers run in different engines and these engines use the same name for the containers'
///   layers.
/// * A directory is also refused as a copy if its disk gets another serial number, or its file system another ID. If an
///   operator knows that no other copy of the directory is in use, the operator
///   [initialises](crate::LeaseAdmin::init_immediately) the store.
/// * A file system that hangs (NFS, FUSE, a failing disk) costs time. The store calls the file system on a thread of
///   its own, and each step of a call, such as a read or a change, waits for that thread for 4 s at most. Then the call
///   fails with [`Unavailable`](crate::StoreError::Unavailable). A call whose steps are slow, but do not fail, takes
///   longer, because a call has up to four steps, and may repeat them during the first 5 s. A change that the call has
///   begun may still be made later. At most one thread of a store hangs. The process can exit while that thread hangs,
///   but must wait if the kernel can't interrupt the thread.
/// * A process that is stopped during a change keeps the lock until it continues or ends. Meanwhile each change by
///   another process fails after two seconds. The keepers retry their renewals. If the stopped process is killed, a
///   child that it forked during the change keeps the lock in the same way. Do not remove the file `lock`; end the
///   process that holds the lock.
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
    /// Makes a relative path absolute, so that a later change of the working directory has no effect. If the path can't
    /// be made absolute, because it is empty or the process has no working directory, each call of the store fails with
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
    /// Creates a store as [`new`](FileStore::new) does, but with `clock` instead of the system's clock. The store's
    /// thread reads the clock. If the clock panics during a call of the store, that call fails with
    /// [`Unavailable`](StoreError::Unavailable).
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
        let files = Aside::of(Files::of(directory.clone(), clock, LocalDisk), CALL_TIMEOUT);
        Self::on(FileBackend { directory, files })
    }
}

impl<C: Clock + Send + 'static> FileBackend<C> {
    /// Runs `work` on the files, and returns the result of `work`. Waits for [`CALL_TIMEOUT`] at most.
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

    /// Returns an empty list, because a directory has only one space. Fails in a container's own file system, because
    /// each container would have a space of its own there.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.ask(|files| files.others())
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.ask(|files| files.read())
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let (seen, change) = (seen.clone(), change.clone());
        self.ask(move |files| files.swap(&seen, &change))
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        self.ask(|files| files.settle())
    }
}

impl<C> fmt::Debug for FileBackend<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}
