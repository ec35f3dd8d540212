//! `generate` by threads that share a generator.

use casflake::CoarseClock;

use crate::ours;
use crate::peers::ferroid;
use crate::plan::Plan;
use crate::report::{Table, millions, ns, plain, times};
use crate::rounds::{interleaved, median, median_ratio, side};
use crate::source::Shared;
use crate::together;
use crate::verdict::Verdict;

pub(super) fn run(plan: &Plan) -> Table {
    let mut table = Table::new(
        "Shared by threads, `generate`, wide, against ferroid atomic",
        &[
            "threads, and what ferroid's do after a failed CAS",
            "casflake on CoarseClock",
            "ferroid",
            "casflake is faster by",
            "slowest thread's share, casflake",
            "ferroid",
            "p99.9 of a call, casflake",
            "ferroid",
            "casflake's is lower by",
            "cores busy, at least",
        ],
    );
    for threads in [2, 4, 8] {
        let (ours, spinning, immediate) = (ours::wide(CoarseClock), ferroid::atomic(), ferroid::atomic_immediate());
        let measured = interleaved(
            plan.rounds,
            &mut [
                side("casflake", || Sharing::of(&ours, plan, threads)),
                side("ferroid, spinning", || Sharing::of(&spinning, plan, threads)),
                side("ferroid, immediately", || Sharing::of(&immediate, plan, threads)),
            ],
        );
        let [ours, spinning, immediate] = measured.try_into().expect("three sides");
        row(&mut table, &format!("{threads}, spin"), &ours, &spinning);
        row(&mut table, &format!("{threads}, retry immediately"), &ours, &immediate);
    }
    table
}

fn row(table: &mut Table, name: &str, ours: &[Sharing], peer: &[Sharing]) {
    let ours_marks = table.marks("casflake", ours.iter().map(|run| run.verdict));
    let peer_marks = table.marks("ferroid", peer.iter().map(|run| run.verdict));
    table.row([
        name.to_owned(),
        millions(median(ours, |run| run.rate)) + &ours_marks,
        millions(median(peer, |run| run.rate)) + &peer_marks,
        times(median_ratio(ours, |run| run.rate, peer, |run| run.rate)),
        plain(median(ours, |run| run.slowest)),
        plain(median(peer, |run| run.slowest)),
        ns(median(ours, |run| run.p999)),
        ns(median(peer, |run| run.p999)),
        times(median_ratio(peer, |run| run.p999, ours, |run| run.p999)),
        // Threads that had to share a core hardly contended, whatever the other figures are.
        plain(median(ours, |run| run.cores).min(median(peer, |run| run.cores))),
    ]);
}

/// The results of two runs: one for the rate, and one with timed calls.
#[derive(Debug)]
struct Sharing {
    rate: f64,
    slowest: f64,
    p999: f64,
    cores: f64,
    verdict: Verdict,
}

impl Sharing {
    fn of(shared: &impl Shared, plan: &Plan, threads: usize) -> Self {
        let run = together::run(shared.sources(threads), plan.together(threads));
        let (rate, slowest) = (run.millions_a_second(), run.slowest_share());
        let (cores, verdict) = (run.cores(), run.verdict());
        drop(run);
        let run = together::run_sampled(shared.sources(threads), plan.together(threads));
        let p999 = run.latencies.value_at_quantile(0.999) as f64;
        Self { rate, slowest, p999, cores, verdict: Verdict::worst([verdict, run.verdict()]) }
    }
}
