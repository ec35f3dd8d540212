//! The floors: the parts that a generator of this kind needs at least, one by one and together.

use std::sync::atomic::{AtomicU64, Ordering};

use casflake::Clock;

use crate::source::{Source, calls};

/// A word with a pair of cache lines of its own, because processors fetch lines in pairs.
#[repr(align(128))]
struct Word(AtomicU64);

const fn word() -> Word {
    Word(AtomicU64::new(0))
}

/// Measures one reading of a clock.
pub fn read(clock: impl Clock) -> impl Source<Id = u64> {
    calls(move || clock.unix_ms(), |_| 0)
}

/// Measures one `fetch_add` of a word that no other thread uses.
pub fn fetch_add() -> impl Source<Id = u64> {
    let word = word();
    // ORDERING: Relaxed. There is no other thread.
    calls(move || word.0.fetch_add(1, Ordering::Relaxed), |_| 0)
}

/// Measures one load and one exchange of a word that no other thread uses.
pub fn load_then_exchange() -> impl Source<Id = u64> {
    let word = word();
    calls(move || exchange(&word, |word| word + 1), |_| 0)
}

/// Measures one reading of a clock, one load and one exchange: all that an ID needs.
pub fn read_then_exchange(clock: impl Clock) -> impl Source<Id = u64> {
    let word = word();
    let next = move || {
        let now_word = clock.unix_ms() << 22;
        exchange(&word, |word| word.max(now_word) + 1)
    };
    calls(next, |_| 0)
}

#[inline]
fn exchange(word: &Word, next: impl Fn(u64) -> u64) -> u64 {
    // ORDERING: Acquire and Release, as a generator has them; no other thread sees the word.
    let old = word.0.load(Ordering::Acquire);
    // ORDERING: Release, as above; Relaxed on failure, which does not occur.
    let _ = word.0.compare_exchange(old, next(old), Ordering::Release, Ordering::Relaxed);
    old
}
