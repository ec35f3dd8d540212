//! `SimulatedDisk`: the calls of the store, on a host. The directory of the store has the path [`PATH`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::TryLockError;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::host::{Host, State};
use crate::file::disk::{Disk, Kind};
use crate::file::identity::Mark;
use crate::file::origin::Origin;

/// The path of the directory of the store. Nothing exists at this path on the real disk.
pub(super) const PATH: &str = "/simulated";

/// A process that has slept for a lock wakes this much later. So a process that waits for a lock in vain makes few
/// calls.
const NAP: Duration = Duration::from_millis(300);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The disk as one process sees it.
#[derive(Clone)]
pub(super) struct SimulatedDisk {
    pub(super) host: Arc<Host>,
    pub(super) process: u32,
}

/// An open file.
pub(super) struct SimulatedFile {
    disk: SimulatedDisk,
    number: u64,
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.disk.host.state().close(self.disk.process, |number| number == self.number);
    }
}

impl SimulatedDisk {
    fn call<T>(&self, effect: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.host.hang(self.process);
        self.host.call(self.process, effect)
    }

    /// Carries out a call that can't be carried out by half.
    fn whole<T>(&self, effect: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.call(|state| {
            state.require_whole()?;
            effect(state)
        })
    }

    fn opened(&self, path: &Path) -> io::Result<SimulatedFile> {
        let number = self.whole(|state| Ok(state.open(state.found(path)?, self.process)))?;
        Ok(SimulatedFile { disk: self.clone(), number })
    }
}

impl State {
    fn found(&self, path: &Path) -> io::Result<usize> {
        self.medium.find(name(path)).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn file(&self, file: &SimulatedFile) -> usize {
        self.open[&file.number].file
    }
}

fn name(path: &Path) -> &str {
    assert_eq!(path.parent(), Some(Path::new(PATH)), "{path:?} is not in the directory of the store");
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        self.whole(
            |state| if path == Path::new(PATH) { Ok(Kind::Directory) } else { state.found(path).map(|_| Kind::File) },
        )
    }

    fn open(&self, path: &Path) -> io::Result<SimulatedFile> {
        self.opened(path)
    }

    fn open_to_lock(&self, path: &Path) -> io::Result<SimulatedFile> {
        self.opened(path)
    }

    fn create(&self, path: &Path) -> io::Result<SimulatedFile> {
        let number = self.whole(|state| {
            if state.found(path).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let open = state.open_files();
            state.medium.create(name(path), &open);
            Ok(state.open(state.found(path)?, self.process))
        })?;
        Ok(SimulatedFile { disk: self.clone(), number })
    }

    /// Does nothing: the simulated disk has no permissions.
    fn share(&self, _: &SimulatedFile, _: &Path) {}

    fn mark(&self, file: &SimulatedFile) -> io::Result<Option<Mark>> {
        self.whole(|state| Ok(Some(state.medium.mark(state.file(file)))))
    }

    fn read(&self, file: SimulatedFile) -> io::Result<String> {
        self.whole(|state| {
            let bytes = state.medium.contents(state.file(&file)).to_vec();
            String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData.into())
        })
    }

    fn write(&self, file: &SimulatedFile, text: &str) -> io::Result<()> {
        self.call(|state| {
            let end = if state.is_halved { text.len() / 2 } else { text.len() };
            let file = state.file(file);
            state.medium.write(file, &text.as_bytes()[..end]);
            Ok(())
        })
    }

    fn sync(&self, file: &SimulatedFile) -> io::Result<()> {
        let synced = self.whole(|state| {
            let file = state.file(file);
            state.medium.sync(file);
            Ok(())
        });
        synced.inspect_err(|_| {
            let mut state = self.host.state();
            if let Some(number) = state.open.get(&file.number).map(|open| open.file) {
                state.medium.fail_to_sync(number);
            }
        })
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.whole(|state| {
            state.medium.sync_names();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(|state| {
            let file = state.found(from)?;
            state.medium.rename(name(from), name(to), file);
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(|state| {
            let file = state.found(from)?;
            if state.found(to).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            state.medium.link(name(to), file);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole(|state| {
            state.found(path)?;
            state.medium.remove(name(path));
            Ok(())
        })
    }

    fn names(&self, _: &Path) -> io::Result<Vec<OsString>> {
        self.whole(|state| Ok(state.medium.names().keys().map(OsString::from).collect()))
    }

    fn try_lock(&self, file: &SimulatedFile) -> Result<(), TryLockError> {
        let locked = self.whole(|state| {
            let inode = state.file(file);
            let is_taken = state.open.values().any(|open| open.file == inode && open.is_locked);
            if !is_taken && let Some(open) = state.open.get_mut(&file.number) {
                open.is_locked = true;
            }
            Ok(!is_taken)
        });
        if locked.map_err(TryLockError::Error)? { Ok(()) } else { Err(TryLockError::WouldBlock) }
    }

    fn unlock(&self, file: &SimulatedFile) -> io::Result<()> {
        self.whole(|state| {
            if let Some(open) = state.open.get_mut(&file.number) {
                open.is_locked = false;
            }
            Ok(())
        })
    }

    fn is_at(&self, file: &SimulatedFile, path: &Path) -> bool {
        let inodes = self.whole(|state| {
            let there = state.found(path)?;
            Ok((state.medium.mark(state.file(file)).inode, state.medium.mark(there).inode))
        });
        inodes.is_ok_and(|(locked, there)| locked == there)
    }

    fn place(&self, _: &Path) -> io::Result<String> {
        self.whole(|_| Ok("a simulated directory".into()))
    }

    fn origin(&self, _: &Path) -> io::Result<Origin> {
        self.whole(|_| Ok(Origin(BTreeMap::from([("directory", "1".into())]))))
    }

    fn now(&self) -> Instant {
        *START + self.host.state().slept
    }

    fn sleep(&self, time: Duration) {
        self.host.state().slept += time + NAP;
    }
}
