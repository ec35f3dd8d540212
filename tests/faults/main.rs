//! Defends I3 to I8 against clocks that freeze, step, jump, lag or leave the layout's time. The tests bring their own
//! clocks, so that every outcome is exact. Nothing here measures or waits for real time.

#![cfg(feature = "alloc")]

mod batches;
mod clocks;
mod closing;
mod coarse;
mod ends;
mod freeze;
mod lead;
mod local;
mod races;
mod stats;
mod steps;
mod waiting;
mod window;

use std::io::{self, Write};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use casflake::{
    Clock, GenerateError, Generator, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, Standard, WorkerId,
};

const EPOCH: u64 = 1_704_067_200_000;
/// A time in the `Standard` scheme, and its tick.
const NOW_MS: u64 = EPOCH + TICK;
const TICK: u64 = 1_000_000_000;
/// IDs in a tick of the `Standard` scheme.
const SIZE: usize = 4096;
const HOUR_MS: u64 = 3_600_000;

const WORKER: WorkerId = WorkerId::fixed::<9, 17>();

/// 8 ticks of 4 IDs: small enough to come to its end.
struct Tiny;

impl Scheme for Tiny {
    const LAYOUT: Layout = Layout::new(3, 0, 1, 2).with_epoch_unix_ms(5_000);
}

const TINY: WorkerId<Tiny> = WorkerId::<Tiny>::fixed_in::<0, 1>();

/// Ends the run if a call hangs, which is the fault that these tests look for. All of them take about a second.
fn end_if_a_call_hangs() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        thread::spawn(|| {
            thread::sleep(Duration::from_secs(120));
            // Not `eprintln`: its text is captured, and a test that does not end never prints it.
            let _ = writeln!(io::stderr(), "a call hangs, in a test that has not ended yet");
            std::process::exit(1);
        });
    });
}

fn on<C: Clock>(clock: C) -> Generator<Standard, C> {
    end_if_a_call_hangs();
    Generator::with_clock(WORKER, clock)
}

fn with<C: Clock>(
    clock: C,
    set: impl FnOnce(GeneratorBuilder<Standard, C>) -> GeneratorBuilder<Standard, C>,
) -> Generator<Standard, C> {
    end_if_a_call_hangs();
    set(GeneratorBuilder::new(WORKER, clock)).build().expect("settings that fit")
}

fn tiny(
    unix_ms: u64,
    set: impl FnOnce(GeneratorBuilder<Tiny, ManualClock>) -> GeneratorBuilder<Tiny, ManualClock>,
) -> Generator<Tiny, ManualClock> {
    set(GeneratorBuilder::new(TINY, ManualClock::new(unix_ms))).build().expect("settings that fit")
}

/// Returns the precise clock's reading at the beginning of this millisecond.
const fn precise(unix_ms: u64) -> u64 {
    unix_ms * 1_000_000
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn slot<S: Scheme>(id: Snowflake<S>) -> (u64, u64) {
    (id.tick(), id.sequence())
}

/// Draws IDs until the generator refuses. Fails if it issues more than `most`.
fn drain<S: Scheme, C: Clock>(generator: &Generator<S, C>, most: usize) -> (Vec<Snowflake<S>>, GenerateError) {
    let mut ids = Vec::new();
    loop {
        match generator.try_generate() {
            Ok(id) => ids.push(id),
            Err(error) => return (ids, error),
        }
        assert!(ids.len() <= most, "more than {most} IDs: {:?}", ids.last());
    }
}
