//! Runs the threads that draw IDs, until they have drawn the planned number of IDs or the planned time is over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use casflake::{Clock, Scheme};
use crossbeam_utils::CachePadded;

use super::chart::OverTime;
use super::draw::Source;
use super::latency::{Latency, Percentiles};
use super::progress::Progress;
use super::proof::{Proof, Verdict};
use super::schedule::{Schedule, Turn};
use super::setup::{Plan, Setup};
use super::timeline::Timeline;
use super::usage::cpu_time;
use super::waits::Waits;
use crate::ids::Ids;
use crate::stop::Stop;

/// The results of a run.
pub(crate) struct Run {
    pub(crate) ids_by_thread: Vec<u64>,
    pub(crate) time: Duration,
    /// The CPU time of all threads; `None` if the system does not report it.
    pub(crate) cpu: Option<Duration>,
    /// The latencies; `None` if no call was timed.
    pub(crate) latency: Option<Percentiles>,
    /// The number of IDs that were due before the end of the run but were not drawn.
    pub(crate) overdue: u64,
    pub(crate) verdict: Verdict,
    pub(crate) over_time: Option<OverTime>,
}

/// The state that the threads share.
struct RunState<'a, S: Scheme, C> {
    ids: &'a Ids<S, C>,
    setup: Setup,
    proof: Proof,
    /// The time at which the run began. The function [`run`] holds the lock until all threads have been started, so
    /// that no thread draws before the run begins.
    gate: RwLock<Instant>,
    stop: AtomicBool,
    /// The number of IDs that each thread has drawn so far. The counters are padded, so that no two threads write to
    /// the same cache line.
    drawn: Vec<CachePadded<AtomicU64>>,
}

impl<S: Scheme, C> RunState<'_, S, C> {
    /// Tells all threads to stop, because the time is over or a thread has failed.
    fn tell_to_stop(&self) {
        // ORDERING: Relaxed. The flag publishes nothing, and a thread may see it a little later.
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.stop.load(Ordering::Relaxed)
    }

    fn counted(&self) -> u64 {
        // ORDERING: Relaxed. The counters are independent, and serve only the progress bar.
        self.drawn.iter().map(|drawn| drawn.load(Ordering::Relaxed)).sum()
    }
}

/// The results of one thread, and the time at which the thread finished.
struct Drawn {
    ids: u64,
    latency: Latency,
    overdue: u64,
    timeline: Option<Timeline>,
    finished: Instant,
}

pub(crate) fn run<S: Scheme + 'static, C: Clock + Sync>(ids: &Ids<S, C>, setup: Setup) -> Result<Run, Stop> {
    let shared = RunState {
        ids,
        setup,
        proof: Proof::new(setup.threads),
        gate: RwLock::new(Instant::now()),
        stop: AtomicBool::new(false),
        drawn: (0..setup.threads).map(|_| CachePadded::default()).collect(),
    };
    let cpu_before = cpu_time();
    let (started, waits, mut drawn) = thread::scope(|scope| {
        let mut gate = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        let running = start(scope, &shared)?;
        let started = Instant::now();
        *gate = started;
        drop(gate);
        let waits = watch(&running, &shared, started);
        let drawn = running.into_iter().map(join).collect::<Result<Vec<Drawn>, Stop>>()?;
        Ok::<_, Stop>((started, waits, drawn))
    })?;
    let finished = drawn.iter().map(|drawn| drawn.finished).max().unwrap_or(started);
    let time = finished.saturating_duration_since(started);
    let mut latency = Latency::new().map_err(Stop::failed)?;
    for drawn in &drawn {
        latency.merge(&drawn.latency).map_err(Stop::failed)?;
    }
    let over_time = waits.map(|mut waits| {
        waits.finish(time, &ids.stats());
        let mut timeline = Timeline::default();
        drawn.iter_mut().filter_map(|drawn| drawn.timeline.take()).for_each(|other| timeline.merge(other));
        OverTime { timeline, waits }
    });
    Ok(Run {
        ids_by_thread: drawn.iter().map(|drawn| drawn.ids).collect(),
        time,
        cpu: cpu_time().zip(cpu_before).map(|(after, before)| after.saturating_sub(before)),
        latency: latency.percentiles(),
        overdue: drawn.iter().map(|drawn| drawn.overdue).sum(),
        verdict: shared.proof.verdict(),
        over_time,
    })
}

type Running<'scope> = ScopedJoinHandle<'scope, Result<Drawn, Stop>>;

/// Starts the threads. Each thread waits at the gate before it draws. If a thread can't be started, tells the other
/// threads to stop, and fails.
fn start<'scope, S: Scheme + 'static, C: Clock + Sync>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope RunState<'_, S, C>,
) -> Result<Vec<Running<'scope>>, Stop> {
    let threads = shared.setup.threads;
    let start = |(thread, drawn): (usize, &'scope CachePadded<AtomicU64>)| {
        let quota = match shared.setup.plan {
            Plan::Count(count) => share(count, threads as u64, thread as u64),
            Plan::Time(_) => u64::MAX,
        };
        let draw = move || draw(shared, thread, quota, drawn);
        thread::Builder::new().spawn_scoped(scope, draw).map_err(|error| {
            shared.tell_to_stop();
            Stop::failed(format_args!("thread {thread} of {threads} could not be started: {error}"))
        })
    };
    shared.drawn.iter().enumerate().map(start).collect()
}

/// Returns how many of `count` IDs one thread draws. `threads` threads share the IDs, and `thread` is the number of
/// this thread, counted from 0.
fn share(count: u64, threads: u64, thread: u64) -> u64 {
    count / threads + u64::from(thread < count % threads)
}

/// Shows the progress until all threads have finished, and tells the threads to stop when the time is over. If the run
/// is plotted, also samples how long the threads wait.
fn watch<S: Scheme + 'static, C: Clock>(
    running: &[Running<'_>],
    shared: &RunState<'_, S, C>,
    started: Instant,
) -> Option<Waits> {
    let plan = shared.setup.plan;
    let tick = Duration::from_millis(shared.setup.layout.tick_ms());
    let mut waits = shared.setup.is_plotted.then(|| Waits::new(tick));
    let mut progress = Progress::new(plan);
    while running.iter().any(|thread| !thread.is_finished()) {
        let now = started.elapsed();
        let mut nap = progress.show(shared.counted(), now);
        if let Some(waits) = &mut waits {
            nap = nap.min(waits.look(now, || shared.ids.stats()));
        }
        thread::sleep(nap);
        if matches!(plan, Plan::Time(time) if started.elapsed() >= time) {
            shared.tell_to_stop();
        }
    }
    waits
}

fn join(thread: Running<'_>) -> Result<Drawn, Stop> {
    thread.join().map_err(|_| Stop::failed("a thread panicked"))?
}

/// Draws the IDs of one thread, and shows each ID to the part of the proof that belongs to this thread.
fn draw<S: Scheme + 'static, C: Clock>(
    shared: &RunState<'_, S, C>,
    thread: usize,
    quota: u64,
    drawn: &AtomicU64,
) -> Result<Drawn, Stop> {
    let mut witness = shared.proof.witness(thread, shared.setup.layout, shared.ids.place());
    let mut source = Source::new(shared.ids, shared.setup.batch, shared.setup.local);
    let mut latency = Latency::new().map_err(Stop::failed)?;
    let mut timeline = shared.setup.is_plotted.then(Timeline::default);
    let started = *shared.gate.read().unwrap_or_else(PoisonError::into_inner);
    let mut schedule = Schedule::new(&shared.setup, thread, started);
    let mut ids = 0;
    while ids < quota {
        let since = match schedule.next(|| shared.is_over()) {
            Turn::Stop => break,
            Turn::Call => None,
            Turn::Timed(since) => Some(since),
        };
        let batch = source.draw(quota - ids).map_err(|error| {
            // If one thread fails, the run has failed, so the other threads stop, too.
            shared.tell_to_stop();
            Stop::failed(error)
        })?;
        if let Some(since) = since {
            latency.record(schedule.passed(since));
        }
        batch.iter().for_each(|id| witness.see(*id));
        if let Some(timeline) = &mut timeline {
            batch
                .iter()
                .for_each(|id| timeline.see(shared.setup.layout.decode(id.as_u64()).map_or(0, |parts| parts.tick)));
        }
        ids += batch.len() as u64;
        // ORDERING: Relaxed, as in `counted`.
        drawn.store(ids, Ordering::Relaxed);
    }
    let finished = Instant::now();
    let overdue = schedule.overdue(finished.saturating_duration_since(started));
    let overdue = overdue.saturating_mul(shared.setup.batch as u64).min(quota - ids);
    witness.finish();
    Ok(Drawn { ids, latency, overdue, timeline, finished })
}
