//! `FileStore`: leases in a directory, for the processes of one host.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::time::{Instant, UNIX_EPOCH};
use std::{format, thread};

use serde::{Deserialize, Serialize};

use super::cells::{Cells, Contents, store_of_cells};
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
/// use casflake::lease::{FileStore, LeaseAdmin, LeasedGenerator};
/// use casflake::{Scheme, Standard};
///
/// # let directory = std::env::temp_dir().join(format!("casflake-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let mut store = FileStore::open(&directory);
/// store.initialise(&Standard::LAYOUT, 1024)?; // once: see below
///
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// Windows of one worker never overlap: over kills, crashes, restarts of the host, clocks that are set, and full or
/// read-only disks, on which nothing is granted. A file that is corrupt, cut off or not its own is refused, and left as
/// it is. An empty directory, and a file that was copied back from elsewhere (on Unix: it is another, or was made at
/// another time), may have lost leases: nothing is granted until [`MAX_TTL`](super::MAX_TTL) +
/// [`CLOCK_SLACK`](super::CLOCK_SLACK) are over, unless the store was [initialised](super::LeaseAdmin::initialise).
///
/// # What it does not
/// Nothing holds on a network file system without locks, if several hosts share the directory, nor where the *whole*
/// file system or machine was set back to an older state without a trace. A process that is stopped in the midst of a
/// change keeps the others from the store until it goes on or ends; after two seconds their calls fail, and are tried
/// again.
pub struct FileStore<C = SystemClock> {
    directory: PathBuf,
    clock: C,
}

impl FileStore {
    /// The leases in `directory`, which must exist. Nothing is read or written yet.
    #[must_use]
    pub fn open(directory: impl Into<PathBuf>) -> Self {
        Self::with_clock(directory, SystemClock)
    }
}

impl<C: Clock> FileStore<C> {
    /// The leases in `directory`, by another clock than the system's.
    #[must_use]
    pub fn with_clock(directory: impl Into<PathBuf>, clock: C) -> Self {
        Self { directory: directory.into(), clock }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("leases")
    }

    fn unix_nanos(&self) -> u64 {
        u64::try_from(self.clock.unix_nanos()).unwrap_or(u64::MAX)
    }

    /// Locks the store for this call, or for as long as the guard lives.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.directory.join("lock");
        let failed = |error: io::Error| StoreError::unavailable(format!("locking {}", path.display()), error);
        let started = Instant::now();
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
            match file.try_lock() {
                // Who has locked a file that is there no more has locked nothing.
                Ok(()) if is_at(&file, &path) => return Ok(file),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(failed(io::Error::new(ErrorKind::TimedOut, "another process has locked it for 2 s")));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Puts these in place of what is there, and makes it last. Unless `is_original` the file will pass for a copy.
    fn write(&self, space: &Space, records: &BTreeMap<u64, Record>, is_original: bool) -> io::Result<()> {
        let temporary = self.directory.join("leases.new");
        let mut file = File::create(&temporary)?;
        let mark = mark(&file.metadata()?).filter(|_| is_original);
        let stored = StoredRef { mark, space, records };
        let written = file.write_all(encode(&stored)?.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        fs::rename(&temporary, self.path())?;
        sync(&self.directory)
    }
}

impl<C: Clock + Send> Cells for FileStore<C> {
    fn read(&mut self) -> Result<Contents, StoreError> {
        let path = self.path();
        let failed = |error: io::Error| StoreError::unavailable(format!("reading {}", path.display()), error);
        let read = File::open(&path).and_then(|file| Ok((mark(&file.metadata()?), io::read_to_string(file)?)));
        let stored = match read {
            Ok((mark, text)) => {
                let stored = decode(&text).map_err(|why| StoreError::corrupt(path.display().to_string(), why))?;
                Some((stored.mark == mark, stored))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // An empty directory is an empty store; none is a mistake.
                fs::read_dir(&self.directory).map_err(failed)?;
                None
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(StoreError::corrupt(path.display().to_string(), "it is no text"));
            }
            Err(error) => return Err(failed(error)),
        };
        let (space, records, is_original) = match stored {
            Some((is_original, Stored { space, records, .. })) => (Some(space), records, is_original),
            None => (None, BTreeMap::new(), false),
        };
        // A copy, of whatever age, is none of those that this store has written.
        let incarnation = match &space {
            Some(space) if is_original => space.incarnation.clone(),
            _ => incarnation()?,
        };
        Ok(Contents { unix_nanos: self.unix_nanos(), incarnation, space, records, live: BTreeSet::new() })
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let _lock = self.lock()?;
        let now = self.read()?;
        if !now.is_as_seen(seen, change) {
            return Ok(false);
        }
        // What was copied back stays a copy until somebody has seen that it is one, and raised the floor of the space.
        let is_original = change.space.is_some() || now.is_served_by_its_writer();
        let Contents { space, mut records, .. } = now;
        records.extend(change.records.iter().cloned());
        if let Some(space) = change.space.as_ref().or(space.as_ref()) {
            self.write(space, &records, is_original)
                .map_err(|error| StoreError::unavailable(format!("writing {}", self.path().display()), error))?;
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

/// A name that nothing else has.
fn incarnation() -> Result<String, StoreError> {
    let token = Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?;
    Ok(token.to_string())
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

/// What no copy of a file has: its inode, which the next file may be given that is made, and when it was made, in
/// nanoseconds since 1970, where the file system knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    inode: u64,
    created_nanos: Option<u64>,
}

fn mark(metadata: &fs::Metadata) -> Option<Mark> {
    let created = || metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos().try_into().ok();
    inode(metadata).map(|inode| Mark { inode, created_nanos: created() })
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

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not every system has them")]
fn inode(metadata: &fs::Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> Option<u64> {
    None
}

/// Whether `path` still names this file. Where that can't be told, files in use are not removed.
fn is_at(file: &File, path: &Path) -> bool {
    let inodes = || Some((inode(&file.metadata().ok()?)?, inode(&fs::metadata(path).ok()?)?));
    cfg!(not(unix)) || inodes().is_some_and(|(locked, there)| locked == there)
}

#[cfg(test)]
mod tests;
