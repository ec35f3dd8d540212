//! Your own store of leases, in one file. The store of this example is in the memory of a process. It is useful for
//! tests, or if each of several threads of one program needs a worker. Replace the memory with your database.
//!
//! Run it with `cargo run -p casflake-lease --features conformance --example memory_store`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use casflake::{Scheme, Standard};
use casflake_lease::{Backend, BackendStore, Change, Contents, LeaseAdmin, LeasedGenerator, StoreError, conformance};

/// The backend: a handle to the stored contents. If the contents were in a database, each process would have its own
/// handle.
#[derive(Clone)]
struct Memory {
    stored: Arc<Mutex<Contents>>,
}

impl Memory {
    fn new() -> Self {
        // The incarnation must stay the same as long as nothing can have been lost from the store. The memory is lost
        // only when the process ends, and then there are no holders of leases left.
        let contents = Contents::new(0, "one process", "the memory of this process");
        Self { stored: Arc::new(Mutex::new(contents)) }
    }
}

impl Backend for Memory {
    fn place(&self) -> String {
        "the memory of this process".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let mut contents = self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // This must be the clock of the store, and not of the caller. With a database, use the clock of the database.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        contents.unix_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        Ok(contents)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        // The comparison and the write must be one step. With a database, do both in one transaction.
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if !stored.is_as_seen(seen, change) {
            return Ok(false);
        }
        stored.apply(change);
        Ok(true)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    conformance::check(|| {
        let memory = Memory::new();
        move || memory.clone()
    });
    println!("the backend does what a backend must do");

    let memory = Memory::new();
    BackendStore::on(memory.clone()).init_immediately(&Standard::LAYOUT, 1024)?;
    let ids: LeasedGenerator = LeasedGenerator::new(BackendStore::on(memory.clone()))?;
    let more: LeasedGenerator = LeasedGenerator::new(BackendStore::on(memory))?;
    println!("{} by worker {}, {} by worker {}", ids.generate()?, ids.worker(), more.generate()?, more.worker());
    ids.shutdown()?;
    more.shutdown()?;
    Ok(())
}
