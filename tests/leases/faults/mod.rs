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
use crate::servers::{Directory, Server};
use holder::{Holder, Plan};
use verdict::Verdict;

/// How a fault is tried: in CI in short, and with the variable `CASFLAKE_FAULTS=all` at length.
pub(crate) struct Trial {
    scratch: Scratch,
    rounds: usize,
    ttl: Duration,
}

impl Trial {
    fn new() -> Self {
        let is_long = env::var_os("CASFLAKE_FAULTS").is_some_and(|wanted| wanted == "all");
        Self { scratch: Scratch::new(), rounds: if is_long { 100 } else { 12 }, ttl: Duration::from_millis(1500) }
    }

    fn plan(&self, server: &dyn Server) -> Plan {
        Plan::new(server.url(), self.ttl)
    }

    fn start(&self, server: &dyn Server) -> Holder {
        Holder::start(&self.plan(server), self.scratch.path())
    }
}

type Fault = fn(&mut dyn Server, &Trial) -> Verdict;

const FAULTS: [(&str, Fault); 11] = [
    ("holders killed, others in their place", pauses::kills),
    ("a holder stopped, another in its place", pauses::a_stopped_process),
    ("clocks 10 min apart, 1 h back", |server, trial| pauses::wrong_clocks(server, trial, false)),
    ("the same, by their own clocks", |server, trial| pauses::wrong_clocks(server, trial, true)),
    ("the store stopped, longer than a lease", stores::a_long_stop),
    ("the store stopped, for less", stores::a_short_stop),
    ("the store killed", stores::a_crash),
    ("everything lost", stores::a_loss),
    ("one record lost", stores::a_lost_record),
    ("an older copy restored", stores::an_old_copy),
    ("the store's clock an hour off", stores::a_stepped_clock),
];

/// Tries every fault on stores that `make` makes, prints what has come of each, and fails where IDs were drawn twice.
fn try_all(mut make: impl FnMut() -> Box<dyn Server>) {
    for (name, fault) in FAULTS {
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
