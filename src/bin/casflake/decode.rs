//! `casflake decode`: IDs taken apart.

use std::io::{self, BufWriter, Write};
use std::str::FromStr;

use casflake::{FieldOrder, Layout, Mastodon, Snowflake};
use clap::ValueEnum;

use crate::fields::Fields;
use crate::layouts::LayoutName;
use crate::lines::{Line, Lines};
use crate::numbers::whole;
use crate::stop::{Outcome, Stop, report, shortened};

/// Print what is in IDs: time (RFC 3339, UTC), datacenter, worker, sequence
///
/// An ID that can't be decoded is reported on stderr, the others are printed, and the exit code is 1.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The layout of the ID's bits
    #[arg(long, value_enum, default_value_t = LayoutName::Standard)]
    layout: LayoutName,
    /// A layout of your own: the widths of timestamp, datacenter, worker and sequence, such as 41,5,5,12
    #[arg(long, conflicts_with = "layout", requires = "epoch")]
    bits: Option<Widths>,
    /// When tick 0 of that layout begins, in Unix milliseconds
    #[arg(long, requires = "bits", value_parser = whole::<u64>(0..=u64::MAX))]
    epoch: Option<u64>,
    /// How long a tick of that layout is, in milliseconds
    #[arg(long, requires = "bits", default_value_t = 1, value_parser = whole::<u64>(1..=u64::MAX))]
    tick: u64,
    /// The order of that layout's fields
    #[arg(long, value_enum, requires = "bits", default_value_t = Order::SequenceLast)]
    order: Order,
    /// Print an object a line, with the ID as a string
    #[arg(long)]
    json: bool,
    /// The IDs, decimal or with 0x; one a line on stdin where there are none
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

#[derive(Clone, Copy)]
struct Widths([u32; 4]);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let widths: Option<Vec<u32>> = text.split(',').map(|width| whole(0..=64)(width).ok()).collect();
        widths.and_then(|widths| widths.try_into().ok()).map(Self).ok_or_else(|| {
            "give four widths of 0 to 64 bits: timestamp,datacenter,worker,sequence, such as 41,5,5,12".into()
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// timestamp, datacenter, worker, sequence
    SequenceLast,
    /// timestamp, sequence, datacenter, worker
    WorkerLast,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let layout = layout(args)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut all_good = true;
    for text in &args.ids {
        all_good &= decode(text, &layout, args.json, &mut out)?;
    }
    if args.ids.is_empty() {
        all_good = decode_lines(&layout, args.json, &mut out)?;
    }
    out.flush()?;
    if all_good { Ok(()) } else { Err(Stop::Reported) }
}

/// Decodes every line of stdin that is not blank, and returns whether each was an ID.
fn decode_lines(layout: &Layout, json: bool, out: &mut impl Write) -> Result<bool, Stop> {
    let mut lines = Lines::new(io::stdin().lock());
    let mut all_good = true;
    loop {
        match lines.next(|| Ok(out.flush()?))? {
            Line::Text(text) if text.trim_ascii().is_empty() => {}
            Line::Text(text) => all_good &= decode(String::from_utf8_lossy(text).trim(), layout, json, out)?,
            Line::TooLong => {
                report("a line of over 1 MiB: give one ID a line");
                all_good = false;
            }
            Line::End => return Ok(all_good),
        }
    }
}

/// Prints what is in an ID, or reports why it is none and returns `false`.
fn decode(text: &str, layout: &Layout, json: bool, out: &mut impl Write) -> Result<bool, Stop> {
    let fields = number(text).and_then(|id| Fields::of(layout, id).map_err(|error| error.to_string()));
    match fields {
        Ok(fields) if json => {
            serde_json::to_writer(&mut *out, &fields)?;
            writeln!(out)?;
        }
        Ok(fields) => writeln!(out, "{fields}")?,
        Err(why) => {
            report(format_args!("{:?}: {why}", shortened(text)));
            return Ok(false);
        }
    }
    Ok(true)
}

fn layout(args: &Args) -> Result<Layout, Stop> {
    let (Some(Widths([timestamp, datacenter, worker, sequence])), Some(epoch)) = (args.bits, args.epoch) else {
        return Ok(args.layout.layout());
    };
    let order = match args.order {
        Order::SequenceLast => FieldOrder::SequenceLast,
        Order::WorkerLast => FieldOrder::WorkerLast,
    };
    Layout::try_new(timestamp, datacenter, worker, sequence)
        .and_then(|layout| layout.try_tick_ms(args.tick))
        .and_then(|layout| layout.try_epoch_unix_ms(epoch))
        .map(|layout| layout.order(order))
        .map_err(Stop::usage)
}

/// Any number of 64 bits, decimal or with 0x.
fn number(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16)
                .map_err(|_| format!("the number is too large: give one up to {:#x}", u64::MAX))
        }
        Some(_) => Err("not a hexadecimal number: give digits from 0 to f after 0x".into()),
        // Mastodon's IDs use all 64 bits: every number is one.
        None => text.parse().map(Snowflake::<Mastodon>::as_u64).map_err(|error| error.to_string()),
    }
}
