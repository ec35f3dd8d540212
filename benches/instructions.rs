//! One call, over and over, for a count of its instructions: `.ci/instructions` runs it under callgrind.
//!
//! The count does not depend on what else the machine does, as a time would. The clock stands still, so that it is the
//! generator's own.

use std::hint::black_box;
use std::process::ExitCode;

use casflake::{Generator, Layout, ManualClock, Scheme, Snowflake, WorkerId};

/// Room for all calls in one tick.
struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(30, 0, 2, 32);
}

fn repeat<T>(calls: u32, mut call: impl FnMut() -> T) -> ExitCode {
    for _ in 0..calls {
        black_box(call());
    }
    ExitCode::SUCCESS
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (call, calls) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok()));
    let (Some(call), Some(calls)) = (call, calls) else {
        eprintln!("usage: instructions generate|try_generate|local|fill CALLS");
        return ExitCode::from(2);
    };
    let ids = Generator::with_clock(WorkerId::<Wide>::fixed_in::<0, 1>(), black_box(ManualClock::new(1)));
    match call.as_str() {
        "generate" => repeat(calls, || ids.generate()),
        "try_generate" => repeat(calls, || ids.try_generate()),
        "local" => {
            let mut handle = ids.local(256);
            repeat(calls, || handle.generate())
        }
        "fill" => {
            let mut buffer = [Snowflake::MIN; 1024];
            repeat(calls, || ids.fill(black_box(&mut buffer)))
        }
        _ => ExitCode::from(2),
    }
}
