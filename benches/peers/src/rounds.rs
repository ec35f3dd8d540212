//! Rounds in which all sides run one after the other, so that a phase in which the machine is slow affects all of them.

use std::fmt;

/// One side of a comparison.
pub struct Side<'a, M> {
    name: &'a str,
    run: Box<dyn FnMut() -> M + 'a>,
}

/// Returns a side that is measured by `run`.
pub fn side<'a, M>(name: &'a str, run: impl FnMut() -> M + 'a) -> Side<'a, M> {
    Side { name, run: Box::new(run) }
}

impl<M> Side<'_, M> {
    /// Returns its name in tables.
    pub const fn name(&self) -> &str {
        self.name
    }
}

impl<M> fmt::Debug for Side<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns the measurement of each side in each round.
pub fn interleaved<M>(rounds: usize, sides: &mut [Side<'_, M>]) -> Vec<Vec<M>> {
    let mut measured: Vec<Vec<M>> = sides.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 1..=rounds {
        for (side, measured) in sides.iter_mut().zip(&mut measured) {
            eprintln!("  round {round} of {rounds}: {}", side.name);
            measured.push((side.run)());
        }
    }
    measured
}

/// Returns the median of a figure over the rounds.
pub fn median<M>(rounds: &[M], figure: impl Fn(&M) -> f64) -> f64 {
    middle(rounds.iter().map(figure).collect())
}

/// Returns the median of the rounds' ratios. Each ratio compares two runs that followed each other.
pub fn median_ratio<A, B>(a: &[A], figure_a: impl Fn(&A) -> f64, b: &[B], figure_b: impl Fn(&B) -> f64) -> f64 {
    middle(a.iter().zip(b).map(|(a, b)| figure_a(a) / figure_b(b)).collect())
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
