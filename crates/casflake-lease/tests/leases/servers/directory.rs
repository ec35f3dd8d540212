//! `Directory`: a directory as a store. Its clock is that of the processes, which read from a file beside it by how much
//! that clock is wrong.

use std::fs;
use std::path::PathBuf;

use casflake_lease::{FileStore, LeaseAdmin};
use testkit::Scratch;

use super::{Server, StoreServer};
use crate::faults::holder::Wrong;

pub(crate) struct Directory {
    scratch: Scratch,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path().join("store")).expect("a directory");
        let directory = Self { scratch };
        directory.write_clock(0);
        directory
    }

    fn path(&self) -> PathBuf {
        self.scratch.path().join("store")
    }

    /// Changes the files while no process uses them.
    fn locked(&self, change: impl FnOnce()) {
        let lock = fs::File::create(self.path().join("lock")).expect("the lock");
        lock.lock().expect("the lock");
        change();
    }

    fn file(&self) -> PathBuf {
        self.path().join("leases")
    }

    fn write_clock(&self, seconds: i64) {
        // Renamed into place, so that no process reads half of it.
        let file = self.scratch.path().join("clock");
        fs::write(file.with_extension("new"), (seconds * 1000).to_string()).expect("a file");
        fs::rename(file.with_extension("new"), file).expect("a file");
    }
}

impl Server for Directory {
    fn name(&self) -> &'static str {
        "file"
    }

    fn url(&self) -> String {
        format!("file:///{}", self.path().display().to_string().replace('\\', "/").trim_start_matches('/'))
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.path())
    }

    /// Moves it away, like a disk that is gone.
    fn stop(&self) {
        fs::rename(self.path(), self.scratch.path().join("away")).expect("the store is there");
    }

    fn go_on(&self) {
        fs::rename(self.scratch.path().join("away"), self.path()).expect("the store is away");
    }

    /// Leaves half of a write behind, as a crash during the write does.
    fn crash(&mut self) {
        self.locked(|| {
            let half = fs::read(self.file()).map_or(Vec::new(), |bytes| bytes[..bytes.len() / 2].to_vec());
            fs::write(self.path().join("leases.new"), half).expect("a file");
        });
    }

    /// Removes every file in it, also the lock.
    fn wipe(&self) {
        self.locked(|| {
            for entry in fs::read_dir(self.path()).expect("the store").flatten() {
                fs::remove_file(entry.path()).expect("a file of the store's");
            }
        });
    }

    fn lose_record(&self, worker: u64) {
        self.locked(|| crate::file::lose_record(&self.file(), worker));
    }

    fn copy(&mut self) {
        fs::copy(self.file(), self.scratch.path().join("copy")).expect("a copy");
    }

    fn restore(&mut self) {
        self.locked(|| {
            fs::copy(self.scratch.path().join("copy"), self.path().join("back")).expect("the copy");
            fs::rename(self.path().join("back"), self.file()).expect("the copy");
        });
    }

    fn set_clock(&self, seconds: i64) {
        self.write_clock(seconds);
    }
}

impl StoreServer for Directory {
    fn admin(&self) -> Box<dyn LeaseAdmin> {
        let clock = Wrong::by_file(self.scratch.path().join("clock"), 0);
        Box::new(FileStore::with_clock(self.path(), clock))
    }
}
