//! `casflake node`: requests on stdin, replies on stdout, one JSON object a line.

mod request;
mod respond;
mod server;

use std::io::{self, BufWriter, Write};

use casflake::{MAX_BATCH, Scheme};

use crate::layouts::{LayoutName, with_scheme};
use crate::lines::{Line, Lines};
use crate::stop::{Outcome, Stop, report};
use request::Request;
use server::Server;

/// Answer requests for IDs: JSON lines on stdin and stdout, as in Jepsen's Maelstrom
///
/// Requests: init, generate, generate_batch, echo, stats. Reports on stderr what it can't answer, and goes on. Ends with
/// its input.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct Args {
    /// The largest batch that is answered
    #[arg(long, default_value_t = 1_000_000, value_parser = batch_limit)]
    max_batch: usize,
    /// The layout of the ID's bits
    #[arg(long, value_enum, default_value_t = LayoutName::Standard)]
    layout: LayoutName,
}

fn batch_limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit @ 1..=MAX_BATCH) => Ok(limit),
        _ => Err(format!("give a number from 1 to {MAX_BATCH}")),
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    with_scheme!(args.layout, serve(args))
}

fn serve<S: Scheme>(args: &Args) -> Outcome {
    let mut lines = Lines::new(io::stdin().lock());
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut server = Server::<S>::new(args.max_batch);
    for number in 1_u64.. {
        // Replies are flushed when no further request is at hand: a pipe full of them is answered at full speed, a
        // single one at once.
        let line = match lines.next(|| out.flush()) {
            Ok(Line::Text(line)) => line,
            Ok(Line::TooLong) => {
                report(format_args!("line {number}: skipped: over 1 MiB long"));
                continue;
            }
            Ok(Line::End) => break,
            Err(error) => {
                out.flush()?;
                return Err(Stop::from(error));
            }
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        match Request::parse(line) {
            Ok(request) => respond::write(&mut out, &request, server.next_msg_id(), server.answer(&request.body))?,
            Err(why) => report(format_args!("line {number}: skipped: {why}")),
        }
    }
    Ok(out.flush()?)
}
