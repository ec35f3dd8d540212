//! `Scenario`: what a seed allows. Each run draws a subset of the faults, so that there are calm runs and wild runs.

use std::time::Duration;

use casflake_lease::_simulation::Plan;

use crate::control::Control;
use crate::random::Random;
use casflake::Wait;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1000 * MS;

/// The state of the ID space when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// An operator has vouched that it is not in use.
    Vouched,
    /// An operator has created it a moment ago.
    Created,
    /// It does not exist.
    Missing,
}

/// Chances are in 10,000.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) control: Option<Control>,
    pub(crate) processes: usize,
    pub(crate) hosts: usize,
    pub(crate) workers: u64,
    pub(crate) beginning: Beginning,
    /// The names of the store's other spaces; `None` if they can't be listed.
    pub(crate) others: Option<Vec<String>>,
    /// How long faults happen.
    pub(crate) chaos_ns: u64,
    /// The mean time between two faults of processes, hosts and the store.
    pub(crate) fault_every_ns: u64,
    /// The chance that a request to the store meets a fault.
    pub(crate) network: u64,
    /// The chance that a reading of a clock lets other actors run.
    pub(crate) preempt: u64,
    /// The chance that other messages are delivered between `read` and `swap`.
    pub(crate) between: u64,
    /// The chance that a random number can't be drawn.
    pub(crate) no_random: u64,
    /// The chance that the store breaks its contract in an answer.
    pub(crate) contract: u64,
    pub(crate) loses: bool,
    pub(crate) crashes: bool,
    pub(crate) pauses: bool,
    pub(crate) forks: bool,
    pub(crate) store_clock: bool,
    pub(crate) host_clocks: bool,
    pub(crate) clock_panics: bool,
    pub(crate) operators: bool,
    pub(crate) callbacks: bool,
    /// The shortest TTL of the processes. A space that has lost data keeps its processes waiting for 150 s, and the
    /// pause between two attempts grows with the TTL, so that a longer TTL makes such a run cheaper.
    ttl_ms: u64,
}

impl Scenario {
    pub(crate) fn draw(random: &Random, control: Option<Control>) -> Self {
        let wild = random.below(4) > 0;
        let some = |part: u64| wild && random.below(100) < part;
        let processes = if random.chance(6000) { 2 } else { 3 };
        let beginning = match random.below(100) {
            0..88 => Beginning::Vouched,
            88..93 => Beginning::Created,
            _ => Beginning::Missing,
        };
        let loses = some(35);
        let waits = loses || beginning != Beginning::Vouched;
        let ttl_ms = if waits { 12_000 } else { random.pick(&[300, 600, 1000, 2000, 3000]) };
        let others = match random.below(10) {
            0 => None,
            1..4 => Some(vec!["orders".into()]),
            _ => Some(Vec::new()),
        };
        Self {
            control,
            processes,
            hosts: if random.chance(3000) { 1 } else { 2 },
            workers: if random.chance(1000) { 1 } else { random.between(2, 5) },
            beginning,
            others,
            chaos_ns: ttl_ms * MS * random.between(3, 10) + if waits { random.below(3) * 60 * SECOND } else { 0 },
            fault_every_ns: ttl_ms * MS * random.between(3, 40) / 20,
            network: if some(70) { random.pick(&[50, 300, 1500, 4000]) } else { 0 },
            preempt: if some(80) { random.pick(&[2, 10, 50]) } else { 0 },
            between: if some(70) { random.pick(&[100, 1000]) } else { 0 },
            no_random: if some(15) { 2000 } else { 0 },
            contract: if some(15) { 1000 } else { 0 },
            loses,
            crashes: some(50),
            pauses: some(60),
            forks: some(20),
            store_clock: some(50),
            host_clocks: some(60),
            clock_panics: some(20),
            operators: some(50),
            callbacks: random.below(10) < 3,
            ttl_ms,
        }
    }

    /// Draws the settings of a process. They differ per process, so that a setting that does not arrive is noticed.
    pub(crate) fn plan(&self, random: &Random, owner: String) -> Plan {
        let ttl_ms = self.ttl_ms + random.between(0, 7) * self.ttl_ms / 20;
        Plan {
            ttl: Duration::from_millis(ttl_ms),
            owner,
            wait: if random.chance(9700) { Wait::Spin } else { Wait::Yield },
            max_wait: Duration::from_millis(random.pick(&[0, 2, 20, 100, 700, 3000])),
            strict: random.chance(2500),
            max_lead: random.pick(&[0, 0, 0, 3, 200]),
        }
    }

    /// Ends the faults of messages and threads.
    pub(crate) fn calm(&mut self) {
        (self.network, self.preempt, self.between, self.no_random, self.contract) = (0, 0, 0, 0, 0);
    }
}
