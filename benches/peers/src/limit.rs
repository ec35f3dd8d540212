//! Runs at the limit of 12 bits: 4,096 IDs per millisecond.

use crate::source::Source;
use crate::together::{Setup, Together, run};
use crate::verdict::Verdict;

/// The IDs per millisecond that 12 bits of sequence allow.
const PER_MS: usize = 4096;

/// The result of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The number of IDs, as a share of the number that the layout allows.
    pub share: f64,
    /// How many cores were busy.
    pub cores: f64,
    /// Processor time for a million IDs, in seconds.
    pub cpu_a_million: f64,
    /// Whether the IDs were right.
    pub verdict: Verdict,
}

/// Draws by threads more IDs than the layout allows.
pub fn run_at_limit<S: Source + Send>(sources: Vec<S>, setup: Setup) -> Limit {
    let run = run(sources, setup);
    let verdict = run.verdict();
    let share = if verdict.is_ahead() {
        // Its ticks are not the clock's. The edges are only a thousandth of the run.
        run.millions_a_second() * 1e3 / PER_MS as f64
    } else {
        share_of_whole_ticks(&run)
    };
    Limit { share, cores: run.cores(), cpu_a_million: run.cpu.as_secs_f64() * 1e6 / run.ids() as f64, verdict }
}

/// Counts only the milliseconds that lie completely within the run, so that its edges do not matter.
fn share_of_whole_ticks(run: &Together<impl Source>) -> f64 {
    let whole = run.span_ms.start + 1..run.span_ms.end;
    let ids = run.logs.iter().flatten().filter(|&&id| whole.contains(&run.source.unix_ms(id))).count();
    ids as f64 / (whole.count() * PER_MS) as f64
}
