//! The events that can happen in a model.

use crate::bounds::Operators;
use crate::canon::Places;
use crate::model::Model;
use crate::world::LATE;

/// One step of the model. The fields `process` and `copy` are indices of processes, and the field `call` is the index
/// of a late call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The store's clock moves on by a tick.
    Forward,
    /// The store's clock moves back by a tick.
    Back,
    /// A process that has no lease closes its generator and reads the store, to acquire a lease. If two workers are
    /// free, the process chooses the first of them if `pick` is 0, and the second if `pick` is 1.
    Ask {
        process: usize,
        pick: u8,
    },
    /// Like `Ask`, but the process gives up the call before the call has read the store. The call goes on later.
    AskLate {
        process: usize,
    },
    /// The decision of the process is written, if the store has not changed since the process read the store. The
    /// process learns the result.
    Swap {
        process: usize,
    },
    /// Like `Swap`, but the reply is lost, so that the process does not learn the result.
    SwapUnheard {
        process: usize,
    },
    /// The process gives up its call after it has decided, but before the decision is written. The call goes on later.
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
    /// The process issues an ID in `tick`, whatever the store's clock reads.
    Issue {
        process: usize,
        tick: u8,
    },
    /// A late call makes its next step. If the call chooses between two free workers, `pick` has the same meaning as in
    /// `Ask`.
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
    /// Another server takes over. The new server has everything that the previous server had.
    Failover,
    Backup,
    /// The backup that was made earlier replaces the contents of the store, and another server takes over.
    Restore,
    /// The backup that was made earlier replaces the contents of the store, and `process` renews its lease before any
    /// other event. This event is possible only if `process` was granted the lease, or has renewed it, after the backup
    /// was made, and if the backup has no record of the lease's worker, or a record with a lower counter.
    RestoreNoticed {
        process: usize,
    },
    /// The process `copy` becomes a copy of `process`. Until then, `copy` has done nothing.
    Clone {
        process: usize,
        copy: usize,
    },
    /// The store loses the space's own record, but keeps the records of the workers.
    LoseSpace,
    /// From now on, the URL of the process leads to the other one of the two stores.
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

    /// Converts an event of a canonical state to the same event of the original state. `places` has the original
    /// indices of the processes and the late calls.
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
