//! An exchange that fails spuriously, as a processor's may. With the feature `weak` the second exchange of each word
//! does, here and in all other models that are explored with it.

use casflake_loom_tests::{Issued, exhaustive, generator, together};

use crate::take;

/// Would catch: a spurious failure that is taken for the success of another call. That the failure occurs is visible
/// without another thread.
#[test]
fn i1_an_exchange_that_fails_spuriously_costs_only_a_retry() {
    exhaustive(|| {
        let ids = generator();
        let alone = take(&ids, 2);
        // Without loom it depends on the processor.
        assert!(!cfg!(loom) || ids.stats().cas_retries == 1, "{:?}", ids.stats());
        ids.clock().set(2);
        let mut outcomes = together(&ids, [|ids| take(ids, 1), |ids| take(ids, 1)]);
        outcomes.push(alone);
        assert_eq!(Issued::by(outcomes).count(), 4);
    });
}
