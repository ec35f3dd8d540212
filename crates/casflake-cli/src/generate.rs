//! `casflake generate`: prints new IDs.

use std::io::{self, BufWriter, Write};

use casflake::{IdGenerator, Layout, Scheme, Snowflake, SystemClock, Wait};
use clap::ValueEnum;

use crate::fields::Fields;
use crate::ids::{Generates, Ids, LeaseArgs};
use crate::layouts::{LayoutArgs, with_scheme};
use crate::numbers::whole;
use crate::stop::{Outcome, Stop};
use crate::workers::{Place, WorkerArgs};

/// Print new IDs, one per line, in increasing order
///
/// Processes that run at the same time need different workers. With the same worker they print the same IDs. If no
/// option gives the worker, the command uses worker 0 of datacenter 0. Two runs in succession can also print the same
/// IDs, if they fall into the same tick (1 ms; 10 ms in sonyflake and sonyflake2). With --lease, no two processes and
/// no two runs print the same IDs.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// How many IDs to print
    #[arg(short = 'n', long, default_value_t = 1, value_parser = whole::<u64>(1..=u64::MAX))]
    count: u64,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    /// How to print an ID
    #[arg(long, value_enum, default_value_t = Format::Decimal)]
    format: Format,
    #[command(flatten)]
    lease: LeaseArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Decimal digits
    Decimal,
    /// 0x and 16 hexadecimal digits
    Hex,
    /// One JSON object per line: the ID as a string, and its fields
    Json,
    /// The ID, and its time, datacenter, worker and sequence
    Parts,
}

pub(crate) fn run(args: &Args) -> Outcome {
    with_scheme!(args.layout, print(args))
}

fn print<S: Generates>(args: &Args) -> Outcome {
    let layout = args.layout.layout()?;
    let ids = match Ids::<S, SystemClock>::leased(&args.lease, Wait::Spin) {
        Some(ids) => ids?,
        None => S::ids(&layout, args.worker.asked(&layout)?.unwrap_or(Place::FIRST), SystemClock, Wait::Spin)?,
    };
    let printed = print_all(&ids, &layout, args);
    ids.end()?;
    printed
}

fn print_all<S: Scheme>(ids: &impl IdGenerator<S>, layout: &Layout, args: &Args) -> Outcome {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut buffer = [Snowflake::<S>::MIN; 1024];
    let mut left = args.count;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (drawn, _) = buffer.split_at_mut(room);
        ids.fill(drawn).map_err(|error| Stop::failed(error.error()))?;
        left -= drawn.len() as u64;
        for id in drawn {
            write(&mut out, args.format, layout, id.as_u64())?;
        }
    }
    Ok(out.flush()?)
}

fn write(out: &mut impl Write, format: Format, layout: &Layout, id: u64) -> Outcome {
    let fields = || Fields::of(layout, id).map_err(Stop::failed);
    match format {
        Format::Decimal => writeln!(out, "{id}")?,
        Format::Hex => writeln!(out, "{id:#018x}")?,
        Format::Json => {
            serde_json::to_writer(&mut *out, &fields()?)?;
            out.write_all(b"\n")?;
        }
        Format::Parts => writeln!(out, "{}", fields()?)?,
    }
    Ok(())
}
