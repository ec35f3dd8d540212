//! The clocks that come with the crate, against the system's own.

#![cfg(feature = "std")]

use std::hint;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use casflake::{Clock, ManualClock, SystemClock};

#[test]
fn the_system_clock_reads_the_systems_time() {
    let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    // Tried again if the system's clock is set between two of the readings.
    let is_in_between = |_| {
        let before = since_1970();
        let (millis, nanos) = (SystemClock.unix_ms(), SystemClock.precise_unix_ns());
        let after = since_1970();
        (before.as_millis()..=after.as_millis()).contains(&millis.into())
            && (before.as_nanos()..=after.as_nanos()).contains(&nanos)
    };
    assert!((0..3).any(is_in_between));
}

#[test]
fn monotonic_time_is_that_of_the_systems_monotonic_clock() {
    for clock in [&SystemClock as &dyn Clock, &ManualClock::new(0)] {
        let monotonic = || clock.monotonic().expect("a monotonic clock");
        let outer = Instant::now();
        let before = monotonic();
        let inner = Instant::now();
        while inner.elapsed() < Duration::from_millis(1) {
            hint::spin_loop();
        }
        let at_least = inner.elapsed();
        let told = monotonic() - before;
        assert!((at_least..=outer.elapsed()).contains(&told), "{told:?}");
    }
}

#[cfg(any(feature = "coarse-clock", feature = "tsc-clock"))]
const LOOKS: usize = 2_000;

/// Reads the clock between two looks at the system's clock. Checks that it is never ahead of the second look, and at
/// most `lates` times more than `lags` ms behind the first.
#[cfg(any(feature = "coarse-clock", feature = "tsc-clock"))]
fn assert_follows(clock: &impl Clock, lags: u64, lates: usize) {
    let (mut ahead, mut late) = (0, 0);
    for _ in 0..LOOKS {
        let before = SystemClock.unix_ms();
        let told = clock.unix_ms();
        let after = SystemClock.unix_ms();
        ahead += usize::from(told > after);
        late += usize::from(told + lags < before);
        // So that the looks span several ticks of any clock.
        let pause = Instant::now();
        while pause.elapsed() < Duration::from_micros(20) {
            hint::spin_loop();
        }
    }
    // The system's clock may be set during one of the looks.
    assert!(ahead <= 1, "{ahead} of {LOOKS} readings were ahead of the system's clock");
    assert!(late <= lates, "{late} of {LOOKS} readings were more than {lags} ms late");
    let before = SystemClock.precise_unix_ns();
    let told = clock.precise_unix_ns();
    assert!((before..=SystemClock.precise_unix_ns()).contains(&told), "the precise reading is the system's");
}

#[cfg(feature = "coarse-clock")]
#[test]
fn the_coarse_clock_lags_by_two_jiffies_and_never_leads() {
    #[cfg(target_os = "linux")]
    let lags = {
        let jiffy = rustix::time::clock_getres(rustix::time::ClockId::RealtimeCoarse);
        let jiffy = Duration::try_from(jiffy).expect("a length of time");
        println!("a jiffy is {jiffy:?}");
        // It stands still from one jiffy to the next. Otherwise it would not be cheaper than the precise clock.
        let (began, mut readings) = (Instant::now(), vec![casflake::CoarseClock.unix_ms()]);
        while began.elapsed() < Duration::from_millis(40) {
            readings.push(casflake::CoarseClock.unix_ms());
        }
        let jiffies = began.elapsed().as_nanos() / jiffy.as_nanos() + 1;
        readings.dedup();
        assert!(readings.len() as u128 <= jiffies + 1, "{} readings in {jiffies} jiffies", readings.len());
        u64::try_from((2 * jiffy).as_nanos().div_ceil(1_000_000)).expect("some ms")
    };
    #[cfg(not(target_os = "linux"))]
    let lags = 0;
    // A busy machine holds up interrupts, and a virtual one even more.
    assert_follows(&casflake::CoarseClock, lags, LOOKS / 2);
}

#[cfg(feature = "tsc-clock")]
#[test]
fn the_tsc_clock_follows_the_system_clock_and_never_leads() {
    // Late once, if the system's clock is set.
    assert_follows(&casflake::TscClock::new(), 0, 1);
}
