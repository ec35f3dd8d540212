//! `casflake node`: reads requests from stdin and writes replies to stdout, with one JSON object per line.

mod request;
mod respond;
mod server;

use std::io::{self, BufWriter, Write};

use casflake::MAX_BATCH;
use clap::ValueEnum;
use request::Request;
use server::Server;

use crate::ids::{Generates, LeaseArgs};
use crate::layouts::{LayoutArgs, with_scheme};
use crate::lines::{Line, Lines};
use crate::numbers::whole;
use crate::stop::{Outcome, report, shortened};
use crate::workers::WorkerArgs;

/// Answer requests for IDs: JSON lines on stdin and stdout, as in Jepsen's Maelstrom
///
/// Each request is a line {"src": "c1", "dest": "n1", "body": {"type": …, "msg_id": 1, …}}. The types and their fields:
///
///   init            "node_id": "n1", "node_ids": ["n1", …]   must come first; the node's position in the list is
///                                                            its worker, unless an option or a lease gives one
///
///   generate                                                 answered with "id"
///
///   generate_batch  "count": 10                              answered with "ids" and "max_sequence"
///
///   echo            "echo": …                                answered with "echo"
///
///   stats                                                    answered with the generator's statistics
///
/// With --lease the worker is leased at init, and released at the end of the input.
///
/// Errors have Maelstrom's codes: 10 unknown type, 11 temporarily unavailable, 12 malformed request, 13 failure, 22
/// init for another node. Lines that can't be answered are reported on stderr and skipped. The node ends at the end of
/// the input.
#[derive(clap::Args)]
#[command(allow_negative_numbers = true, verbatim_doc_comment)]
pub(crate) struct Args {
    /// The largest batch that a request may ask for
    #[arg(long, default_value_t = 1_000_000, value_parser = whole::<usize>(1..=MAX_BATCH as u64))]
    max_batch: usize,
    /// The form of IDs in replies
    #[arg(long, value_enum, default_value_t = IdForm::Number)]
    ids: IdForm,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// The form of an ID in a reply.
#[derive(Clone, Copy, ValueEnum)]
enum IdForm {
    /// A JSON number, as in Maelstrom
    Number,
    /// A JSON string, for clients that read numbers as floats and so round integers over 2^53
    String,
}

impl IdForm {
    /// Returns the quotation mark to write before and after an ID.
    const fn quote(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::String => "\"",
        }
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    with_scheme!(args.layout, serve(args))
}

fn serve<S: Generates>(args: &Args) -> Outcome {
    let layout = args.layout.layout()?;
    let place = args.worker.asked(&layout)?;
    let mut lines = Lines::new(io::stdin().lock());
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut server = Server::<S>::new(args.max_batch, layout, place, &args.lease);
    let quote = args.ids.quote();
    for number in 1_u64.. {
        // Replies are flushed only when no further request is buffered. So a single request is answered immediately,
        // and many requests are answered at full speed.
        let request = match lines.next(|| Ok(out.flush()?))? {
            Line::Text(line) if line.trim_ascii().is_empty() => continue,
            Line::Text(line) => Request::parse(line),
            Line::TooLong => Err("longer than 1 MiB".into()),
            Line::End => break,
        };
        match request {
            Ok(request) => {
                respond::write(&mut out, &request, server.next_msg_id(), server.answer(&request.body), quote)?;
            }
            Err(why) => report(format_args!("line {number}: skipped: {}", shortened(&why))),
        }
    }
    out.flush()?;
    server.end()
}
