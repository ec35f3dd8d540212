//! `Files`: reads and changes the files of a store. Each call may block.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use casflake::Clock;

use super::directory::{Directory, is_temporary, temporary};
use super::failure::Failure;
use super::format::{StoredRef, copied, decode, encode};
use super::identity::{mark, place};
use super::lock::Locked;
use super::origin::Origin;
use super::regular::require_file;
use super::sharing::share;
use crate::backend::Contents;
use crate::error::StoreError;
use crate::protocol::{Change, Record, Space};
use crate::token::Token;

pub(super) struct Files<C> {
    directory: Directory,
    clock: C,
    /// `false` if this store has changed a name in the directory and has not synced the directory since.
    is_synced: bool,
    /// The function that syncs the directory. It is [`sync`], except in tests.
    pub(super) sync: fn(&Path) -> io::Result<()>,
}

impl<C: Clock> Files<C> {
    pub(super) fn of(directory: Directory, clock: C) -> Self {
        Self { directory, clock, is_synced: true, sync }
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
    fn clear(directory: &Path) -> Result<(), Failure> {
        for entry in fs::read_dir(directory).map_err(Failure::at(directory))? {
            let entry = entry.map_err(Failure::at(directory))?;
            if entry.file_name().to_str().is_some_and(is_temporary) {
                let path = entry.path();
                let removed = fs::remove_file(&path).map_err(Failure::at(&path));
                removed.or_else(|failure| if failure.kind() == ErrorKind::NotFound { Ok(()) } else { Err(failure) })?;
            }
        }
        Ok(())
    }

    /// Replaces the contents of the store by `stored`, and syncs the directory. If `is_original` is false, writes no
    /// mark, so that the file still counts as a copy.
    fn write(
        &mut self,
        locked: &Locked,
        directory: &Path,
        stored: &StoredRef<'_>,
        is_original: bool,
    ) -> Result<(), Failure> {
        let temporary = temporary(directory).map_err(Failure::at(directory))?;
        let put = self.put(locked, directory, &temporary, stored, is_original);
        put.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.settle(directory)
    }

    /// Replaces the file of the store by a new file, but does not sync the directory. Other processes then see the new
    /// contents, but a crash of the host may still undo the write.
    fn put(
        &mut self,
        locked: &Locked,
        directory: &Path,
        temporary: &Path,
        stored: &StoredRef<'_>,
        is_original: bool,
    ) -> Result<(), Failure> {
        let fill = || {
            let mut file = File::create_new(temporary)?;
            share(&file, directory);
            let mark = mark(&file)?.filter(|_| is_original);
            file.write_all(encode(&StoredRef { mark, ..*stored })?.as_bytes())?;
            file.sync_all()
        };
        fill().map_err(Failure::at(temporary))?;
        // This is checked after the temporary file was created. So a process that gets the lock after this check
        // removes the temporary file.
        if !locked.is_in_place() {
            let why = "the lock or the directory was removed or replaced during the write";
            return Err(Failure::at(directory)(io::Error::other(why)));
        }
        self.is_synced = false;
        let place = leases(directory);
        fs::rename(temporary, &place).map_err(Failure::at(&place))
    }

    /// Syncs the directory, if this store has changed a name in the directory since the last sync.
    fn settle(&mut self, directory: &Path) -> Result<(), Failure> {
        if !self.is_synced {
            (self.sync)(directory).map_err(Failure::at(directory))?;
            self.is_synced = true;
        }
        Ok(())
    }

    pub(super) fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let directory = self.directory.path()?;
        let what = || format!("looking for other ID spaces beside {}", directory.display());
        if Origin::of(directory).map_err(|error| StoreError::unavailable(what(), error))?.is_in_layer() {
            let why = "it is in a container's own file system, where each container would have an ID space of its own: \
                       mount a volume";
            return Err(StoreError::unavailable(what(), why));
        }
        Ok(Vec::new())
    }

    pub(super) fn read(&mut self) -> Result<Contents, StoreError> {
        let directory = &self.directory.path()?.to_path_buf();
        let path = leases(directory);
        let failed = |failure: Failure| failure.of(format!("reading {}", path.display()), directory);
        // The contents that are read now may come from a write that failed before its sync. They must not be used while
        // a crash of the host could still undo them.
        self.settle(directory).map_err(failed)?;
        let of_directory = |error| failed(Failure::at(directory)(error));
        let origin = Origin::of(directory).map_err(of_directory)?;
        // The place includes the origin, because the number of a device or an inode may be used again.
        let place = format!("{}, {}", place(directory).map_err(of_directory)?, origin.parts());
        require_file(&path)?;
        let read = File::open(&path).and_then(|file| Ok((mark(&file)?, io::read_to_string(file)?)));
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

    pub(super) fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let directory = &self.directory.path()?.to_path_buf();
        let locked = Locked::lock(directory)?;
        let place = leases(directory);
        let failed = |failure: Failure| failure.of(format!("writing {}", place.display()), directory);
        // Temporary files are removed before the contents are read. From then on, only the holder of the lock can
        // change the contents.
        Self::clear(directory).map_err(failed)?;
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
            let origin = Origin::of(directory).map_err(|error| failed(Failure::at(directory)(error)))?;
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

/// Syncs a directory, so that a crash of the host can't undo a change of a name in it. Does nothing on systems other
/// than Unix, where the system decides when such a change is durable.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
