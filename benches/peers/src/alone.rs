//! One thread, with nothing else to do.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{Ordering, fence};

use crate::source::{Id, Source};
use crate::time::{Counter, unix_ms};
use crate::verdict::{Offset, Verdict};

/// How many IDs are drawn while the clock runs: they stay in the processor's nearest cache, so that memory takes no
/// time.
const CHUNK: usize = 1024;

/// What a run of one thread has found.
#[derive(Clone, Copy, Debug)]
pub struct Alone {
    /// Nanoseconds an ID.
    pub ns: f64,
    /// Whether the IDs were right.
    pub verdict: Verdict,
}

/// `count` IDs one after the other.
pub fn run(source: &mut impl Source, count: usize) -> Alone {
    let (ns, log) = drawn::<CHUNK, _>(source, count, || ());
    judged(source, ns, log)
}

/// `count` IDs, no more of them in a millisecond than a sequence of 12 bits has: what a call costs that need not wait.
pub fn run_in_bursts(source: &mut impl Source, count: usize) -> Alone {
    let (ns, log) = drawn::<{ CHUNK / 2 }, _>(source, count, next_millisecond);
    judged(source, ns, log)
}

/// What does not make IDs: nanoseconds a call.
pub fn run_floor(source: &mut impl Source, count: usize) -> f64 {
    drawn::<CHUNK, _>(source, count, || ()).0
}

fn judged<S: Source>(source: &S, ns: f64, log: Vec<S::Id>) -> Alone {
    let offset = log.last().map_or_else(Offset::default, |&id| Offset::of(source.unix_ms(id), unix_ms()));
    Alone { ns, verdict: Verdict::on(&[log], offset) }
}

fn drawn<const N: usize, S: Source>(source: &mut S, count: usize, pause: impl Fn()) -> (f64, Vec<S::Id>) {
    let counter = Counter::new();
    let mut chunk = [S::Id::BLANK; N];
    let mut log = Vec::with_capacity(count + N);
    let mut counts = 0;
    source.draw(&mut chunk);
    while log.len() < count {
        pause();
        // ORDERING: SeqCst, the one that has the copy below leave the store buffer: else the chunk's own stores queue
        // behind it.
        fence(Ordering::SeqCst);
        let start = counter.now();
        source.draw(black_box(&mut chunk));
        counts += counter.now() - start;
        log.extend_from_slice(black_box(&chunk));
    }
    (counter.nanos(counts) / log.len() as f64, log)
}

fn next_millisecond() {
    let now = unix_ms();
    while unix_ms() == now {
        spin_loop();
    }
}
