//! The cost of a call that fails: readings of the clock, and calls of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casflake::{Clock, GenerateError, Generator, ManualClock, Standard, SystemClock};
use casflake_lease::{FileStore, LeasedGenerator, MAX_TTL};
use testkit::{Scratch, eventually, within};

use crate::PATIENCE;
use crate::faulty_store::FaultyStore;

fn store(scratch: &Scratch) -> FileStore {
    let mut store = FileStore::new(scratch.path());
    crate::initialise(&mut store, 1);
    store
}

/// A clock that counts its precise readings.
#[derive(Clone, Debug)]
struct CountingClock {
    clock: Arc<ManualClock>,
    readings: Arc<AtomicU64>,
}

impl CountingClock {
    fn readings(&self) -> u64 {
        // ORDERING: Relaxed. One thread counts and reads.
        self.readings.load(Ordering::Relaxed)
    }
}

impl Clock for CountingClock {
    fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    fn precise_unix_ns(&self) -> u128 {
        // ORDERING: Relaxed, as above.
        self.readings.fetch_add(1, Ordering::Relaxed);
        self.clock.precise_unix_ns()
    }
}

/// Would catch: a call that is refused for another reason than its lease, and tries again. It would wait twice as long.
#[test]
fn a_call_refused_for_another_reason_than_its_lease_reads_the_clock_no_more_often_than_a_plain_one() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let store = store(&scratch);
        // A reading at or after the floor of the space, so within the window.
        let clock =
            CountingClock { clock: Arc::new(ManualClock::new(SystemClock.unix_ms())), readings: Arc::default() };
        let builder = LeasedGenerator::<Standard>::builder(store);
        let ids = builder.ttl(MAX_TTL).clock(clock.clone()).wait_for_worker(PATIENCE).build().unwrap();
        while ids.try_generate().is_ok() {}
        let before = clock.readings();
        let plain = Generator::with_clock(ids.worker(), clock.clone());
        while plain.try_generate().is_ok() {}
        let of_plain = clock.readings() - before;
        let before = clock.readings();
        assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
        assert_eq!(clock.readings() - before, of_plain);
    });
}

/// Would catch: a call of the store for each call of the generator without a lease.
#[test]
fn calls_without_a_lease_do_not_each_call_the_store() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let (store, control) = FaultyStore::new(store(&scratch));
        // The host's clock is far ahead, so each renewal succeeds, and its window has passed already.
        let clock = Arc::new(ManualClock::new(SystemClock.unix_ms() + 600_000));
        let started = Instant::now();
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(Duration::from_secs(12)).clock(clock);
        let ids = builder.wait_for_worker(PATIENCE).build().unwrap();
        let before = control.calls();
        let refused = eventually("two more calls of the store", || {
            let refused = (0..1000).filter(|_| matches!(ids.try_generate(), Err(GenerateError::LeaseExpired { .. })));
            let refused = refused.count();
            (control.calls() >= before + 2).then_some(refused)
        });
        assert_eq!(refused, 1000);
        // Before each of them the keeper waits for a twelfth of the TTL, less a tenth of that at random.
        assert!(started.elapsed() >= Duration::from_millis(1800), "{:?}", started.elapsed());
    });
}
