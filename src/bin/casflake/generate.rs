//! `casflake generate`: IDs on stdout.

use std::io::{self, BufWriter, Write};

use casflake::{Generator, Scheme, Snowflake, SystemClock, Wait, WorkerId};
use clap::ValueEnum;

use crate::fields::Fields;
use crate::ids::{Ids, LeaseArgs};
use crate::layouts::{LayoutName, with_scheme};
use crate::numbers::whole;
use crate::stop::{Outcome, Stop};

/// Print new IDs, one a line, in increasing order
///
/// Two processes that run at the same time need two workers: with the same --datacenter and --worker they print the same
/// IDs. So can two runs one after the other within the same tick (1 ms; 10 ms in sonyflake). With --lease they can't.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// How many
    #[arg(short = 'n', long, default_value_t = 1, value_parser = whole::<u64>(1..=u64::MAX))]
    count: u64,
    /// The datacenter
    #[arg(long, default_value_t = 0, conflicts_with = "lease", value_parser = whole::<u64>(0..=u64::MAX))]
    datacenter: u64,
    /// The worker within its datacenter
    #[arg(long, default_value_t = 0, conflicts_with = "lease", value_parser = whole::<u64>(0..=u64::MAX))]
    worker: u64,
    /// The layout of the ID's bits
    #[arg(long, value_enum, default_value_t = LayoutName::Standard)]
    layout: LayoutName,
    /// How to print an ID
    #[arg(long, value_enum, default_value_t = Format::Decimal)]
    format: Format,
    #[command(flatten)]
    lease: LeaseArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Digits
    Decimal,
    /// 0x and 16 digits
    Hex,
    /// An object a line, with the ID as a string and its fields
    Json,
    /// The ID, its time, datacenter, worker and sequence
    Parts,
}

pub(crate) fn run(args: &Args) -> Outcome {
    with_scheme!(args.layout, print(args))
}

fn print<S: Scheme + 'static>(args: &Args) -> Outcome {
    let ids = match Ids::<S, SystemClock>::leased(&args.lease, Wait::Spin) {
        Some(ids) => ids?,
        None => Ids::Own(Generator::new(WorkerId::new_in(args.datacenter, args.worker).map_err(Stop::usage)?)),
    };
    let printed = print_all(&ids, args);
    ids.end()?;
    printed
}

fn print_all<S: Scheme + 'static>(ids: &Ids<S, SystemClock>, args: &Args) -> Outcome {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut buffer = [Snowflake::<S>::MIN; 1024];
    let mut left = args.count;
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (drawn, _) = buffer.split_at_mut(room);
        ids.fill(drawn).map_err(|error| Stop::failed(error.cause()))?;
        left -= drawn.len() as u64;
        for id in drawn {
            write(&mut out, args.format, *id)?;
        }
    }
    Ok(out.flush()?)
}

fn write<S: Scheme>(out: &mut impl Write, format: Format, id: Snowflake<S>) -> Outcome {
    match format {
        Format::Decimal => writeln!(out, "{id}")?,
        Format::Hex => writeln!(out, "{id:#018x}")?,
        Format::Json => {
            serde_json::to_writer(&mut *out, &fields(id)?)?;
            out.write_all(b"\n")?;
        }
        Format::Parts => writeln!(out, "{}", fields(id)?)?,
    }
    Ok(())
}

fn fields<S: Scheme>(id: Snowflake<S>) -> Result<Fields, Stop> {
    Fields::of(&S::LAYOUT, id.as_u64()).map_err(Stop::failed)
}
