//! `casflake decode`: IDs taken apart.

use std::io::{self, BufWriter, Write};

use casflake::{Layout, Mastodon, Snowflake};

use crate::fields::Fields;
use crate::layouts::LayoutArgs;
use crate::lines::{Line, Lines};
use crate::stop::{Outcome, Stop, report, shortened};

/// Print what is in IDs: time (RFC 3339, UTC), datacenter, worker, sequence
///
/// An ID that can't be decoded is reported on stderr, the others are printed, and the exit code is 1.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    #[command(flatten)]
    layout: LayoutArgs,
    /// Print an object a line, with the ID as a string
    #[arg(long)]
    json: bool,
    /// The IDs, decimal or with 0x; one a line on stdin where there are none
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let layout = args.layout.layout()?;
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
