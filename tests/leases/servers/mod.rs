//! Real stores, each with all that can happen to it.

mod directory;

use casflake::lease::{LeaseAdmin, open};
use casflake::{Scheme, Standard};

pub(crate) use directory::Directory;

/// A store, and what can happen to it.
pub(crate) trait Server {
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// Answers nobody, until it goes on.
    fn stop(&mut self);

    fn go_on(&mut self);

    /// Is killed, and started again on what it has kept.
    fn crash(&mut self);

    /// Loses everything.
    fn wipe(&mut self);

    fn lose_record(&mut self, worker: u64);

    /// Keeps a copy of what it holds now.
    fn copy(&mut self);

    /// Goes back to that copy.
    fn restore(&mut self);

    /// Sets its clock so many seconds off the host's.
    fn set_clock(&mut self, seconds: i64);

    fn admin(&self) -> Box<dyn LeaseAdmin> {
        open(&self.url()).expect("a store")
    }

    /// Lets it grant so many workers at once.
    fn initialise(&self, workers: u64) {
        self.admin().initialise(&Standard::LAYOUT, workers).expect("a new store");
    }
}
