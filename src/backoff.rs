//! The pause of a CAS loop after a failed CAS.

use crate::sync::Backoff;

/// The number of steps in the first pause of a run of the CAS loop. The steps of a pause have 1, 2, 4, 8, ... spin
/// hints, so the first pause has 15 spin hints in all. Each later pause of the run has one step more than the pause
/// before, up to `MAX_STEPS`.
const FIRST_STEPS: u64 = 4;

/// The number of steps in the longest pause. This pause has 127 spin hints and takes some microseconds.
const MAX_STEPS: u64 = 7;

/// Pauses after the first, the third, the fifth, ... failed CAS of a run of the CAS loop. Call this function after each
/// failed CAS. `earlier` is the number of CAS of this run that failed before the latest failed CAS.
///
/// During the pause the thread whose CAS succeeded can issue more IDs, without fetching the word's cache line again for
/// each ID. There is no pause after the second, the fourth, ... failed CAS. Such a CAS is the first one after a pause
/// and has fetched the cache line. So the next CAS will most likely succeed if it follows immediately.
#[cold]
pub(crate) fn back_off(earlier: u64) {
    if earlier % 2 == 0 {
        let steps = (FIRST_STEPS + earlier / 2).min(MAX_STEPS);
        let backoff = Backoff::new();
        (0..steps).for_each(|_| backoff.spin());
    }
}
