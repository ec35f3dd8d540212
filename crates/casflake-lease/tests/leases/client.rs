//! What a service sees of its leased generator: numbers that never fall, an end in order, and events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Clock, GenerateError, ManualClock, Scheme, Standard, Stats, SystemClock};
use casflake_lease::{
    AcquireRequest, FileStore, LeaseAdmin, LeaseEvent, LeaseStore, LeasedGenerator, StoreError, Token,
};
use testkit::{Scratch, eventually};

use crate::shaky::{Health, Mood, Shaky};

const TTL: Duration = Duration::from_millis(600);

fn directory(workers: u64) -> Scratch {
    let scratch = Scratch::new();
    FileStore::new(scratch.path()).init_immediately(&Standard::LAYOUT, workers).unwrap();
    scratch
}

/// A generator on a store that fails when it is told to, whose calls wait for so long.
fn leased(scratch: &Scratch, max_wait: Duration) -> (LeasedGenerator, Arc<Health>) {
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(TTL).max_wait(max_wait).build().unwrap(), health)
}

fn end_of_the_window(ids: &LeasedGenerator) {
    let has_ended = || matches!(ids.try_generate(), Err(GenerateError::LeaseExpired { .. }));
    eventually("the end of the window", || has_ended().then_some(()));
}

/// Every counter, by name.
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

/// Would catch: a sum that a change of leases begins anew; refusals that no counter shows.
#[test]
fn no_counter_falls_when_a_lease_is_replaced() {
    let scratch = directory(2);
    let (ids, _) = leased(&scratch, Duration::from_millis(100));
    // Each tick has 4,096 IDs, and a batch waits for the next ones.
    let mut issued = ids.generate_batch(9 * 4096).unwrap().into_vec().len() as u64;
    let refusals = eventually("a tick that is used up", || {
        let mut refusals = 0;
        for _ in 0..100_000 {
            match ids.try_generate() {
                Ok(_) => issued += 1,
                Err(GenerateError::Exhausted { .. }) => refusals += 1,
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
}

#[test]
fn each_call_that_fails_for_want_of_a_lease_is_counted() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch, Duration::ZERO);
    health.set(Mood::Deaf);
    end_of_the_window(&ids);
    let before = ids.stats().expired;
    assert!(before >= 1);
    (0..5).for_each(|_| assert!(ids.try_generate().is_err()));
    (0..5).for_each(|_| assert!(ids.generate().is_err()));
    assert_eq!(ids.stats().expired, before + 10);
}

#[test]
fn a_drain_refuses_new_calls_and_lets_a_call_that_waits_for_the_lease_end() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch, Duration::from_secs(60));
    health.set(Mood::Deaf);
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
        let draining = scope.spawn(|| ids.drain(Duration::from_secs(60)));
        eventually("a refusal", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
        assert!(!waits.is_finished() && !draining.is_finished());
        health.set(Mood::Well);
        assert!(waits.join().unwrap().unwrap() > last.unwrap());
        draining.join().unwrap().unwrap();
    });
    let survey = FileStore::new(scratch.path()).survey().unwrap();
    assert_eq!(survey.workers[0].owner, None, "the worker is given back");
    assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
}

#[test]
fn a_drain_ends_in_time_although_a_call_still_waits() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch, Duration::from_secs(60));
    health.set(Mood::Deaf);
    end_of_the_window(&ids);
    thread::scope(|scope| {
        let waits = scope.spawn(|| ids.generate());
        eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
        let (started, within) = (Instant::now(), Duration::from_millis(50));
        let failed = ids.drain(within);
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
        assert!(started.elapsed() >= within);
        assert_eq!(waits.join().unwrap(), Err(GenerateError::ShutDown), "long before its 60 s are over");
    });
}

#[test]
fn a_drain_lets_a_call_that_waits_for_a_tick_end() {
    let scratch = directory(1);
    let now = SystemClock.unix_ms();
    let clock = Arc::new(ManualClock::new(now));
    let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path()));
    let builder = builder.ttl(Duration::from_secs(60)).max_wait(Duration::from_secs(60)).clock(Arc::clone(&clock));
    let ids = builder.build().unwrap();
    // A reading within the window, which begins when the lease was granted.
    clock.set(SystemClock.unix_ms() + 1);
    while ids.try_generate().is_ok() {}
    thread::scope(|scope| {
        let waits = scope.spawn(|| ids.generate());
        eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
        let draining = scope.spawn(|| ids.drain(Duration::from_secs(60)));
        eventually("a refusal", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
        clock.advance(1);
        assert_eq!(waits.join().unwrap().map(|id| id.sequence()), Ok(0));
        draining.join().unwrap().unwrap();
    });
}

#[test]
fn a_shut_down_generator_tells_a_stopping_process_from_a_fault() {
    let scratch = directory(1);
    let (ids, _) = leased(&scratch, TTL);
    ids.drain(Duration::from_secs(10)).unwrap();
    let error = ids.generate().unwrap_err();
    assert_eq!(error, GenerateError::ShutDown);
    assert_ne!(error, GenerateError::Closed);
    assert!(!error.is_retryable(), "this generator does not come back");
    ids.shutdown().expect("ending twice is harmless");
    ids.drain(Duration::from_secs(60)).expect("and so is this");
}

#[test]
fn a_leased_generator_leads_its_clock_by_as_many_ticks_as_it_is_allowed_to() {
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
}

/// Names of events, in order; equal ones in a row count once.
type Log = Arc<Mutex<Vec<&'static str>>>;

fn name(event: &LeaseEvent<'_>) -> &'static str {
    match event {
        LeaseEvent::Waiting { .. } => "waiting",
        LeaseEvent::Acquired { .. } => "acquired",
        LeaseEvent::Renewed { .. } => "renewed",
        LeaseEvent::StoreFailed { remaining, .. } if remaining.is_zero() => "failed too late",
        LeaseEvent::StoreFailed { .. } => "failed",
        LeaseEvent::StillFailing { .. } => "still failing",
        LeaseEvent::Ended { .. } => "ended",
        LeaseEvent::Lost { .. } => "lost",
        LeaseEvent::Recovered { .. } => "recovered",
        LeaseEvent::Released { .. } => "released",
        LeaseEvent::NotReleased { .. } => "not released",
        _ => "unknown",
    }
}

fn recorder(log: &Log) -> impl FnMut(&LeaseEvent<'_>) + Send + 'static {
    let log = Arc::clone(log);
    move |event| {
        let mut log = log.lock().unwrap();
        if log.last() != Some(&name(event)) {
            log.push(name(event));
        }
    }
}

#[test]
fn a_callback_gets_each_event_of_an_outage_a_loss_and_an_end() {
    let scratch = directory(2);
    let log = Log::default();
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).on_event(recorder(&log));
    let ids = builder.build().unwrap();
    let is_last = |event| log.lock().unwrap().last() == Some(&event);
    let until = |event| eventually(event, || is_last(event).then_some(()));
    until("renewed");
    health.set(Mood::Deaf);
    until("ended");
    health.set(Mood::Well);
    until("renewed");
    FileStore::new(scratch.path()).reclaim(&Standard::LAYOUT, ids.worker().index()).unwrap();
    eventually("another lease", || (ids.stats().acquired == 2).then_some(()));
    until("renewed");
    ids.shutdown().unwrap();
    let expected =
        ["acquired", "renewed", "failed", "ended", "recovered", "renewed", "lost", "acquired", "renewed", "released"];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn a_callback_learns_of_a_wait_for_a_worker_and_of_one_that_is_not_released() {
    let scratch = directory(1);
    let (first, _) = leased(&scratch, TTL);
    let log = Log::default();
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(Duration::from_secs(60));
    let builder = builder.on_event(recorder(&log));
    let second = thread::scope(|scope| {
        let building = scope.spawn(|| builder.build().unwrap());
        eventually("a wait", || (*log.lock().unwrap() == ["waiting"]).then_some(()));
        first.shutdown().unwrap();
        building.join().unwrap()
    });
    health.set(Mood::Deaf);
    second.shutdown().unwrap_err();
    let log = log.lock().unwrap();
    assert_eq!((log[..2].to_vec(), log.last()), (vec!["waiting", "acquired"], Some(&"not released")));
}

/// A clock of the host that panics when it is told to, but for the thread of the test.
#[derive(Clone)]
struct Fragile(Arc<AtomicBool>);

impl Fragile {
    fn check(&self) {
        let is_keeper = thread::current().name() == Some("casflake-lease");
        // ORDERING: SeqCst: a test has time.
        assert!(!(is_keeper && self.0.swap(false, Ordering::SeqCst)), "a fault of the clock");
    }
}

impl Clock for Fragile {
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
    let scratch = directory(1);
    let clock = Fragile(Arc::default());
    let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).ttl(TTL).clock(clock.clone());
    let ids = builder.build().unwrap();
    eventually("a renewal", || (ids.stats().renewals > 0).then_some(()));
    clock.0.store(true, Ordering::SeqCst);
    let failed = eventually("a failure", || Some(ids.stats()).filter(|stats| stats.failures > 0));
    eventually("a renewal", || (ids.stats().renewals > failed.renewals).then_some(()));
    ids.shutdown().unwrap();
}

/// Would catch: a callback that waits for its own thread; a second end that reports a failure which did not happen.
#[test]
fn a_callback_can_shut_its_generator_down() {
    let scratch = directory(1);
    let own: Arc<Mutex<Option<Arc<LeasedGenerator>>>> = Arc::default();
    let ended = Arc::new(Mutex::new(None));
    let (theirs, end) = (Arc::clone(&own), Arc::clone(&ended));
    let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).ttl(TTL);
    let ids = builder.on_event(move |event| {
        if let (LeaseEvent::Renewed { .. }, Some(ids)) = (event, &*theirs.lock().unwrap()) {
            end.lock().unwrap().get_or_insert_with(|| ids.shutdown());
        }
    });
    let ids = Arc::new(ids.build().unwrap());
    *own.lock().unwrap() = Some(Arc::clone(&ids));
    // One that waited for its own thread would give up.
    eventually("an end", || ended.lock().unwrap().take()).expect("it does not wait");
    ids.shutdown().expect("the callback has ended it");
    assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
    assert_eq!(FileStore::new(scratch.path()).survey().unwrap().workers[0].owner, None);
    *own.lock().unwrap() = None;
}

#[test]
fn a_call_that_fails_says_when_the_store_may_grant() {
    let scratch = directory(1);
    let (ids, _) = leased(&scratch, Duration::ZERO);
    let mut store = FileStore::new(scratch.path());
    // Another process takes the worker, for longer than the keeper waits between two tries.
    store.reclaim(&Standard::LAYOUT, 0).unwrap();
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "another");
    eventually("a lease of another", || store.acquire(&request).ok());
    let after = eventually("a refusal", || match ids.try_generate() {
        Err(error @ GenerateError::LeaseExpired { .. }) => error.retry_after().filter(|after| after.as_secs() >= 5),
        _ => None,
    });
    assert!(after <= Duration::from_secs(60), "{after:?}");
    store.reclaim(&Standard::LAYOUT, 0).unwrap();
    eventually("an ID", || ids.try_generate().ok());
}

#[test]
fn an_end_while_the_store_is_away_is_no_end_of_the_lease() {
    let scratch = directory(1);
    let log = Log::default();
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).on_event(recorder(&log));
    let ids = builder.build().unwrap();
    eventually("renewed", || (log.lock().unwrap().last() == Some(&"renewed")).then_some(()));
    let calls = health.calls();
    health.set(Mood::Stuck);
    eventually("a renewal that is under way", || (health.calls() > calls).then_some(()));
    thread::scope(|scope| {
        let ending = scope.spawn(|| ids.shutdown());
        eventually("an end", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
        health.set(Mood::Deaf);
        ending.join().unwrap().unwrap_err();
    });
    let log = log.lock().unwrap();
    assert!(!log.contains(&"ended") && !log.contains(&"failed too late"), "{log:?}");
    assert_eq!(log.last(), Some(&"not released"));
}
