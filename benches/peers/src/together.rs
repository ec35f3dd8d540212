//! Several threads on one generator.

use std::iter::repeat_n;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::source::{Id, Source};
use crate::time::{Counter, thread_cpu, unix_ms};
use crate::verdict::{Offset, Verdict};

/// In runs that time calls, a thread times one call in this many.
const SAMPLED: usize = 32;

/// The length of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The time after which it ends, unless a thread's buffer is full before.
    pub duration: Duration,
    /// The number of IDs that a thread has room for.
    pub room: usize,
}

/// The result of a run.
#[derive(Debug)]
pub struct Together<S: Source> {
    /// The source of one of the threads.
    pub source: S,
    /// Each thread's IDs.
    pub logs: Vec<Vec<S::Id>>,
    /// The time from the start of the first thread until the first thread saw that the run was over.
    pub elapsed: Duration,
    /// The start and the end by the wall clock, in Unix milliseconds.
    pub span_ms: Range<u64>,
    /// The threads' processor time.
    pub cpu: Duration,
    /// How long the sampled calls took, in nanoseconds.
    pub latencies: Histogram<u64>,
    offset: Offset,
}

impl<S: Source> Together<S> {
    /// Returns the number of all IDs.
    pub fn ids(&self) -> usize {
        self.logs.iter().map(Vec::len).sum()
    }

    /// Returns the rate in millions of IDs a second.
    pub fn millions_a_second(&self) -> f64 {
        self.ids() as f64 / self.elapsed.as_secs_f64() / 1e6
    }

    /// Returns the slowest thread's IDs, as a share of a fair part.
    pub fn slowest_share(&self) -> f64 {
        let least = self.logs.iter().map(Vec::len).min().unwrap_or(0);
        (least * self.logs.len()) as f64 / self.ids() as f64
    }

    /// Returns how many cores were busy.
    pub fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// Returns whether the IDs were right.
    pub fn verdict(&self) -> Verdict {
        Verdict::on(&self.logs, self.offset)
    }
}

/// Runs threads that do nothing but draw IDs, each from one of `sources`.
pub fn run<S: Source + Send>(sources: Vec<S>, setup: Setup) -> Together<S> {
    run_with::<false, S>(sources, setup)
}

/// Runs them as [`run`] does, and times some of the calls.
pub fn run_sampled<S: Source + Send>(sources: Vec<S>, setup: Setup) -> Together<S> {
    run_with::<true, S>(sources, setup)
}

fn run_with<const SAMPLE: bool, S: Source + Send>(sources: Vec<S>, setup: Setup) -> Together<S> {
    let barrier = Barrier::new(sources.len() + 1);
    let stop = Stop(AtomicBool::new(false));
    let (ended, end) = mpsc::channel();
    let parts: Vec<Part<S>> = thread::scope(|scope| {
        let workers: Vec<_> = sources
            .into_iter()
            .map(|source| {
                let (barrier, stop, ended) = (&barrier, &stop, ended.clone());
                scope.spawn(move || {
                    let part = work::<SAMPLE, _>(source, setup.room, barrier, stop);
                    // Fails if the run has ended because its time was over.
                    let _ = ended.send(());
                    part
                })
            })
            .collect();
        barrier.wait();
        // Returns when a thread's buffer is full, or the time is over.
        let _ = end.recv_timeout(setup.duration);
        stop.set();
        workers.into_iter().map(|worker| worker.join().expect("a thread that ends")).collect()
    });
    joined(parts)
}

/// A flag on a cache line of its own, because threads read it all the time.
#[repr(align(128))]
struct Stop(AtomicBool);

impl Stop {
    fn set(&self) {
        // ORDERING: Relaxed. It says nothing about other memory: the IDs are handed over by joining the threads.
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        // ORDERING: Relaxed, as in `set`.
        self.0.load(Ordering::Relaxed)
    }
}

/// One thread's part of a run.
struct Part<S: Source> {
    source: S,
    log: Vec<S::Id>,
    start: u64,
    end: u64,
    started_ms: u64,
    ended_ms: u64,
    cpu: Duration,
    /// The latencies in the counter's unit.
    latencies: Histogram<u64>,
    offset: Offset,
}

fn work<const SAMPLE: bool, S: Source>(mut source: S, room: usize, barrier: &Barrier, stop: &Stop) -> Part<S> {
    let counter = Counter::new();
    let mut latencies = Histogram::new_with_bounds(1, counter.counts(Duration::from_secs(100)), 3).expect("bounds");
    // Written now, so that no page fault occurs while the clock runs.
    let mut log: Vec<S::Id> = Vec::with_capacity(room.next_multiple_of(S::BLOCK));
    log.extend(repeat_n(std::hint::black_box(S::Id::BLANK), room.next_multiple_of(S::BLOCK)));
    let mut drawn = 0;

    barrier.wait();
    let started_ms = unix_ms();
    let cpu = thread_cpu();
    let start = counter.now();
    for block in log.chunks_exact_mut(S::BLOCK) {
        if stop.is_set() {
            break;
        }
        drawn += block.len();
        if SAMPLE {
            for ids in block.chunks_mut(SAMPLED) {
                let (first, others) = ids.split_at_mut(1);
                let before = counter.now();
                source.draw(first);
                let after = counter.now();
                latencies.saturating_record(after.saturating_sub(before).max(1));
                source.draw(others);
            }
        } else {
            source.draw(block);
        }
    }
    let end = counter.now();
    stop.set();
    let cpu = thread_cpu() - cpu;
    let ended_ms = unix_ms();

    log.truncate(drawn);
    let offset = log.last().map_or_else(Offset::default, |&id| Offset::of(source.unix_ms(id), ended_ms));
    Part { source, log, start, end, started_ms, ended_ms, cpu, latencies, offset }
}

fn joined<S: Source>(parts: Vec<Part<S>>) -> Together<S> {
    let counter = Counter::new();
    let start = parts.iter().map(|part| part.start).min().unwrap_or(0);
    let end = parts.iter().map(|part| part.end).min().unwrap_or(0);
    let mut latencies = Histogram::new_with_bounds(1, 100_000_000_000, 3).expect("bounds");
    for recorded in parts.iter().flat_map(|part| part.latencies.iter_recorded()) {
        let nanos = counter.nanos(recorded.value_iterated_to()).round() as u64;
        latencies.saturating_record_n(nanos.max(1), recorded.count_at_value());
    }
    let elapsed = Duration::from_nanos(counter.nanos(end.saturating_sub(start)) as u64);
    let started_ms = parts.iter().map(|part| part.started_ms).min().unwrap_or(0);
    let span_ms = started_ms..parts.iter().map(|part| part.ended_ms).min().unwrap_or(0);
    let cpu = parts.iter().map(|part| part.cpu).sum();
    let offset = Offset::worst(parts.iter().map(|part| part.offset));
    let (mut sources, logs): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.source, part.log)).unzip();
    let source = sources.pop().expect("at least one thread");
    Together { source, logs, elapsed, span_ms, cpu, latencies, offset }
}
