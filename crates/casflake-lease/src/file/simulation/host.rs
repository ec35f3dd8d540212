//! `Host`: a medium, the files that processes have open, and the fault that is planned for one of their calls.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::medium::Medium;

/// What goes wrong at a call to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The call fails, and does nothing.
    Fails,
    /// The call fails, and was carried out all the same.
    FailsAfterwards,
    /// The disk is full. A write writes half of its text.
    Full,
    /// This call and all later ones fail, until [`Host::mend`].
    Broken,
    /// The process is killed before the call is carried out, or in the middle of it if it is a write.
    Killed,
    /// The host loses its power, in the same place.
    PowerLoss,
    /// An operator removes the lock file before the call is carried out.
    LockRemoved,
    /// The process forks before the call is carried out. The child has the same files open, and never ends.
    Forked,
    /// The call is not carried out until [`Host::mend`], if the process is [`SLOW`].
    Hangs,
}

/// The only process whose calls hang.
pub(super) const SLOW: u32 = 1;

/// A part of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This process makes this number of calls, or fewer if it ends before.
    Calls(u32, u64),
    /// An operator removes the lock file.
    RemoveLock,
}

#[derive(Default)]
pub(super) struct Host {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) medium: Medium,
    pub(super) open: BTreeMap<u64, Open>,
    next: u64,
    /// The time that processes have waited for locks.
    pub(super) slept: Duration,
    is_off: bool,
    killed: BTreeSet<u32>,
    ended: BTreeSet<u32>,
    calls: u64,
    /// The number of the call at which the fault happens.
    plan: Option<(u64, Fault)>,
    /// The number of the call at which the host loses its power.
    power_loss: Option<u64>,
    is_broken: bool,
    is_hanging: bool,
    /// Whether the present call is carried out by half.
    pub(super) is_halved: bool,
    /// Whether a process held the lock when [`Fault::LockRemoved`] removed it.
    pub(super) was_locked: bool,
    backup: Vec<u8>,
    schedule: VecDeque<Turn>,
}

/// An open file. The processes that have it open share one lock.
pub(super) struct Open {
    pub(super) file: usize,
    pub(super) holders: Vec<u32>,
    pub(super) is_locked: bool,
}

impl Host {
    pub(super) fn of(medium: Medium) -> Self {
        Self { state: Mutex::new(State { medium, ..State::default() }), changed: Condvar::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans `fault` for the call with this number, where the next call has the number 1.
    pub(super) fn plan(&self, number: u64, fault: Fault) {
        let mut state = self.state();
        state.plan = Some((state.calls + number, fault));
    }

    /// Plans a loss of power, besides any other fault.
    pub(super) fn plan_power_loss(&self, number: u64) {
        let mut state = self.state();
        state.power_loss = Some(state.calls + number);
    }

    /// Lets the processes take turns. The last turn of each process must suffice for the rest of its calls.
    pub(super) fn schedule(&self, turns: impl IntoIterator<Item = Turn>) {
        let mut state = self.state();
        state.schedule = turns.into_iter().collect();
        state.skip_turns();
    }

    /// Ends a process of the schedule.
    pub(super) fn end(&self, process: u32) {
        let mut state = self.state();
        state.ended.insert(process);
        state.skip_turns();
        self.changed.notify_all();
    }

    /// Ends a fault that lasts, or prevents it from happening.
    pub(super) fn mend(&self) {
        let mut state = self.state();
        (state.is_broken, state.is_hanging) = (false, false);
        state.plan.take_if(|(_, fault)| *fault == Fault::Hangs);
        self.changed.notify_all();
    }

    /// Returns whether the planned fault has happened. It does not happen if there are fewer calls.
    pub(super) fn has_faulted(&self) -> bool {
        self.state().plan.is_none()
    }

    pub(super) fn is_off(&self) -> bool {
        self.state().is_off
    }

    pub(super) fn is_killed(&self, process: u32) -> bool {
        self.state().killed.contains(&process)
    }

    pub(super) fn is_hanging(&self) -> bool {
        self.state().is_hanging
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Carries out a call of `process`, and the fault that is planned for it.
    pub(super) fn call<T>(&self, process: u32, effect: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        while matches!(state.schedule.front(), Some(&Turn::Calls(next, _)) if next != process) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_off || state.killed.contains(&process) {
            return Err(io::Error::other("the process has ended"));
        }
        state.calls += 1;
        let number = state.calls;
        let due = state.plan.take_if(|(planned, _)| *planned == number).map(|(_, fault)| fault);
        let due = if state.power_loss == Some(number) { Some(Fault::PowerLoss) } else { due };
        let outcome = if state.is_broken && due != Some(Fault::PowerLoss) {
            Err(failure())
        } else {
            state.carry_out(process, due, effect)
        };
        if let Some(Turn::Calls(_, left)) = state.schedule.front_mut() {
            *left -= 1;
            state.skip_turns();
            self.changed.notify_all();
        }
        outcome
    }

    /// Waits while the disk hangs for this process, if it hangs at this call.
    pub(super) fn hang(&self, process: u32) {
        let mut state = self.state();
        if process == SLOW && state.plan == Some((state.calls + 1, Fault::Hangs)) {
            (state.plan, state.is_hanging) = (None, true);
        }
        while process == SLOW && state.is_hanging {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn carry_out<T>(
        &mut self,
        process: u32,
        fault: Option<Fault>,
        effect: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<T> {
        match fault {
            None | Some(Fault::Hangs) => return effect(self),
            Some(Fault::LockRemoved) => {
                self.was_locked = self.open.values().any(|open| open.is_locked);
                self.remove_lock();
                return effect(self);
            }
            Some(Fault::Forked) => {
                let child = process + 1000;
                for open in self.open.values_mut().filter(|open| open.holders.contains(&process)) {
                    open.holders.push(child);
                }
                return effect(self);
            }
            Some(Fault::Fails) => {}
            Some(Fault::FailsAfterwards) => drop(effect(self)),
            Some(Fault::Broken) => self.is_broken = true,
            Some(Fault::Full | Fault::Killed | Fault::PowerLoss) => {
                self.is_halved = true;
                drop(effect(self));
                self.is_halved = false;
            }
        }
        match fault {
            Some(Fault::Killed) => {
                self.killed.insert(process);
                self.close(process, |_| true);
            }
            Some(Fault::PowerLoss) => self.is_off = true,
            Some(Fault::Full) => return Err(ErrorKind::StorageFull.into()),
            _ => {}
        }
        Err(failure())
    }

    /// Fails if the present call is to be carried out by half. All calls but a write then do nothing.
    pub(super) fn require_whole(&self) -> io::Result<()> {
        if self.is_halved { Err(failure()) } else { Ok(()) }
    }

    pub(super) fn open(&mut self, file: usize, process: u32) -> u64 {
        self.next += 1;
        self.open.insert(self.next, Open { file, holders: vec![process], is_locked: false });
        self.next
    }

    /// Closes some files of a process. A file that no process has open is not locked any more.
    pub(super) fn close(&mut self, process: u32, is_closed: impl Fn(u64) -> bool) {
        for (_, open) in self.open.iter_mut().filter(|(number, _)| is_closed(**number)) {
            open.holders.retain(|holder| *holder != process);
        }
        self.open.retain(|_, open| !open.holders.is_empty());
    }

    pub(super) fn open_files(&self) -> BTreeSet<usize> {
        self.open.values().map(|open| open.file).collect()
    }

    /// Copies the file of the store to another disk, as an operator does.
    pub(super) fn back_up(&mut self) {
        let leases = self.medium.find("leases").expect("a file to back up");
        self.backup = self.medium.contents(leases).to_vec();
    }

    /// Copies the backup back. The new file gets the inode of the old one, if no lower one is free.
    pub(super) fn restore(&mut self) {
        self.medium.remove("leases");
        self.medium.sync_names();
        let open = self.open_files();
        self.medium.create("leases", &open);
        let backup = self.backup.clone();
        self.medium.overwrite("leases", &backup);
        self.medium.sync_names();
    }

    fn remove_lock(&mut self) {
        if self.medium.find("lock").is_some() {
            self.medium.remove("lock");
        }
    }

    /// Removes the turns that are over from the schedule.
    fn skip_turns(&mut self) {
        while let Some(turn) = self.schedule.front() {
            match turn {
                Turn::RemoveLock => self.remove_lock(),
                Turn::Calls(process, left) if *left == 0 || self.ended.contains(process) => {}
                Turn::Calls(..) => break,
            }
            self.schedule.pop_front();
        }
    }
}

fn failure() -> io::Error {
    io::Error::other("no such luck")
}
