//! Generators that issue by leases of a server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casflake::{Clock, ManualClock, Standard, SystemClock};
use casflake_lease::{AcquireRequest, Grant, Lease, LeaseStore, LeasedGenerator, Renewal, StoreError};
use testkit::{eventually, within};

use super::{LAYOUT, Space, Store, initialised};
use crate::servers::remote::RemoteServer;

/// A third of it passes until a renewal.
const TTL: Duration = Duration::from_secs(3);

on_every_server! {
    Shared:
        l5_a_generator_ends_its_window_after_its_last_id;
    Real:
        l1_generators_keep_their_workers_when_their_connections_are_closed;
}

/// A generator with a clock that only the test moves.
struct Leased {
    ids: LeasedGenerator<Standard, Arc<ManualClock>>,
    clock: Arc<ManualClock>,
}

impl Leased {
    /// Returns a generator with a clock that reads a time in the window, and stands still. So a call fails only if the
    /// lease was lost, and not because a renewal is late on a busy machine.
    fn new(store: impl LeaseStore + 'static) -> Self {
        // After the floor of the space, which is the start of the window.
        let clock = Arc::new(ManualClock::new(SystemClock.unix_ms()));
        let builder = LeasedGenerator::builder(store).ttl(TTL).clock(Arc::clone(&clock));
        Self { ids: builder.build().expect("a generator"), clock }
    }

    fn draw(&self) -> u64 {
        self.ids.generate().expect("an ID").as_u64()
    }

    /// Returns the end of the window.
    fn until(&self) -> u64 {
        self.ids.stats().lease.until()
    }

    /// Waits until the window ends later than at the tick `until`. Then moves the clock to that tick.
    fn pass(&self, until: u64) {
        eventually("a renewal", || (self.until() > until).then_some(()));
        self.clock.set(LAYOUT.unix_ms_of(until).expect("a time of the layout"));
    }
}

/// A store that counts the renewals that fail without having taken long. On a busy machine, others may exceed the time
/// limit of a call.
struct WatchedStore {
    store: Store,
    quick_failures: Arc<AtomicU64>,
}

impl LeaseStore for WatchedStore {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.store.acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        let started = Instant::now();
        self.store.renew(renewal).inspect_err(|_| {
            if started.elapsed() < Duration::from_secs(1) {
                // ORDERING: Relaxed. Nothing else depends on the number.
                self.quick_failures.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.store.release(lease, last_tick)
    }
}

fn l5_a_generator_ends_its_window_after_its_last_id(space: &Space) {
    let quick_failures = Arc::default();
    let store = WatchedStore { store: space.initialised(8), quick_failures: Arc::clone(&quick_failures) };
    let leased = Leased::new(store);
    let (mut last, mut until) = (leased.draw(), 0);
    for _ in 0..3 {
        until = leased.until();
        leased.pass(until);
        let id = leased.draw();
        assert!(id > last, "{id:?} after {last:?}");
        last = id;
    }
    // ORDERING: Relaxed, as above.
    assert_eq!((leased.ids.stats().acquired, quick_failures.load(Ordering::Relaxed)), (1, 0), "{:?}", leased.ids);
    within("a shutdown", move || leased.ids.shutdown()).expect("it is released");
    let worker = &space.open().survey().expect("a survey").workers[0];
    assert_eq!((worker.owner.as_ref(), worker.until), (None, until + 1), "after the tick of the last ID");
}

fn l1_generators_keep_their_workers_when_their_connections_are_closed(server: &mut dyn RemoteServer) {
    initialised(server, 4);
    let generators = [(); 4].map(|()| Leased::new(server.admin()));
    let (mut ids, mut issued) = (BTreeSet::new(), 0);
    let mut draw = |from: &Leased| {
        ids.insert(from.draw());
        issued += 1;
    };
    for _ in 0..3 {
        server.disconnect();
        // The next renewal of each of them finds its connection closed.
        let ends = generators.each_ref().map(Leased::until);
        for (leased, until) in generators.iter().zip(ends) {
            draw(leased);
            leased.pass(until);
            draw(leased);
        }
    }
    assert_eq!(ids.len(), issued);
    within("a shutdown", move || {
        for Leased { ids, .. } in generators {
            assert_eq!(ids.stats().acquired, 1, "{:?}", ids.stats());
            ids.shutdown().or_else(|_| ids.shutdown()).expect("it is released");
        }
    });
}
