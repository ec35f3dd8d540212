//! Runs models.

use std::sync::Arc;

#[cfg(loom)]
use loom::thread;
#[cfg(not(loom))]
use std::thread;

/// Runs `model` in every order of its threads' steps, except that a thread that waits lets the others go first.
pub fn exhaustive(model: impl Fn() + Send + Sync + 'static) {
    explore(None, model);
}

/// Runs `model` in every order in which threads that could go on are preempted at most `preemptions` times.
pub fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    explore(Some(preemptions), model);
}

/// Runs as [`exhaustive`] if the variable `EXHAUSTIVE` is 1, which takes minutes, and otherwise as [`bounded`].
pub fn exhaustive_or_bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let exhaustive = std::env::var_os("EXHAUSTIVE").is_some_and(|wanted| wanted == "1");
    explore((!exhaustive).then_some(preemptions), model);
}

/// Runs `parts` concurrently, the first on this thread and each other on one of its own. Returns the result of each.
///
/// # Panics
/// If a part panics.
pub fn together<S: Send + Sync + 'static, T: Send + 'static, const N: usize>(
    shared: &Arc<S>,
    parts: [fn(&S) -> T; N],
) -> Vec<T> {
    let [first, others @ ..] = parts.as_slice() else { return Vec::new() };
    let spawn = |&part: &fn(&S) -> T| {
        let shared = Arc::clone(shared);
        thread::spawn(move || part(&shared))
    };
    let running: Vec<_> = others.iter().map(spawn).collect();
    let first = first(shared);
    [first].into_iter().chain(running.into_iter().map(|thread| thread.join().expect("no panic"))).collect()
}

#[cfg(not(loom))]
fn explore(_: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    model();
}

#[cfg(loom)]
fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    // Loom's own variables may set limits that would end an exploration early without a message.
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    // A bound from LOOM_MAX_PREEMPTIONS may be lower, and is printed below.
    builder.preemption_bound = preemptions.into_iter().chain(builder.preemption_bound).min();
    let started = Instant::now();
    builder.check(move || {
        // ORDERING: Relaxed. A counter outside of the model; one run follows the other.
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    });
    // ORDERING: Relaxed, as above.
    let runs = runs.load(Ordering::Relaxed);
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let bound = builder.preemption_bound.map_or("every order".to_owned(), |most| format!("{most} preemptions"));
    println!("{name}: {runs} runs, {bound}, {:.1} s", started.elapsed().as_secs_f64());
    assert!(runs > 1, "a single run explores nothing: no atomic in this model is loom's");
}
