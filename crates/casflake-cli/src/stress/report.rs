//! The results of a run, as text and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use casflake::{Layout, Stats};
use indicatif::HumanCount;
use serde::Serialize;

use super::choices::{ClockName, WaitName, name};
use super::latency::Percentiles;
use super::measure::Run;
use super::setup::Setup;
use super::usage::peak_memory;
use crate::numbers::float;
use crate::stop::Outcome;

/// The length of the longest bar, in characters.
const BAR: u64 = 40;

#[derive(Serialize)]
pub(crate) struct Report {
    threads: usize,
    batch: usize,
    /// The number of IDs that a handle reserves at a time; `None`, in JSON `null`, if no handles are used.
    local: Option<u64>,
    clock: ClockName,
    wait: WaitName,
    /// The number of IDs to draw per second; `None`, in JSON `null`, for no limit.
    rate: Option<u64>,
    ids: u64,
    seconds: f64,
    ids_per_second: f64,
    limit_per_second: f64,
    share_of_limit: f64,
    /// The user time plus the system time of all threads; `None`, in JSON `null`, if the system does not report them.
    cpu_seconds: Option<f64>,
    ids_by_thread: Vec<u64>,
    /// The percentiles of the latencies; `None`, in JSON `null`, if no call was timed.
    latency: Option<Percentiles>,
    /// The number of IDs that were due before the end of the run but were not drawn. The latencies do not include the
    /// calls for these IDs.
    overdue: u64,
    repeats: u64,
    out_of_order: u64,
    foreign: u64,
    /// The number of IDs in the generator's own statistics: the IDs that the generator has issued itself, and the IDs
    /// that handles have reserved.
    counted: u64,
    /// The number of IDs that handles have reserved, but have dropped without issuing them.
    unused: u64,
    /// The largest amount of memory that was resident at any time; `None`, in JSON `null`, if the system does not
    /// report it.
    peak_memory_kib: Option<u64>,
    max_sequence: u64,
    cas_retries: u64,
    overflow_waits: u64,
    overflow_wait_seconds: f64,
    clock_behind: u64,
    tick_ms: u64,
    ids_per_tick: Vec<Bucket>,
}

/// `ticks` is the number of ticks in which at least `from` and at most `to` IDs were issued.
#[derive(Serialize)]
struct Bucket {
    from: u64,
    to: u64,
    ticks: u64,
}

impl Report {
    pub(crate) fn new(setup: &Setup, stats: &Stats, run: Run) -> Self {
        let layout = &setup.layout;
        let ids = run.ids_by_thread.iter().sum();
        let seconds = run.time.as_secs_f64();
        let ids_per_second = float(ids) / seconds;
        let limit_per_second = limit(layout);
        Self {
            threads: run.ids_by_thread.len(),
            batch: setup.batch,
            local: setup.local,
            clock: setup.clock,
            wait: setup.wait,
            rate: setup.rate,
            ids,
            seconds,
            ids_per_second,
            limit_per_second,
            share_of_limit: ids_per_second / limit_per_second,
            cpu_seconds: run.cpu.map(|cpu| cpu.as_secs_f64()),
            ids_by_thread: run.ids_by_thread,
            latency: run.latency,
            overdue: run.overdue,
            repeats: run.verdict.repeats,
            out_of_order: run.verdict.out_of_order,
            foreign: run.verdict.foreign,
            counted: stats.ids,
            unused: stats.unused,
            peak_memory_kib: peak_memory(),
            max_sequence: stats.max_sequence,
            cas_retries: stats.cas_retries,
            overflow_waits: stats.overflow_waits,
            overflow_wait_seconds: stats.overflow_wait_time.as_secs_f64(),
            clock_behind: stats.clock_behind,
            tick_ms: layout.tick_ms(),
            ids_per_tick: buckets(layout, stats),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.repeats == 0 && self.out_of_order == 0 && self.foreign == 0 && self.adds_up()
    }

    /// Returns whether each ID in the generator's statistics was either drawn by a thread or dropped by a handle.
    fn adds_up(&self) -> bool {
        self.counted.checked_sub(self.unused) == Some(self.ids)
    }

    /// Returns the parameters of the run, as the two lines above a chart.
    pub(crate) fn headings(&self) -> [String; 2] {
        let Self { threads, batch, ids, seconds, clock, wait, .. } = self;
        let local = self.local.map(|block| format!(", handles of {block}")).unwrap_or_default();
        let rate = self.rate.map(|rate| format!(", {} due per second", HumanCount(rate))).unwrap_or_default();
        [
            format!("casflake stress: {} IDs in {seconds:.3} s, with {threads} threads", HumanCount(*ids)),
            format!("clock {}, wait {}, {batch} per call{local}{rate}", name(clock), name(wait)),
        ]
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
        writeln!(out, "IDs         {ids} in {seconds:.3} s, with {threads} threads and {batch} per call")?;
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
        if let Some(peak) = self.peak_memory_kib {
            writeln!(out, "memory      {} MiB at most", peak.div_ceil(1024))?;
        }
        let fewest = self.ids_by_thread.iter().min().copied().unwrap_or(0);
        let most = self.ids_by_thread.iter().max().copied().unwrap_or(0);
        writeln!(
            out,
            "per thread  {fewest} to {most} IDs; the fewest are {:.2} of a fair share",
            float(fewest) * float(*threads as u64) / float(*ids).max(1.0)
        )?;
        self.print_latency(out)?;
        if let Some(block) = self.local {
            writeln!(out, "unused      {} IDs that handles of {block} reserved and dropped", self.unused)?;
        }
        writeln!(out, "retries     {} failed compare-and-swaps", self.cas_retries)?;
        writeln!(
            out,
            "waits       {} for a tick to begin, {:.3} s by all threads together",
            self.overflow_waits, self.overflow_wait_seconds
        )?;
        writeln!(out, "clock       behind {} times", self.clock_behind)?;
        writeln!(out, "repeats     {}", self.repeats)?;
        writeln!(out, "disorder    {}", self.out_of_order)?;
        if self.foreign > 0 {
            writeln!(out, "foreign     {} IDs of another generator", self.foreign)?;
        }
        if !self.adds_up() {
            writeln!(
                out,
                "count       the generator has counted {} IDs, and {} of these are unused",
                self.counted, self.unused
            )?;
        }
        writeln!(
            out,
            "\nIDs per tick of {} ms, and the number of such ticks (highest sequence: {})",
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
            if self.is_good() { "All IDs are distinct, and those of each thread increase." } else { "WRONG" }
        )
    }
}

impl Report {
    fn print_latency(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(Percentiles { samples, p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns, max_ns }) = self.latency {
            let [p50, p90, p99, p99_9, p99_99, max] =
                [p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns, max_ns].map(Duration::from_nanos);
            let which = if self.rate.is_some() { "calls, from when they were due" } else { "sampled calls" };
            writeln!(out, "latency     of {samples} {which}: p50 {p50:.1?}, p90 {p90:.1?}, p99 {p99:.1?},")?;
            writeln!(out, "            p99.9 {p99_9:.1?}, p99.99 {p99_99:.1?}, max {max:.1?}")?;
        }
        if self.overdue > 0 {
            writeln!(out, "overdue     {} IDs when the time was over; they are not in the latencies", self.overdue)?;
        }
        Ok(())
    }
}

/// Returns a bar. The length of the bar shows `ticks` as a share of `most`, and is at least 1 unless `ticks` is 0.
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

/// Returns the largest number of IDs that one worker of the layout can issue per second.
fn limit(layout: &Layout) -> f64 {
    float(layout.max_sequence() + 1) * 1000.0 / float(layout.tick_ms())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use casflake::{Generator, ManualClock, Scheme, Standard, WorkerId};

    use super::{Report, Run, Setup};
    use crate::stress::choices::{ClockName, WaitName};
    use crate::stress::proof::Verdict;
    use crate::stress::setup::Plan;

    /// Returns [`Report::is_good`] for a run in which the threads drew `ids` IDs. The generator's statistics are the
    /// same in each such run: the generator has issued 5 IDs itself, and a handle has reserved 4 more IDs and issued 3
    /// of them.
    fn is_good(ids: u64, verdict: Verdict) -> bool {
        let generator =
            Generator::with_clock(WorkerId::<Standard>::fixed::<0, 0>(), ManualClock::new(1_800_000_000_000));
        generator.generate_batch(5).unwrap();
        let mut handle = generator.local(64);
        (0..3).for_each(|_| assert!(handle.generate().is_ok()));
        drop(handle);
        let setup = Setup {
            layout: Standard::LAYOUT,
            threads: 1,
            batch: 1,
            local: Some(64),
            clock: ClockName::System,
            wait: WaitName::Spin,
            rate: None,
            plan: Plan::Count(ids),
            is_plotted: false,
        };
        let ids_by_thread = vec![ids];
        let run = Run {
            ids_by_thread,
            time: Duration::from_secs(1),
            cpu: None,
            latency: None,
            overdue: 0,
            verdict,
            over_time: None,
        };
        Report::new(&setup, &generator.stats(), run).is_good()
    }

    #[test]
    fn a_report_is_good_only_if_nothing_is_wrong() {
        assert!(is_good(8, Verdict::default()));
        assert!(!is_good(7, Verdict::default()), "the generator has issued 8");
        assert!(!is_good(9, Verdict::default()), "one of them was dropped, not drawn");
        assert!(!is_good(8, Verdict { repeats: 1, ..Verdict::default() }));
        assert!(!is_good(8, Verdict { out_of_order: 1, ..Verdict::default() }));
        assert!(!is_good(8, Verdict { foreign: 1, ..Verdict::default() }));
    }
}
