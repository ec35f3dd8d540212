//! `LeasedGenerator`, on a store that fails when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Clock, GenerateError, ManualClock, Scheme, Snowflake, Standard, SystemClock};
use casflake_lease::{FileStore, LeaseAdmin, LeaseStats, LeasedGenerator, StoreError, SurveyedWorker};
use testkit::{Scratch, eventually};

use crate::shaky::{Health, Mood, Shaky};

const TTL: Duration = Duration::from_millis(600);

/// A directory that grants so many workers at once.
fn directory(workers: u64) -> Scratch {
    let scratch = Scratch::new();
    FileStore::new(scratch.path()).init_immediately(&Standard::LAYOUT, workers).unwrap();
    scratch
}

fn workers(scratch: &Scratch) -> Vec<SurveyedWorker> {
    FileStore::new(scratch.path()).survey().unwrap().workers
}

fn leased(scratch: &Scratch) -> (LeasedGenerator, Arc<Health>) {
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(TTL).build().unwrap(), health)
}

fn is_expired<T>(outcome: &Result<T, GenerateError>) -> bool {
    matches!(outcome, Err(GenerateError::LeaseExpired { .. }))
}

#[test]
fn each_generator_has_a_worker_of_its_own() {
    let scratch = directory(4);
    let all: Vec<_> = (0..4).map(|_| leased(&scratch).0).collect();
    let mut ids: Vec<Snowflake> = all.iter().flat_map(|ids| ids.generate_batch(5000).unwrap().into_vec()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4 * 5000);
    let mut workers: Vec<_> = all.iter().map(LeasedGenerator::worker).collect();
    workers.sort_unstable();
    workers.dedup();
    assert_eq!(workers.len(), 4);
    let fifth: Result<LeasedGenerator, _> = LeasedGenerator::new(FileStore::new(scratch.path()));
    assert!(matches!(fifth, Err(StoreError::NoFreeWorker { workers: 4, .. })), "{fifth:?}");
}

#[test]
fn a_lease_is_renewed_before_it_ends() {
    let scratch = directory(1);
    let (ids, _) = leased(&scratch);
    let first = ids.stats();
    let is_fresh = |stats: &LeaseStats<Standard>| stats.renewals >= 2 && stats.remaining > TTL / 3;
    let renewed = eventually("two renewals, and time left", || Some(ids.stats()).filter(is_fresh));
    assert!(renewed.lease.until() > first.lease.until());
    assert_eq!((renewed.worker, renewed.acquired, renewed.failures), (first.worker, 1, 0));
    assert!(workers(&scratch)[0].counter >= renewed.lease.counter());
    eventually("an ID", || ids.generate().ok());
}

#[test]
fn i8_a_store_that_is_away_for_less_than_the_time_to_live_is_not_noticed() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch);
    for _ in 0..3 {
        health.set(Mood::Deaf);
        let (calls, until) = (health.calls(), ids.stats().lease.until());
        while health.calls() == calls {
            ids.generate().unwrap();
        }
        health.set(Mood::Well);
        eventually("a renewal", || {
            ids.generate().unwrap();
            (ids.stats().lease.until() > until).then_some(())
        });
    }
    let stats = ids.stats();
    assert_eq!((stats.acquired, stats.last_error), (1, None));
    assert!(stats.failures >= 3);
}

#[test]
fn i8_a_store_that_is_away_for_longer_ends_the_ids_and_they_come_back_with_it() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch);
    health.set(Mood::Deaf);
    let mut last = ids.generate().unwrap();
    let refused = eventually("an end", || match ids.generate() {
        Ok(id) => {
            last = id;
            None
        }
        Err(error) => Some(error),
    });
    let stats = ids.stats();
    let GenerateError::LeaseExpired { until_tick, retry_after } = refused else { panic!("{refused:?}") };
    assert_eq!((until_tick, refused.retry_after()), (stats.lease.until(), Some(retry_after)));
    // The keeper asks again that often, however long the store is away.
    assert!(!retry_after.is_zero() && retry_after <= Duration::from_secs(1), "{retry_after:?}");
    assert!(refused.is_retryable());
    assert!(last.tick() < stats.lease.until(), "{last:?}");
    assert_eq!(
        (stats.remaining, stats.last_error.as_deref()),
        (Duration::ZERO, Some("asking failed: try again when the store is available: no store"))
    );
    assert!(is_expired(&ids.try_generate()));
    health.set(Mood::Well);
    let next = eventually("an ID", || ids.generate().ok());
    assert!(next > last);
    assert_eq!(ids.stats().acquired, 1, "nobody had taken the worker");
}

/// Would catch: a batch that begins anew, or loses IDs, where the lease ends in the midst of it.
#[test]
fn i6_a_batch_that_outlives_the_lease_returns_the_ids_that_it_holds() {
    let scratch = directory(1);
    let (ids, health) = leased(&scratch);
    health.set(Mood::Deaf);
    // A million take 250 ms; the lease ends within some of these.
    let error = eventually("an end", || ids.generate_batch(1_000_000).err());
    assert!(matches!(error.error(), GenerateError::LeaseExpired { .. }), "{error:?}");
    let issued = error.into_issued();
    assert!(issued.is_sorted_by(|one, next| one < next));
    let mut buffer = [Snowflake::MIN; 4];
    assert_eq!(ids.fill(&mut buffer).unwrap_err().filled(), 0);
    health.set(Mood::Well);
    eventually("IDs", || ids.fill(&mut buffer).ok());
    assert!(issued.last().is_none_or(|last| *last < buffer[0]) && buffer.is_sorted_by(|one, next| one < next));
    assert_eq!(ids.generate_batch(0).unwrap_err().error(), GenerateError::Count { count: 0, max: casflake::MAX_BATCH });
}

/// Would catch: a retry that is granted another worker; a renewal without a reply that is taken for another process's.
#[test]
fn replies_that_are_lost_cost_nothing() {
    let scratch = directory(4);
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    health.set(Mood::Mute);
    let until = Instant::now() + Duration::from_secs(30);
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(Duration::from_secs(30));
    let ids = thread::scope(|scope| {
        let building = scope.spawn(|| builder.build().unwrap());
        while health.calls() < 3 {
            assert!(Instant::now() < until);
            thread::yield_now();
        }
        health.set(Mood::Well);
        building.join().unwrap()
    });
    assert_eq!(workers(&scratch).len(), 1, "the retries got the same worker");
    health.set(Mood::Mute);
    let calls = health.calls();
    eventually("renewals without a reply", || (health.calls() >= calls + 3).then_some(()));
    health.set(Mood::Well);
    eventually("a renewal", || (ids.stats().renewals > 0).then_some(()));
    ids.generate().unwrap();
    assert_eq!(ids.stats().acquired, 1, "{:?}", ids.stats());
}

/// Would catch: IDs that fall when the worker changes to one of a smaller index; a generator that is used on.
#[test]
fn i2_a_worker_that_was_taken_is_replaced_and_ids_keep_increasing() {
    let scratch = directory(2);
    // So that the second worker is this generator's first.
    let (other, _) = leased(&scratch);
    let (ids, _) = leased(&scratch);
    drop(other);
    let mut operator = FileStore::new(scratch.path());
    let mut last = ids.generate().unwrap();
    for changes in 1..=5 {
        let worker = ids.worker();
        operator.reclaim(&Standard::LAYOUT, worker.index()).unwrap();
        eventually("another lease", || {
            // Fails at times: the lease is found to be lost when it is to be renewed.
            if let Ok(id) = ids.generate() {
                assert!(id > last, "{id:?} after {last:?}");
                last = id;
            }
            (ids.stats().acquired > changes).then_some(())
        });
    }
    assert_eq!(ids.stats().acquired, 6);
}

#[test]
fn i8_a_shutdown_ends_calls_and_frees_the_worker_at_once() {
    let scratch = directory(1);
    let (ids, _) = leased(&scratch);
    let last = ids.generate().unwrap();
    ids.shutdown().unwrap();
    assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
    assert_eq!(ids.try_generate(), Err(GenerateError::ShutDown));
    let [worker] = &workers(&scratch)[..] else { panic!("one worker") };
    assert_eq!((worker.owner.as_ref(), worker.until), (None, last.tick() + 1));
    ids.shutdown().expect("ending twice is harmless");
    let (next, health) = leased(&scratch);
    assert!(eventually("an ID", || next.generate().ok()) > last);
    health.set(Mood::Deaf);
    let failed = next.shutdown();
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
    assert_eq!(next.generate(), Err(GenerateError::ShutDown), "all the same");
}

#[test]
fn a_generator_that_is_dropped_frees_its_worker() {
    let scratch = directory(1);
    drop(leased(&scratch));
    assert_eq!(workers(&scratch)[0].owner, None);
    let unused = workers(&scratch)[0].until;
    assert_eq!(unused, workers(&scratch)[0].from, "nothing was issued");
}

/// Calls that wait for a lease, when the generator ends.
#[test]
fn i8_a_shutdown_ends_a_call_that_waits_for_the_lease() {
    let scratch = directory(1);
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).max_wait(Duration::from_secs(60));
    let ids = builder.build().unwrap();
    health.set(Mood::Deaf);
    eventually("the end of the window", || is_expired(&ids.try_generate()).then_some(()));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ids.generate());
        thread::sleep(Duration::from_millis(20));
        let _ = ids.shutdown();
        assert_eq!(waiting.join().unwrap(), Err(GenerateError::ShutDown));
    });
}

/// Clocks of the hosts, where the generator is to go by them: one that is out of the window issues nothing.
#[test]
fn i8_a_clock_of_the_host_that_is_out_of_the_window_costs_ids_and_no_duplicate() {
    let now = SystemClock.unix_ms();
    let minutes = |minutes: i64| now.saturating_add_signed(minutes * 60_000);
    let scratch = directory(3);
    let with_clock = |unix_ms| {
        let clock = Arc::new(ManualClock::new(unix_ms));
        let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path()));
        let builder = builder.ttl(Duration::from_secs(60)).wait_for_worker(Duration::from_secs(30));
        (builder.clock(Arc::clone(&clock)).build().unwrap(), clock)
    };
    let (ahead, _) = with_clock(minutes(10));
    assert!(is_expired(&ahead.generate()));
    let (behind, _) = with_clock(minutes(-10));
    assert!(matches!(behind.generate(), Err(GenerateError::TooEarly { .. })));
    let (right, clock) = with_clock(SystemClock.unix_ms());
    let first = right.generate().unwrap();
    // Over a restart whose clock was set back by an hour.
    let worker = right.worker();
    drop(right);
    let (again, _) = with_clock(minutes(-60));
    assert_eq!(again.worker(), worker);
    assert!(matches!(again.generate(), Err(GenerateError::TooEarly { .. })));
    // One that is in step issues what nobody has issued before.
    drop(again);
    clock.advance(10);
    let (right, _) = with_clock(clock.unix_ms());
    assert!(right.worker() == worker && right.generate().unwrap() > first);
}

/// Would catch: a call that hangs, or goes on beyond the window, where the store's clock is set back.
#[test]
fn i4_a_store_whose_clock_is_set_back_is_told_and_nothing_is_issued_until_it_has_caught_up() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::new(1_800_000_000_000));
    let mut store = FileStore::with_clock(scratch.path(), Arc::clone(&clock));
    store.init_immediately(&Standard::LAYOUT, 1).unwrap();
    let ids: LeasedGenerator = LeasedGenerator::builder(store).ttl(TTL).build().unwrap();
    let first = ids.generate().unwrap();
    assert!((1_800_000_000_000..1_800_000_000_600).contains(&first.unix_ms()), "in the store's time: {first:?}");
    let mut last = first;
    // By more than a lease can last, which the store refuses to renew, and by less.
    for seconds in [3600, 60] {
        clock.step_back(seconds * 1000);
        let by = eventually("an end", || match ids.generate() {
            Ok(id) => {
                last = id;
                None
            }
            Err(GenerateError::StoreClockBehind { by }) => Some(by),
            Err(_) => None,
        });
        assert!(by.as_secs().abs_diff(seconds) <= 30, "{by:?}");
        // What has passed meanwhile, too.
        clock.advance(seconds * 1000 + 60_000);
        let next = eventually("an ID", || ids.generate().ok());
        assert!(next > last);
        last = next;
    }
}

/// Would catch: a generator that goes by a time for good which the store's clock has left, or reads no more.
#[test]
fn i4_a_store_whose_clock_is_set_and_goes_on_costs_no_more_ids_than_it_was_set_back() {
    for (ahead, back) in [(0, 3_000), (3_000, 3_000)] {
        let scratch = Scratch::new();
        let clock = Set::default();
        let mut store = FileStore::with_clock(scratch.path(), clock.clone());
        store.init_immediately(&Standard::LAYOUT, 2).unwrap();
        let ids: LeasedGenerator = LeasedGenerator::builder(store).ttl(TTL).build().unwrap();
        let mut last = ids.generate().unwrap();
        let mut next = || ids.generate().inspect(|id| assert!(std::mem::replace(&mut last, *id) < *id, "{id:?}"));
        clock.by(ahead);
        // Of which a process that is asked for no IDs sees but its renewals.
        eventually("a renewal", || {
            (ids.stats().lease.until() > Standard::LAYOUT.tick_at(clock.unix_ms())?).then_some(())
        });
        clock.by(-back);
        // What is left of the open millisecond is used meanwhile.
        let open = eventually("an ID", || next().ok());
        eventually("IDs of later", || next().ok().filter(|id| id.tick() > open.tick() + 100));
    }
}

/// The system's clock, as far ahead as it is set.
#[derive(Clone, Debug, Default)]
struct Set(Arc<AtomicI64>);

impl Set {
    fn by(&self, ms: i64) {
        // ORDERING: Relaxed. One variable of its own, as below.
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for Set {
    fn unix_ms(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        SystemClock.unix_ms().saturating_add_signed(self.0.load(Ordering::Relaxed))
    }

    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.unix_ms()) * 1_000_000
    }
}

/// Would catch: a store that is asked each time that a call has no lease.
#[test]
fn a_store_that_can_not_help_is_not_asked_by_each_call() {
    let scratch = directory(1);
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    // A clock of the host that is far ahead: each renewal goes well, and helps nothing.
    let clock = Arc::new(ManualClock::new(SystemClock.unix_ms() + 600_000));
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(Duration::from_secs(12)).clock(clock);
    let ids = builder.build().unwrap();
    let started = Instant::now();
    let mut refused = 0;
    while health.calls() < 3 {
        assert!(is_expired(&ids.try_generate()));
        refused += 1;
    }
    assert!(refused > 1000, "{refused} calls in {:?}", started.elapsed());
}
