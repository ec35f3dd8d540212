//! `LeasedGenerator`: its leases over outages, lost replies, reclaimed workers, shutdowns and wrong clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Clock, GenerateError, ManualClock, Scheme, Snowflake, Standard, SystemClock};
use casflake_lease::{FileStore, LeaseAdmin, LeaseStats, LeasedGenerator, StoreError, SurveyedWorker};
use testkit::{Scratch, eventually, within};

use crate::faulty_store::{Control, Fault, FaultyStore};
use crate::{PATIENCE, directory, initialise};

const TTL: Duration = Duration::from_millis(600);

fn workers(scratch: &Scratch) -> Vec<SurveyedWorker> {
    FileStore::new(scratch.path()).survey().unwrap().workers
}

fn leased(scratch: &Scratch) -> (LeasedGenerator, Arc<Control>) {
    leased_for(scratch, TTL)
}

fn leased_for(scratch: &Scratch, ttl: Duration) -> (LeasedGenerator, Arc<Control>) {
    let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(ttl).wait_for_worker(PATIENCE).build().unwrap(), control)
}

/// Returns an ID. On a busy machine the lease may end before it is renewed, and then calls fail for a while.
fn draw(ids: &LeasedGenerator) -> Snowflake {
    eventually("an ID", || ids.generate().ok())
}

fn is_expired<T>(outcome: &Result<T, GenerateError>) -> bool {
    matches!(outcome, Err(GenerateError::LeaseExpired { .. }))
}

#[test]
fn l1_each_generator_has_its_own_worker() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(4);
        // No lease ends before the test does.
        let all: Vec<_> = (0..4).map(|_| leased_for(&scratch, Duration::from_secs(60)).0).collect();
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
    });
}

#[test]
fn a_lease_is_renewed_before_it_ends() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let (ids, _) = leased(&scratch);
        let first = ids.stats();
        let is_fresh = |stats: &LeaseStats<Standard>| stats.renewals >= 2 && stats.remaining > TTL / 3;
        let renewed = eventually("two renewals, and time left", || Some(ids.stats()).filter(is_fresh));
        assert!(renewed.lease.until() > first.lease.until());
        assert_eq!((renewed.worker, renewed.acquired, renewed.failures), (first.worker, 1, 0));
        assert!(workers(&scratch)[0].counter >= renewed.lease.counter());
        draw(&ids);
    });
}

#[test]
fn an_outage_of_the_store_shorter_than_the_ttl_has_no_effect() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        // By a clock that stands still, no window ends because this machine is busy.
        let clock = Arc::new(ManualClock::new(SystemClock.unix_ms()));
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(PATIENCE);
        let ids = builder.clock(Arc::clone(&clock)).build().unwrap();
        let first = ids.stats().lease;
        for _ in 0..3 {
            control.set(Fault::LosesRequests);
            let (failures, until) = (ids.stats().failures, ids.stats().lease.until());
            eventually("a failure", || (ids.stats().failures > failures).then_some(()));
            ids.generate().expect("the window has not ended");
            control.set(Fault::None);
            eventually("a renewal", || (ids.stats().lease.until() > until).then_some(()));
        }
        clock.set(Standard::LAYOUT.unix_ms_of(first.until()).unwrap());
        ids.generate().expect("the window was extended");
        let stats = ids.stats();
        assert_eq!((stats.acquired, stats.last_error), (1, None));
        assert!(stats.failures >= 3);
    });
}

#[test]
fn i8_calls_fail_after_the_window_and_succeed_again_when_the_store_is_back() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let (ids, control) = leased(&scratch);
        let mut last = draw(&ids);
        control.set(Fault::LosesRequests);
        let refused = eventually("a refusal", || match ids.generate() {
            Ok(id) => {
                last = id;
                None
            }
            Err(error) => Some(error),
        });
        let stats = ids.stats();
        let GenerateError::LeaseExpired { until_tick, retry_after } = refused else { panic!("{refused:?}") };
        assert_eq!((until_tick, refused.retry_after()), (stats.lease.until(), Some(retry_after)));
        // The keeper tries again within this time, however long the outage lasts.
        assert!(!retry_after.is_zero() && retry_after <= Duration::from_secs(1), "{retry_after:?}");
        assert!(refused.is_retryable());
        assert!(last.tick() < stats.lease.until(), "{last:?}");
        assert_eq!(
            (stats.remaining, stats.last_error.as_deref()),
            (Duration::ZERO, Some("asking failed: try again when the store is available: no store"))
        );
        assert!(is_expired(&ids.try_generate()));
        control.set(Fault::None);
        assert!(draw(&ids) > last);
        assert_eq!(ids.stats().acquired, 1, "no other process had taken the worker");
    });
}

/// Would catch: a batch that starts again, or loses IDs, if the lease ends before the batch is complete.
#[test]
fn i6_a_batch_refused_at_the_end_of_the_lease_returns_the_ids_that_it_has_taken() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(1);
        let (ids, control) = leased(&scratch);
        control.set(Fault::LosesRequests);
        // A million IDs take 250 ms, so the lease ends during one of these batches.
        let error = eventually("a refusal", || ids.generate_batch(1_000_000).err());
        assert!(matches!(error.error(), GenerateError::LeaseExpired { .. }), "{error:?}");
        let issued = error.into_issued();
        assert!(issued.is_sorted_by(|one, next| one < next));
        let mut buffer = [Snowflake::MIN; 4];
        assert_eq!(ids.fill(&mut buffer).unwrap_err().filled(), 0);
        control.set(Fault::None);
        eventually("IDs", || ids.fill(&mut buffer).ok());
        assert!(issued.last().is_none_or(|last| *last < buffer[0]) && buffer.is_sorted_by(|one, next| one < next));
        assert_eq!(
            ids.generate_batch(0).unwrap_err().error(),
            GenerateError::Count { count: 0, max: casflake::MAX_BATCH }
        );
    });
}

/// Would catch: a retry that is granted another worker; a renewal without a reply that is mistaken for the renewal of
/// another process.
#[test]
fn l11_a_lost_reply_costs_neither_the_worker_nor_the_lease() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(4);
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        control.set(Fault::LosesReplies);
        let until = Instant::now() + Duration::from_secs(30);
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(Duration::from_secs(30));
        let ids = thread::scope(|scope| {
            let building = scope.spawn(|| builder.build().unwrap());
            while control.calls() < 3 {
                assert!(Instant::now() < until);
                thread::yield_now();
            }
            control.set(Fault::None);
            building.join().unwrap()
        });
        assert_eq!(workers(&scratch).len(), 1, "the retries were granted the same worker");
        control.set(Fault::LosesReplies);
        let calls = control.calls();
        eventually("renewals without a reply", || (control.calls() >= calls + 3).then_some(()));
        control.set(Fault::None);
        eventually("a renewal", || (ids.stats().renewals > 0).then_some(()));
        draw(&ids);
        assert_eq!(ids.stats().acquired, 1, "{:?}", ids.stats());
    });
}

/// Would catch: IDs that decrease when the generator changes to a worker with a smaller index; a generator that is still
/// used after its lease was lost.
#[test]
fn l10_ids_keep_increasing_when_a_reclaimed_worker_is_replaced() {
    within("a call, or the drop of a generator", || {
        let scratch = directory(2);
        // The other generator takes the first worker, so this one starts with the second.
        let (other, _) = leased(&scratch);
        let (ids, _) = leased(&scratch);
        drop(other);
        let mut operator = FileStore::new(scratch.path());
        let mut last = draw(&ids);
        for changes in 1..=5 {
            let worker = ids.worker();
            operator.reclaim(&Standard::LAYOUT, worker.index()).unwrap();
            eventually("another lease", || {
                // A call fails if the keeper has just found the lease to be lost.
                if let Ok(id) = ids.generate() {
                    assert!(id > last, "{id:?} after {last:?}");
                    last = id;
                }
                (ids.stats().acquired > changes).then_some(())
            });
        }
        assert_eq!(ids.stats().acquired, 6);
    });
}

#[test]
fn l5_a_shutdown_ends_calls_and_releases_the_worker_after_the_last_tick() {
    within("a shutdown", || {
        let scratch = directory(1);
        let (ids, _) = leased(&scratch);
        let last = draw(&ids);
        ids.shutdown().unwrap();
        assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
        assert_eq!(ids.try_generate(), Err(GenerateError::ShutDown));
        let [worker] = &workers(&scratch)[..] else { panic!("one worker") };
        assert_eq!((worker.owner.as_ref(), worker.until), (None, last.tick() + 1));
        ids.shutdown().expect("a second shutdown is harmless");
        let (next, control) = leased(&scratch);
        assert!(draw(&next) > last);
        control.set(Fault::LosesRequests);
        let failed = next.shutdown();
        assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "{failed:?}");
        assert_eq!(next.generate(), Err(GenerateError::ShutDown), "calls end nevertheless");
    });
}

#[test]
fn l5_a_dropped_generator_releases_its_worker() {
    let scratch = directory(1);
    let ids = leased(&scratch);
    within("a drop", || drop(ids));
    assert_eq!(workers(&scratch)[0].owner, None);
    let unused = workers(&scratch)[0].until;
    assert_eq!(unused, workers(&scratch)[0].from, "nothing was issued");
}

#[test]
fn i8_a_shutdown_ends_a_call_that_waits_for_the_lease() {
    within("a call that waits, and the shutdown", || {
        let scratch = directory(1);
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(PATIENCE);
        let ids = builder.max_wait(Duration::MAX).build().unwrap();
        control.set(Fault::LosesRequests);
        eventually("the end of the window", || is_expired(&ids.try_generate()).then_some(()));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ids.generate());
            eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
            let _ = ids.shutdown();
            assert_eq!(waiting.join().unwrap(), Err(GenerateError::ShutDown));
        });
    });
}

/// Would catch: IDs by a clock of the host that is outside the window, if the generator uses that clock.
#[test]
fn i8_a_wrong_clock_of_the_host_costs_time_but_makes_no_duplicate() {
    within("a call, or the drop of a generator", || {
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
        // A restart, with a clock that has moved back by an hour.
        let worker = right.worker();
        drop(right);
        let (again, _) = with_clock(minutes(-60));
        assert_eq!(again.worker(), worker);
        assert!(matches!(again.generate(), Err(GenerateError::TooEarly { .. })));
        // A right clock issues new IDs.
        drop(again);
        clock.advance(10);
        let (right, _) = with_clock(clock.unix_ms());
        assert!(right.worker() == worker && right.generate().unwrap() > first);
    });
}

/// Would catch: a call that hangs, or issues IDs outside the window, when the store's clock moves back.
#[test]
fn l9_calls_report_that_the_stores_clock_moved_back_and_fail_until_it_has_caught_up() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::new(1_800_000_000_000));
        let mut store = FileStore::with_clock(scratch.path(), Arc::clone(&clock));
        initialise(&mut store, 1);
        let ids: LeasedGenerator = LeasedGenerator::builder(store).ttl(TTL).wait_for_worker(PATIENCE).build().unwrap();
        let drawn = || {
            eventually("an ID of the store's time", || match ids.generate() {
                Ok(id) => Some(id).filter(|id| id.unix_ms() >= clock.unix_ms()),
                // The store's clock stands still, so a window ends for good if this machine is busy. A later one follows.
                Err(_) => {
                    clock.advance(60_000);
                    None
                }
            })
        };
        let mut last = drawn();
        assert!(last.unix_ms() < clock.unix_ms() + 600, "in the store's time: {last:?}");
        // By more than the longest TTL, which the store refuses to renew, and by less.
        for seconds in [3600, 60] {
            clock.step_back(seconds * 1000);
            let by = eventually("a refusal", || {
                // More IDs than the rest of the open tick has.
                let (issued, error) = match ids.generate_batch(5000) {
                    Ok(batch) => (batch, None),
                    Err(error) => (error.issued().clone(), Some(error.error())),
                };
                last = issued.into_iter().last().unwrap_or(last);
                // The store's clock stands still, so it soon is a little behind in any case.
                let Some(GenerateError::StoreClockBehind { by }) = error else { return None };
                Some(by).filter(|by| by.as_secs() + 30 >= seconds)
            });
            assert!(by.as_secs() <= seconds + 30, "{by:?}");
            // Forward again, and past the time that the loop has taken.
            clock.advance(seconds * 1000 + 60_000);
            let next = drawn();
            assert!(next > last);
            last = next;
        }
    });
}

/// Would catch: a generator that keeps an old offset of the store's clock for ever, or never reads the clock again.
#[test]
fn l9_a_step_of_the_stores_clock_costs_no_more_time_than_the_step() {
    within("a call, or the drop of a generator", || {
        for (ahead, back) in [(0, 3_000), (3_000, 3_000)] {
            let scratch = Scratch::new();
            let clock = OffsetClock::default();
            let mut store = FileStore::with_clock(scratch.path(), clock.clone());
            initialise(&mut store, 2);
            let ids: LeasedGenerator =
                LeasedGenerator::builder(store).ttl(TTL).wait_for_worker(PATIENCE).build().unwrap();
            let mut last = draw(&ids);
            let mut next = || ids.generate().inspect(|id| assert!(std::mem::replace(&mut last, *id) < *id, "{id:?}"));
            clock.shift(ahead);
            // A process without calls sees the step only in its renewals.
            eventually("a renewal", || {
                (ids.stats().lease.until() > Standard::LAYOUT.tick_at(clock.unix_ms())?).then_some(())
            });
            clock.shift(-back);
            // Until the clock has caught up, IDs come from the rest of the open millisecond.
            let open = eventually("an ID", || next().ok());
            eventually("an ID of a later tick", || next().ok().filter(|id| id.tick() > open.tick() + 100));
        }
    });
}

/// The system's clock, shifted by a number of milliseconds.
#[derive(Clone, Debug, Default)]
struct OffsetClock(Arc<AtomicI64>);

impl OffsetClock {
    fn shift(&self, ms: i64) {
        // ORDERING: Relaxed. No other variable depends on it.
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for OffsetClock {
    fn unix_ms(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        SystemClock.unix_ms().saturating_add_signed(self.0.load(Ordering::Relaxed))
    }

    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.unix_ms()) * 1_000_000
    }
}
