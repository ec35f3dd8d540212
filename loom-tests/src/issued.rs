//! The promises that hold for the IDs of a run, of all threads together.

use std::collections::BTreeMap;

use casflake::Snowflake;

use crate::setting::{Bit, Outcome};

/// The IDs of a run.
#[derive(Debug, Default)]
pub struct Issued {
    ids: Vec<Snowflake<Bit>>,
}

impl Issued {
    /// Collects the IDs of several threads, each with the results of its calls in order, and checks them.
    ///
    /// # Panics
    /// If a thread's IDs do not increase (I2), if an ID is there twice (I1), or if one was left out: the sequence
    /// numbers of a tick do not count from 0 without a gap.
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
            assert_eq!(id.worker(), 1, "a slot spills into the bits above it: {id:?}");
            ticks.entry(id.tick()).or_default().push(id.sequence());
        }
        for (tick, sequences) in &mut ticks {
            sequences.sort_unstable();
            let expected: Vec<u64> = (0..sequences.len() as u64).collect();
            assert_eq!(*sequences, expected, "the sequence numbers of tick {tick}");
        }
    }

    /// Returns the number of IDs.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Returns the tick of each ID.
    pub fn ticks(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.iter().map(|id| id.tick())
    }
}
