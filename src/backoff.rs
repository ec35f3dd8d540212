//! The pause of a call after a failed CAS.

use crate::sync::Backoff;

/// The steps of the first pause. Step n is 2^n spin hints long, so the first pause is 1 + 2 + 4 + 8 spin hints long.
/// Each later pause has one step more.
const FIRST_STEPS: u64 = 4;

/// The steps of the longest pause, which is 127 spin hints long and takes some microseconds.
const MAX_STEPS: u64 = 7;

/// Pauses after the first failed CAS of a call, the third, the fifth, and so on. `earlier` is how many CAS of the call
/// failed before this one.
///
/// The pause lets the winner issue more IDs while it has the cache line, so that the winner need not fetch the line for
/// each ID. After the second failed CAS, the fourth, and so on, there is no pause. That failed exchange has fetched the
/// line, so the next exchange will most likely succeed.
#[cold]
pub(crate) fn back_off(earlier: u64) {
    if earlier % 2 == 0 {
        let steps = (FIRST_STEPS + earlier / 2).min(MAX_STEPS);
        let backoff = Backoff::new();
        (0..steps).for_each(|_| backoff.spin());
    }
}
