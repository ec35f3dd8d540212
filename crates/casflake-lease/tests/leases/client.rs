//! `LeasedGenerator` as a service uses it: statistics, drains, and the limits of its builder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{BatchError, Clock, GenerateError, Layout, ManualClock, Scheme, Standard, Stats, SystemClock};
use casflake_lease::{
    AcquireRequest, FileStore, LeaseAdmin, LeaseStats, LeaseStore, LeasedGenerator, MAX_TTL, StoreError, Token,
};
use testkit::{Scratch, eventually, within};

use crate::faulty_store::{Control, Fault, FaultyStore};
use crate::{PATIENCE, directory};

const TTL: Duration = Duration::from_millis(600);

/// Returns a generator on a faulty store. Its calls wait for `max_wait` at most.
fn leased(scratch: &Scratch, max_wait: Duration) -> (LeasedGenerator, Arc<Control>) {
    let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(TTL).max_wait(max_wait).wait_for_worker(PATIENCE).build().unwrap(), control)
}

fn wait_for_the_end_of_the_window(ids: &LeasedGenerator) {
    eventually("the end of the window", || ids.try_generate().err().filter(|error| is_expired(*error)));
}

fn is_expired(error: GenerateError) -> bool {
    matches!(error, GenerateError::LeaseExpired { .. })
}

/// Returns every counter, by name.
fn counters(stats: &Stats) -> [(&'static str, u64); 8] {
    [
        ("ids", stats.ids),
        ("ticks", stats.ticks),
        ("max_sequence", stats.max_sequence),
        ("overflow_waits", stats.overflow_waits),
        ("overflow_wait_nanos", u64::try_from(stats.overflow_wait_time.as_nanos()).unwrap()),
        ("ids_per_tick", stats.ids_per_tick.iter().map(|(_, ticks)| ticks).sum()),
        ("exhausted", stats.exhausted),
        ("clock_behind", stats.clock_behind),
    ]
}

/// Would catch: a sum that restarts at 0 when leases change; refusals that no counter counts.
#[test]
fn no_counter_falls_when_a_lease_is_replaced() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(2);
        let (ids, _) = leased(&scratch, Duration::from_millis(100));
        // Each tick has 4,096 IDs, and a batch waits for the next ones.
        let mut issued = 0;
        eventually("a batch", || {
            let batch = ids.generate_batch(9 * 4096);
            issued += batch.as_ref().unwrap_or_else(BatchError::issued).len() as u64;
            // On a busy machine the lease may end before it is renewed.
            batch.map_err(|error| assert!(is_expired(error.error()), "{error:?}")).ok()
        });
        let refusals = eventually("a full tick", || {
            let mut refusals = 0;
            for _ in 0..100_000 {
                match ids.try_generate() {
                    Ok(_) => issued += 1,
                    Err(GenerateError::Exhausted { .. }) => refusals += 1,
                    Err(error) if is_expired(error) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            Some(refusals).filter(|refusals| *refusals > 0)
        });
        let before = ids.stats();
        assert!(before.generator.overflow_waits > 0 && before.generator.exhausted >= refusals, "{before:?}");
        FileStore::new(scratch.path()).reclaim(&Standard::LAYOUT, before.worker.index()).unwrap();
        let after = eventually("another lease", || Some(ids.stats()).filter(|stats| stats.acquired == 2));
        for ((name, before), (_, after)) in counters(&before.generator).into_iter().zip(counters(&after.generator)) {
            assert!(after >= before, "{name}: {before}, then {after}");
        }
        assert_eq!(after.generator.ids, issued, "each ID counts once");
        assert!(after.generator.last_tick >= before.generator.last_tick);
    });
}

#[test]
fn each_call_without_a_lease_is_counted() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let (ids, control) = leased(&scratch, Duration::ZERO);
        control.set(Fault::LosesRequests);
        wait_for_the_end_of_the_window(&ids);
        let before = ids.stats().expired;
        assert!(before >= 1);
        (0..5).for_each(|_| assert!(ids.try_generate().is_err()));
        (0..5).for_each(|_| assert!(ids.generate().is_err()));
        assert_eq!(ids.stats().expired, before + 10);
    });
}

#[test]
fn a_drain_refuses_new_calls_but_completes_a_call_that_waits_for_the_lease() {
    within("a call that waits, and the drain", || {
        let scratch = directory(1);
        let (ids, control) = leased(&scratch, Duration::MAX);
        control.set(Fault::LosesRequests);
        let mut last = None;
        eventually("the end of the window", || match ids.try_generate() {
            Ok(id) => {
                last = Some(id);
                None
            }
            Err(_) => Some(()),
        });
        thread::scope(|scope| {
            let waits = scope.spawn(|| ids.generate());
            eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
            let draining = scope.spawn(|| ids.drain(Duration::MAX));
            eventually("a refusal", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
            assert!(!waits.is_finished() && !draining.is_finished());
            control.set(Fault::None);
            let id = waits.join().unwrap().unwrap();
            assert!(last.is_none_or(|last| id > last));
            draining.join().unwrap().unwrap();
        });
        let survey = FileStore::new(scratch.path()).survey().unwrap();
        assert_eq!(survey.workers[0].owner, None, "the worker is released");
        assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
    });
}

#[test]
fn a_drain_returns_in_time_although_a_call_still_waits() {
    within("a call that waits, and the drain", || {
        let scratch = directory(1);
        let (ids, control) = leased(&scratch, Duration::MAX);
        control.set(Fault::LosesRequests);
        wait_for_the_end_of_the_window(&ids);
        thread::scope(|scope| {
            let waits = scope.spawn(|| ids.generate());
            eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
            let (started, within) = (Instant::now(), Duration::from_millis(50));
            let failed = ids.drain(within);
            assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
            assert!(started.elapsed() >= within);
            assert_eq!(waits.join().unwrap(), Err(GenerateError::ShutDown), "it waits for no lease any more");
        });
    });
}

#[test]
fn a_drain_completes_a_call_that_waits_for_a_tick() {
    within("a call that waits, and the drain", || {
        let scratch = directory(1);
        let now = SystemClock.unix_ms();
        let clock = Arc::new(ManualClock::new(now));
        let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path()));
        let builder = builder.ttl(Duration::from_secs(60)).max_wait(Duration::MAX).clock(Arc::clone(&clock));
        let ids = builder.wait_for_worker(PATIENCE).build().unwrap();
        // A reading within the window, which begins when the lease was granted.
        clock.set(SystemClock.unix_ms() + 1);
        while ids.try_generate().is_ok() {}
        thread::scope(|scope| {
            let waits = scope.spawn(|| ids.generate());
            eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
            let draining = scope.spawn(|| ids.drain(Duration::MAX));
            eventually("a refusal", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
            clock.advance(1);
            assert_eq!(waits.join().unwrap().map(|id| id.sequence()), Ok(0));
            draining.join().unwrap().unwrap();
        });
    });
}

#[test]
fn a_shutdown_differs_from_a_fault_in_its_error() {
    within("a drain", || {
        let scratch = directory(1);
        let (ids, _) = leased(&scratch, TTL);
        ids.drain(Duration::from_secs(3600)).unwrap();
        let error = ids.generate().unwrap_err();
        assert_eq!(error, GenerateError::ShutDown);
        assert_ne!(error, GenerateError::Closed);
        assert!(!error.is_retryable(), "this generator does not come back");
        ids.shutdown().expect("a second shutdown is harmless");
        ids.drain(Duration::from_secs(3600)).expect("and so is a drain");
    });
}

#[test]
fn i3_a_leased_generator_leads_its_clock_by_max_lead_ticks_at_most() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        for lead in [0, 3] {
            let clock = Arc::new(ManualClock::new(SystemClock.unix_ms()));
            let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).max_lead(lead);
            let builder = builder.ttl(Duration::from_secs(60)).wait_for_worker(Duration::from_secs(60));
            let ids = builder.clock(Arc::clone(&clock)).build().unwrap();
            clock.set(SystemClock.unix_ms() + 10);
            let issued = (0..).take_while(|_| ids.try_generate().is_ok()).count() as u64;
            assert_eq!(issued, (lead + 1) * 4096);
            ids.shutdown().unwrap();
        }
        let refused = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).max_lead(1001).build();
        assert!(matches!(&refused, Err(StoreError::Lead { value: 1001, max: 1000 })), "{refused:?}");
    });
}

/// Would catch: an error about the store's clock in a program that uses a clock of its own; a lost setting.
#[test]
fn a_clock_of_the_host_that_moves_back_is_not_called_the_stores_clock() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let clock = Arc::new(ManualClock::new(SystemClock.unix_ms()));
        let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).strict(true);
        let ids = builder.ttl(Duration::from_secs(60)).clock(Arc::clone(&clock)).build().unwrap();
        clock.set(SystemClock.unix_ms() + 10);
        ids.generate().unwrap();
        clock.step_back(5);
        assert!(matches!(ids.generate(), Err(GenerateError::ClockBehind { .. })));
    });
}

/// A clock of the host. Its next reading by the keeper panics if the flag is set.
#[derive(Clone)]
struct PanickingClock(Arc<AtomicBool>);

impl PanickingClock {
    fn check(&self) {
        let is_keeper = thread::current().name() == Some("casflake-lease");
        // ORDERING: SeqCst, because speed does not matter in a test.
        assert!(!(is_keeper && self.0.swap(false, Ordering::SeqCst)), "a fault of the clock");
    }
}

impl Clock for PanickingClock {
    fn unix_ms(&self) -> u64 {
        self.check();
        SystemClock.unix_ms()
    }

    fn precise_unix_ns(&self) -> u128 {
        self.check();
        SystemClock.precise_unix_ns()
    }
}

#[test]
fn a_clock_that_panics_once_costs_one_renewal() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let clock = PanickingClock(Arc::default());
        let builder =
            LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).ttl(TTL).clock(clock.clone());
        let ids = builder.wait_for_worker(PATIENCE).build().unwrap();
        eventually("a renewal", || (ids.stats().renewals > 0).then_some(()));
        clock.0.store(true, Ordering::SeqCst);
        let failed = eventually("a failure", || Some(ids.stats()).filter(|stats| stats.failures > 0));
        eventually("a renewal", || (ids.stats().renewals > failed.renewals).then_some(()));
        ids.shutdown().unwrap();
    });
}

#[test]
fn a_call_that_fails_names_the_time_when_the_store_may_grant() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let (ids, _) = leased(&scratch, Duration::ZERO);
        let mut store = FileStore::new(scratch.path());
        // Another process takes the worker for longer than the keeper waits between two tries.
        let request =
            AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "another");
        eventually("the lease of another process", || {
            // The keeper may have acquired the worker first.
            store.reclaim(&Standard::LAYOUT, 0).unwrap();
            store.acquire(&request).ok()
        });
        let after = eventually("a refusal", || match ids.try_generate() {
            Err(error @ GenerateError::LeaseExpired { .. }) => error.retry_after().filter(|after| after.as_secs() >= 5),
            _ => None,
        });
        assert!(after <= Duration::from_secs(60), "{after:?}");
        store.reclaim(&Standard::LAYOUT, 0).unwrap();
        eventually("an ID", || ids.try_generate().ok());
    });
}

#[test]
fn l3_a_ttl_out_of_range_is_refused_without_a_call_of_the_store() {
    for ttl in [Duration::ZERO, Duration::from_micros(999), MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        let (store, control) = FaultyStore::new(FileStore::new(Scratch::new().path()));
        let refused = LeasedGenerator::<Standard>::builder(store).ttl(ttl).build().unwrap_err();
        assert!(matches!(refused, StoreError::Ttl { value, max: MAX_TTL } if value == ttl), "{refused}");
        assert_eq!(control.calls(), 0);
    }
}

/// A scheme without any derives.
struct Orders;

impl Scheme for Orders {
    const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
}

#[test]
fn statistics_are_values_even_if_the_scheme_has_no_derives() {
    within("a call, or the drop of a generator", || {
        fn is_value<T: Clone + PartialEq + std::fmt::Debug>(value: &T) {
            assert!(value.clone() == *value && !format!("{value:?}").is_empty());
        }
        let scratch = Scratch::new();
        let mut store = FileStore::new(scratch.path());
        eventually("a new store", || store.init_immediately(&Orders::LAYOUT, 2).ok());
        let ids: LeasedGenerator<Orders> = LeasedGenerator::builder(store).wait_for_worker(PATIENCE).build().unwrap();
        let stats: LeaseStats<Orders> = ids.stats();
        is_value(&stats);
        let token = stats.lease.token();
        assert!(!format!("{stats:?}").contains(&token.to_string()), "a reader of the log could renew the lease");
    });
}
