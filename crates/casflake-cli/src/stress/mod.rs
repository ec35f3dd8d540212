//! `casflake stress`: many threads on one generator, and a proof that their IDs are good.

mod chart;
mod choices;
mod draw;
mod latency;
mod measure;
mod plot;
mod progress;
mod proof;
mod report;
mod schedule;
mod setup;
mod timeline;
mod usage;
mod waits;

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use casflake::{CoarseClock, Layout, SystemClock, TscClock};
use choices::{ClockName, Named, WaitName};
use clap::ArgGroup;
use plot::Plot;
use report::Report;
use setup::{Plan, Setup};

use crate::ids::{Generates, Ids, LeaseArgs};
use crate::layouts::{LayoutArgs, with_scheme};
use crate::numbers::whole;
use crate::stop::{Outcome, Stop};
use crate::workers::{Place, WorkerArgs};

/// Draw IDs from one generator by many threads at once, and prove them distinct and in order
///
/// Proves, exactly and for all IDs, that no two are the same and that each thread's increase. Memory stays bounded
/// however long it runs: about 1 MiB a thread, and more while one falls seconds behind. The exit code is 1 if anything
/// is wrong.
///
/// Latencies are those of a call, which draws one ID or a batch. Without --rate one call in 61 is timed, from its
/// begin. With --rate each is, from when it was due: what holds one up counts for those that it keeps waiting, too.
///
/// The rate is that of the wall clock. A run of n ms touches n + 1 of them, so that a short one can show a little more
/// than the layout's limit.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, group = ArgGroup::new("plan").required(true))]
pub(crate) struct Args {
    /// How many threads; as many as there are cores unless set
    #[arg(long, value_parser = whole::<usize>(1..=1024))]
    threads: Option<usize>,
    /// How many seconds to draw IDs
    #[arg(long, group = "plan", value_parser = seconds)]
    seconds: Option<Duration>,
    /// How many IDs to draw, shared out evenly to the threads
    #[arg(long, group = "plan", value_parser = whole::<u64>(1..=u64::MAX))]
    count: Option<u64>,
    /// How many IDs to draw in one call
    #[arg(long, default_value_t = 1, value_parser = whole::<usize>(1..=MAX_BATCH))]
    batch: usize,
    /// How many IDs to draw in a second, by all threads in turn, each when it is due; as many as there are unless set
    #[arg(long, value_parser = whole::<u64>(1..=u64::MAX))]
    rate: Option<u64>,
    /// Draw from a handle for each thread, which reserves up to so many IDs at once
    #[arg(long, value_name = "BLOCK", conflicts_with = "lease", value_parser = whole::<u64>(1..=u64::MAX))]
    local: Option<u64>,
    /// The clock that the generator reads, unless the worker is leased: then the store's time
    #[arg(long, value_enum, conflicts_with = "lease", default_value_t = ClockName::System)]
    clock: ClockName,
    /// What a thread does while it waits for the next tick
    #[arg(long, value_enum, default_value_t = WaitName::Spin)]
    wait: WaitName,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Draw IDs, waits and lost exchanges over time as a picture in this file, which is overwritten
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// More than enough to span several ticks; 1,024 threads' buffers take 512 MiB.
const MAX_BATCH: u64 = 65_536;

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number from 0.001 to 1000000".into()),
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    match args.clock {
        // Where a store's time is to be, none of ours is read.
        ClockName::System | ClockName::Store => run_by(SystemClock, args),
        ClockName::Coarse => run_by(CoarseClock, args),
        ClockName::Tsc => run_by(TscClock::new(), args),
    }
}

fn run_by(clock: impl Named + 'static, args: &Args) -> Outcome {
    with_scheme!(args.layout, stress(clock, args))
}

fn stress<S: Generates>(clock: impl Named + 'static, args: &Args) -> Outcome {
    let layout = args.layout.layout()?;
    let clock_name = if args.lease.lease.is_some() { ClockName::Store } else { name_of(&clock) };
    let setup = setup(args, clock_name, layout)?;
    let place = args.worker.asked(&layout)?.unwrap_or(Place::FIRST);
    let plot = args.plot.as_deref().map(Plot::create).transpose()?;
    let ids = match Ids::leased(&args.lease, args.wait.wait()) {
        Some(leased) => leased?,
        None => S::ids(&layout, place, clock, args.wait.wait())?,
    };
    let mut run = measure::run(&ids, setup)?;
    let over_time = run.over_time.take();
    let report = Report::new(&setup, &ids.stats(), run);
    let plotted = plot.zip(over_time).map_or(Ok(()), |(plot, over_time)| {
        let svg = chart::svg(&report.headings(), setup.threads, layout.tick_ms(), over_time)?;
        plot.write(&svg)
    });
    // A report that nobody reads must not hide what it says.
    let printed = report.print(args.json);
    ids.end()?;
    if report.is_good() {
        plotted.and(printed)
    } else {
        Err(Stop::failed("the IDs are not as they must be: see the report"))
    }
}

const fn name_of<C: Named>(_: &C) -> ClockName {
    C::NAME
}

fn setup(args: &Args, clock: ClockName, layout: Layout) -> Result<Setup, Stop> {
    let &Args { batch, local, wait, rate, .. } = args;
    if let Some(block) = local.filter(|_| batch > 1) {
        return Err(Stop::usage(format_args!(
            "--batch {batch} does not go with --local {block}, whose handles draw 1 ID a call: leave one of them out"
        )));
    }
    let most = per_second(&layout);
    if let Some(rate) = rate.filter(|rate| *rate > most) {
        return Err(Stop::usage(format_args!(
            "--rate {rate} is more than the layout's {most} IDs a second, so that calls would be later and later: give \
             1 to {most}, another --layout, or no rate for as many as there are"
        )));
    }
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = args.threads.unwrap_or_else(cores);
    let plan = match (args.count, args.seconds) {
        (Some(count), _) => Plan::Count(count),
        (None, time) => Plan::Time(time.unwrap_or_default()),
    };
    Ok(Setup { layout, threads, batch, local, clock, wait, rate, plan, is_plotted: args.plot.is_some() })
}

/// The most IDs that one worker of the layout can issue in a second, rounded down.
fn per_second(layout: &Layout) -> u64 {
    (layout.max_sequence() + 1).saturating_mul(1000) / layout.tick_ms()
}
