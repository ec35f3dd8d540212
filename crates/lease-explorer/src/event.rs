//! The events that can happen in a model.

use crate::bounds::Operators;
use crate::canon::Places;
use crate::model::Model;
use crate::world::LATE;

/// One step of the model. The fields `process`, `copy` and `call` are places in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The store's clock moves on by a tick.
    Forward,
    /// The store's clock moves back by a tick.
    Back,
    /// A process that has no lease closes its generator and reads the store, to acquire a lease. If two workers are
    /// free, the process's token chooses the worker number `pick` of them.
    Ask {
        process: usize,
        pick: u8,
    },
    /// Like `Ask`, but the process gives up the call before the store is read. The call goes on later.
    AskLate {
        process: usize,
    },
    /// The decision of the process is written, if the store has not changed since it was read. The process learns the
    /// result.
    Swap {
        process: usize,
    },
    /// Like `Swap`, but the reply is lost.
    SwapUnheard {
        process: usize,
    },
    /// The process gives up its call before the write. The call goes on later.
    GiveUp {
        process: usize,
    },
    Renew {
        process: usize,
    },
    /// The lease is renewed, but the reply is lost.
    RenewUnheard {
        process: usize,
    },
    /// The request for the renewal is lost.
    RenewLost {
        process: usize,
    },
    /// The process gives up its renewal. The request reaches the store later.
    RenewLate {
        process: usize,
    },
    /// The process closes its generator, releases its lease and ends.
    Release {
        process: usize,
    },
    /// Like `Release`, but the request reaches the store later.
    ReleaseLate {
        process: usize,
    },
    /// The process is killed.
    Crash {
        process: usize,
    },
    /// The process issues an ID in `tick`, which is the reading of the process's own clock.
    Issue {
        process: usize,
        tick: u8,
    },
    /// A late call makes its next step. `pick` is as in `Ask`.
    Late {
        call: usize,
        pick: u8,
    },
    /// The store loses the record of one worker.
    LoseRecord {
        worker: u8,
    },
    /// The store loses everything.
    LoseAll,
    /// Another server takes over. It has everything that the previous server had.
    Failover,
    Backup,
    /// The store is replaced by the backup, and another server takes over.
    Restore,
    /// The store is replaced by the backup, and the next process that talks to the store knows more than the backup.
    /// After the backup was made, this process learned which lease it holds, and the backup does not have the counter
    /// of that lease.
    RestoreNoticed {
        process: usize,
    },
    /// The process `copy`, which has no state yet, becomes a copy of `process`.
    Clone {
        process: usize,
        copy: usize,
    },
    /// The store loses the space's own record, but keeps the records of the workers.
    LoseSpace,
    /// The URL of a process leads to the other store from now on.
    Move {
        process: usize,
    },
    /// An operator looks at the store and decides.
    OperatorBegins,
    /// The operator looks at the store again, and decides again.
    OperatorLooks,
    /// The operator's decision is written, if the store has not changed since the operator looked.
    OperatorWrites,
}

impl Event {
    /// Returns all events that the bounds of `model` allow.
    pub fn all(model: &Model) -> Vec<Self> {
        let bounds = &model.bounds;
        let picks = if bounds.workers > 1 { 0..2 } else { 0..1 };
        let mut all = [Self::Forward].to_vec();
        all.extend(bounds.backwards.then_some(Self::Back));
        for process in 0..bounds.processes {
            all.extend(picks.clone().map(|pick| Self::Ask { process, pick }));
            all.extend([Self::Swap { process }, Self::Renew { process }]);
            all.extend(bounds.crashes.then_some(Self::Crash { process }));
            all.extend((0..bounds.clock + bounds.max_ttl).map(|tick| Self::Issue { process, tick }));
            if bounds.lossy {
                all.extend([
                    Self::SwapUnheard { process },
                    Self::RenewUnheard { process },
                    Self::RenewLost { process },
                ]);
            }
            if bounds.releases {
                all.push(Self::Release { process });
            }
            if bounds.late > 0 {
                all.extend([Self::AskLate { process }, Self::GiveUp { process }, Self::RenewLate { process }]);
                all.extend(bounds.releases.then_some(Self::ReleaseLate { process }));
            }
            all.extend(bounds.known.then_some(Self::RestoreNoticed { process }));
            let copies = (0..bounds.processes).filter(|copy| bounds.clones && *copy != process);
            all.extend(copies.map(|copy| Self::Clone { process, copy }));
        }
        for call in 0..bounds.late {
            // In a canonical state, late calls have the last places.
            all.extend(picks.clone().map(|pick| Self::Late { call: LATE - 1 - call, pick }));
        }
        all.extend((0..bounds.workers).filter(|_| bounds.record).map(|worker| Self::LoseRecord { worker }));
        all.extend(bounds.all.then_some(Self::LoseAll));
        all.extend(bounds.failover.then_some(Self::Failover));
        all.extend((bounds.restored || bounds.known).then_some(Self::Backup));
        all.extend(bounds.restored.then_some(Self::Restore));
        all.extend(bounds.own_record.then_some(Self::LoseSpace));
        all.extend((0..bounds.processes).filter(|_| bounds.moves).map(|process| Self::Move { process }));
        if bounds.operators != Operators::Nothing {
            all.extend([Self::OperatorBegins, Self::OperatorLooks, Self::OperatorWrites]);
        }
        all
    }

    /// Converts an event of a canonical state to the same event of the original state, whose places are `places`.
    pub fn at(mut self, places: &Places) -> Self {
        match &mut self {
            Self::Ask { process, .. }
            | Self::AskLate { process }
            | Self::Swap { process }
            | Self::SwapUnheard { process }
            | Self::GiveUp { process }
            | Self::Renew { process }
            | Self::RenewUnheard { process }
            | Self::RenewLost { process }
            | Self::RenewLate { process }
            | Self::Release { process }
            | Self::ReleaseLate { process }
            | Self::Crash { process }
            | Self::Issue { process, .. }
            | Self::Move { process }
            | Self::RestoreNoticed { process } => *process = places.processes[*process],
            Self::Late { call, .. } => *call = places.late[*call],
            Self::Clone { process, copy } => {
                (*process, *copy) = (places.processes[*process], places.processes[*copy]);
            }
            Self::Forward | Self::Back | Self::LoseRecord { .. } | Self::LoseAll => {}
            Self::Failover | Self::Backup | Self::Restore | Self::LoseSpace => {}
            Self::OperatorBegins | Self::OperatorLooks | Self::OperatorWrites => {}
        }
        self
    }
}
