//! Repeats one call, for a count of its instructions: `.ci/instructions` runs it under callgrind.
//!
//! Unlike a time, the count does not depend on the load of the machine. The clock stands still, so that only the
//! generator's own instructions count.

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
