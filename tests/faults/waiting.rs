//! How long a call waits. A wait of known length is refused before it begins if it exceeds `max_wait`; others are
//! bounded by the clock's monotonic time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
#[cfg(feature = "std")]
use std::time::Instant;

use casflake::{Clock, GenerateError, GeneratorBuilder, Sonyflake, Wait, WorkerId};
#[cfg(feature = "std")]
use casflake::{Generator, ManualClock, Standard};

use super::clocks::{Script, Split, Stopwatch};
use super::{NOW_MS, SIZE, TICK, drain, ms, on, slot, with};

#[test]
fn i4_a_wait_known_to_be_too_long_is_refused_immediately() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.max_wait(Duration::from_micros(999)));
    drain(&ids, SIZE);
    ids.clock().then([NOW_MS]);
    assert_eq!(ids.generate(), Err(GenerateError::Exhausted { retry_after: ms(1) }));
    assert_eq!(ids.clock().looks(), 2, "the coarse look and the precise one");
    assert_eq!(ids.stats().overflow_waits, 0);
}

#[test]
fn i8_a_window_that_opens_after_max_wait_is_refused_immediately() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.not_before(TICK + 101));
    let refused = GenerateError::TooEarly { not_before: TICK + 101, retry_after: ms(101) };
    assert_eq!(ids.generate(), Err(refused));
    assert_eq!(ids.clock().looks(), 2);
}

#[test]
fn a_max_wait_of_0_still_issues_the_free_slots() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.max_wait(Duration::ZERO));
    assert_eq!(ids.generate_batch(SIZE).map(|batch| batch.len()).ok(), Some(SIZE));
    assert_eq!(ids.generate(), Err(GenerateError::Exhausted { retry_after: ms(1) }));
    ids.clock().then([NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)), "the precise reading had moved on");
}

#[test]
fn retry_after_is_exact_to_the_precise_reading() {
    let ids = on(Split::new(NOW_MS, NOW_MS * 1_000_000 + 250_001));
    let (_, error) = drain(&ids, SIZE);
    assert_eq!(error, GenerateError::Exhausted { retry_after: Duration::from_nanos(749_999) });
}

/// Sonyflake's ticks are 10 ms long, and a call may come in the middle of one.
#[test]
fn max_wait_is_compared_with_the_rest_of_the_tick() {
    let begin = 1_409_529_600_000 + 10 * 777;
    let worker = WorkerId::<Sonyflake>::fixed_in::<0, 5>();
    let ids = GeneratorBuilder::new(worker, Script::new([begin + 3])).max_wait(ms(6)).build().expect("settings");
    let (tick, error) = drain(&ids, 256);
    assert_eq!((tick.len(), error), (256, GenerateError::Exhausted { retry_after: ms(7) }));
    assert_eq!(ids.generate(), Err(error));
    ids.clock().then([begin + 4, begin + 4, begin + 9, begin + 10]);
    assert_eq!(ids.generate().map(slot), Ok((778, 0)));
}

/// The call waits for each tick anew: a clock that moves on by a tick per look never uses up `max_wait`.
#[test]
fn max_wait_counts_anew_for_each_tick() {
    struct Running(Stopwatch);
    impl Clock for Running {
        fn unix_ms(&self) -> u64 {
            self.0.unix_ms()
        }
        fn monotonic(&self) -> Option<Duration> {
            self.0.wall.advance(1);
            self.0.monotonic()
        }
    }
    let ids = with(Running(Stopwatch::new(NOW_MS, ms(1))), |builder| builder.max_wait(ms(3)));
    let batch = ids.generate_batch(10 * SIZE).expect("each tick comes in time");
    assert_eq!(batch.len(), 10 * SIZE);
    assert!(ids.stats().overflow_wait_time > ms(3));
}

/// The wall clock crawls: it moves on by 1 ms for every 60 that pass.
#[test]
fn i4_a_wait_that_takes_longer_than_expected_ends_after_max_wait() {
    let ids = with(Stopwatch::new(NOW_MS, ms(60)), |builder| builder.wait(Wait::Yield));
    drain(&ids, SIZE);
    assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait: ms(100) }));
    ids.clock().wall.advance(1);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
}

/// Between two looks a thread can be off its core for longer than `max_wait`. The clock moves on meanwhile, and a last
/// look finds the tick that the call waited for.
#[test]
fn a_thread_that_was_off_its_core_does_not_fail_with_clock_stalled() {
    struct OffCore {
        monotonic_looks: AtomicU64,
        wake_at: u64,
    }
    impl OffCore {
        fn since_start(&self) -> Duration {
            if self.monotonic_looks.load(Ordering::Relaxed) > self.wake_at { ms(200) } else { ms(0) }
        }
    }
    impl Clock for OffCore {
        fn unix_ms(&self) -> u64 {
            NOW_MS + u64::try_from(self.since_start().as_millis()).expect("200")
        }
        fn monotonic(&self) -> Option<Duration> {
            self.monotonic_looks.fetch_add(1, Ordering::Relaxed);
            Some(self.since_start())
        }
    }
    for wake_at in 1..5 {
        let ids = on(OffCore { monotonic_looks: 0.into(), wake_at });
        drain(&ids, SIZE);
        assert_eq!(ids.generate().map(slot), Ok((TICK + 200, 0)), "off the core at look {wake_at}");
    }
}

/// The wait of a thread that sleeps ends, too, even if the clock and its monotonic time stand still, if it has no
/// monotonic time, and if it moves on during the sleep.
#[cfg(feature = "std")]
#[test]
fn i4_a_call_that_sleeps_ends_as_one_that_spins_does() {
    fn sleeping<C: Clock>(clock: C) -> Generator<Standard, C> {
        let ids = with(clock, |builder| builder.wait(Wait::Sleep).max_wait(ms(3)));
        drain(&ids, SIZE);
        ids
    }
    let stalled = Err(GenerateError::ClockStalled { max_wait: ms(3) });
    assert_eq!(sleeping(Stopwatch::new(NOW_MS, ms(0))).generate(), stalled, "by how long it has slept");
    assert_eq!(sleeping(Script::new([NOW_MS])).generate(), stalled, "by how long it has slept");
    let frozen = sleeping(ManualClock::new(NOW_MS));
    assert_eq!(frozen.generate(), stalled);
    assert!(frozen.stats().overflow_wait_time >= ms(3));
    frozen.clock().advance(1);
    assert_eq!(frozen.generate().map(slot), Ok((TICK + 1, 0)));
    let ids = sleeping(Script::new([NOW_MS]));
    ids.clock().then([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    assert_eq!(ids.stats().overflow_waits, 1);
}

/// Sonyflake's ticks are 10 ms long, as is the longest sleep, and a second sleep would far exceed the bound. A look
/// counts as 100 ns: a wait of looks alone takes 103,000 of them, a wait of sleeps alone 2. The call polls for the time
/// that it keeps for a late wake-up.
#[cfg(feature = "std")]
#[test]
fn i4_a_waiting_call_sleeps_but_no_longer_than_max_wait() {
    let worker = WorkerId::<Sonyflake>::fixed_in::<0, 5>();
    let builder = GeneratorBuilder::new(worker, Script::new([1_409_529_600_000])).wait(Wait::Sleep);
    let max_wait = ms(10) + Duration::from_micros(300);
    let ids = builder.max_wait(max_wait).build().expect("settings");
    drain(&ids, 256);
    let (began, naps) = (Instant::now(), ids.clock().looks());
    assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait }));
    assert!(began.elapsed() >= ms(9), "the call slept");
    let looks = ids.clock().looks() - naps;
    assert!((100..10_000).contains(&looks), "{looks} looks");
}
