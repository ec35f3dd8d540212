//! The run: threads that draw IDs until the plan is done.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{GenerateError, Generator, Scheme, Snowflake};

use super::progress::Progress;
use super::proof::{Proof, Verdict, Witness};
use crate::stop::Stop;

#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// This many IDs, shared out evenly.
    Count(u64),
    /// As many as there are in this time.
    Time(Duration),
}

/// What a run has come to.
pub(crate) struct Run {
    pub(crate) ids_by_thread: Vec<u64>,
    pub(crate) time: Duration,
    /// User and system time of all threads; `None` where the system can't tell.
    pub(crate) cpu: Option<Duration>,
    pub(crate) verdict: Verdict,
}

/// How many IDs a thread draws between two looks at whether to stop.
const STRIDE: u64 = 256;

/// What the threads share beside the generator.
struct Shared {
    /// Held closed until all threads stand behind it.
    gate: RwLock<()>,
    stop: AtomicBool,
    drawn: AtomicU64,
}

pub(crate) fn run<S: Scheme>(generator: &Generator<S>, threads: usize, batch: usize, plan: Plan) -> Result<Run, Stop> {
    let proof = Proof::new(threads);
    let shared = Shared { gate: RwLock::new(()), stop: AtomicBool::new(false), drawn: AtomicU64::new(0) };
    let cpu_before = cpu_time();
    let (drawn, started) = thread::scope(|scope| {
        let gate = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut running = Vec::with_capacity(threads);
        for thread in 0..threads {
            let witness = proof.witness(thread, generator.worker());
            let quota = match plan {
                Plan::Count(count) => share(count, threads as u64, thread as u64),
                Plan::Time(_) => u64::MAX,
            };
            let shared = &shared;
            let draw = move || draw(generator, quota, batch, shared, witness);
            match thread::Builder::new().spawn_scoped(scope, draw) {
                Ok(handle) => running.push(handle),
                Err(error) => {
                    shared.stop.store(true, Ordering::Relaxed);
                    return Err(Stop::failed(format_args!("thread {thread} could not be started: {error}")));
                }
            }
        }
        let started = Instant::now();
        drop(gate);

        let mut progress = Progress::new(plan);
        while running.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(progress.show(shared.drawn.load(Ordering::Relaxed), started.elapsed()));
            if matches!(plan, Plan::Time(time) if started.elapsed() >= time) {
                shared.stop.store(true, Ordering::Relaxed);
            }
        }
        let drawn: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        Ok((drawn, started))
    })?;

    let mut run = Run { ids_by_thread: Vec::new(), time: Duration::ZERO, cpu: None, verdict: proof.verdict() };
    for drawn in drawn {
        let Ok(drawn) = drawn else {
            return Err(Stop::failed("a thread panicked"));
        };
        let (ids, finished) = drawn.map_err(Stop::failed)?;
        run.ids_by_thread.push(ids);
        run.time = run.time.max(finished.saturating_duration_since(started));
    }
    run.cpu = cpu_time().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    Ok(run)
}

/// The part of `count` that falls to one of `threads`.
fn share(count: u64, threads: u64, thread: u64) -> u64 {
    count / threads + u64::from(thread < count % threads)
}

/// One thread: draws IDs, shows each to its witness, and returns how many there were and when the last was drawn.
fn draw<S: Scheme>(
    generator: &Generator<S>,
    quota: u64,
    batch: usize,
    shared: &Shared,
    mut witness: Witness<'_>,
) -> Result<(u64, Instant), GenerateError> {
    let mut buffer = vec![Snowflake::MIN; batch];
    let mut drawn = 0;
    drop(shared.gate.read().unwrap_or_else(PoisonError::into_inner));
    while drawn < quota && !shared.stop.load(Ordering::Relaxed) {
        let left = quota - drawn;
        let outcome = if batch == 1 {
            let ids = left.min(STRIDE);
            (0..ids).try_for_each(|_| generator.generate().map(|id| witness.see(id))).map(|()| ids)
        } else {
            let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let ids = buffer.get_mut(..room).unwrap_or_default();
            let filled = generator.fill(ids).map_err(|error| error.cause());
            ids.iter().for_each(|id| witness.see(*id));
            filled.map(|()| ids.len() as u64)
        };
        // Where one thread fails the run has failed: the others need not go on.
        let ids = outcome.inspect_err(|_| shared.stop.store(true, Ordering::Relaxed))?;
        drawn += ids;
        shared.drawn.fetch_add(ids, Ordering::Relaxed);
    }
    let finished = Instant::now();
    witness.finish();
    Ok((drawn, finished))
}

#[cfg(unix)]
fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(unix))]
fn cpu_time() -> Option<Duration> {
    None
}
