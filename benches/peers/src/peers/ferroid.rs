//! ferroid: a clock that a thread keeps, and generators by atomic, by lock and for one thread.

use std::hint::spin_loop;
use std::time::Duration;

use ferroid::generator::{AtomicSnowflakeGenerator, BasicSnowflakeGenerator, LockSnowflakeGenerator};
use ferroid::time::MonotonicClock;

use layouts::{Standard, Wide};

use crate::ours::EPOCH;
use crate::source::{Shared, Source, calls};

#[allow(missing_docs, unreachable_pub, reason = "what the macro writes")]
mod layouts {
    use ferroid::define_snowflake_id;

    define_snowflake_id!(
        /// casflake's wide layout.
        Wide, u64, reserved: 1, timestamp: 39, machine_id: 2, sequence: 22
    );

    define_snowflake_id!(
        /// Twitter's bits.
        Standard, u64, reserved: 1, timestamp: 41, machine_id: 10, sequence: 12
    );
}

fn clock() -> MonotonicClock<1> {
    MonotonicClock::with_epoch(Duration::from_millis(EPOCH))
}

/// Waits as its own benchmarks do, and as its README recommends first.
#[inline]
fn pending(_yield_for: u64) {
    spin_loop();
}

/// Waits only if the millisecond is used up, and not after a failed CAS: the other reading of its documentation.
#[inline]
fn pending_immediate(yield_for: u64) {
    if yield_for != 0 {
        spin_loop();
    }
}

/// Returns the time of a wide ID.
fn wide_ms(id: u64) -> u64 {
    (id >> 24) + EPOCH
}

/// `AtomicSnowflakeGenerator`, wide.
pub fn atomic() -> impl Shared<Id = u64> {
    let ids = AtomicSnowflakeGenerator::<Wide, _>::new(1, clock());
    calls(move || ids.next_id(pending).to_raw(), wide_ms)
}

/// `AtomicSnowflakeGenerator`, wide, which retries immediately after a failed CAS.
pub fn atomic_immediate() -> impl Shared<Id = u64> {
    let ids = AtomicSnowflakeGenerator::<Wide, _>::new(1, clock());
    calls(move || ids.next_id(pending_immediate).to_raw(), wide_ms)
}

/// `AtomicSnowflakeGenerator`, 12 bits of sequence.
pub fn standard() -> impl Shared<Id = u64> {
    let ids = AtomicSnowflakeGenerator::<Standard, _>::new(1, clock());
    calls(move || ids.next_id(pending).to_raw(), |id| (id >> 22) + EPOCH)
}

/// `LockSnowflakeGenerator`, wide.
pub fn lock() -> impl Shared<Id = u64> {
    let ids = LockSnowflakeGenerator::<Wide, _>::new(1, clock());
    calls(move || ids.try_next_id(pending).expect("no thread has panicked").to_raw(), wide_ms)
}

/// `BasicSnowflakeGenerator`, wide, for one thread only.
pub fn basic() -> impl Source<Id = u64> {
    let ids = BasicSnowflakeGenerator::<Wide, _>::new(1, clock());
    calls(move || ids.next_id(pending).to_raw(), wide_ms)
}
