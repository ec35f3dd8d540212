//! Every contestant on one page.

use std::rc::Rc;

use casflake::{CoarseClock, SystemClock, TscClock, Wait};

use crate::alone::{self, Alone};
use crate::ours;
use crate::peers::{ferroid, idgenerator, rs_snowflake, snowdon, snowflake_me, snowflaked, snowid, uuid};
use crate::plan::Plan;
use crate::report::{Table, ns};
use crate::rounds::{interleaved, median, side};
use crate::source::{Shared, Source};
use crate::together;
use crate::verdict::Verdict;

/// The numbers of threads that share a generator.
const THREADS: [usize; 3] = [1, 2, 8];

/// The note on a layout with 12 bits of sequence.
const BOUND: &str =
    "¶ 12 bits of sequence: rates are limited to 4.096 M/s; the time of an ID is that of a call that does not wait.";

/// The figures of a contestant.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Its name.
    pub name: &'static str,
    /// Whether it is casflake.
    pub is_ours: bool,
    /// Whether its IDs' times ran ahead of the wall clock.
    pub ran_ahead: bool,
    /// Whether its IDs' times fell behind the wall clock.
    pub fell_behind: bool,
    /// Whether its layout allows at most 4,096 IDs per millisecond.
    pub is_bound: bool,
    /// Nanoseconds per ID of a single thread.
    pub ns: f64,
    /// Millions of IDs a second by 1, 2 and 8 threads; `None` if threads can't share it.
    pub rates: Option<[f64; 3]>,
}

/// A contestant, and the rate that its layout allows.
struct Contestant<'a> {
    name: &'static str,
    format: Format,
    alone: Box<dyn FnMut() -> Alone + 'a>,
    together: Option<Box<dyn FnMut(usize) -> Rate + 'a>>,
}

/// Millions of IDs a second.
type Rate = (f64, Verdict);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// More IDs per millisecond than a processor can draw.
    Wide,
    /// 4,096 IDs per millisecond.
    Bound,
}

/// Runs a single thread.
fn run_alone(source: &mut impl Source, plan: &Plan, format: Format) -> Alone {
    match format {
        Format::Wide => alone::run(source, plan.alone),
        Format::Bound => alone::run_in_bursts(source, plan.in_bursts),
    }
}

fn shared<'a>(plan: &'a Plan, name: &'static str, format: Format, shared: impl Shared + 'a) -> Contestant<'a> {
    let shared = Rc::new(shared);
    let alone = {
        let shared = Rc::clone(&shared);
        move || run_alone(&mut shared.source(), plan, format)
    };
    let together = move |threads| {
        let run = together::run(shared.sources(threads), plan.together(threads));
        (run.millions_a_second(), run.verdict())
    };
    Contestant { name, format, alone: Box::new(alone), together: Some(Box::new(together)) }
}

fn own<'a>(plan: &'a Plan, name: &'static str, format: Format, mut source: impl Source + 'a) -> Contestant<'a> {
    let alone = move || run_alone(&mut source, plan, format);
    Contestant { name, format, alone: Box::new(alone), together: None }
}

fn contestants(plan: &Plan) -> Vec<Contestant<'_>> {
    use Format::{Bound, Wide};
    vec![
        shared(plan, "casflake generate, CoarseClock", Wide, ours::wide(CoarseClock)),
        shared(plan, "casflake generate, TscClock", Wide, ours::wide(TscClock::new())),
        shared(plan, "casflake generate, SystemClock", Wide, ours::wide(SystemClock)),
        shared(plan, "casflake generate, 12 bits", Bound, ours::standard(SystemClock, Wait::Spin)),
        shared(plan, "casflake local(256), CoarseClock", Wide, ours::local(CoarseClock, 256)),
        shared(plan, "casflake fill(1024), CoarseClock", Wide, ours::fill::<1024>(CoarseClock)),
        shared(plan, "ferroid atomic", Wide, ferroid::atomic()),
        shared(plan, "ferroid lock", Wide, ferroid::lock()),
        own(plan, "ferroid basic", Wide, ferroid::basic()),
        shared(plan, "snowid generate", Wide, snowid::wide()),
        shared(plan, "snowid generate_batch(1024)", Wide, snowid::batch::<1024>()),
        shared(plan, "snowflake_me", Wide, snowflake_me::wide()),
        shared(plan, "snowdon", Wide, snowdon::wide()),
        shared(plan, "snowflaked", Bound, snowflaked::standard()),
        own(plan, "rs-snowflake real_time_generate", Bound, rs_snowflake::real_time()),
        own(plan, "rs-snowflake generate", Bound, rs_snowflake::generate()),
        own(plan, "rs-snowflake lazy_generate", Wide, rs_snowflake::lazy()),
        own(plan, "idgenerator core", Wide, idgenerator::wide()),
        shared(plan, "idgenerator instance", Wide, idgenerator::instance()),
        shared(plan, "uuid v7", Wide, uuid::v7()),
    ]
}

/// One contestant's figures of one round.
struct Figures {
    alone: Alone,
    together: Option<[Rate; 3]>,
}

impl Figures {
    fn verdicts(&self) -> impl Iterator<Item = Verdict> + '_ {
        self.together.iter().flatten().map(|run| run.1).chain([self.alone.verdict])
    }
}

/// Measures all contestants.
pub fn overview(plan: &Plan) -> (Table, Vec<Overview>) {
    let header = ["", "an ID, one thread by itself", "M IDs/s, 1 thread", "2 threads", "8 threads"];
    let mut table = Table::new("Overview", &header);
    let mut contestants = contestants(plan);
    let mut sides: Vec<_> = contestants
        .iter_mut()
        .map(|contestant| {
            let Contestant { name, alone, together, .. } = contestant;
            side(name, || Figures { alone: alone(), together: together.as_mut().map(|run| THREADS.map(run)) })
        })
        .collect();
    let measured = interleaved(plan.rounds, &mut sides);
    drop(sides);
    let mut all = Vec::new();
    for (contestant, rounds) in contestants.iter().zip(measured) {
        let Contestant { name, format, .. } = *contestant;
        let verdict = Verdict::worst(rounds.iter().flat_map(Figures::verdicts));
        let mut marked = table.marked(name, [verdict]);
        if format == Format::Bound {
            marked.push_str(" ¶");
            table.note(BOUND.to_owned());
        }
        let time = median(&rounds, |run| run.alone.ns);
        let rate = |i: usize| {
            median(&rounds, |run| run.together.and_then(|rates| rates.get(i).map(|run| run.0)).unwrap_or(f64::NAN))
        };
        let rates = contestant.together.is_some().then(|| [rate(0), rate(1), rate(2)]);
        let cells = rates.map_or([const { String::new() }; 3], |rates| rates.map(|rate| format!("{rate:.2}")));
        table.row([marked, ns(time)].into_iter().chain(cells));
        let is_ours = name.starts_with("casflake");
        all.push(Overview {
            name,
            is_ours,
            ran_ahead: verdict.is_ahead(),
            fell_behind: verdict.is_behind(),
            is_bound: format == Format::Bound,
            ns: time,
            rates,
        });
    }
    (table, all)
}
