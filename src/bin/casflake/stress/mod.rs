//! `casflake stress`: many threads on one generator, and a proof that their IDs are good.

mod measure;
mod progress;
mod proof;
mod report;

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use casflake::{Generator, MAX_BATCH, Scheme, WorkerId};
use clap::ArgGroup;

use crate::layouts::{LayoutName, with_scheme};
use crate::stop::{Outcome, Stop};
use measure::Plan;
use report::Report;

/// Draw IDs from one generator by many threads at once, and prove them distinct and in order
///
/// Proves, exactly and for all IDs, that no two are the same and that each thread's increase. Memory stays bounded
/// however long it runs. The exit code is 1 if anything is wrong.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, group = ArgGroup::new("plan").required(true))]
pub(crate) struct Args {
    /// How many threads; as many as there are cores unless set
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How many seconds to draw IDs
    #[arg(long, group = "plan", value_parser = seconds)]
    seconds: Option<Duration>,
    /// How many IDs to draw, shared out evenly to the threads
    #[arg(long, group = "plan", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How many IDs to draw in one call
    #[arg(long, default_value_t = 1, value_parser = batch)]
    batch: usize,
    /// The layout of the ID's bits
    #[arg(long, value_enum, default_value_t = LayoutName::Standard)]
    layout: LayoutName,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number from 0.001 to 1000000".into()),
    }
}

fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=MAX_BATCH) => Ok(size),
        _ => Err(format!("give a number from 1 to {MAX_BATCH}")),
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    with_scheme!(args.layout, stress(args))
}

fn stress<S: Scheme>(args: &Args) -> Outcome {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let threads = args.threads.map_or_else(cores, usize::from);
    let plan = match (args.count, args.seconds) {
        (Some(count), _) => Plan::Count(count),
        (None, time) => Plan::Time(time.unwrap_or_default()),
    };
    let generator = Generator::new(WorkerId::<S>::from_index_in(0).map_err(Stop::failed)?);
    let report = Report::new(&generator, args.batch, measure::run(&generator, threads, args.batch, plan)?);
    report.print(args.json)?;
    if report.is_good() { Ok(()) } else { Err(Stop::failed("the IDs are not as they must be: see the report")) }
}
