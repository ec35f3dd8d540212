//! The limit of 12 bits of sequence, and the processor time to reach it.

use casflake::{CoarseClock, SystemClock, Wait};

use crate::limit::{Limit, run_at_limit};
use crate::ours;
use crate::peers::{ferroid, idgenerator, rs_snowflake, snowdon, snowflake_me, snowflaked, snowid};
use crate::plan::Plan;
use crate::report::{Table, percent, plain};
use crate::rounds::{Side, interleaved, median, side};
use crate::source::{Shared, Source};

pub(super) fn run(plan: &Plan) -> Table {
    let spin = ours::standard(SystemClock, Wait::Spin);
    let sleeping = ours::standard(CoarseClock, Wait::Sleep);
    let fill = ours::standard_fill::<4096>(CoarseClock, Wait::Sleep);
    let sides = [
        side("`generate`, 1 thread", || shared(&spin, plan, 1)),
        side("`generate`, 2 threads", || shared(&spin, plan, 2)),
        side("`generate`, 4 threads", || shared(&spin, plan, 4)),
        side("`generate`, 8 threads", || shared(&spin, plan, 8)),
        side("`generate` on CoarseClock, `Wait::Sleep`, 1 thread", || shared(&sleeping, plan, 1)),
        side("`fill` of 4,096 on CoarseClock, `Wait::Sleep`, 1 thread", || shared(&fill, plan, 1)),
    ];
    table("At the limit of 12 bits, 4.096 M/s: casflake", plan, sides)
}

pub(super) fn run_peers(plan: &Plan) -> Table {
    let ours = ours::standard(SystemClock, Wait::Spin);
    let (ferroid, snowflaked, snowdon) = (ferroid::standard(), snowflaked::standard(), snowdon::standard());
    let (snowflake_me, snowid) = (snowflake_me::standard(), snowid::standard());
    let (mut real_time, mut generate) = (rs_snowflake::real_time(), rs_snowflake::generate());
    let mut idgenerator = idgenerator::standard();
    let sides = [
        side("casflake `generate`", || shared(&ours, plan, 1)),
        side("ferroid atomic", || shared(&ferroid, plan, 1)),
        side("snowflaked", || shared(&snowflaked, plan, 1)),
        side("snowdon", || shared(&snowdon, plan, 1)),
        side("snowflake_me", || shared(&snowflake_me, plan, 1)),
        side("rs-snowflake `real_time_generate`", || own(&mut real_time, plan)),
        side("rs-snowflake `generate`", || own(&mut generate, plan)),
        side("idgenerator", || own(&mut idgenerator, plan)),
        side("snowid", || shared(&snowid, plan, 1)),
    ];
    table("At the limit of 12 bits, 4.096 M/s: one thread of each", plan, sides)
}

fn shared(shared: &impl Shared, plan: &Plan, threads: usize) -> Limit {
    run_at_limit(shared.sources(threads), plan.at_limit(threads))
}

fn own(source: &mut (impl Source + Send), plan: &Plan) -> Limit {
    run_at_limit(vec![source], plan.at_limit(1))
}

fn table<const N: usize>(title: &str, plan: &Plan, mut sides: [Side<'_, Limit>; N]) -> Table {
    let measured = interleaved(plan.rounds, &mut sides);
    let header = ["", "share of the limit", "cores busy", "processor seconds a million IDs"];
    let mut table = Table::new(title, &header);
    for (side, rounds) in sides.iter().zip(measured) {
        let cells = [
            table.marked(side.name(), rounds.iter().map(|run| run.verdict)),
            percent(median(&rounds, |run| run.share)),
            plain(median(&rounds, |run| run.cores)),
            format!("{:.3}", median(&rounds, |run| run.cpu_a_million)),
        ];
        table.row(cells);
    }
    table
}
