//! What must hold of the IDs that a run has issued, by all threads together.

use std::collections::BTreeMap;

use casflake::Snowflake;

use crate::setting::{Bit, Outcome};

/// The IDs of a run.
#[derive(Debug, Default)]
pub struct Issued {
    ids: Vec<Snowflake<Bit>>,
}

impl Issued {
    /// The IDs of several threads, each with what its calls returned, one after the other.
    ///
    /// # Panics
    /// A thread's IDs do not increase (I2), an ID is there twice (I1), or one was left out: a tick's sequence numbers do
    /// not count from 0 without a gap.
    #[must_use]
    pub fn by(threads: Vec<Vec<Outcome>>) -> Self {
        let mut issued = Self::default();
        for outcomes in threads {
            let ids: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
            assert!(ids.is_sorted_by(|one, next| one < next), "a thread's IDs increase: {ids:?}");
            issued.ids.extend(ids);
        }
        issued.check();
        issued
    }

    fn check(&self) {
        let mut ticks = BTreeMap::<u64, Vec<u64>>::new();
        for id in &self.ids {
            assert_eq!(id.worker(), 1, "a slot that spills into the bits above it: {id:?}");
            ticks.entry(id.tick()).or_default().push(id.sequence());
        }
        for (tick, sequences) in &mut ticks {
            sequences.sort_unstable();
            let expected: Vec<u64> = (0..sequences.len() as u64).collect();
            assert_eq!(*sequences, expected, "the sequence numbers of tick {tick}");
        }
    }

    /// How many IDs there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// The ticks that they are of.
    pub fn ticks(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.iter().map(|id| id.tick())
    }
}
