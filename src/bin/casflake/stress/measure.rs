//! The run: threads that draw IDs until the plan is done.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use casflake::{GenerateError, Generator, Scheme, Snowflake};

use super::progress::Progress;
use super::proof::{Proof, Verdict, Witness};
use super::usage::cpu_time;
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
    /// `None` where the system can't tell.
    pub(crate) cpu: Option<Duration>,
    pub(crate) verdict: Verdict,
}

/// How many IDs a thread draws one by one between two looks at whether to stop.
const STRIDE: u64 = 256;

/// What the threads share.
struct Shared<'a, S> {
    generator: &'a Generator<S>,
    proof: Proof,
    batch: usize,
    /// Held closed until all threads stand behind it.
    gate: RwLock<()>,
    stop: AtomicBool,
    drawn: AtomicU64,
}

impl<S> Shared<'_, S> {
    /// Calls for an end: the time is over, or a thread has failed.
    fn call_for_an_end(&self) {
        // ORDERING: Relaxed. A flag that publishes nothing; a thread may see it a little later.
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.stop.load(Ordering::Relaxed)
    }

    fn count(&self, drawn: u64) {
        // ORDERING: Relaxed. A counter of its own, for the progress alone.
        self.drawn.fetch_add(drawn, Ordering::Relaxed);
    }

    fn counted(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        self.drawn.load(Ordering::Relaxed)
    }
}

/// What one thread has drawn, and when it was done.
struct Drawn {
    ids: u64,
    finished: Instant,
}

pub(crate) fn run<S: Scheme>(generator: &Generator<S>, threads: usize, batch: usize, plan: Plan) -> Result<Run, Stop> {
    let shared = Shared {
        generator,
        proof: Proof::new(threads),
        batch,
        gate: RwLock::new(()),
        stop: AtomicBool::new(false),
        drawn: AtomicU64::new(0),
    };
    let cpu_before = cpu_time();
    let (started, drawn) = thread::scope(|scope| {
        let gate = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        let running = start(scope, &shared, threads, plan)?;
        let started = Instant::now();
        drop(gate);
        watch(&running, &shared, plan, started);
        let drawn = running.into_iter().map(join).collect::<Result<Vec<Drawn>, Stop>>()?;
        Ok::<_, Stop>((started, drawn))
    })?;
    let finished = drawn.iter().map(|drawn| drawn.finished).max().unwrap_or(started);
    Ok(Run {
        ids_by_thread: drawn.iter().map(|drawn| drawn.ids).collect(),
        time: finished.saturating_duration_since(started),
        cpu: cpu_time().zip(cpu_before).map(|(after, before)| after.saturating_sub(before)),
        verdict: shared.proof.verdict(),
    })
}

type Running<'scope> = ScopedJoinHandle<'scope, Result<Drawn, GenerateError>>;

/// Starts the threads, which wait at the gate. Where one can't be started the others go home.
fn start<'scope, S: Scheme>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared<'_, S>,
    threads: usize,
    plan: Plan,
) -> Result<Vec<Running<'scope>>, Stop> {
    let start = |thread| {
        let quota = match plan {
            Plan::Count(count) => share(count, threads as u64, thread as u64),
            Plan::Time(_) => u64::MAX,
        };
        thread::Builder::new().spawn_scoped(scope, move || draw(shared, thread, quota)).map_err(|error| {
            shared.call_for_an_end();
            Stop::failed(format_args!("thread {thread} of {threads} could not be started: {error}"))
        })
    };
    (0..threads).map(start).collect()
}

/// The part of `count` that falls to one of `threads`.
fn share(count: u64, threads: u64, thread: u64) -> u64 {
    count / threads + u64::from(thread < count % threads)
}

/// Shows the progress, and calls for an end when the time is over, until all threads have finished.
fn watch<S>(running: &[Running<'_>], shared: &Shared<'_, S>, plan: Plan, started: Instant) {
    let mut progress = Progress::new(plan);
    while running.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(progress.show(shared.counted(), started.elapsed()));
        if matches!(plan, Plan::Time(time) if started.elapsed() >= time) {
            shared.call_for_an_end();
        }
    }
}

fn join(thread: Running<'_>) -> Result<Drawn, Stop> {
    thread.join().map_err(|_| Stop::failed("a thread panicked"))?.map_err(Stop::failed)
}

/// One thread: draws IDs and shows each to its witness.
fn draw<S: Scheme>(shared: &Shared<'_, S>, thread: usize, quota: u64) -> Result<Drawn, GenerateError> {
    let mut witness = shared.proof.witness(thread, shared.generator.worker());
    let mut buffer = vec![Snowflake::MIN; shared.batch];
    let mut ids = 0;
    drop(shared.gate.read().unwrap_or_else(PoisonError::into_inner));
    while ids < quota && !shared.is_over() {
        // Where one thread fails the run has failed: the others need not go on.
        let drawn = draw_some(shared.generator, quota - ids, &mut buffer, &mut witness)
            .inspect_err(|_| shared.call_for_an_end())?;
        ids += drawn;
        shared.count(drawn);
    }
    let finished = Instant::now();
    witness.finish();
    Ok(Drawn { ids, finished })
}

/// A batch of IDs, or a stride of single ones; `left` at most.
fn draw_some<S: Scheme>(
    generator: &Generator<S>,
    left: u64,
    buffer: &mut [Snowflake<S>],
    witness: &mut Witness<'_, S>,
) -> Result<u64, GenerateError> {
    if buffer.len() == 1 {
        let count = left.min(STRIDE);
        for _ in 0..count {
            witness.see(generator.generate()?);
        }
        return Ok(count);
    }
    let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
    let (ids, _) = buffer.split_at_mut(room);
    generator.fill(ids).map_err(|error| error.cause())?;
    ids.iter().for_each(|id| witness.see(*id));
    Ok(ids.len() as u64)
}
