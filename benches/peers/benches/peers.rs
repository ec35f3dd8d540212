//! The sources one by one, with criterion's statistics. The binary, which interleaves sides, measures figures to quote.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use casflake::{CoarseClock, SystemClock, TscClock, Wait};
use casflake_peers::ours::Ticker;
use casflake_peers::peers::{ferroid, idgenerator, rs_snowflake, snowdon, snowflake_me, snowflaked, snowid, uuid};
use casflake_peers::source::{Id, Shared, Source};
use casflake_peers::together::{Setup, run};
use casflake_peers::{floors, ours};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn one<S: Source>(group: &mut Group<'_>, name: &str, mut source: S) {
    let mut id = [S::Id::BLANK];
    group.bench_function(name, |b| {
        b.iter(|| {
            source.draw(&mut id);
            black_box(id);
        });
    });
}

fn by_threads(group: &mut Group<'_>, name: &str, threads: usize, shared: &impl Shared) {
    group.bench_function(BenchmarkId::new(name, threads), |b| {
        b.iter_custom(|iterations| {
            // At most as many IDs as fit in memory, and enough that starting and stopping hardly count.
            let room = usize::try_from(iterations).unwrap_or(usize::MAX).clamp(1 << 17, 1 << 22) / threads;
            let run = run(shared.sources(threads), Setup { duration: Duration::from_secs(10), room });
            let verdict = run.verdict();
            assert!(verdict.repeats == 0 && verdict.disorders == 0, "{verdict:?}");
            run.elapsed.mul_f64(iterations as f64 / run.ids() as f64)
        });
    });
}

fn one_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("one thread, wide");
    group.throughput(Throughput::Elements(1));
    one(&mut group, "casflake, CoarseClock", ours::wide(CoarseClock).source());
    one(&mut group, "casflake, TscClock", ours::wide(TscClock::new()).source());
    one(&mut group, "casflake, SystemClock", ours::wide(SystemClock).source());
    one(&mut group, "ferroid atomic", ferroid::atomic().source());
    one(&mut group, "ferroid lock", ferroid::lock().source());
    one(&mut group, "ferroid basic", ferroid::basic());
    one(&mut group, "snowid", snowid::wide().source());
    one(&mut group, "snowflake_me", snowflake_me::wide().source());
    one(&mut group, "snowdon", snowdon::wide().source());
    one(&mut group, "rs-snowflake lazy_generate", rs_snowflake::lazy());
    one(&mut group, "idgenerator", idgenerator::wide());
    one(&mut group, "uuid v7", uuid::v7().source());
    group.finish();
}

fn shared(c: &mut Criterion) {
    let mut group = c.benchmark_group("shared, wide");
    group.throughput(Throughput::Elements(1));
    for threads in [2, 4, 8] {
        by_threads(&mut group, "casflake, CoarseClock", threads, &ours::wide(CoarseClock));
        by_threads(&mut group, "casflake, SystemClock", threads, &ours::wide(SystemClock));
        by_threads(&mut group, "ferroid atomic", threads, &ferroid::atomic());
        by_threads(&mut group, "ferroid atomic, immediately", threads, &ferroid::atomic_immediate());
        by_threads(&mut group, "snowid", threads, &snowid::wide());
        by_threads(&mut group, "snowflake_me", threads, &snowflake_me::wide());
        by_threads(&mut group, "snowdon", threads, &snowdon::wide());
    }
    group.finish();
}

fn local(c: &mut Criterion) {
    let mut group = c.benchmark_group("local blocks, wide");
    group.throughput(Throughput::Elements(1));
    one(&mut group, "casflake local(256), CoarseClock", ours::local(CoarseClock, 256).source());
    one(&mut group, "casflake local(256), ferroid's clock", ours::local(Ticker::new(), 256).source());
    one(&mut group, "ferroid basic", ferroid::basic());
    for threads in [1, 2] {
        by_threads(&mut group, "casflake local(256), CoarseClock", threads, &ours::local(CoarseClock, 256));
    }
    group.finish();
}

fn batches(c: &mut Criterion) {
    const SIZE: usize = 1024;

    fn batch<S: Source>(group: &mut Group<'_>, name: &str, mut source: S) {
        let mut ids = [S::Id::BLANK; SIZE];
        group.bench_function(name, |b| b.iter(|| source.draw(black_box(&mut ids))));
    }

    let mut group = c.benchmark_group("batches of 1024, wide");
    group.throughput(Throughput::Elements(SIZE as u64));
    batch(&mut group, "casflake fill, CoarseClock", ours::fill::<SIZE>(CoarseClock).source());
    batch(&mut group, "casflake fill, SystemClock", ours::fill::<SIZE>(SystemClock).source());
    batch(&mut group, "snowid generate_batch", snowid::batch::<SIZE>().source());
    group.finish();
}

fn floor(c: &mut Criterion) {
    let mut group = c.benchmark_group("floors");
    one(&mut group, "read SystemClock", floors::read(SystemClock));
    one(&mut group, "read CoarseClock", floors::read(CoarseClock));
    one(&mut group, "read TscClock", floors::read(TscClock::new()));
    one(&mut group, "fetch_add", floors::fetch_add());
    one(&mut group, "load, exchange", floors::load_then_exchange());
    one(&mut group, "read SystemClock, load, exchange", floors::read_then_exchange(SystemClock));
    one(&mut group, "read CoarseClock, load, exchange", floors::read_then_exchange(CoarseClock));
    one(&mut group, "read TscClock, load, exchange", floors::read_then_exchange(TscClock::new()));
    group.finish();
}

fn bound(c: &mut Criterion) {
    let mut group = c.benchmark_group("bound by 12 bits");
    group.throughput(Throughput::Elements(1));
    one(&mut group, "casflake", ours::standard(SystemClock, Wait::Spin).source());
    one(&mut group, "casflake, CoarseClock, sleeping", ours::standard(CoarseClock, Wait::Sleep).source());
    one(&mut group, "ferroid atomic", ferroid::standard().source());
    one(&mut group, "snowflaked", snowflaked::standard().source());
    one(&mut group, "snowdon", snowdon::standard().source());
    one(&mut group, "snowflake_me", snowflake_me::standard().source());
    one(&mut group, "rs-snowflake real_time_generate", rs_snowflake::real_time());
    one(&mut group, "rs-snowflake generate", rs_snowflake::generate());
    one(&mut group, "idgenerator", idgenerator::standard());
    one(&mut group, "snowid", snowid::standard().source());
    for threads in [2, 4, 8] {
        by_threads(&mut group, "casflake", threads, &ours::standard(SystemClock, Wait::Spin));
    }
    group.finish();
}

criterion_group!(benches, one_thread, shared, local, batches, floor, bound);
criterion_main!(benches);
