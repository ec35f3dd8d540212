//! `Medium`: one directory, with its files. Knows for each content and for each name what is durable, and what is only
//! in the cache of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use proptest::prelude::RngCore;

use crate::file::identity::Mark;

/// The names in the directory, each with the number of its file.
pub(super) type Names = BTreeMap<String, usize>;

/// If more changes of names than this are not synced, a sample of their combinations is tried.
const MOST_CHANGES: usize = 8;

/// One directory, with its files.
#[derive(Clone, Default)]
pub(super) struct Medium {
    files: Vec<File>,
    /// The names that processes see.
    names: Names,
    /// The names that every crash leaves.
    durable: Names,
    /// The changes of names since the directory was synced. Each of them may survive a crash, or not.
    unsynced: Vec<Change>,
    /// Whether a sync does nothing.
    is_lying: bool,
}

#[derive(Clone)]
struct File {
    mark: Mark,
    /// The contents that processes see.
    cached: Vec<u8>,
    /// The contents that every crash leaves.
    durable: Vec<u8>,
    /// Whether a sync of the file has failed. The system then takes the contents for written, and a later sync does
    /// nothing, as on Linux.
    is_dropped: bool,
}

#[derive(Clone)]
enum Change {
    Add(String, usize),
    Remove(String),
    Move { from: String, to: String, file: usize },
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Add(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Remove(name) => drop(names.remove(name)),
            Self::Move { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }
}

impl Medium {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn contents(&self, file: usize) -> &[u8] {
        &self.files[file].cached
    }

    pub(super) fn mark(&self, file: usize) -> Mark {
        self.files[file].mark
    }

    /// Creates an empty file. The file gets the lowest inode that is not in use. `open` are the files that processes
    /// have open: they keep their inodes without a name.
    pub(super) fn create(&mut self, name: &str, open: &BTreeSet<usize>) {
        let of_changes = self.unsynced.iter().filter_map(|change| match change {
            Change::Add(_, file) | Change::Move { file, .. } => Some(file),
            Change::Remove(_) => None,
        });
        let in_use = self.names.values().chain(self.durable.values()).chain(of_changes).chain(open);
        let inodes: BTreeSet<u64> = in_use.map(|&file| self.files[file].mark.inode).collect();
        let inode = (2..).find(|inode| !inodes.contains(inode)).expect("a free inode");
        // No two files are made in the same nanosecond.
        let created_nanos = Some(1_000_000_000 + self.files.len() as u64);
        let mark = Mark { inode, created_nanos };
        self.files.push(File { mark, cached: Vec::new(), durable: Vec::new(), is_dropped: false });
        self.change(Change::Add(name.into(), self.files.len() - 1));
    }

    pub(super) fn write(&mut self, file: usize, bytes: &[u8]) {
        self.files[file].cached.extend_from_slice(bytes);
    }

    pub(super) fn sync(&mut self, file: usize) {
        let file = &mut self.files[file];
        if !file.is_dropped && !self.is_lying {
            file.durable.clone_from(&file.cached);
        }
    }

    pub(super) fn fail_to_sync(&mut self, file: usize) {
        self.files[file].is_dropped = true;
    }

    pub(super) fn sync_names(&mut self) {
        if self.is_lying {
            return;
        }
        self.unsynced.clear();
        self.durable.clone_from(&self.names);
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, file: usize) {
        self.change(Change::Move { from: from.into(), to: to.into(), file });
    }

    pub(super) fn link(&mut self, to: &str, file: usize) {
        self.change(Change::Add(to.into(), file));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.change(Change::Remove(name.into()));
    }

    /// From now on, a sync does nothing.
    pub(super) const fn lie(&mut self) {
        self.is_lying = true;
    }

    /// Returns whether these are the whole contents that a process has written to a file.
    pub(super) fn has_had(&self, contents: &[u8]) -> bool {
        !contents.is_empty() && self.files.iter().any(|file| file.cached == contents)
    }

    /// Replaces the contents of a file, durably and behind the back of all processes.
    pub(super) fn overwrite(&mut self, name: &str, bytes: &[u8]) {
        self.files[self.names[name]].set(bytes);
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }

    /// Returns each state that a loss of power can leave now, or a sample of them.
    pub(super) fn after_power_loss(&self, random: &mut impl RngCore) -> Vec<Self> {
        let count = self.unsynced.len();
        if count > MOST_CHANGES {
            return (0..1 << MOST_CHANGES).map(|_| self.drawn(random)).collect();
        }
        // A bit of `kept` for each change: whether it survives.
        (0..1_u32 << count).flat_map(|kept| self.with_names(&self.surviving(|at| kept >> at & 1 == 1))).collect()
    }

    /// Returns the names after a loss of power that some of the unsynced changes survive.
    fn surviving(&self, mut is_kept: impl FnMut(usize) -> bool) -> Names {
        let mut names = self.durable.clone();
        let survivors = self.unsynced.iter().enumerate().filter(|(at, _)| is_kept(*at));
        survivors.for_each(|(_, change)| change.apply(&mut names));
        names
    }

    /// Returns one state that a loss of power can leave.
    fn drawn(&self, random: &mut impl RngCore) -> Self {
        let names = self.surviving(|_| random.next_u32() & 1 == 1);
        let mut state = self.with(&names);
        for file in names.into_values() {
            let contents: Vec<_> = self.files[file].after_power_loss().into_iter().collect();
            state.files[file].set(&contents[random.next_u32() as usize % contents.len()]);
        }
        state
    }

    /// Returns each state with these names that a loss of power can leave: each has other contents.
    fn with_names(&self, names: &Names) -> Vec<Self> {
        let mut states = vec![self.with(names)];
        for file in names.values().copied().collect::<BTreeSet<_>>() {
            let contents = self.files[file].after_power_loss();
            let each = |state: Self| {
                contents.iter().map(move |contents| {
                    let mut state = state.clone();
                    state.files[file].set(contents);
                    state
                })
            };
            states = states.into_iter().flat_map(each).collect();
        }
        states
    }

    /// Returns this medium with other names, all durable.
    fn with(&self, names: &Names) -> Self {
        Self { names: names.clone(), durable: names.clone(), files: self.files.clone(), ..Self::default() }
    }

    /// Returns a text that two states have in common only if no store can distinguish them.
    pub(super) fn fingerprint(&self) -> String {
        let names = self.names.iter().map(|(name, &file)| {
            let name = if crate::file::directory::is_temporary(name) { "temporary" } else { name };
            format!("{name} {:?} {}\n", self.mark(file), String::from_utf8_lossy(self.contents(file)))
        });
        names.collect()
    }
}

impl File {
    /// Replaces the contents, durably.
    fn set(&mut self, bytes: &[u8]) {
        (self.cached, self.durable) = (bytes.into(), bytes.into());
    }

    /// Returns the contents that a loss of power can leave: those that were synced; some of what was written since; and
    /// zeros, if the length was written, but not the rest.
    fn after_power_loss(&self) -> BTreeSet<Vec<u8>> {
        let (synced, written) = (self.durable.len(), self.cached.len());
        if self.durable == self.cached {
            return [self.durable.clone()].into();
        }
        let cuts = [synced + 1, usize::midpoint(synced, written), written - 1, written];
        let cut = cuts.map(|end| self.cached[..end.clamp(synced, written)].to_vec());
        let zeros = self.durable.iter().copied().chain(iter::repeat_n(0, written - synced)).collect();
        cut.into_iter().chain([self.durable.clone(), zeros]).collect()
    }
}
