//! The events of a model of keepers.

use super::bounds::Limits;
use super::state::{KEEPERS, Loss};

/// One step of the model. The field `process` is the index of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The store's clock moves on by a tick.
    Forward,
    /// The store's clock moves back by a tick.
    Back,
    /// A process begins: it is granted its first lease, and publishes the generator.
    Begin { process: usize, pick: u8 },
    /// The rest of a keeper is over.
    Wake { process: usize, clock: Reading },
    /// The store serves a request. If two workers are free, a request for a lease gets the first of them if `pick` is
    /// 0, and the second if `pick` is 1.
    Serve { process: usize, pick: u8 },
    /// The store serves a renewal, but answers with the lease of `worker`, which is not the lease to renew.
    ServeWrong { process: usize, worker: u8 },
    /// The store says that the lease is lost.
    ServeLost { process: usize, loss: Loss },
    /// The keeper gets the answer.
    Deliver { process: usize, clock: Reading },
    /// The request or the answer is lost, or the store has panicked, so that the keeper gets an error.
    Fail { process: usize, clock: Reading },
    /// The keeper gets an error, and the request reaches the store later.
    FailLate { process: usize, clock: Reading },
    /// The request that its process has given up reaches the store. No process learns the answer.
    Late { pick: u8 },
    /// The process does what its keeper has decided, without the store. If `is_fine` is false, this fails.
    Act { process: usize, is_fine: bool },
    /// The process issues an ID in `tick`.
    Issue { process: usize, tick: u8 },
    /// The clocks of the process jump.
    Jump { process: usize },
    /// The monotonic clock of a process moves on by a second, while the lease of the process is forgotten.
    Age { process: usize },
    /// A shutdown of the process ends the switch, before it asks the keeper to stop.
    End { process: usize },
    /// The keeper is asked to stop: by the shutdown that has ended the switch, or by the drop of the generator.
    Stop { process: usize },
    /// The process is killed.
    Crash { process: usize },
    /// The store loses the record of one worker.
    LoseRecord { worker: u8 },
    /// The store loses everything.
    LoseAll,
    /// Another server takes over. The new server has everything that the previous server had.
    Failover,
}

/// The reading of a generator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// A time before the end of the window.
    Within,
    /// A time after the end of the window.
    Over,
    /// The clock panics.
    Panics,
}

impl Happening {
    /// Returns all events that `limits` allow.
    pub(crate) fn all(limits: &Limits) -> Vec<Self> {
        let store = &limits.store;
        let picks = if store.workers > 1 { 0..2 } else { 0..1 };
        let clocks = [Reading::Within, Reading::Over];
        let mut all = vec![Self::Forward];
        all.extend(store.backwards.then_some(Self::Back));
        for process in 0..KEEPERS {
            all.extend(picks.clone().map(|pick| Self::Begin { process, pick }));
            all.extend(picks.clone().map(|pick| Self::Serve { process, pick }));
            all.extend([true, false].map(|is_fine| Self::Act { process, is_fine }));
            for clock in clocks {
                all.extend([Self::Wake { process, clock }, Self::Deliver { process, clock }]);
                all.extend(limits.lossy.then_some(Self::Fail { process, clock }));
                all.extend(limits.late.then_some(Self::FailLate { process, clock }));
            }
            all.extend(limits.panics.then_some(Self::Wake { process, clock: Reading::Panics }));
            all.extend((0..store.clock + store.max_ttl).map(|tick| Self::Issue { process, tick }));
            all.extend(limits.jumps.then_some(Self::Jump { process }));
            all.push(Self::Age { process });
            all.extend(limits.shutdown.then_some(Self::End { process }));
            all.extend((limits.shutdown || limits.dropped).then_some(Self::Stop { process }));
            all.extend(store.crashes.then_some(Self::Crash { process }));
            let workers = (0..store.workers).filter(|_| limits.wrong);
            all.extend(workers.map(|worker| Self::ServeWrong { process, worker }));
            if limits.told {
                all.extend([Loss::Cloned, Loss::Initialised].map(|loss| Self::ServeLost { process, loss }));
            }
        }
        all.extend(picks.filter(|_| limits.late).map(|pick| Self::Late { pick }));
        all.extend((0..store.workers).filter(|_| store.record).map(|worker| Self::LoseRecord { worker }));
        all.extend(store.all.then_some(Self::LoseAll));
        all.extend(store.failover.then_some(Self::Failover));
        all
    }
}
