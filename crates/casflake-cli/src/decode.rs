//! `casflake decode`: IDs taken apart.

mod every;
mod number;

use std::io::{self, BufWriter, Write};

use casflake::{IdError, Layout};
use number::Number;
use serde::Serialize;

use crate::fields::Fields;
use crate::layouts::{LayoutArgs, LayoutName};
use crate::lines::{Line, Lines};
use crate::stop::{Outcome, Stop, report, shortened};

/// Print what is in IDs: time (RFC 3339, UTC), datacenter, worker, sequence
///
/// An ID is read as decimal digits without leading zeros; as a negative number, which a signed column shows for an ID
/// of 64 bits; or as hexadecimal digits: after 0x, or 16 of them with a letter among them, or any with --hex.
///
/// With --layout all a line for each layout says what the ID is in it, and why it can not be one of it: such as a time
/// in the future.
///
/// An ID that can't be decoded is reported on stderr, the others are printed, and the exit code is 1.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    #[command(flatten)]
    layout: LayoutArgs,
    /// Read all IDs as hexadecimal, with or without 0x
    #[arg(long)]
    hex: bool,
    /// Print an object a line, with the ID as a string
    #[arg(long)]
    json: bool,
    /// The IDs; one a line on stdin where there are none
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

/// By which layout, and how.
struct Decoder {
    name: Option<LayoutName>,
    /// `None` for every layout.
    layout: Option<Layout>,
    hex: bool,
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let name = args.layout.name();
    let layout = if name == Some(LayoutName::All) { None } else { Some(args.layout.layout()?) };
    let decoder = Decoder { name, layout, hex: args.hex, json: args.json };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut all_good = true;
    for text in &args.ids {
        all_good &= decoder.decode(text, &mut out)?;
    }
    if args.ids.is_empty() {
        all_good = decoder.decode_lines(&mut out)?;
    }
    out.flush()?;
    if all_good { Ok(()) } else { Err(Stop::Reported) }
}

impl Decoder {
    /// Decodes every line of stdin that is not blank, and returns whether each was an ID.
    fn decode_lines(&self, out: &mut impl Write) -> Result<bool, Stop> {
        let mut lines = Lines::new(io::stdin().lock());
        let mut all_good = true;
        loop {
            match lines.next(|| Ok(out.flush()?))? {
                Line::Text(text) if text.trim_ascii().is_empty() => {}
                Line::Text(text) => all_good &= self.decode(String::from_utf8_lossy(text).trim(), out)?,
                Line::TooLong => {
                    report("a line of over 1 MiB: give one ID a line");
                    all_good = false;
                }
                Line::End => return Ok(all_good),
            }
        }
    }

    /// Prints what is in an ID, or reports why it is none and returns `false`.
    fn decode(&self, text: &str, out: &mut impl Write) -> Result<bool, Stop> {
        let decoded = Number::parse(text, self.hex).and_then(|number| match &self.layout {
            Some(layout) => self.print(layout, number, out).map_err(|error| error.to_string()),
            None => Ok(every::print(number, self.json, out)),
        });
        match decoded {
            Ok(printed) => printed.map(|()| true),
            Err(why) => {
                report(format_args!("{:?}: {why}", shortened(text)));
                Ok(false)
            }
        }
    }

    fn print(&self, layout: &Layout, number: Number, out: &mut impl Write) -> Result<Outcome, IdError> {
        let id = number.id(layout)?;
        let fields = Fields::of(layout, id)?;
        let note = self.name.and_then(|name| name.no_time_in(id));
        Ok(if self.json {
            write_json(out, &Noted { fields: &fields, note })
        } else {
            let note = note.map_or_else(String::new, |note| format!("  note: {note}"));
            writeln!(out, "{fields}{note}").map_err(Into::into)
        })
    }
}

#[derive(Serialize)]
struct Noted<'a> {
    #[serde(flatten)]
    fields: &'a Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

fn write_json(out: &mut impl Write, value: &impl Serialize) -> Outcome {
    serde_json::to_writer(&mut *out, value)?;
    Ok(writeln!(out)?)
}
