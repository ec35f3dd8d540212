//! Faults of processes, clocks and stores. The IDs of all processes together must be distinct nevertheless.

mod disks;
#[cfg(unix)]
mod forks;
pub(crate) mod holder;
mod names;
mod partitions;
mod pauses;
mod stores;
mod twins;
mod verdict;

use std::env;
use std::time::Duration;

use holder::{Holder, Plan};
#[cfg(feature = "etcd")]
use testkit::EtcdServer;
use testkit::Scratch;
use verdict::{Matrix, Verdict};

use crate::servers::{Directory, StoreServer};

/// The length of a scenario: short by default, long with the variable `CASFLAKE_FAULTS=all`.
pub(crate) struct Trial {
    scratch: Scratch,
    rounds: usize,
    ttl: Duration,
    /// Whether holders use the clocks of their hosts instead of the store's time.
    by_own_clock: bool,
}

/// Returns whether the long scenarios were asked for.
pub(crate) fn is_long() -> bool {
    env::var_os("CASFLAKE_FAULTS").is_some_and(|wanted| wanted == "all")
}

impl Trial {
    fn new() -> Self {
        let rounds = if is_long() { 100 } else { 8 };
        Self { scratch: Scratch::new(), rounds, ttl: Duration::from_millis(1500), by_own_clock: false }
    }

    fn by_own_clocks() -> Self {
        Self { by_own_clock: true, ..Self::new() }
    }

    fn plan(&self, server: &dyn StoreServer) -> Plan {
        Plan { by_own_clock: self.by_own_clock, ..Plan::new(server.url(), self.ttl) }
    }

    fn start(&self, server: &dyn StoreServer) -> Holder {
        Holder::start(&self.plan(server), self.scratch.path())
    }
}

/// A fault, and the reaction to it that a test expects.
pub(crate) struct Scenario {
    name: &'static str,
    description: &'static str,
    /// Returns `None` if the fault is impossible for this kind of store.
    run: fn(&mut dyn StoreServer, &Trial) -> Option<Verdict>,
}

/// Scenarios of every run.
const SCENARIOS: [Scenario; 12] = [
    Scenario {
        name: "white space around a URL",
        description: "holders with white space around the same URL share the space",
        run: names::white_space,
    },
    Scenario {
        name: "a misspelt space",
        description: "a holder with a misspelt space issues nothing",
        run: names::a_misspelt_space,
    },
    Scenario {
        name: "holders killed, others in their place",
        description: "holders are killed at random, and each is replaced immediately",
        run: pauses::kills,
    },
    Scenario {
        name: "a holder stopped, another in its place",
        description: "a holder is stopped for longer than its lease, and another is granted its worker",
        run: pauses::a_stopped_process,
    },
    Scenario {
        name: "clocks 10 min apart, 1 h back",
        description: "hosts have wrong clocks, and one moves back by an hour over a restart",
        run: pauses::wrong_clocks,
    },
    Scenario {
        name: "as many identical holders as workers",
        description: "as many identical processes as there are workers start at the same time",
        run: twins::twins,
    },
    Scenario {
        name: "a holder cut off, longer than its lease",
        description: "a holder is cut off for longer than its lease, and another is granted its worker",
        run: partitions::a_long_cut,
    },
    Scenario {
        name: "the store stopped, longer than a lease",
        description: "the store is stopped for longer than leases last",
        run: stores::a_long_stop,
    },
    Scenario {
        name: "everything lost",
        description: "the store loses everything while holders draw",
        run: stores::a_loss,
    },
    Scenario { name: "the disk full", description: "the disk of a directory is full", run: disks::a_full_disk },
    Scenario {
        name: "holders killed during a write",
        description: "holders are killed, and each leaves a part of a file",
        run: disks::cut_off_writes,
    },
    Scenario {
        name: "another directory in its place",
        description: "an empty directory replaces the store's",
        run: disks::a_remade_directory,
    },
];

/// More scenarios of a long run.
const MORE_SCENARIOS: [Scenario; 11] = [
    Scenario {
        name: "a holder stopped, by the hosts' clocks",
        description: "a holder is stopped for longer than its lease, and holders use the clocks of their hosts",
        run: |server, _| pauses::a_stopped_process(server, &Trial::by_own_clocks()),
    },
    Scenario {
        name: "a holder cut off, for less",
        description: "a holder is cut off for less than its lease, during a renewal",
        run: partitions::a_short_cut,
    },
    Scenario {
        name: "an older copy restored",
        description: "a copy replaces the store that is older than the leases of the holders",
        run: stores::an_old_copy,
    },
    Scenario {
        name: "the disk read-only",
        description: "the disk of a directory is read-only",
        run: disks::a_read_only_disk,
    },
    Scenario {
        name: "holders killed, by the hosts' clocks",
        description: "holders are killed at random, and use the clocks of their hosts",
        run: |server, _| pauses::kills(server, &Trial::by_own_clocks()),
    },
    Scenario {
        name: "clocks 10 min apart, by the hosts' clocks",
        description: "hosts have wrong clocks, and holders use them",
        run: |server, _| pauses::wrong_clocks(server, &Trial::by_own_clocks()),
    },
    Scenario {
        name: "the store stopped, for less",
        description: "the store is stopped for a third of a TTL",
        run: stores::a_short_stop,
    },
    Scenario {
        name: "the store killed",
        description: "the store is killed three times, and started again",
        run: stores::a_crash,
    },
    Scenario {
        name: "one record lost",
        description: "the store loses the record of one worker",
        run: stores::a_lost_record,
    },
    Scenario {
        name: "the store's clock 1 h ahead",
        description: "the store's clock moves ahead by an hour, and back",
        run: stores::a_clock_set_ahead,
    },
    Scenario {
        name: "the store's clock 1 h back",
        description: "the store's clock moves back by an hour, and forward again",
        run: stores::a_clock_set_back,
    },
];

/// Runs the scenarios on stores from `make` and prints the verdicts. Panics if IDs were issued twice.
fn run_all(mut make: impl FnMut() -> Box<dyn StoreServer>) {
    let mut matrix = Matrix::new();
    let more: &[_] = if is_long() { &MORE_SCENARIOS } else { &[] };
    // A store is reused if the fault was impossible for it.
    let mut unused = None;
    for scenario in SCENARIOS.iter().chain(more) {
        let mut server = unused.take().unwrap_or_else(&mut make);
        matrix.begin(scenario, server.name());
        let verdict = (scenario.run)(&mut *server, &Trial::new());
        matrix.end(verdict.as_ref());
        match verdict {
            Some(verdict) => verdict.assert_good(scenario.description),
            None => unused = Some(server),
        }
    }
}

#[test]
fn l1_holds_for_every_fault_of_a_directory() {
    run_all(|| Box::new(Directory::new()));
}

#[cfg(feature = "etcd")]
#[test]
fn l1_holds_for_every_fault_of_etcd() {
    if let Some(first) = EtcdServer::start() {
        let mut first = Some(first);
        run_all(|| Box::new(first.take().or_else(EtcdServer::start).expect("an etcd")));
    }
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn l1_holds_for_every_fault_of_postgresql() {
    use testkit::postgres::PostgresServer;
    match PostgresServer::start_with_faked_clock() {
        None => testkit::skipped("PostgreSQL", "a server and libfaketime, Debian's postgresql and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(PostgresServer::start_with_faked_clock).expect("a PostgreSQL");
            run_all(|| Box::new(next()));
        }
    }
}

/// A role may have a schema of its own name, which is first in the default `search_path` of the server.
#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn l1_holds_for_two_roles_of_one_database() {
    use testkit::postgres::PostgresServer;
    let Some(server) = PostgresServer::start() else {
        return testkit::skipped("PostgreSQL", "a server, Debian's postgresql");
    };
    names::two_roles(&server, &Trial::new()).assert_good("two roles of one database");
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn l1_holds_for_every_fault_of_redis() {
    use testkit::redis::RedisServer;
    match RedisServer::start_with_faked_clock() {
        None => testkit::skipped("Redis", "redis-server and libfaketime, Debian's redis-server and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(RedisServer::start_with_faked_clock).expect("a Redis");
            run_all(|| Box::new(next()));
        }
    }
}
