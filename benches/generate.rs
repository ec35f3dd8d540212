//! One thread, several threads on one generator, and batches.
//!
//! `standard` is limited by its layout to 4,096 IDs per millisecond, and shows how close a generator comes to that
//! limit. `wide` has a sequence of 22 bits, so that the processor limits it. Each ID goes into a sum or a check, so that
//! the compiler removes no call.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Clock, Generator, Layout, Scheme, Snowflake, SystemClock, WorkerId};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// 39 + 2 + 22 bits from 2025-01-01: until 2042.
struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(39, 0, 2, 22).with_epoch_unix_ms(1_735_689_600_000);
}

fn generator<S: Scheme>() -> Generator<S> {
    Generator::new(WorkerId::from_index(1).expect("every layout here has a worker 1"))
}

fn one_thread(c: &mut Criterion) {
    fn bench<S: Scheme>(group: &mut BenchmarkGroup<'_, WallTime>, layout: &str) {
        let ids = generator::<S>();
        let mut last = Snowflake::MIN;
        group.bench_function(BenchmarkId::new("generate", layout), |b| {
            b.iter(|| {
                let id = ids.generate().expect("an ID");
                assert!(id > last);
                last = id;
            });
        });
        group.bench_function(BenchmarkId::new("try_generate", layout), |b| {
            b.iter(|| black_box(ids.try_generate()));
        });
    }
    let mut group = c.benchmark_group("one thread");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read the clock", |b| b.iter(|| black_box(SystemClock.unix_ms())));
    bench::<Wide>(&mut group, "wide");
    bench::<casflake::Standard>(&mut group, "standard");
    group.finish();
}

/// Measures IDs drawn from one generator by `threads` threads that live as long as the measurement.
fn contended(c: &mut Criterion) {
    fn bench<S: Scheme>(group: &mut BenchmarkGroup<'_, WallTime>, layout: &str, threads: u64) {
        let ids = generator::<S>();
        group.bench_function(BenchmarkId::new(layout, threads), |b| {
            b.iter_custom(|iterations| draw_by_threads(&ids, threads, iterations));
        });
    }
    let mut group = c.benchmark_group("contended");
    group.throughput(Throughput::Elements(1));
    for threads in [2, 4, 8] {
        bench::<Wide>(&mut group, "wide", threads);
        bench::<casflake::Standard>(&mut group, "standard", threads);
    }
    group.finish();
}

/// Returns how long the threads take for `iterations` IDs in all.
fn draw_by_threads<S: Scheme>(ids: &Generator<S>, threads: u64, iterations: u64) -> Duration {
    let before = ids.stats().ids;
    let barrier = Barrier::new(usize::try_from(threads).expect("a few threads") + 1);
    let sorted = AtomicBool::new(true);
    let finished = AtomicU64::new(0);
    let time = thread::scope(|scope| {
        for thread in 0..threads {
            let (barrier, sorted, finished) = (&barrier, &sorted, &finished);
            let share = iterations / threads + u64::from(thread < iterations % threads);
            scope.spawn(move || {
                barrier.wait();
                let mut last = Snowflake::MIN;
                let mut increasing = true;
                for _ in 0..share {
                    let id = ids.generate().expect("an ID");
                    increasing &= id > last;
                    last = id;
                }
                sorted.fetch_and(increasing, Ordering::Relaxed);
                finished.fetch_add(share, Ordering::Relaxed);
                barrier.wait();
            });
        }
        barrier.wait();
        let started = Instant::now();
        barrier.wait();
        started.elapsed()
    });
    assert!(sorted.into_inner() && finished.into_inner() == iterations && ids.stats().ids - before == iterations);
    time
}

fn batch(c: &mut Criterion) {
    const SIZE: usize = 1024;

    fn bench<S: Scheme>(group: &mut BenchmarkGroup<'_, WallTime>, layout: &str) {
        let ids = generator::<S>();
        let mut buffer = [Snowflake::MIN; SIZE];
        group.bench_function(BenchmarkId::new("fill", layout), |b| {
            b.iter(|| {
                ids.fill(&mut buffer).expect("IDs");
                black_box(&mut buffer);
            });
        });
        assert!(buffer.is_sorted());
        group.bench_function(BenchmarkId::new("generate_batch", layout), |b| b.iter(|| ids.generate_batch(SIZE)));
    }
    let mut group = c.benchmark_group("batch of 1024");
    group.throughput(Throughput::Elements(SIZE as u64));
    bench::<Wide>(&mut group, "wide");
    bench::<casflake::Standard>(&mut group, "standard");
    group.finish();
}

criterion_group!(benches, one_thread, contended, batch);
criterion_main!(benches);
