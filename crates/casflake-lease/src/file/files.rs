//! `Files`: reads and changes the files of a store. Each call may block.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use casflake::Clock;

use super::directory::{Directory, is_temporary, temporary};
use super::disk::{Disk, LocalDisk};
use super::failure::Failure;
use super::format::{StoredRef, copied, decode, encode};
use super::lock::Locked;
use super::regular::require_file;
use crate::backend::Contents;
use crate::error::StoreError;
use crate::protocol::{Change, Record, Space};
use crate::token::Token;

pub(super) struct Files<C, D = LocalDisk> {
    directory: Directory,
    clock: C,
    disk: D,
}

impl<C: Clock, D: Disk> Files<C, D> {
    pub(super) const fn of(directory: Directory, clock: C, disk: D) -> Self {
        Self { directory, clock, disk }
    }

    fn contents(
        &self,
        place: String,
        incarnation: String,
        space: Option<Space>,
        records: BTreeMap<u64, Record>,
    ) -> Contents {
        let unix_ns = u64::try_from(self.clock.precise_unix_ns()).unwrap_or(u64::MAX);
        Contents { space, records, ..Contents::new(unix_ns, incarnation, place) }
    }

    /// Removes the temporary files of other processes. This is safe, because this process holds the lock:
    ///
    /// * If the process that made a temporary `leases` was killed, the file is of no use.
    /// * If that process still runs, the lock file that it has locked was removed, because two processes can't lock the
    ///   same file. Such a process can no longer replace `leases` by the temporary file.
    /// * If a process made a temporary `lock` and still runs, that process tries to lock again.
    fn clear(&self, directory: &Path) -> Result<(), Failure> {
        for name in self.disk.names(directory).map_err(Failure::at(directory))? {
            if name.to_str().is_some_and(is_temporary) {
                let path = directory.join(name);
                let removed = self.disk.remove(&path).map_err(Failure::at(&path));
                removed.or_else(|failure| if failure.kind() == ErrorKind::NotFound { Ok(()) } else { Err(failure) })?;
            }
        }
        Ok(())
    }

    /// Replaces the contents of the store by `stored`, and syncs the directory. If `is_original` is false, writes no
    /// mark, so that the file still counts as a copy.
    fn write(
        &self,
        locked: &Locked<'_, D>,
        directory: &Path,
        stored: &StoredRef<'_>,
        is_original: bool,
    ) -> Result<(), Failure> {
        let temporary = temporary(directory).map_err(Failure::at(directory))?;
        let put = self.put(locked, directory, &temporary, stored, is_original);
        put.inspect_err(|_| drop(self.disk.remove(&temporary)))?;
        self.disk.sync_directory(directory).map_err(Failure::at(directory))
    }

    /// Replaces the file of the store by a new file, but does not sync the directory. Other processes then see the new
    /// contents, but a crash of the host may still undo the write.
    fn put(
        &self,
        locked: &Locked<'_, D>,
        directory: &Path,
        temporary: &Path,
        stored: &StoredRef<'_>,
        is_original: bool,
    ) -> Result<(), Failure> {
        let fill = || {
            let file = self.disk.create(temporary)?;
            self.disk.share(&file, directory);
            let mark = self.disk.mark(&file)?.filter(|_| is_original);
            self.disk.write(&file, &encode(&StoredRef { mark, ..*stored })?)?;
            self.disk.sync(&file)
        };
        fill().map_err(Failure::at(temporary))?;
        // This is checked after the temporary file was created. So a process that gets the lock after this check
        // removes the temporary file.
        if !locked.is_in_place() {
            let why = "the lock or the directory was removed or replaced during the write";
            return Err(Failure::at(directory)(io::Error::other(why)));
        }
        let place = leases(directory);
        self.disk.rename(temporary, &place).map_err(Failure::at(&place))
    }

    /// Returns no names, because a directory has one space.
    ///
    /// # Errors
    /// `Unavailable` if no process may create a space in the directory, because the directory is in a container's own
    /// file system, or if the origin of the directory can't be read.
    pub(super) fn others(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.directory.path()?;
        let what = || format!("looking for other ID spaces beside {}", directory.display());
        if self.disk.origin(directory).map_err(|error| StoreError::unavailable(what(), error))?.is_in_layer() {
            let why = "it is in a container's own file system, where each container would have an ID space of its own: \
                       mount a volume";
            return Err(StoreError::unavailable(what(), why));
        }
        Ok(Vec::new())
    }

    /// Reads the contents. A crash of the host may still undo them, if they come from a write that failed before its
    /// last sync, or is not finished yet: see [`settle`](Self::settle).
    pub(super) fn read(&self) -> Result<Contents, StoreError> {
        let directory = self.directory.path()?;
        let path = leases(directory);
        let failed = |failure: Failure| failure.of(&self.disk, format!("reading {}", path.display()), directory);
        let of_directory = |error| failed(Failure::at(directory)(error));
        let origin = self.disk.origin(directory).map_err(of_directory)?;
        // The place includes the origin, because the number of a device or an inode may be used again.
        let place = format!("{}, {}", self.disk.place(directory).map_err(of_directory)?, origin.parts());
        require_file(&self.disk, &path)?;
        let read = self.disk.open(&path).and_then(|file| Ok((self.disk.mark(&file)?, self.disk.read(file)?)));
        let (mark, text) = match read {
            Ok(read) => read,
            // If the file does not exist, the directory contains no ID space.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(self.contents(place, origin.signed(&incarnation()?), None, BTreeMap::new()));
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(StoreError::corrupt(path.display().to_string(), "the file is not UTF-8 text"));
            }
            Err(error) => return Err(failed(Failure::at(&path)(error))),
        };
        let stored = decode(&text).map_err(|why| StoreError::corrupt(path.display().to_string(), why))?;
        let is_from_elsewhere = !origin.may_be_that_of(&stored.space.incarnation);
        let is_copy = is_from_elsewhere || stored.mark != mark;
        // A copy, however old it is, gets an incarnation that differs from every incarnation that this store has
        // written.
        let incarnation = if is_copy { origin.signed(&copied(mark, &text)) } else { stored.space.incarnation.clone() };
        let contents = self.contents(place, incarnation, Some(stored.space), stored.records);
        Ok(Contents { is_from_elsewhere, ..contents })
    }

    /// Syncs the directory. From then on, a crash of the host can't undo the contents that were read before.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        let directory = self.directory.path()?;
        let failed = |error| {
            let what = format!("syncing {}", directory.display());
            Failure::at(directory)(error).of(&self.disk, what, directory)
        };
        self.disk.sync_directory(directory).map_err(failed)
    }

    /// Makes `change` if the contents are still as `seen`. Returns whether it was made.
    pub(super) fn swap(&self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let directory = self.directory.path()?;
        let locked = Locked::lock(&self.disk, directory)?;
        let place = leases(directory);
        let failed = |failure: Failure| failure.of(&self.disk, format!("writing {}", place.display()), directory);
        // Temporary files are removed before the contents are read. From then on, only the holder of the lock can
        // change the contents.
        self.clear(directory).map_err(failed)?;
        let now = self.read()?;
        // If the same backup was copied back again meanwhile, the contents may be equal to `seen`, although leases were
        // lost. Only the incarnation shows that loss. If the place differs, this is another directory, for example
        // because a file system was mounted meanwhile.
        let is_another = now.place != seen.place || now.space.is_some() && now.incarnation != seen.incarnation;
        if is_another || !now.is_as_seen(seen, change) {
            return Ok(false);
        }
        // A file that was copied back counts as a copy until a process has noticed the copy and has raised the floor of
        // the space.
        let is_original = change.space.is_some() || now.is_served_by_its_writer();
        let Contents { space, mut records, .. } = now;
        records.extend(change.records.iter().cloned());
        if let Some(space) = change.space.as_ref().or(space.as_ref()) {
            // If the incarnation contains no origin, it gets the origin of this directory now. A store of an earlier
            // version contains no origin.
            let origin = self.disk.origin(directory).map_err(|error| failed(Failure::at(directory)(error)))?;
            let space = &Space { incarnation: origin.signed(&space.incarnation), ..space.clone() };
            let stored = StoredRef { mark: None, space, records: &records };
            self.write(&locked, directory, &stored, is_original).map_err(failed)?;
        }
        Ok(true)
    }
}

fn leases(directory: &Path) -> PathBuf {
    directory.join("leases")
}

/// Returns a new random incarnation, which differs from every other incarnation.
fn incarnation() -> Result<String, StoreError> {
    let token = Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?;
    Ok(token.to_string())
}
