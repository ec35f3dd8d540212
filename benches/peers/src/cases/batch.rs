//! Batches of 1,024.

use casflake::{CoarseClock, SystemClock};

use crate::alone::{self, Alone};
use crate::ours;
use crate::peers::snowid;
use crate::plan::Plan;
use crate::report::{Table, ns, times};
use crate::rounds::{interleaved, median, median_ratio, side};
use crate::source::Shared;

/// IDs in batches are much faster than calls, so a run draws more of them.
const MORE: usize = 4;

pub(super) fn run(plan: &Plan) -> Table {
    let (coarse, system) = (ours::fill::<1024>(CoarseClock), ours::fill::<1024>(SystemClock));
    let peer = snowid::batch::<1024>();
    let (mut coarse, mut system, mut peer) = (coarse.source(), system.source(), peer.source());
    let count = MORE * plan.alone;
    let measured = interleaved(
        plan.rounds,
        &mut [
            side("fill on CoarseClock", || alone::run(&mut coarse, count)),
            side("fill on SystemClock", || alone::run(&mut system, count)),
            side("snowid generate_batch", || alone::run(&mut peer, count)),
        ],
    );
    let [coarse, system, peer] = measured.try_into().expect("three sides");
    let time = |run: &Alone| run.ns;
    let mut table = Table::new("Batches of 1,024, one thread, wide", &["", "an ID", "faster than snowid by"]);
    let rows = [("`fill` on CoarseClock", &coarse), ("`fill` on SystemClock", &system), ("snowid", &peer)];
    for (name, side) in rows {
        let cells = [
            table.marked(name, side.iter().map(|run| run.verdict)),
            ns(median(side, time)),
            times(median_ratio(&peer, time, side, time)),
        ];
        table.row(cells);
    }
    table
}
