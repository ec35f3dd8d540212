//! `FileStore`: leases in a directory, for the processes of one host.

mod directory;
mod identity;
mod origin;
#[cfg(test)]
mod tests;

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::time::Instant;
use std::vec::Vec;
use std::{format, thread};

use serde::{Deserialize, Serialize};

use self::directory::Directory;
use self::identity::{is_at, mark, place};
use self::origin::{COPY, Origin};
use super::cells::{Cells, Contents, Memory, store_of_cells};
use super::error::StoreError;
use super::rules::{Change, Record, Space};
use super::token::Token;
use crate::clock::{Clock, SystemClock};

/// How long to wait for another process to finish its change, which takes it some milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the file begins with, before the checksum of all that follows.
const HEADER: &str = "casflake leases 1 ";

/// Leases in a directory of a local file system, for the processes of one host.
///
/// The directory holds `leases`, a line of text and a line of JSON, and `lock`, which the operating system locks for
/// the one process that changes it. A change is written to a file of its own, synced, and put in place of the old one,
/// and the directory is synced, before any of it is used.
///
/// ```
/// use std::time::Duration;
///
/// use casflake::lease::{FileStore, LeasedGenerator};
///
/// # use casflake::lease::LeaseAdmin;
/// # use casflake::{Scheme, Standard};
/// # let directory = std::env::temp_dir().join(format!("casflake-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # FileStore::open(&directory).initialise(&Standard::LAYOUT, 1024)?;
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::open(&directory))?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// Windows of one worker never overlap: over kills, crashes, restarts of the host, clocks that are set, and full or
/// read-only disks, on which nothing is granted. A file that is corrupt, cut off or not its own is refused, and left as
/// it is. A file that was copied back into its directory (it is another, or on Unix was made at another time) may have
/// lost leases: nothing is granted until [`MAX_TTL`](super::MAX_TTL) + [`CLOCK_SLACK`](super::CLOCK_SLACK) are over, unless
/// the store was [initialised](super::LeaseAdmin::initialise). A directory without the file has no ID space:
/// [`NoSpace`](super::StoreError::NoSpace), until a process restores it that was granted a lease in this very directory,
/// or an operator creates it. A directory that does not exist is created by nobody, and one that was made anew, or is
/// mounted over, is another, if the system tells so by its device, inode or time.
///
/// A store that was made elsewhere and copied here is refused with [`Copied`](super::StoreError::Copied), because the
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
///   operator who knows that it is the only one [initialises](super::LeaseAdmin::initialise) it.
/// * A process that is stopped in the midst of a change keeps the others from the store until it goes on or ends; after
///   two seconds their calls fail, and are tried again. (If it is killed, so does a child that it has forked off in the
///   midst.) Do not remove `lock`: end the process that holds it.
pub struct FileStore<C = SystemClock> {
    directory: Directory,
    clock: C,
    /// Whether the names in the directory last, as far as this store has changed them.
    is_synced: bool,
    /// How they are made to: [`sync`], but for tests.
    sync: fn(&Path) -> io::Result<()>,
    memory: Memory,
}

impl FileStore {
    /// Returns the leases in `directory`, which must exist. Reads and writes nothing yet.
    ///
    /// A relative path is made absolute here, so that a later change of the working directory changes nothing. If that
    /// fails, because the path is empty or there is no working directory, each call of the store fails with
    /// [`StoreError::Url`].
    #[must_use]
    pub fn open(directory: impl Into<PathBuf>) -> Self {
        Self::with_clock(directory, SystemClock)
    }
}

impl<C: Clock> FileStore<C> {
    /// Returns the leases in `directory` as [`open`](FileStore::open) does, by another clock than the system's.
    #[must_use]
    pub fn with_clock(directory: impl Into<PathBuf>, clock: C) -> Self {
        Self { directory: Directory::of(directory.into()), clock, is_synced: true, sync, memory: None }
    }

    fn path(&self) -> Result<PathBuf, StoreError> {
        Ok(self.directory.path()?.join("leases"))
    }

    fn unix_nanos(&self) -> u64 {
        u64::try_from(self.clock.unix_nanos()).unwrap_or(u64::MAX)
    }

    fn contents(
        &self,
        place: String,
        incarnation: String,
        space: Option<Space>,
        records: BTreeMap<u64, Record>,
    ) -> Contents {
        let (unix_nanos, live) = (self.unix_nanos(), BTreeSet::new());
        Contents { unix_nanos, incarnation, place, is_from_elsewhere: false, space, records, live }
    }

    /// Locks the store for as long as the guard lives.
    fn lock(&self) -> Result<Locked, StoreError> {
        let path = self.directory.path()?.join("lock");
        let failed = |error: io::Error| of_files(format!("locking {}", path.display()), error);
        let late = |why: &str| failed(io::Error::new(ErrorKind::TimedOut, why));
        let started = Instant::now();
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            let is_late = started.elapsed() >= PATIENCE;
            match file.try_lock() {
                Ok(()) => {
                    let locked = Locked { file, path: path.clone() };
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
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Removes what others have begun to write: who has the lock knows that they were killed, or that their lock was
    /// taken away. In that case they can put it in place no more, whenever they go on.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.directory.path()?)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_temporary) {
                fs::remove_file(entry.path()).or_else(|error| match error.kind() {
                    ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })?;
            }
        }
        Ok(())
    }

    /// Puts these in place of what is there, and makes it last. Unless `is_original` the file will pass for a copy.
    fn write(
        &mut self,
        locked: &Locked,
        space: &Space,
        records: &BTreeMap<u64, Record>,
        is_original: bool,
    ) -> io::Result<()> {
        // Of a name that nothing else has: where the lock was taken away, another may write at the same time.
        let temporary = self.directory.path()?.join(format!("{BEFORE}{}{AFTER}", Token::random()?));
        let put = self.put(locked, &temporary, &StoredRef { mark: None, space, records }, is_original);
        put.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.settle()
    }

    /// The first half of a write, after which it has its effect, but may not last.
    fn put(&mut self, locked: &Locked, temporary: &Path, stored: &StoredRef<'_>, is_original: bool) -> io::Result<()> {
        let mut file = File::create_new(temporary)?;
        let mark = mark(&file)?.filter(|_| is_original);
        file.write_all(encode(&StoredRef { mark, ..*stored })?.as_bytes())?;
        file.sync_all()?;
        // Now that the file is there: whoever gets the lock after this look clears that file away.
        if !locked.is_in_place() {
            return Err(io::Error::other("the lock or the directory was removed or replaced meanwhile"));
        }
        self.is_synced = false;
        fs::rename(temporary, self.directory.path()?.join("leases"))
    }

    /// Makes the names in the directory last.
    fn settle(&mut self) -> io::Result<()> {
        if !self.is_synced {
            (self.sync)(self.directory.path()?)?;
            self.is_synced = true;
        }
        Ok(())
    }
}

impl<C: Clock + Send> Cells for FileStore<C> {
    fn space_name(&self) -> &'static str {
        ""
    }

    fn whereabouts(&self) -> String {
        self.directory.path().map_or_else(|_| "no directory".into(), |path| format!("the directory {}", path.display()))
    }

    /// A directory has one space, but so has that of each other container if it is not on a volume.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let directory = self.directory.path()?;
        let what = || format!("looking for other ID spaces beside {}", directory.display());
        if Origin::of(directory).map_err(|error| StoreError::unavailable(what(), error))?.is_in_layer() {
            let why = "it is in a container's own file system, where each container would have an ID space of its own: \
                       mount a volume";
            return Err(StoreError::unavailable(what(), why));
        }
        Ok(Vec::new())
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let path = self.path()?;
        let failed = |error: io::Error| of_files(format!("reading {}", path.display()), error);
        // What a write has left that failed may be what the caller asks for, and is not to be used before it lasts.
        self.settle().map_err(failed)?;
        let directory = self.directory.path()?;
        let origin = Origin::of(directory).map_err(failed)?;
        // A number of a device or an inode may be given away again.
        let place = format!("{}, {}", place(directory).map_err(failed)?, origin.parts());
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
            Err(error) => return Err(failed(error)),
        };
        let stored = decode(&text).map_err(|why| StoreError::corrupt(path.display().to_string(), why))?;
        let is_from_elsewhere = !origin.may_be_that_of(&stored.space.incarnation);
        let is_copy = is_from_elsewhere || stored.mark != mark;
        // A copy, of whatever age, is none of those that this store has written.
        let incarnation = if is_copy { origin.signed(&copied(mark, &text)) } else { stored.space.incarnation.clone() };
        let contents = self.contents(place, incarnation, Some(stored.space), stored.records);
        Ok(Contents { is_from_elsewhere, ..contents })
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let locked = self.lock()?;
        let place = self.path()?;
        let failed = |error| of_files(format!("writing {}", place.display()), error);
        // Before it is read what there is: nobody changes that any more but who holds the lock.
        self.clear().map_err(failed)?;
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
            let incarnation = Origin::of(self.directory.path()?).map_err(failed)?.signed(&space.incarnation);
            let space = Space { incarnation, ..space.clone() };
            self.write(&locked, &space, &records, is_original).map_err(failed)?;
        }
        Ok(true)
    }
}

store_of_cells!(impl[C: Clock + Send] for FileStore<C>);

impl<C: fmt::Debug> fmt::Debug for FileStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("directory", &self.directory).field("clock", &self.clock).finish()
    }
}

/// The lock of a directory.
struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    fn is_in_place(&self) -> bool {
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

/// What a file is named before it is put in place: between these, a token.
const BEFORE: &str = "leases.";
const AFTER: &str = ".new";

fn is_temporary(name: &str) -> bool {
    let token = name.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
    token.is_some_and(|token| token.parse::<Token>().is_ok())
}

/// What serves a store in whose place a copy was put: another for each copy, and the same each time that one is read.
fn copied(mark: Option<Mark>, text: &str) -> String {
    let made = mark.map(|Mark { inode, created_nanos }| (inode, created_nanos.unwrap_or(0))).unwrap_or_default();
    format!("{COPY}{:016x}, inode {}, made at {} ns", checksum(text.as_bytes()), made.0, made.1)
}

/// A name that nothing else has.
fn incarnation() -> Result<String, StoreError> {
    let token = Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?;
    Ok(token.to_string())
}

/// An error of the file system: permanent if nothing but somebody's doing can mend it.
fn of_files(what: String, error: io::Error) -> StoreError {
    let remedy = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "create the directory",
        ErrorKind::PermissionDenied => "let this user write to the directory and to the files in it",
        ErrorKind::ReadOnlyFilesystem => "mount the file system so that it can be written to",
        _ => return StoreError::unavailable(what, error),
    };
    StoreError::refused(what, remedy, error)
}

/// What the file holds.
#[derive(Serialize)]
struct StoredRef<'a> {
    /// The file's own, where there is such a thing.
    mark: Option<Mark>,
    space: &'a Space,
    records: &'a BTreeMap<u64, Record>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    mark: Option<Mark>,
    space: Space,
    records: BTreeMap<u64, Record>,
}

/// What no copy of a file has: its inode (Windows: its index), which the next file may be given that is made, and when it
/// was made, in nanoseconds since 1970, where the file system knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    inode: u64,
    created_nanos: Option<u64>,
}

fn encode(stored: &StoredRef<'_>) -> io::Result<String> {
    let json = serde_json::to_string(stored)?;
    Ok(format!("{HEADER}{:016x}\n{json}\n", checksum(json.as_bytes())))
}

fn decode(text: &str) -> Result<Stored, String> {
    let Some(rest) = text.strip_prefix(HEADER) else {
        return Err(if text.is_empty() { "it is empty".into() } else { format!("it does not begin with {HEADER:?}") });
    };
    let whole = rest.strip_suffix('\n').and_then(|rest| rest.split_once('\n'));
    let Some((sum, json)) = whole else { return Err("it is cut off".into()) };
    if sum != format!("{:016x}", checksum(json.as_bytes())) {
        return Err("its checksum is not that of its content".into());
    }
    serde_json::from_str(json).map_err(|error| format!("its content is none of ours: {error}"))
}

/// FNV-1a, of 64 bits: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Makes the names in a directory last; where that is not known they last as they are.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
