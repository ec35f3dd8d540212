//! `Files`: the calls of the file system by which a store is read and changed. Each of them may block.

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
    /// Whether the names in the directory last, as far as this store has changed them.
    is_synced: bool,
    /// How they are made to: [`sync`], but for tests.
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

    /// Removes what others have begun to write: who has the lock knows that they were killed, or that their lock was
    /// taken away. In that case they can put it in place no more, whenever they go on.
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

    /// Puts these in place of what is there, and makes it last. Unless `is_original` the file will pass for a copy.
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

    /// The first half of a write, after which it has its effect, but may not last.
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
        // Now that the file is there: whoever gets the lock after this look clears that file away.
        if !locked.is_in_place() {
            let why = "the lock or the directory was removed or replaced meanwhile";
            return Err(Failure::at(directory)(io::Error::other(why)));
        }
        self.is_synced = false;
        let place = leases(directory);
        fs::rename(temporary, &place).map_err(Failure::at(&place))
    }

    /// Makes the names in the directory last.
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
        // What a write has left that failed may be what the caller asks for, and is not to be used before it lasts.
        self.settle(directory).map_err(failed)?;
        let of_directory = |error| failed(Failure::at(directory)(error));
        let origin = Origin::of(directory).map_err(of_directory)?;
        // A number of a device or an inode may be given away again.
        let place = format!("{}, {}", place(directory).map_err(of_directory)?, origin.parts());
        require_file(&path)?;
        let read = File::open(&path).and_then(|file| Ok((mark(&file)?, io::read_to_string(file)?)));
        let (mark, text) = match read {
            Ok(read) => read,
            // A directory without it has no space.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(self.contents(place, origin.signed(&incarnation()?), None, BTreeMap::new()));
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(StoreError::corrupt(path.display().to_string(), "it is no text"));
            }
            Err(error) => return Err(failed(Failure::at(&path)(error))),
        };
        let stored = decode(&text).map_err(|why| StoreError::corrupt(path.display().to_string(), why))?;
        let is_from_elsewhere = !origin.may_be_that_of(&stored.space.incarnation);
        let is_copy = is_from_elsewhere || stored.mark != mark;
        // A copy, of whatever age, is none of those that this store has written.
        let incarnation = if is_copy { origin.signed(&copied(mark, &text)) } else { stored.space.incarnation.clone() };
        let contents = self.contents(place, incarnation, Some(stored.space), stored.records);
        Ok(Contents { is_from_elsewhere, ..contents })
    }

    pub(super) fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let directory = &self.directory.path()?.to_path_buf();
        let locked = Locked::lock(directory)?;
        let place = leases(directory);
        let failed = |failure: Failure| failure.of(format!("writing {}", place.display()), directory);
        // Before it is read what there is: nobody changes that any more but who holds the lock.
        Self::clear(directory).map_err(failed)?;
        let now = self.read()?;
        // The same backup, copied back once more, looks like the first copy, and has forgotten more. Or it is another
        // directory, as when a file system was mounted meanwhile.
        let is_another = now.place != seen.place || now.space.is_some() && now.incarnation != seen.incarnation;
        if is_another || !now.is_as_seen(seen, change) {
            return Ok(false);
        }
        // What was copied back stays a copy until somebody has seen that it is one, and raised the floor of the space.
        let is_original = change.space.is_some() || now.is_served_by_its_writer();
        let Contents { space, mut records, .. } = now;
        records.extend(change.records.iter().cloned());
        if let Some(space) = change.space.as_ref().or(space.as_ref()) {
            // Where this is written the store is at home from now on, as is one that earlier versions have made.
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

/// A name that nothing else has.
fn incarnation() -> Result<String, StoreError> {
    let token = Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?;
    Ok(token.to_string())
}

/// Makes the names in a directory last; where that is not known they last as they are.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
