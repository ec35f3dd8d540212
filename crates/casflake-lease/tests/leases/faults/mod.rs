//! What happens to processes, clocks and stores; and whether the union of all IDs is distinct all the same.

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

/// How a fault is tried: in CI in short, and with the variable `CASFLAKE_FAULTS=all` at length.
pub(crate) struct Trial {
    scratch: Scratch,
    rounds: usize,
    ttl: Duration,
    /// Whether holders go by their hosts' clocks instead of the store's time.
    by_own_clock: bool,
}

/// Whether there is time for more than CI has.
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

/// What has come of it; `None` where it can't happen to such a store.
type Fault = fn(&mut dyn StoreServer, &Trial) -> Option<Verdict>;

/// Those that are tried each time.
const FAULTS: [(&str, Fault); 12] = [
    ("white space around a URL", names::white_space),
    ("a space that is misspelt", names::a_misspelt_space),
    ("holders killed, others in their place", pauses::kills),
    ("a holder stopped, another in its place", pauses::a_stopped_process),
    ("clocks 10 min apart, 1 h back", pauses::wrong_clocks),
    ("as many identical holders as workers", twins::twins),
    ("a holder cut off, longer than its lease", partitions::a_long_cut),
    ("the store stopped, longer than a lease", stores::a_long_stop),
    ("everything lost", stores::a_loss),
    ("the disk full", disks::a_full_disk),
    ("holders killed in the midst of a write", disks::cut_off_writes),
    ("another directory in its place", disks::a_remade_directory),
];

/// Those that are tried at length only.
const MORE_FAULTS: [(&str, Fault); 11] = [
    ("a holder stopped, by the hosts' clocks", |server, _| pauses::a_stopped_process(server, &Trial::by_own_clocks())),
    ("a holder cut off, for less", partitions::a_short_cut),
    ("an older copy restored", stores::an_old_copy),
    ("the disk read-only", disks::a_read_only_disk),
    ("holders killed, by the hosts' clocks", |server, _| pauses::kills(server, &Trial::by_own_clocks())),
    ("clocks 10 min apart, by the hosts' clocks", |server, _| pauses::wrong_clocks(server, &Trial::by_own_clocks())),
    ("the store stopped, for less", stores::a_short_stop),
    ("the store killed", stores::a_crash),
    ("one record lost", stores::a_lost_record),
    ("the store's clock set 1 h ahead", stores::a_clock_set_ahead),
    ("the store's clock set 1 h back", stores::a_clock_set_back),
];

/// Tries the faults on stores that `make` makes, prints what has come of each, and fails where IDs were drawn twice.
fn try_all(mut make: impl FnMut() -> Box<dyn StoreServer>) {
    let mut matrix = Matrix::new();
    let more: &[_] = if is_long() { &MORE_FAULTS } else { &[] };
    // One that a fault could not happen to is as new.
    let mut unused = None;
    for (name, fault) in FAULTS.iter().chain(more) {
        let mut server = unused.take().unwrap_or_else(&mut make);
        matrix.begin(name, server.name());
        let verdict = fault(&mut *server, &Trial::new());
        matrix.end(verdict.as_ref());
        match verdict {
            Some(verdict) => verdict.assert_good(),
            None => unused = Some(server),
        }
    }
}

#[test]
fn i1_on_a_directory() {
    try_all(|| Box::new(Directory::new()));
}

#[cfg(feature = "etcd")]
#[test]
fn i1_on_etcd() {
    if let Some(first) = EtcdServer::start() {
        let mut first = Some(first);
        try_all(|| Box::new(first.take().or_else(EtcdServer::start).expect("an etcd")));
    }
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn i1_on_postgresql() {
    use testkit::postgres::PostgresServer;
    match PostgresServer::start_with_faked_clock() {
        None => testkit::skipped("PostgreSQL", "a server and libfaketime, Debian's postgresql and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(PostgresServer::start_with_faked_clock).expect("a PostgreSQL");
            try_all(|| Box::new(next()));
        }
    }
}

/// Each role has a schema of its own name, to which the server's default `search_path` leads.
#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn i1_by_two_roles_of_one_database() {
    use testkit::postgres::PostgresServer;
    let Some(server) = PostgresServer::start() else {
        return testkit::skipped("PostgreSQL", "a server, Debian's postgresql");
    };
    names::two_roles(&server, &Trial::new()).assert_good();
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn i1_on_redis() {
    use testkit::redis::RedisServer;
    match RedisServer::start_with_faked_clock() {
        None => testkit::skipped("Redis", "redis-server and libfaketime, Debian's redis-server and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(RedisServer::start_with_faked_clock).expect("a Redis");
            try_all(|| Box::new(next()));
        }
    }
}
