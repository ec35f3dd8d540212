//! `generate` by one thread, against a peer and against the floor.

use casflake::{Clock, CoarseClock, SystemClock, TscClock};

use crate::alone;
use crate::floors;
use crate::ours;
use crate::peers::{ferroid, snowid};
use crate::plan::Plan;
use crate::report::{Table, ns, times};
use crate::rounds::{interleaved, median, median_ratio, side};
use crate::source::Shared;
use crate::verdict::Verdict;

pub(super) fn run(plan: &Plan) -> Table {
    let mut table = Table::new(
        "One thread, `generate`, wide",
        &[
            "clock and peer",
            "casflake",
            "peer",
            "casflake is faster by",
            "floor: read, load and exchange in one loop",
            "casflake takes of it",
            "floor: read alone + load and exchange alone",
            "casflake takes of it",
        ],
    );
    against(&mut table, plan, "CoarseClock, ferroid atomic", &CoarseClock, &ferroid::atomic());
    against(&mut table, plan, "SystemClock, snowid", &SystemClock, &snowid::wide());
    against(&mut table, plan, "TscClock, snowid", &TscClock::new(), &snowid::wide());
    table
}

fn against(table: &mut Table, plan: &Plan, name: &str, clock: &(impl Clock + Sync), peer: &impl Shared) {
    let shared = ours::wide(clock);
    let (mut ours, mut peer) = (shared.source(), peer.source());
    let mut floor = floors::read_then_exchange(clock);
    let (mut read, mut exchange) = (floors::read(clock), floors::load_then_exchange());
    let mut verdicts = [Verdict::default(); 2];
    let [ours_verdict, peer_verdict] = &mut verdicts;
    let measured = interleaved(
        plan.rounds,
        &mut [
            side("casflake", || judged(alone::run(&mut ours, plan.alone), ours_verdict)),
            side("peer", || judged(alone::run(&mut peer, plan.alone), peer_verdict)),
            side("floor", || alone::run_floor(&mut floor, plan.alone)),
            side("read", || alone::run_floor(&mut read, plan.alone)),
            side("load and exchange", || alone::run_floor(&mut exchange, plan.alone)),
        ],
    );
    let [ours, peer, floor, read, exchange] = measured.try_into().expect("five sides");
    let sum: Vec<f64> = read.iter().zip(&exchange).map(|(read, exchange)| read + exchange).collect();
    let [ours_marks, peer_marks] = verdicts.map(|verdict| table.marks(name, [verdict]));
    table.row([
        name.to_owned(),
        ns(median(&ours, |ns| *ns)) + &ours_marks,
        ns(median(&peer, |ns| *ns)) + &peer_marks,
        times(median_ratio(&peer, |ns| *ns, &ours, |ns| *ns)),
        ns(median(&floor, |ns| *ns)),
        times(median_ratio(&ours, |ns| *ns, &floor, |ns| *ns)),
        ns(median(&sum, |ns| *ns)),
        times(median_ratio(&ours, |ns| *ns, &sum, |ns| *ns)),
    ]);
}

/// Returns the time alone. Adds the faults of the IDs to `verdict`.
fn judged(run: alone::Alone, verdict: &mut Verdict) -> f64 {
    *verdict = Verdict::worst([*verdict, run.verdict]);
    run.ns
}
