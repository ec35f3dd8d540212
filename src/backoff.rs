//! What a call does that has lost its compare-and-swap to another thread's.

use crate::sync::Backoff;

/// The first pause is 1 + 2 + 4 + 8 spin hints long, and each after it about twice as long.
const FIRST_STEPS: u64 = 4;

/// The longest is 127 spin hints long: some microseconds.
const MOST_STEPS: u64 = 7;

/// Pauses, or not, after an exchange that was lost, `before` others of the same call having been lost.
///
/// After the first there is a pause: the winner goes on from a cache line that it keeps, rather than wait for it each
/// time. After the next there is none: that exchange has brought the line here, so that another has the best chances
/// now. And so on, in turns.
#[cold]
pub(crate) fn after_a_loss(before: u64) {
    if before % 2 == 0 {
        let steps = (FIRST_STEPS + before / 2).min(MOST_STEPS);
        let backoff = Backoff::new();
        (0..steps).for_each(|_| backoff.spin());
    }
}
