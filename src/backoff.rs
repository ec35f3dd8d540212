//! The pause of a call after a failed CAS.

use crate::sync::Backoff;

/// The first pause is 1 + 2 + 4 + 8 spin hints long, and each after it about twice as long.
const FIRST_STEPS: u64 = 4;

/// The longest pause is 127 spin hints long: some microseconds.
const MAX_STEPS: u64 = 7;

/// Pauses after every other failed CAS of a call. `earlier` is how many failed before this one.
///
/// After the first failure it pauses, so that the winner goes on with a cache line that it keeps, and need not fetch it
/// for each ID. After the second it does not pause: that exchange has fetched the line, so the next one will most
/// likely succeed. And so on, in turns.
#[cold]
pub(crate) fn back_off(earlier: u64) {
    if earlier % 2 == 0 {
        let steps = (FIRST_STEPS + earlier / 2).min(MAX_STEPS);
        let backoff = Backoff::new();
        (0..steps).for_each(|_| backoff.spin());
    }
}
