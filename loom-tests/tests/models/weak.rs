//! An exchange that fails for no reason, as a processor's may: with the feature `weak` the second one of each word does,
//! here and in whatever other models are explored with it.

use casflake_loom_tests::{Issued, exhaustive, generator, together};

use crate::take;

/// Would catch: a failure that is taken for another's success. That the failure comes is seen where no one else is there to
/// be lost to.
#[test]
fn i1_an_exchange_that_fails_for_no_reason_costs_a_retry_alone() {
    exhaustive(|| {
        let ids = generator();
        let alone = take(&ids, 2);
        // Off loom it is for the processor to say.
        assert!(!cfg!(loom) || ids.stats().cas_retries == 1, "{:?}", ids.stats());
        ids.clock().set(2);
        let mut outcomes = together(&ids, [|ids| take(ids, 1), |ids| take(ids, 1)]);
        outcomes.push(alone);
        assert_eq!(Issued::by(outcomes).count(), 4);
    });
}
