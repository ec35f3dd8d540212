//! `casflake range`: prints the bounds of the IDs of a time range, for use in a query.

use std::io::{self, Write};

use casflake::{IdError, Layout, Parts};
use jiff::Timestamp;
use serde::Serialize;

use crate::layouts::LayoutArgs;
use crate::stop::{Outcome, Stop, report};
use crate::times::{Moment, rfc_3339};

/// Print the bounds of the IDs that all workers can issue between two times
///
/// --from is inclusive and --to is exclusive, so the ranges of two successive days share no ID and omit none. Three
/// lines are printed, and the last one is a condition for SQL:
///
///   from    the smallest ID at --from, and its time
///
///   before  the smallest ID at --to, and its time; this ID is not in the range
///
///   id >= … AND id < …
///
/// A time within a tick of the layout counts as the beginning of that tick. The IDs are unsigned 64-bit numbers. If the
/// layout uses all 64 bits, an ID may be too large for a signed column.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The start of the range: a date such as 2026-01-31 (UTC), a time such as 2026-01-31T09:30:00Z, Unix milliseconds,
    /// or a duration from now, such as -7d or -1h30m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Moment,
    /// The end of the range, in the same forms as --from; "now" is the present time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Moment,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Print a JSON object with the IDs as strings: "from", "from_time", "before", "before_time", and "last", which is
    /// the largest ID of the range
    #[arg(long)]
    json: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct Range {
    from: String,
    from_time: Option<String>,
    before: String,
    before_time: Option<String>,
    last: String,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let layout = args.layout.layout()?;
    let now = Timestamp::now();
    let bound =
        |name: &str, moment: Moment| moment.unix_ms(now).map_err(|why| Stop::usage(format_args!("{name}: {why}")));
    let (from_ms, to_ms) = (bound("--from", args.from)?, bound("--to", args.to)?);
    let range = Range::of(&layout, from_ms, to_ms).map_err(Stop::usage)?;
    if range.before.parse::<i64>().is_err() {
        report(format_args!("a signed 64-bit column can't hold these IDs: its largest number is {}", i64::MAX));
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &range)?;
        return Ok(writeln!(out)?);
    }
    let Range { from, before, .. } = &range;
    let time = |time: &Option<String>| time.clone().unwrap_or_default();
    let widest = from.len().max(before.len());
    writeln!(out, "from    {from:widest$}  {}", time(&range.from_time))?;
    writeln!(out, "before  {before:widest$}  {}", time(&range.before_time))?;
    Ok(writeln!(out, "id >= {from} AND id < {before}")?)
}

impl Range {
    fn of(layout: &Layout, from_ms: u64, to_ms: u64) -> Result<Self, String> {
        if to_ms < from_ms {
            return Err("--to is before --from: give a later --to".into());
        }
        let (from, from_ms) = first_id(layout, from_ms).map_err(|error| format!("--from: {error}"))?;
        let (before, to_ms) = first_id(layout, to_ms).map_err(|error| format!("--to: {error}"))?;
        if from >= before {
            return Err("no tick of the layout begins between --from and --to: give a later --to".into());
        }
        Ok(Self {
            from: from.to_string(),
            from_time: rfc_3339(from_ms),
            before: before.to_string(),
            before_time: rfc_3339(to_ms),
            last: (before - 1).to_string(),
        })
    }
}

/// Returns the smallest ID of the tick that contains `unix_ms`, and the Unix milliseconds at which that tick begins.
fn first_id(layout: &Layout, unix_ms: u64) -> Result<(u64, u64), IdError> {
    let (first, tick_ms) = (layout.epoch_unix_ms(), layout.tick_ms());
    let last = layout.epoch_unix_ms() + layout.max_tick() * tick_ms;
    let out_of_range = IdError::Time { unix_ms, first_unix_ms: first, last_unix_ms: last.saturating_add(tick_ms - 1) };
    let tick = layout.tick_at(unix_ms).ok_or(out_of_range)?;
    let id = layout.encode(Parts { tick, datacenter: 0, worker: 0, sequence: 0 })?;
    Ok((id, first + tick * tick_ms))
}

#[cfg(test)]
mod tests {
    use casflake::{Discord, JsSafe, Mastodon, Scheme, Snowflake, Sonyflake, Standard};
    use proptest::prelude::*;

    use super::Range;

    fn agrees<S: Scheme>(from_ms: u64, to_ms: u64) -> Result<(), TestCaseError> {
        let range = Range::of(&S::LAYOUT, from_ms, to_ms).map(|range| (range.from, range.before, range.last));
        match (Snowflake::<S>::min_at(from_ms), Snowflake::<S>::min_at(to_ms)) {
            (Ok(from), Ok(before)) if from < before => {
                let last = Snowflake::<S>::max_at(before.unix_ms() - S::LAYOUT.tick_ms()).expect("a tick before");
                prop_assert_eq!(range, Ok((from.to_string(), before.to_string(), last.to_string())));
            }
            _ => prop_assert!(range.is_err()),
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_range_has_the_same_bounds_as_the_library(
            from in 1_288_000_000_000..4_000_000_000_000_u64,
            length in 0..100_000_000_u64,
            shift in 0..27_u32
        ) {
            let to = from + (length >> shift);
            agrees::<Standard>(from, to)?;
            agrees::<Discord>(from, to)?;
            agrees::<Sonyflake>(from, to)?;
            agrees::<JsSafe>(from, to)?;
            agrees::<Mastodon>(from, to)?;
            agrees::<Standard>(to, from)?;
        }
    }
}
