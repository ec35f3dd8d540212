//! Defends I1 and I5 for whole systems: each worker of each datacenter has a generator of its own, and look-ups are
//! checked.

#![cfg(feature = "std")]

use std::collections::HashSet;

use casflake::{JsSafe, Layout, MAX_GENERATORS, ManualClock, Scheme, Sonyflake, Standard, Topology, TopologyError};

const NOW_MS: u64 = 1_735_689_600_000;

#[test]
fn a_generator_in_range_is_the_one_asked_for() {
    let system: Topology = Topology::new(3, 5).expect("a topology");
    for datacenter in 0..3 {
        for worker in 0..5 {
            let generator = system.generator(datacenter, worker).expect("in range");
            let id = generator.generate().expect("an ID");
            assert_eq!((id.datacenter(), id.worker()), (datacenter, worker));
            let other_way = system.datacenter(datacenter).and_then(|found| found.generator(worker));
            assert!(std::ptr::eq(generator, other_way.expect("in range")));
        }
    }
}

#[test]
fn i5_a_look_up_out_of_range_is_refused_with_the_range() {
    let system: Topology = Topology::new(3, 5).expect("a topology");
    for datacenter in [3, 31, 32, u64::MAX] {
        let refused = TopologyError::NoDatacenter { datacenter, datacenters: 3 };
        assert_eq!(system.datacenter(datacenter).err(), Some(refused));
        assert_eq!(system.generator(datacenter, 9).err(), Some(refused), "the datacenter is looked at first");
    }
    for worker in [5, 31, 32, u64::MAX] {
        let refused = TopologyError::NoWorker { worker, workers: 5 };
        assert_eq!(system.generator(2, worker).err(), Some(refused));
        assert_eq!(refused.to_string(), format!("worker {worker} is out of range: 0 to 4"));
    }
}

#[test]
fn i5_a_count_of_0_or_more_than_the_layout_has_is_refused() {
    let new = |datacenters, workers| Topology::<Standard>::new(datacenters, workers).err();
    for count in [0, 33, u64::MAX] {
        assert_eq!(new(count, 1), Some(TopologyError::Datacenters { count, max: 32 }));
        assert_eq!(new(1, count), Some(TopologyError::Workers { count, max: 32 }));
    }
    assert_eq!(new(32, 32), None);
    assert_eq!(Topology::<JsSafe>::new(2, 1).err(), Some(TopologyError::Datacenters { count: 2, max: 1 }));
}

#[test]
fn i5_a_topology_that_would_take_all_memory_is_refused() {
    struct Huge;
    impl Scheme for Huge {
        const LAYOUT: Layout = Layout::new(4, 28, 28, 4);
    }
    let refused = |count| Some(TopologyError::TooMany { count, max: MAX_GENERATORS });
    assert_eq!(Topology::<Huge>::new(1 << 28, 1 << 28).err(), refused(1 << 56));
    assert_eq!(Topology::<Huge>::new(1, MAX_GENERATORS + 1).err(), refused(65_537));
    assert_eq!(Topology::<Sonyflake>::new(1, 65_536).err(), None);
}

#[test]
fn i1_every_pair_has_a_worker_of_its_own_in_order() {
    let system = Topology::<Standard, _>::with_clock(32, 32, &ManualClock::new(NOW_MS)).map(|system| {
        let workers: Vec<_> = system.iter().flat_map(|datacenter| datacenter.iter()).map(|ids| ids.worker()).collect();
        workers
    });
    let workers = system.expect("a topology");
    assert_eq!(workers.iter().map(|worker| worker.index()).collect::<Vec<_>>(), (0..1024).collect::<Vec<_>>());
    assert_eq!(workers.iter().collect::<HashSet<_>>().len(), 1024);
}

#[test]
fn i1_all_generators_on_one_clock_issue_distinct_ids() {
    let clock = ManualClock::new(NOW_MS);
    let system = Topology::<Standard, _>::with_clock(8, 16, &clock).expect("a topology");
    let mut ids = HashSet::new();
    for _ in 0..5 {
        for datacenter in &system {
            for generator in datacenter {
                ids.extend(generator.generate_batch(20).expect("a batch"));
                ids.insert(generator.try_generate().expect("an ID"));
            }
        }
        clock.advance(1);
    }
    assert_eq!(ids.len(), 5 * 8 * 16 * 21);
    assert!(ids.iter().all(|id| (NOW_MS..NOW_MS + 5).contains(&id.unix_ms())));
}
