//! Several generators on one clock.

use std::collections::HashSet;
use std::sync::Arc;

use casflake::Topology;
use casflake_loom_tests::{Bit, Time, exhaustive, together};

type System = Topology<Bit, Arc<Time>>;

/// Returns the IDs of both generators, as plain numbers.
fn take(system: &System) -> Vec<u64> {
    let workers = system.datacenter(0).expect("the one there is").iter();
    workers.filter_map(|ids| ids.try_generate().ok()).map(|id| id.as_u64()).collect()
}

/// Would catch: a worker that is not in the ID, or two generators that share a word.
#[test]
fn i1_two_generators_never_issue_the_same_id() {
    exhaustive(|| {
        let system: Arc<System> = Arc::new(Topology::with_clock(1, 2, Arc::new(Time::at(1))).expect("two workers"));
        let ids: Vec<u64> = together(&system, [take, take]).concat();
        assert_eq!(ids.len(), 4, "each has two slots: {ids:?}");
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 4, "{ids:?}");
    });
}
