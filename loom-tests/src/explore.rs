//! How a model is run.

#[cfg(loom)]
pub use loom::thread;
#[cfg(not(loom))]
pub use std::thread;

/// Runs `model` in every order of its threads' steps.
pub fn exhaustive(model: impl Fn() + Send + Sync + 'static) {
    explore(None, model);
}

/// Runs `model` in every order in which a thread that could go on has to give way `preemptions` times at most.
pub fn bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    explore(Some(preemptions), model);
}

#[cfg(not(loom))]
fn explore(_: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    model();
}

#[cfg(loom)]
fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    // Takes loom's own variables, LOOM_MAX_PREEMPTIONS among them: it can only narrow what is explored.
    let mut builder = loom::model::Builder::new();
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
    assert!(runs > 1, "one run alone explores nothing: the model has no loom atomics in it");
}
