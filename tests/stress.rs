//! Defends I1 and I8 under load. Threads share one generator and mix all calls. Their IDs never repeat and increase in
//! each thread, and the statistics agree with the IDs issued. `histories` defends I2.

#![cfg(feature = "std")]

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, Layout, Scheme, Snowflake, Standard, SystemClock, Wait, WorkerId};
#[cfg(all(feature = "coarse-clock", feature = "tsc-clock"))]
use casflake::{CoarseClock, GeneratorBuilder, TscClock};
use rayon::prelude::*;

/// 4 million IDs a millisecond, more than a machine can draw, so that threads contend for the word and do not wait for
/// the clock.
struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(39, 0, 2, 22).with_epoch_unix_ms(1_735_689_600_000);
}

/// With the other tests of this file well over ten million IDs in a release build.
const STANDARD_IDS: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
const WIDE_IDS: usize = if cfg!(debug_assertions) { 100_000 } else { 2_500_000 };

const THREADS: [usize; 4] = [2, 4, 8, 16];

/// Long, because a busy machine can keep a thread off its core for a while.
const MAX_WAIT: Duration = Duration::from_secs(20);

fn on_system_clock<S: Scheme>(worker: WorkerId<S>, wait: Wait) -> Generator<S> {
    Generator::builder(worker).wait(wait).max_wait(MAX_WAIT).build().expect("settings that fit")
}

/// Runs `work` in all threads at the same time. Returns the result of each.
fn together<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    let (start, work) = (&start, &work);
    thread::scope(|scope| {
        let spawn = |thread| {
            scope.spawn(move || {
                start.wait();
                work(thread)
            })
        };
        let running: Vec<_> = (0..threads).map(spawn).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn try_until_free<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>) -> Snowflake<S> {
    loop {
        match generator.try_generate() {
            Ok(id) => return id,
            Err(GenerateError::Exhausted { .. }) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns `count` IDs, drawn by all four calls in turn. Each thread begins with another call.
fn mixed<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>, thread: usize, count: usize) -> Vec<Snowflake<S>> {
    let mut ids = Vec::with_capacity(count);
    let mut round = thread;
    while ids.len() < count {
        let size = (round * 37 % 300 + 1).min(count - ids.len());
        match round % 4 {
            0 => ids.extend((0..size).map(|_| generator.generate().expect("an ID"))),
            1 => ids.extend((0..size).map(|_| try_until_free(generator))),
            2 => ids.extend(generator.generate_batch(size).expect("a batch")),
            _ => {
                let filled = ids.len();
                ids.resize(filled + size, Snowflake::MIN);
                generator.fill(&mut ids[filled..]).expect("a buffer");
            }
        }
        round += 1;
    }
    ids
}

fn assert_increasing<S: Scheme>(ids: &[Snowflake<S>]) {
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] >= pair[1]) {
        panic!("{:?} was followed by {:?}", pair[0], pair[1]);
    }
}

/// Returns all IDs in order. Checks that each is there once.
fn sorted_and_distinct<S: Scheme>(threads: Vec<Vec<Snowflake<S>>>) -> Vec<Snowflake<S>> {
    let mut ids: Vec<_> = threads.into_iter().flatten().collect();
    ids.par_sort_unstable();
    let twice = ids.par_windows(2).find_any(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "issued twice");
    ids
}

/// Checks the statistics of `generator` against `ids`: all IDs that it ever issued, in order.
fn assert_stats_agree<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>, ids: &[Snowflake<S>]) {
    let stats = generator.stats();
    let (mut ticks, mut max_sequence, mut histogram) = (0, 0, BTreeMap::<u64, u64>::new());
    for tick in ids.chunk_by(|one, next| one.tick() == next.tick()) {
        let highest = tick[tick.len() - 1].sequence();
        assert_eq!(tick.len() as u64, highest + 1, "a tick with a gap");
        ticks += 1;
        max_sequence = highest.max(max_sequence);
        *histogram.entry((highest + 1).ilog2().into()).or_default() += 1;
    }
    let last = ids.last().expect("an ID");
    assert_eq!((stats.ids, stats.ticks, stats.last_tick), (ids.len() as u64, ticks, Some(last.tick())));
    assert_eq!((stats.max_sequence, stats.tick_max_sequence), (max_sequence, last.sequence()));

    let told: Vec<_> = stats.ids_per_tick.iter().collect();
    assert_eq!(told.iter().map(|(_, ticks)| ticks).sum::<u64>(), stats.ticks);
    assert!(told.iter().map(|(range, ticks)| range.start() * ticks).sum::<u64>() <= stats.ids);
    assert!(told.iter().map(|(range, ticks)| range.end() * ticks).sum::<u64>() >= stats.ids);
    let told = told.into_iter().filter(|(_, ticks)| *ticks > 0);
    let told: BTreeMap<u64, u64> = told.map(|(range, ticks)| (range.start().ilog2().into(), ticks)).collect();
    assert_eq!(told, histogram);
}

fn stress<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>, threads: usize, count: usize) {
    let ids = together(threads, |thread| mixed(generator, thread, count / threads));
    ids.par_iter().for_each(|ids| assert_increasing(ids));
    let ids = sorted_and_distinct(ids);
    assert_eq!(ids.len(), count / threads * threads);
    let worker = generator.worker();
    assert!(ids.par_iter().all(|id| (id.datacenter(), id.worker()) == (worker.datacenter(), worker.worker())));
    assert_stats_agree(generator, &ids);
}

#[test]
fn i1_threads_that_wait_for_the_clock_get_distinct_increasing_ids() {
    for threads in THREADS {
        stress(&on_system_clock(WorkerId::fixed::<21, 10>(), Wait::Spin), threads, STANDARD_IDS);
    }
}

#[test]
fn i1_threads_that_yield_while_they_wait_get_distinct_increasing_ids() {
    for threads in THREADS {
        stress(&on_system_clock(WorkerId::fixed::<31, 31>(), Wait::Yield), threads, STANDARD_IDS / 4);
    }
}

#[test]
fn i1_threads_that_sleep_while_they_wait_get_distinct_increasing_ids() {
    for threads in THREADS {
        stress(&on_system_clock(WorkerId::fixed::<0, 31>(), Wait::Sleep), threads, STANDARD_IDS / 4);
    }
}

/// Draws by handles with blocks of 2, 4, 8, …, one in each thread but the first. That one draws from the generator
/// itself.
fn stress_handles<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>, threads: usize, count: usize) {
    let ids = together(threads, |thread| {
        let mut handle = generator.local(1 << thread);
        let next = || if thread == 0 { generator.generate() } else { handle.generate() };
        std::iter::repeat_with(next).take(count / threads).map(|id| id.expect("an ID")).collect::<Vec<_>>()
    });
    ids.par_iter().for_each(|ids| assert_increasing(ids));
    let ids = sorted_and_distinct(ids);
    let stats = generator.stats();
    assert_eq!(ids.len(), count / threads * threads);
    assert_eq!(stats.ids - stats.unused, ids.len() as u64);
    assert!(ids.last().map(|id| id.tick()) <= stats.last_tick);
}

#[test]
fn i1_threads_with_handles_get_distinct_ids_that_increase_for_each() {
    for threads in THREADS {
        stress_handles(&on_system_clock(WorkerId::<Wide>::fixed_in::<0, 3>(), Wait::Spin), threads, WIDE_IDS);
        stress_handles(&on_system_clock(WorkerId::fixed::<1, 0>(), Wait::Yield), threads, STANDARD_IDS / 2);
    }
}

/// These clocks lag. Before a call waits or fails, the precise reading decides.
#[cfg(all(feature = "coarse-clock", feature = "tsc-clock"))]
#[test]
fn i1_threads_on_cheaper_clocks_get_distinct_increasing_ids() {
    fn on<S: Scheme, C: Clock + Sync>(worker: WorkerId<S>, clock: C, threads: usize, count: usize) {
        let ids = GeneratorBuilder::new(worker, clock).max_wait(MAX_WAIT).build().expect("settings that fit");
        stress(&ids, threads, count);
    }
    for threads in THREADS {
        on(WorkerId::fixed::<3, 0>(), CoarseClock, threads, STANDARD_IDS / 2);
        on(WorkerId::fixed::<3, 1>(), TscClock::new(), threads, STANDARD_IDS / 2);
        on(WorkerId::<Wide>::fixed_in::<0, 1>(), CoarseClock, threads, WIDE_IDS);
        on(WorkerId::<Wide>::fixed_in::<0, 2>(), TscClock::new(), threads, WIDE_IDS / 2);
    }
    let ids =
        GeneratorBuilder::new(WorkerId::<Wide>::fixed_in::<0, 0>(), CoarseClock).build().expect("settings that fit");
    stress_handles(&ids, 8, WIDE_IDS);
}

#[test]
fn i1_threads_that_meet_at_the_word_get_distinct_increasing_ids() {
    for threads in THREADS {
        stress(&on_system_clock(WorkerId::<Wide>::fixed_in::<0, 2>(), Wait::Spin), threads, WIDE_IDS);
    }
}

#[test]
fn i1_rayon_tasks_share_a_static_and_get_distinct_ids() {
    static IDS: Generator<Wide> = Generator::new(WorkerId::<Wide>::fixed_in::<0, 1>());
    let ids: Vec<_> = (0..STANDARD_IDS).into_par_iter().map(|_| IDS.generate().expect("an ID")).collect();
    assert_stats_agree(&IDS, &sorted_and_distinct(vec![ids]));
}

/// The workers of two generators on the same clock differ in one bit.
#[test]
fn i1_two_workers_get_distinct_ids() {
    let generators =
        [WorkerId::fixed::<0, 0>(), WorkerId::fixed::<0, 1>()].map(|worker| on_system_clock(worker, Wait::Spin));
    let ids = together(2, |thread| mixed(&generators[thread], thread, STANDARD_IDS / 8));
    sorted_and_distinct::<Standard>(ids);
}

/// Generates until a call fails. Returns the IDs issued before, and the error. A call that begins after `close` has
/// returned must fail.
fn until_refused<S: Scheme>(
    generator: &Generator<S>,
    thread: usize,
    closed: &AtomicBool,
) -> (Vec<Snowflake<S>>, GenerateError) {
    let mut ids = Vec::new();
    loop {
        let (over, before) = (closed.load(Ordering::Acquire), ids.len());
        let refused = if thread % 2 == 0 {
            generator.generate().map(|id| ids.push(id)).err()
        } else {
            let batch = generator.generate_batch(9);
            let refused = batch.as_ref().err().map(|error| error.error());
            ids.extend(batch.unwrap_or_else(|error| error.into_issued()));
            refused
        };
        assert!(!over || ids.len() == before, "{:?} although the generator was closed", ids.last());
        if let Some(error) = refused {
            return (ids, error);
        }
    }
}

/// Closes generators in many short rounds, because the fault to find depends on the moment of closing. All IDs are
/// accounted for, so closing takes back none, whatever the threads were doing.
fn closing_bounds_every_id<S: Scheme>(worker: WorkerId<S>, threads: usize, rounds: u64) {
    for round in 0..rounds {
        let generator = on_system_clock(worker, Wait::Spin);
        let (going, closed) = (AtomicU64::new(0), AtomicBool::new(false));
        let ended = together(threads + 1, |thread| {
            if thread < threads {
                let first = generator.generate();
                // Before the check, so that a failure does not leave the closing thread waiting.
                going.fetch_add(1, Ordering::Relaxed);
                let first = first.expect("the generator is closed only after all threads have begun");
                let (mut ids, error) = until_refused(&generator, thread, &closed);
                ids.insert(0, first);
                return (ids, Err(error));
            }
            while going.load(Ordering::Relaxed) < threads as u64 {
                std::hint::spin_loop();
            }
            for _ in 0..round % 128 {
                std::hint::spin_loop();
            }
            let _closed = SetAtTheEnd(&closed);
            (Vec::new(), Ok(generator.close().expect("an ID was issued")))
        });
        let bound = ended.iter().find_map(|(_, end)| end.ok()).expect("one closes");
        let refusals: Vec<_> = ended.iter().filter_map(|(_, end)| end.err()).collect();
        assert_eq!(refusals, vec![GenerateError::Closed; threads]);
        let ids = sorted_and_distinct(ended.into_iter().map(|(ids, _)| ids).collect());
        assert_eq!(ids.last().map(|id| id.tick()), Some(bound), "the last tick is exact");
        assert_stats_agree(&generator, &ids);
        assert_eq!((generator.close(), generator.is_closed()), (Some(bound), true));
    }
}

const CLOSINGS: u64 = if cfg!(debug_assertions) { 400 } else { 1_000 };

#[test]
fn i8_no_id_lies_after_what_close_returned_and_every_caller_ends() {
    closing_bounds_every_id(WorkerId::<Wide>::fixed_in::<0, 0>(), 1, CLOSINGS);
    closing_bounds_every_id(WorkerId::<Wide>::fixed_in::<0, 0>(), 3, CLOSINGS / 100);
    closing_bounds_every_id(WorkerId::<Wide>::fixed_in::<0, 0>(), 15, CLOSINGS / 200);
}

/// In this layout most threads wait for the next millisecond when the generator closes.
#[test]
fn i8_closing_ends_callers_that_wait() {
    closing_bounds_every_id(WorkerId::fixed::<0, 0>(), 3, CLOSINGS / 50);
}

/// Sets the flag when its thread ends, even by a panic, so that the other threads don't run forever.
struct SetAtTheEnd<'a>(&'a AtomicBool);

impl Drop for SetAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn i8_a_fence_that_many_threads_extend_stands_at_the_highest() {
    const MOVES: u64 = 100_000;
    let generator = Generator::builder(WorkerId::<Wide>::fixed_in::<0, 1>()).fence(1).build().expect("a window");
    together(4, |thread| {
        for step in 0..MOVES {
            let fence = 4 * step + thread as u64;
            generator.extend_fence(fence).expect("a fence of the layout");
            assert!(generator.fence() >= fence, "{} after {fence}", generator.fence());
        }
    });
    assert_eq!(generator.fence(), 4 * MOVES - 1);
}

/// One thread keeps moving the fence a little ahead of the last ID, and also asks for older, lower fences. The other
/// threads reach the fence again and again. Each ID is below a fence that was asked for before the ID was returned.
#[test]
fn i8_a_fence_that_moves_while_threads_run_bounds_them_and_never_moves_back() {
    let layout = Wide::LAYOUT;
    let now_ms = SystemClock.unix_ms();
    let begin = layout.tick_at(now_ms).expect("a time of the layout");
    let builder = Generator::builder(WorkerId::<Wide>::fixed_in::<0, 1>());
    let generator = builder.fence(begin + 1).build().expect("a window");
    let announced = AtomicU64::new(begin + 1);
    let done = AtomicBool::new(false);
    let moves = if cfg!(debug_assertions) { 100 } else { 400 };

    let ids = together(4, |thread| {
        let mut ids = Vec::new();
        if thread == 0 {
            let _done = SetAtTheEnd(&done);
            for _ in 0..moves {
                let seen = layout.tick_at(SystemClock.unix_ms()).expect("a time of the layout");
                let ahead = seen.max(generator.fence()) + 1;
                announced.fetch_max(ahead, Ordering::SeqCst);
                generator.extend_fence(ahead).expect("a fence of the layout");
                generator.extend_fence(begin).expect("moving back is no error");
                assert_eq!(generator.fence(), ahead);
                while layout.tick_at(SystemClock.unix_ms()).is_some_and(|tick| tick < ahead) {
                    thread::yield_now();
                }
            }
        }
        while !done.load(Ordering::Relaxed) {
            match generator.generate() {
                Ok(id) => {
                    let fence = announced.load(Ordering::SeqCst);
                    assert!(id.tick() < fence, "{id:?} at or after the fence {fence}");
                    ids.push(id);
                }
                Err(GenerateError::Fenced { fence }) => {
                    assert!(fence <= announced.load(Ordering::SeqCst));
                    thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
        ids
    });
    ids.iter().for_each(|ids| assert_increasing(ids));
    let ids = sorted_and_distinct(ids);
    assert!(!ids.is_empty(), "the moving fence let something through");
    assert_stats_agree(&generator, &ids);
}
