//! The watch over two clocks that jump, stall, lag and move back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use casflake::{Clock, ManualClock};

use super::{Host, JUMP, NEVER, STALL, TRIES, Watch, Watched};
use crate::generator::host::Imagined;
use crate::generator::signal::Signal;
use crate::sync::{AtomicU64, Ordering};

const NOW: u64 = 1_800_000_000_000;

fn watched() -> (Watched<ManualClock>, Arc<Signal>) {
    let signal = Arc::new(Signal::default());
    let watch = Arc::new(Watch::new(Host::real(), Arc::clone(&signal)));
    (Watched::new(ManualClock::new(NOW), watch), signal)
}

/// Changes `watch` as if the wall clock had moved forward by `nanos` since the last renewal. A negative `nanos`
/// moves the wall clock back.
fn step(watch: &Watch, nanos: i64) {
    // ORDERING: Relaxed for both, because only one thread uses the variable.
    let apart = watch.apart.load(Ordering::Relaxed);
    watch.apart.store(apart.wrapping_add_signed(-nanos), Ordering::Relaxed);
}

fn readings(clock: &Watched<ManualClock>) -> [u64; 2] {
    [clock.unix_ms(), u64::try_from(clock.precise_unix_ns() / 1_000_000).unwrap()]
}

fn is_rung(signal: &Signal) -> bool {
    let started = Instant::now();
    let _ = signal.sleep(Duration::from_secs(60), false);
    started.elapsed() < Duration::from_secs(30)
}

#[test]
fn a_clock_is_trusted_while_the_wall_clock_keeps_step() {
    for slewed in [0, 500_000_000, -500_000_000] {
        let (clock, _) = watched();
        step(&clock.watch, slewed);
        assert_eq!(readings(&clock), [NOW; 2], "{slewed}");
    }
}

#[test]
fn after_a_jump_no_reading_is_trusted_until_a_renewal() {
    let far = i64::try_from(JUMP).unwrap() + 500_000_000;
    for jump in [far, -far, 3_600_000_000_000, -3_600_000_000_000] {
        let (clock, signal) = watched();
        assert_eq!(readings(&clock), [NOW; 2]);
        step(&clock.watch, jump);
        assert_eq!(readings(&clock), [NOW; 2], "the millisecond that was checked before");
        clock.clock.advance(1);
        assert_eq!(readings(&clock), [NEVER; 2], "{jump}");
        assert!(clock.watch.has_jumped() && is_rung(&signal));
        clock.watch.settle(clock.watch.apart_now());
        assert_eq!(readings(&clock), [NOW + 1; 2]);
    }
}

/// Would catch: a clock that has moved back is trusted while it reads what it read before a jump was found.
#[test]
fn after_a_failed_check_no_earlier_check_counts() {
    let (clock, _) = watched();
    assert_eq!(readings(&clock), [NOW; 2]);
    step(&clock.watch, 3_600_000_000_000);
    clock.clock.step_back(5000);
    assert_eq!(readings(&clock), [NEVER; 2]);
    clock.clock.advance(5000);
    assert_eq!(readings(&clock), [NEVER; 2]);
}

/// A host whose clocks keep step, and on which each reading takes the time that `takes_ns` returns for its number.
struct Stalling<F> {
    now_ns: AtomicU64,
    readings: AtomicU64,
    takes_ns: F,
}

impl<F: Fn(u64) -> u64 + Send + Sync> Imagined for Stalling<F> {
    fn wall_ns(&self) -> u64 {
        NOW * 1_000_000 + self.monotonic_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        // ORDERING: Relaxed for both, because only one thread uses the host.
        let nth = self.readings.fetch_add(1, Ordering::Relaxed);
        self.now_ns.fetch_add((self.takes_ns)(nth), Ordering::Relaxed)
    }

    fn process(&self) -> u32 {
        1
    }
}

fn watch_on<F: Fn(u64) -> u64 + Send + Sync + 'static>(takes_ns: F) -> (Watch, Arc<Stalling<F>>) {
    let host = Arc::new(Stalling { now_ns: AtomicU64::new(0), readings: AtomicU64::new(0), takes_ns });
    (Watch::new(Host::imagined(Arc::clone(&host) as _), Arc::new(Signal::default())), host)
}

/// Returns by how much a watch on such a host is wrong, and how often it has read a clock.
fn apart_on(takes_ns: impl Fn(u64) -> u64 + Send + Sync + 'static) -> (u64, u64) {
    let (watch, host) = watch_on(takes_ns);
    // ORDERING: Relaxed for both, because only one thread uses the watch.
    (watch.apart.load(Ordering::Relaxed).abs_diff(NOW * 1_000_000), host.readings.load(Ordering::Relaxed))
}

#[test]
fn a_jump_is_a_change_by_more_than_one_second() {
    let second = i64::try_from(JUMP).unwrap();
    for (by, is_unchanged) in [(second, true), (second + 1, false), (-second, true), (-second - 1, false)] {
        let watch = watch_on(|_| 0).0;
        step(&watch, by);
        assert_eq!(watch.is_unchanged(), is_unchanged, "{by}");
    }
}

/// Would catch: a thread that is stalled between two readings, so that the time of the stall counts as a jump, or
/// hides one.
#[test]
fn l12_a_stall_between_the_readings_of_two_clocks_is_no_jump_and_hides_none() {
    for stalled in 0..7 {
        let (wrong_by, _) = apart_on(move |nth| if nth == stalled { 900_000_000 } else { 1000 });
        assert!(wrong_by <= STALL, "wrong by {wrong_by} ns if reading {stalled} is stalled");
    }
    assert_eq!(apart_on(|_| STALL / 2), (STALL / 2, 3), "read once");
    assert_eq!(apart_on(|_| STALL).1, u64::from(3 * TRIES), "a machine that stalls each time ends it too");
    let last = u64::from(3 * TRIES) - 2;
    let (wrong_by, _) = apart_on(move |nth| if nth == last { 1_200_000_000 } else { STALL });
    assert_eq!(wrong_by, STALL, "the shortest of the stalls counts");
}

#[test]
fn a_clock_that_moves_back_is_checked_again() {
    let (mut clock, _) = watched();
    clock.clock.advance(3_600_000);
    assert_eq!(readings(&clock), [NOW + 3_600_000; 2]);
    clock.clock.step_back(3_600_000 - 17);
    Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
    assert_eq!(readings(&clock), [NEVER; 2]);
}

#[test]
fn a_reading_that_lags_slightly_is_not_checked_again() {
    let (mut clock, _) = watched();
    assert_eq!(readings(&clock), [NOW; 2]);
    Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
    clock.clock.step_back(super::LAG);
    assert_eq!(readings(&clock), [NOW - super::LAG; 2]);
}

#[test]
fn a_watched_clock_is_its_clock_in_all_else() {
    let (clock, _) = watched();
    let (before, monotonic) = (clock.clock.monotonic(), clock.monotonic());
    assert!(before.is_some() && monotonic >= before && monotonic <= clock.clock.monotonic());
    assert_eq!(format!("{clock:?}"), format!("{:?}", clock.clock));
}

/// Would catch: a reading of 0, which every clock returns before 1970, that counts as checked before any check.
#[test]
fn a_reading_of_zero_is_checked() {
    let (mut clock, _) = watched();
    Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
    clock.clock.step_back(NOW);
    assert_eq!(readings(&clock), [NEVER; 2]);
}

#[test]
fn a_fork_trusts_no_reading_and_does_not_ring() {
    let (mut clock, _) = watched();
    Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
    assert!(clock.watch.is_fork());
    assert_eq!(readings(&clock), [NEVER; 2]);
    assert!(!clock.watch.has_jumped());
}
