//! `local` blocks, one for each thread.

use casflake::CoarseClock;

use crate::alone::{self, Alone};
use crate::ours::{self, Ticker};
use crate::peers::ferroid;
use crate::plan::Plan;
use crate::report::{Table, millions, ns, times};
use crate::rounds::{interleaved, median, median_ratio, side};
use crate::source::Shared;
use crate::together;
use crate::verdict::Verdict;

/// The most IDs that a handle reserves together.
const BLOCK: u64 = 256;

pub(super) fn run(plan: &Plan) -> Table {
    let (local, atomic) = (ours::local(CoarseClock, BLOCK), ferroid::atomic());
    let measured = interleaved(
        plan.rounds,
        &mut [
            side("local(256), 2 threads", || rate(&local, plan, 2)),
            side("ferroid atomic, 2 threads", || rate(&atomic, plan, 2)),
            side("local(256), 1 thread", || rate(&local, plan, 1)),
        ],
    );
    let [two, peer, one] = measured.try_into().expect("three sides");
    let mut table = Table::new("Blocks, `local(256)` on CoarseClock, wide", &["", "casflake", "other", "ratio"]);
    let name = "2 threads with a handle each, against ferroid atomic shared by 2";
    let rows = [(name, &peer), ("2 threads, against 1 thread of the same", &one)];
    for (name, other) in rows {
        let [two_marks, other_marks] = [&two, other].map(|runs| table.marks(name, runs.iter().map(|run| run.1)));
        table.row([
            name.to_owned(),
            millions(median(&two, |run| run.0)) + &two_marks,
            millions(median(other, |run| run.0)) + &other_marks,
            times(median_ratio(&two, |run| run.0, other, |run| run.0)),
        ]);
    }
    table
}

fn rate(shared: &impl Shared, plan: &Plan, threads: usize) -> (f64, Verdict) {
    let run = together::run(shared.sources(threads), plan.together(threads));
    (run.millions_a_second(), run.verdict())
}

pub(super) fn run_on_equal_clocks(plan: &Plan) -> Table {
    let (coarse, ticker) = (ours::local(CoarseClock, BLOCK), ours::local(Ticker::new(), BLOCK));
    let (shared_ticker, atomic) = (ours::wide(Ticker::new()), ferroid::atomic());
    let (mut coarse, mut ticker, mut basic) = (coarse.source(), ticker.source(), ferroid::basic());
    let (mut shared_ticker, mut atomic) = (shared_ticker.source(), atomic.source());
    let measured = interleaved(
        plan.rounds,
        &mut [
            side("local(256) on CoarseClock", || alone::run(&mut coarse, plan.alone)),
            side("local(256) on ferroid's clock", || alone::run(&mut ticker, plan.alone)),
            side("ferroid basic", || alone::run(&mut basic, plan.alone)),
            side("generate on ferroid's clock", || alone::run(&mut shared_ticker, plan.alone)),
            side("ferroid atomic", || alone::run(&mut atomic, plan.alone)),
        ],
    );
    let [coarse, ticker, basic, shared_ticker, atomic] = measured.try_into().expect("five sides");
    let header = ["one thread, wide", "casflake", "ferroid", "casflake is faster by"];
    let mut table = Table::new("One thread, and ferroid's clock for both", &header);
    let rows = [
        ("`local(256)` on CoarseClock, against ferroid basic", &coarse, &basic),
        ("`local(256)` on ferroid's clock, against ferroid basic", &ticker, &basic),
        ("`generate` on ferroid's clock, against ferroid atomic", &shared_ticker, &atomic),
    ];
    for (name, ours, peer) in rows {
        let time = |run: &Alone| run.ns;
        let [our_marks, peer_marks] = [ours, peer].map(|runs| table.marks(name, runs.iter().map(|run| run.verdict)));
        table.row([
            name.to_owned(),
            ns(median(ours, time)) + &our_marks,
            ns(median(peer, time)) + &peer_marks,
            times(median_ratio(peer, time, ours, time)),
        ]);
    }
    table
}
