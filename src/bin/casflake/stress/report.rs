//! What a run has come to, for people and as JSON.

use std::io::{self, Write};

use casflake::{Generator, Layout, Scheme, Stats};
use serde::Serialize;

use super::measure::Run;
use crate::stop::Outcome;

/// The widest bar, in characters.
const BAR: u64 = 40;

#[derive(Serialize)]
pub(crate) struct Report {
    threads: usize,
    batch: usize,
    ids: u64,
    seconds: f64,
    ids_per_second: f64,
    limit_per_second: f64,
    share_of_limit: f64,
    /// User and system time of all threads; `null` where the system can't tell.
    cpu_seconds: Option<f64>,
    ids_by_thread: Vec<u64>,
    repeats: u64,
    out_of_order: u64,
    foreign: u64,
    /// Whether the generator's own count agrees.
    counted: bool,
    max_sequence: u64,
    cas_retries: u64,
    overflow_waits: u64,
    overflow_wait_seconds: f64,
    clock_behind: u64,
    tick_ms: u64,
    ids_per_tick: Vec<Bucket>,
}

/// In how many ticks between `from` and `to` IDs were issued.
#[derive(Serialize)]
struct Bucket {
    from: u64,
    to: u64,
    ticks: u64,
}

impl Report {
    pub(crate) fn new<S: Scheme>(generator: &Generator<S>, batch: usize, run: Run) -> Self {
        let stats = generator.stats();
        let ids = run.ids_by_thread.iter().sum();
        let seconds = run.time.as_secs_f64();
        let ids_per_second = float(ids) / seconds;
        let limit_per_second = limit(&S::LAYOUT);
        Self {
            threads: run.ids_by_thread.len(),
            batch,
            ids,
            seconds,
            ids_per_second,
            limit_per_second,
            share_of_limit: ids_per_second / limit_per_second,
            cpu_seconds: run.cpu.map(|cpu| cpu.as_secs_f64()),
            ids_by_thread: run.ids_by_thread,
            repeats: run.verdict.repeats,
            out_of_order: run.verdict.out_of_order,
            foreign: run.verdict.foreign,
            counted: stats.ids == ids,
            max_sequence: stats.max_sequence,
            cas_retries: stats.cas_retries,
            overflow_waits: stats.overflow_waits,
            overflow_wait_seconds: stats.overflow_wait_time.as_secs_f64(),
            clock_behind: stats.clock_behind,
            tick_ms: S::LAYOUT.tick_length(),
            ids_per_tick: buckets(&S::LAYOUT, &stats),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.repeats == 0 && self.out_of_order == 0 && self.foreign == 0 && self.counted
    }

    pub(crate) fn print(&self, json: bool) -> Outcome {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
        } else {
            self.print_text(&mut out)?;
        }
        Ok(out.flush()?)
    }

    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { threads, batch, ids, seconds, .. } = self;
        writeln!(out, "IDs         {ids} in {seconds:.3} s, with {threads} threads and {batch} a call")?;
        writeln!(
            out,
            "rate        {:.0} IDs/s, {:.2} % of the layout's {:.0}",
            self.ids_per_second,
            100.0 * self.share_of_limit,
            self.limit_per_second
        )?;
        if let Some(cpu) = self.cpu_seconds {
            writeln!(out, "CPU         {cpu:.2} s")?;
        }
        let fewest = self.ids_by_thread.iter().min().copied().unwrap_or(0);
        let most = self.ids_by_thread.iter().max().copied().unwrap_or(0);
        writeln!(
            out,
            "a thread    {fewest} to {most} IDs; the fewest are {:.2} of a fair share",
            float(fewest) * float(*threads as u64) / float(*ids)
        )?;
        writeln!(out, "retries     {} lost compare-and-swaps", self.cas_retries)?;
        writeln!(
            out,
            "waits       {} for a tick to begin, {:.3} s in all threads together",
            self.overflow_waits, self.overflow_wait_seconds
        )?;
        writeln!(out, "clock       {} times behind", self.clock_behind)?;
        writeln!(out, "repeats     {}", self.repeats)?;
        writeln!(out, "disorder    {}", self.out_of_order)?;
        if self.foreign > 0 {
            writeln!(out, "foreign     {} IDs of another worker", self.foreign)?;
        }
        if !self.counted {
            writeln!(out, "count       the generator's own differs")?;
        }
        writeln!(
            out,
            "\nIDs in {} ms, and in how many such ticks, up to sequence {}",
            self.tick_ms, self.max_sequence
        )?;
        let most = self.ids_per_tick.iter().map(|bucket| bucket.ticks).max().unwrap_or(1);
        let width = self.ids_per_tick.last().map_or(0, |bucket| bucket.to.to_string().len());
        for Bucket { from, to, ticks } in self.ids_per_tick.iter().skip_while(|bucket| bucket.ticks == 0) {
            writeln!(out, "{from:>width$} to {to:>width$}  {} {ticks}", bar(*ticks, most))?;
        }
        writeln!(
            out,
            "\n{}",
            if self.is_good() { "Every ID is distinct, and each thread's increase." } else { "WRONG" }
        )
    }
}

/// As long as `ticks` is of `most`, and visible unless it is 0.
fn bar(ticks: u64, most: u64) -> String {
    let length = u128::from(ticks) * u128::from(BAR) / u128::from(most);
    let length = if ticks > 0 { length.max(1) } else { 0 };
    "█".repeat(usize::try_from(length).unwrap_or_default())
}

fn buckets(layout: &Layout, stats: &Stats) -> Vec<Bucket> {
    let most = layout.max_sequence() + 1;
    let bucket = |(range, ticks): (std::ops::RangeInclusive<u64>, u64)| Bucket {
        from: *range.start(),
        to: most.min(*range.end()),
        ticks,
    };
    stats.ids_per_tick.iter().map(bucket).collect()
}

/// The most IDs that one worker of the layout can issue in a second.
fn limit(layout: &Layout) -> f64 {
    float(layout.max_sequence() + 1) * 1000.0 / float(layout.tick_length())
}

/// Counts to print, for which 53 bits are exact enough.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn float(count: u64) -> f64 {
    count as f64
}
