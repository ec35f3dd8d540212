//! `casflake stress`: many threads draw IDs from one generator, and a proof checks all these IDs.

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

/// Draw IDs from one generator with many threads, and prove that the IDs are distinct and in order
///
/// Every ID is checked. The proof shows that no two IDs are the same, and that the IDs of each thread increase. Memory
/// stays bounded however long the run is: it is about 1 MiB per thread, and more while one thread is seconds behind the
/// others. The exit code is 1 if anything is wrong.
///
/// A latency is the duration of one call, which draws one ID or one batch. Without --rate, one call in 61 is timed,
/// from the beginning of the call. With --rate, every call is timed from the moment when it was due. So if a slow call
/// delays later calls, the latencies of the later calls include the delay.
///
/// The report divides the number of IDs by the duration of the run. A run that begins in the middle of one tick and
/// ends in the middle of another can draw all IDs of both ticks. So a short run can show slightly more IDs per second
/// than the layout's limit.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, group = ArgGroup::new("plan").required(true))]
pub(crate) struct Args {
    /// The number of threads. The default is the number of cores
    #[arg(long, value_parser = whole::<usize>(1..=1024))]
    threads: Option<usize>,
    /// For how many seconds the threads draw IDs
    #[arg(long, group = "plan", value_parser = seconds)]
    seconds: Option<Duration>,
    /// The number of IDs to draw, divided evenly among the threads
    #[arg(long, group = "plan", value_parser = whole::<u64>(1..=u64::MAX))]
    count: Option<u64>,
    /// The number of IDs to draw in one call
    #[arg(long, default_value_t = 1, value_parser = whole::<usize>(1..=MAX_BATCH))]
    batch: usize,
    /// The number of IDs that all threads together draw per second. With --rate 1000 and --batch 10, a call is due
    /// every 10 ms. The threads take turns, and no call begins before it is due. Without this option there is no limit
    #[arg(long, value_parser = whole::<u64>(1..=u64::MAX))]
    rate: Option<u64>,
    /// Draw from one handle per thread. Each handle reserves up to this many IDs at a time
    #[arg(long, value_name = "BLOCK", conflicts_with = "lease", value_parser = whole::<u64>(1..=u64::MAX))]
    local: Option<u64>,
    /// The clock that the generator reads. With --lease the generator reads the store's time instead
    #[arg(long, value_enum, conflicts_with = "lease", default_value_t = ClockName::System)]
    clock: ClockName,
    /// How a thread waits for the next tick
    #[arg(long, value_enum, default_value_t = WaitName::Spin)]
    wait: WaitName,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Write a chart of IDs, waits and failed CAS over time to this file. An existing file is overwritten
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// The largest batch. It is large enough to span several ticks. With this batch, the buffers of 1,024 threads take 512
/// MiB.
const MAX_BATCH: u64 = 65_536;

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number from 0.001 to 1000000".into()),
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    match args.clock {
        // With a lease the store's time is used, so no local clock is read.
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
    // Even if the report can't be written, the exit code must show whether the IDs are good.
    let printed = report.print(args.json);
    ids.end()?;
    if report.is_good() {
        plotted.and(printed)
    } else {
        Err(Stop::failed("the IDs are not distinct and in order: see the report"))
    }
}

const fn name_of<C: Named>(_: &C) -> ClockName {
    C::NAME
}

fn setup(args: &Args, clock: ClockName, layout: Layout) -> Result<Setup, Stop> {
    let &Args { batch, local, wait, rate, .. } = args;
    if let Some(block) = local.filter(|_| batch > 1) {
        return Err(Stop::usage(format_args!(
            "--batch {batch} can't be used with --local {block}: a handle draws 1 ID per call; leave one out"
        )));
    }
    let most = per_second(&layout);
    if let Some(rate) = rate.filter(|rate| *rate > most) {
        return Err(Stop::usage(format_args!(
            "--rate {rate} is more than the layout's {most} IDs per second, so calls would be later and later: give 1 \
             to {most}, another --layout, or no --rate"
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

/// Returns the largest number of IDs that one worker of the layout can issue per second, rounded down.
fn per_second(layout: &Layout) -> u64 {
    (layout.max_sequence() + 1).saturating_mul(1000) / layout.tick_ms()
}
