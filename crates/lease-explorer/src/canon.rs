//! Converts states to a canonical form. The search counts two states as one state if they have the same canonical form.
//! The canonical form does not depend on the names of tokens. Nor does it depend on the names of servers, or on the
//! order of processes and late calls, with two exceptions. If two processes, or two late calls, are equal except for
//! their tokens, the two keep their order. If two of them have read from different servers, their order can depend on
//! the numbers of these servers.

use crate::world::{Asking, Call, GONE, LATE, NO_OWNER, Name, PROCESSES, Process, World};

/// The original indices of the processes and the late calls of a canonical state: the process `i` of the canonical
/// state is the process `processes[i]` of the original state, and the late call `i` is the original late call
/// `late[i]`.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    pub processes: [usize; PROCESSES],
    pub late: [usize; LATE],
}

impl World {
    /// Returns the canonical form of this state, and the original indices of the processes and the late calls. Only the
    /// first `processes` processes of the state take part in the model. In the canonical form, tokens and servers are
    /// numbered anew, in the order in which they occur.
    pub fn canonical(mut self, processes: usize) -> (Self, Places) {
        self.forget();
        let mut places = Places { processes: [0, 1, 2], late: [0, 1] };
        let before = self.processes;
        places.processes[..processes].sort_by_key(|&place| nameless(before[place]));
        self.processes = places.processes.map(|place| before[place]);
        let late = self.late;
        places.late.sort_by_key(|&place| late[place].map(nameless_call));
        self.late = places.late.map(|place| late[place]);
        self.rename();
        (self, places)
    }

    /// Drops information that no later step uses.
    fn forget(&mut self) {
        for place in 0..PROCESSES {
            // If the token of a call was never sent, a new call with any new token is equivalent, so the call is
            // dropped.
            let Some(Asking { token, swap: None, .. }) = self.processes[place].asking else { continue };
            let mut others = *self;
            others.processes[place].asking = None;
            let mut is_known = false;
            others.each_token(|other| is_known |= *other == token);
            if !is_known {
                *self = others;
            }
        }
        if self.stores.iter().all(|store| store.backup.is_none()) {
            self.processes.iter_mut().for_each(|process| process.is_newer = false);
        }
    }

    fn rename(&mut self) {
        let mut names = Names::default();
        self.each_token(|token| *token = names.of(*token));
        for owner in self.owners.iter_mut().flatten().filter(|owner| **owner != NO_OWNER) {
            *owner = names.known(*owner).unwrap_or(GONE);
        }
        let mut servers = Names::default();
        // Server 0 keeps its name. It is the server of a file that is not a copy.
        servers.of(0);
        self.each_server(|server| *server = servers.of(*server) - 1);
    }
}

fn nameless(mut process: Process) -> Process {
    process.each_token(&mut |token| *token = 0);
    process
}

fn nameless_call(mut call: Call) -> Call {
    call.each_token(&mut |token| *token = 0);
    call
}

/// Assigns new names, counted from 1, in the order in which the old names occur.
#[derive(Default)]
struct Names {
    old: [Name; 32],
    count: usize,
}

impl Names {
    fn known(&self, old: Name) -> Option<Name> {
        let place = self.old[..self.count].iter().position(|&known| known == old)?;
        Some(Name::try_from(place + 1).expect("few names"))
    }

    fn of(&mut self, old: Name) -> Name {
        self.known(old).unwrap_or_else(|| {
            self.old[self.count] = old;
            self.count += 1;
            Name::try_from(self.count).expect("few names")
        })
    }
}
