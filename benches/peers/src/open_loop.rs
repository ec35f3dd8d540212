//! Calls at a given rate. The latency of a call counts from when it was due, whether or not the thread was free.

use std::hint::spin_loop;
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::source::{Id, Shared, Source};
use crate::time::{Counter, unix_ms};
use crate::verdict::{Offset, Verdict};

/// The rate of all threads together, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The number of threads.
    pub threads: usize,
    /// Calls a second, of all threads together.
    pub per_second: usize,
    /// The length of the run.
    pub duration: Duration,
}

/// The result of a run.
#[derive(Debug)]
pub struct OpenLoop {
    /// The latencies in nanoseconds.
    pub latencies: Histogram<u64>,
    /// Whether the IDs were right.
    pub verdict: Verdict,
}

/// The time that the threads have to start.
const HEAD_START: Duration = Duration::from_millis(20);

/// Runs the schedule. Each thread's calls are spread evenly, and fall into the gaps of the other threads' calls.
pub fn run<S: Shared>(shared: &S, schedule: Schedule) -> OpenLoop {
    let counter = Counter::new();
    let gap = counter.counts(Duration::from_secs(1)) / schedule.per_second as u64;
    let origin = counter.now() + counter.counts(HEAD_START);
    let calls = (schedule.duration.as_secs_f64() * schedule.per_second as f64) as usize / schedule.threads;
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..schedule.threads as u64)
            .map(|thread| {
                let due = (thread..).step_by(schedule.threads).take(calls).map(move |call| origin + call * gap);
                let counter = &counter;
                scope.spawn(move || work(shared.source(), counter, calls, due))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a thread that ends")).collect()
    });
    let mut latencies = Histogram::new_with_bounds(1, 100_000_000_000, 3).expect("bounds");
    for late in parts.iter().flat_map(|(_, late, _)| late) {
        latencies.saturating_record((counter.nanos(*late).round() as u64).max(1));
    }
    let offset = Offset::worst(parts.iter().map(|(_, _, offset)| *offset));
    let logs: Vec<_> = parts.into_iter().map(|(log, _, _)| log).collect();
    OpenLoop { latencies, verdict: Verdict::on(&logs, offset) }
}

/// Returns the IDs, the latency of each, and how the last one's time differs from the clock.
fn work<S: Source>(
    mut source: S,
    counter: &Counter,
    calls: usize,
    due: impl Iterator<Item = u64>,
) -> (Vec<S::Id>, Vec<u64>, Offset) {
    let mut log = vec![S::Id::BLANK; calls];
    let mut late = vec![1; calls];
    for ((id, late), due) in log.chunks_mut(1).zip(&mut late).zip(due) {
        while counter.now() < due {
            spin_loop();
        }
        source.draw(id);
        *late = counter.now().saturating_sub(due);
    }
    let offset = log.last().map_or_else(Offset::default, |&id| Offset::of(source.unix_ms(id), unix_ms()));
    (log, late, offset)
}
