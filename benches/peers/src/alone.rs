//! Runs of a single thread.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{Ordering, fence};

use crate::source::{Id, Source};
use crate::time::{Counter, unix_ms};
use crate::verdict::{Offset, Verdict};

/// The number of IDs drawn while the clock runs. They stay in the processor's nearest cache, so that memory takes no
/// time.
const CHUNK: usize = 1024;

/// The result of a run of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Alone {
    /// Nanoseconds per ID.
    pub ns: f64,
    /// Whether the IDs were right.
    pub verdict: Verdict,
}

/// Draws `count` IDs one after the other.
pub fn run(source: &mut impl Source, count: usize) -> Alone {
    let (ns, log) = drawn::<CHUNK, _>(source, count, || ());
    judged(source, ns, log)
}

/// Draws `count` IDs in bursts, fewer in each millisecond than a sequence of 12 bits has. Measures calls that do not
/// wait.
pub fn run_in_bursts(source: &mut impl Source, count: usize) -> Alone {
    let (ns, log) = drawn::<{ CHUNK / 2 }, _>(source, count, next_millisecond);
    judged(source, ns, log)
}

/// Returns the nanoseconds per call of a source that makes no IDs.
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
        // ORDERING: SeqCst, the only ordering that empties the store buffer of the copy below. Otherwise the chunk's
        // own stores queue behind it.
        fence(Ordering::SeqCst);
        let start = counter.now();
        source.draw(black_box(&mut chunk));
        counts += counter.now() - start;
        log.extend_from_slice(black_box(&chunk));
    }
    (counter.nanos(counts) / log.len() as f64, log)
}

fn next_millisecond() {
    let now_ms = unix_ms();
    while unix_ms() == now_ms {
        spin_loop();
    }
}
