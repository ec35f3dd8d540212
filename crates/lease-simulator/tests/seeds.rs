//! Many seeds, in parallel. No promise may be broken, and each row of the shipped tables and each fault must be covered.

use std::collections::HashMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use lease_simulator::{CALL_ROWS, Coverage, FAULTS, Outcome, START_ROWS, replay, run};

/// The rows of the table in `keeper.rs`.
const KEEPER_ROWS: std::ops::RangeInclusive<usize> = 1..=27;

/// So many seeds cover all rows and all faults.
const ENOUGH: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = number("SEED") {
        let outcome = replay(seed, None);
        outcome.story.iter().for_each(|line| println!("{line}"));
        return assert!(outcome.violation.is_none(), "seed {seed}: {:?}", outcome.violation);
    }
    let seeds = number("SEEDS").unwrap_or(if cfg!(debug_assertions) { 300 } else { 50_000 });
    let first = number("FIRST").unwrap_or(0);
    let (next, ids, virtual_ms) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let (coverage, broken) = (Mutex::new(Coverage::default()), Mutex::new(Vec::new()));
    let began = Instant::now();
    let work = || {
        let mut covered = Coverage::default();
        loop {
            // ORDERING: Relaxed, here and below. The numbers are independent, and the scope joins the threads.
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                break;
            }
            let outcome = run(seed);
            // ORDERING: Relaxed, as above.
            ids.fetch_add(outcome.ids, Ordering::Relaxed);
            virtual_ms.fetch_add(outcome.virtual_ms, Ordering::Relaxed);
            covered.add(&outcome.coverage);
            if let Some(violation) = outcome.violation {
                broken.lock().unwrap().push((seed, violation));
            }
        }
        coverage.lock().unwrap().add(&covered);
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let took = began.elapsed().as_secs_f64();
    let (coverage, mut broken) = (coverage.into_inner().unwrap(), broken.into_inner().unwrap());
    println!("{seeds} seeds in {took:.1} s: {:.0} seeds/s on {threads} threads", seeds as f64 / took);
    println!("{} IDs compared, {} h of virtual time", ids.into_inner(), virtual_ms.into_inner() / 3_600_000);
    let missing = report(&coverage);
    assert_eq!(coverage.keeper_row(0), 0, "steps of the keeper that its table does not describe");
    broken.sort_by_key(|(seed, _)| *seed);
    let mut kinds: HashMap<_, Vec<_>> = HashMap::new();
    broken.iter().for_each(|(seed, violation)| kinds.entry(violation.kind).or_default().push((seed, violation)));
    for (kind, of_kind) in &kinds {
        println!("{kind:?}: {} seeds", of_kind.len());
        of_kind.iter().take(5).for_each(|(seed, violation)| println!("    seed {seed}: {violation}"));
    }
    assert!(broken.is_empty(), "{} of {seeds} seeds have broken a promise", broken.len());
    if seeds >= ENOUGH {
        assert!(missing.is_empty(), "not covered: {missing:?}");
    }
}

/// Would catch: a run that depends on real time, on addresses or on the order of a hash table.
#[test]
fn a_seed_is_one_run() {
    for seed in 0..40 {
        let (first, second, told) = (run(seed), run(seed), replay(seed, None));
        let facts = |outcome: &Outcome| (outcome.ids, outcome.virtual_ms, format!("{:?}", outcome.coverage));
        assert_eq!(facts(&first), facts(&second), "seed {seed}");
        assert_eq!(facts(&first), facts(&told), "seed {seed}, with its story");
        assert!(told.story == replay(seed, None).story, "seed {seed} has two stories");
    }
}

/// Prints how often each row and each fault has happened. Returns those that have not.
fn report(coverage: &Coverage) -> Vec<String> {
    let rows = KEEPER_ROWS.map(|row| (format!("keeper: row {row}"), coverage.keeper_row(row)));
    let others = [START_ROWS, CALL_ROWS, FAULTS].concat();
    let all = rows.chain(others.into_iter().map(|name| (name.to_owned(), coverage.of(name))));
    let all = all.inspect(|(name, count)| println!("{count:>12}  {name}"));
    all.filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
}
