//! `generate` at a quarter of a million calls a second.

use casflake::{CoarseClock, SystemClock};

use crate::open_loop::{self, OpenLoop};
use crate::ours;
use crate::peers::ferroid;
use crate::plan::Plan;
use crate::report::{Table, ns, times};
use crate::rounds::{interleaved, median, median_ratio, side};

pub(super) fn run(plan: &Plan) -> Table {
    let (coarse, system, peer) = (ours::wide(CoarseClock), ours::wide(SystemClock), ferroid::atomic());
    let schedule = plan.open_loop();
    let mut sides = [
        side("casflake on CoarseClock", || open_loop::run(&coarse, schedule)),
        side("casflake on SystemClock", || open_loop::run(&system, schedule)),
        side("ferroid atomic", || open_loop::run(&peer, schedule)),
    ];
    let measured = interleaved(plan.rounds, &mut sides);
    let header = ["", "p50", "p99", "p99.9", "p99.99", "p99.9 lower than ferroid's by"];
    let mut table = Table::new("250,000 calls a second by 2 threads, wide: from due to done", &header);
    let peer = measured.last().expect("three sides");
    for (side, rounds) in sides.iter().zip(&measured) {
        let at = |quantile| move |run: &OpenLoop| run.latencies.value_at_quantile(quantile) as f64;
        let name = table.marked(side.name(), rounds.iter().map(|run| run.verdict));
        let quantiles = [0.5, 0.99, 0.999, 0.9999].map(|quantile| ns(median(rounds, at(quantile))));
        let ratio = times(median_ratio(peer, at(0.999), rounds, at(0.999)));
        table.row([name].into_iter().chain(quantiles).chain([ratio]));
    }
    table
}
