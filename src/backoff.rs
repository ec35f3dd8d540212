//! The pause of a call after a failed CAS.

use crate::sync::Backoff;

/// The number of steps in the first pause of a call. Step n has 2^n spin hints, for n from 0, so the first pause has 15
/// spin hints in all. Each later pause of the call has one step more than the pause before.
const FIRST_STEPS: u64 = 4;

/// The number of steps in the longest pause. This pause has 127 spin hints and takes some microseconds.
const MAX_STEPS: u64 = 7;

/// Pauses after a failed CAS, but only after every other one: the first of a call, the third, the fifth, and so on.
/// `earlier` is the number of CAS that failed earlier in this call.
///
/// During the pause the thread whose CAS succeeded can issue more IDs, without fetching the word's cache line again for
/// each ID. After the second failed CAS, the fourth, and so on, there is no pause, because the failed CAS has fetched
/// the cache line. So the next CAS will most likely succeed.
#[cold]
pub(crate) fn back_off(earlier: u64) {
    if earlier % 2 == 0 {
        let steps = (FIRST_STEPS + earlier / 2).min(MAX_STEPS);
        let backoff = Backoff::new();
        (0..steps).for_each(|_| backoff.spin());
    }
}
