//! `casflake decode`: prints the fields of IDs.

mod every;

use std::io::{self, BufWriter, Write};

use casflake::{IdError, Layout};
use serde::Serialize;

use crate::fields::Fields;
use crate::id_number::Number;
use crate::layouts::{LayoutArgs, LayoutName};
use crate::lines::{Line, Lines};
use crate::stop::{Outcome, Stop, report, shortened};

/// Print the fields of IDs: time (RFC 3339, UTC), datacenter, worker, sequence
///
/// An ID can be written in these forms: decimal digits without leading zeros; a minus sign and decimal digits, if the
/// highest bit of the ID is set (a signed database column shows such an ID as a negative number); 0x and hexadecimal
/// digits; 16 hexadecimal digits, at least one of them a letter; with --hex, any hexadecimal digits.
///
/// With --layout all, one line is printed for each layout. The line shows the fields that the ID has in that layout. If
/// the layout has too few bits for the ID, the line shows the ID in decimal digits instead of fields; with --json it
/// shows neither. If the ID cannot come from that layout, the line also gives the reason, such as "the time is in the
/// future".
///
/// If an ID can't be decoded, the command reports that ID on stderr, prints the other IDs, and exits with code 1.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    #[command(flatten)]
    layout: LayoutArgs,
    /// Read all IDs as hexadecimal digits, with or without 0x
    #[arg(long)]
    hex: bool,
    /// Print one JSON object per line, with the ID as a string
    #[arg(long)]
    json: bool,
    /// The IDs. If none is given, IDs are read from stdin, one per line
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

/// The options of the command: the layout of the IDs, whether the IDs are hexadecimal, and the format of the output.
struct Decoder {
    name: Option<LayoutName>,
    /// `None` to decode each ID in every layout.
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
    /// Decodes every line of stdin that is not blank. Returns whether all these lines were IDs.
    fn decode_lines(&self, out: &mut impl Write) -> Result<bool, Stop> {
        let mut lines = Lines::new(io::stdin().lock());
        let mut all_good = true;
        loop {
            match lines.next(|| Ok(out.flush()?))? {
                Line::Text(text) if text.trim_ascii().is_empty() => {}
                Line::Text(text) => all_good &= self.decode(String::from_utf8_lossy(text).trim(), out)?,
                Line::TooLong => {
                    report("a line is longer than 1 MiB: give one ID per line");
                    all_good = false;
                }
                Line::End => return Ok(all_good),
            }
        }
    }

    /// Prints the fields of the ID in `text`, and returns `true`. If `text` is not an ID, reports why and returns
    /// `false`.
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
