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
    /// Takes in what one thread's calls returned, one after the other. Within a thread IDs increase (I2), and a call may
    /// fail for want of slots only.
    ///
    /// # Panics
    /// One of these does not hold.
    pub fn add(&mut self, outcomes: Vec<Outcome>) {
        let ids: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "a thread's IDs increase: {ids:?}");
        self.ids.extend(ids);
    }

    /// No ID is there twice (I1), and none was left out: each tick's sequence numbers count from 0 without a gap.
    ///
    /// # Panics
    /// One of these does not hold.
    pub fn check(&self) {
        let mut ticks = BTreeMap::<u64, Vec<u64>>::new();
        for id in &self.ids {
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
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// The highest tick.
    #[must_use]
    pub fn last_tick(&self) -> Option<u64> {
        self.ids.iter().map(|id| id.tick()).max()
    }
}
