//! What happens to processes, clocks and stores; and whether the union of all IDs is distinct all the same.

#[cfg(unix)]
mod forks;
pub(crate) mod holder;
mod pauses;
mod stores;
mod verdict;

use std::env;
use std::time::Duration;

use crate::scratch::Scratch;
#[cfg(feature = "etcd")]
use crate::servers::EtcdServer;
use crate::servers::{Directory, Server};
use holder::{Holder, Plan};
use verdict::Verdict;

/// How a fault is tried: in CI in short, and with the variable `CASFLAKE_FAULTS=all` at length.
pub(crate) struct Trial {
    scratch: Scratch,
    rounds: usize,
    ttl: Duration,
}

/// Whether there is time for more than CI has.
pub(crate) fn is_long() -> bool {
    env::var_os("CASFLAKE_FAULTS").is_some_and(|wanted| wanted == "all")
}

impl Trial {
    fn new() -> Self {
        let rounds = if is_long() { 100 } else { 12 };
        Self { scratch: Scratch::new(), rounds, ttl: Duration::from_millis(1500) }
    }

    fn plan(&self, server: &dyn Server) -> Plan {
        Plan::new(server.url(), self.ttl)
    }

    fn start(&self, server: &dyn Server) -> Holder {
        Holder::start(&self.plan(server), self.scratch.path())
    }
}

type Fault = fn(&mut dyn Server, &Trial) -> Verdict;

/// Those that are tried each time.
const FAULTS: [(&str, Fault); 6] = [
    ("holders killed, others in their place", pauses::kills),
    ("a holder stopped, another in its place", pauses::a_stopped_process),
    ("clocks 10 min apart, 1 h back", |server, trial| pauses::wrong_clocks(server, trial, false)),
    ("the store stopped, longer than a lease", stores::a_long_stop),
    ("everything lost", stores::a_loss),
    ("an older copy restored", stores::an_old_copy),
];

/// Those that are tried at length only.
const MORE_FAULTS: [(&str, Fault); 5] = [
    ("clocks 10 min apart, by the hosts' clocks", |server, trial| pauses::wrong_clocks(server, trial, true)),
    ("the store stopped, for less", stores::a_short_stop),
    ("the store killed", stores::a_crash),
    ("one record lost", stores::a_lost_record),
    ("the store's clock an hour off", stores::a_stepped_clock),
];

/// Tries the faults on stores that `make` makes, prints what has come of each, and fails where IDs were drawn twice.
fn try_all(mut make: impl FnMut() -> Box<dyn Server>) {
    let more: &[_] = if is_long() { &MORE_FAULTS } else { &[] };
    for (name, fault) in FAULTS.iter().chain(more) {
        let mut server = make();
        let verdict = fault(&mut *server, &Trial::new());
        println!(
            "| {name} | {} | {} | {} | {:.1} s |",
            server.name(),
            verdict.ids,
            verdict.duplicates,
            verdict.gap.as_secs_f64()
        );
        verdict.assert_good();
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
    use crate::servers::postgres::PostgresServer;
    match PostgresServer::start_with_faked_clock() {
        None => crate::skip::skipped("PostgreSQL", "a server and libfaketime, Debian's postgresql and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(PostgresServer::start_with_faked_clock).expect("a PostgreSQL");
            try_all(|| Box::new(next()));
        }
    }
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn i1_on_redis() {
    use crate::servers::redis::RedisServer;
    match RedisServer::start_with_faked_clock() {
        None => crate::skip::skipped("Redis", "redis-server and libfaketime, Debian's redis-server and faketime"),
        Some(first) => {
            let mut first = Some(first);
            let mut next = || first.take().or_else(RedisServer::start_with_faked_clock).expect("a Redis");
            try_all(|| Box::new(next()));
        }
    }
}
