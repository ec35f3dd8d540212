//! Checks progress: if nothing more goes wrong, a process issues IDs, or ends if it was asked to.

use super::event::{Happening, Reading};
use super::fault::Fault;
use super::model::Keepers;
use super::state::{Doing, KEEPERS, Process, Reply, State, Told};

/// The number of rests within which a process must issue an ID. In these small models a process never has to wait
/// longer.
const RESTS: usize = 30;
/// The number of steps within which a keeper that was asked to stop must end. The longest way begins with a renewal
/// under way: the lease is lost, the generator is closed, and the keeper draws a token and acquires another lease, which
/// it then gives back.
const STEPS_TO_THE_END: usize = 16;

impl Keepers {
    /// Checks for each process: if only this process goes on from this state, it must issue an ID. If its keeper was
    /// asked to stop, the keeper must end.
    ///
    /// # Errors
    /// Fails with the property that does not hold.
    pub fn every_keeper_progresses(&self, state: &State) -> Result<(), Fault> {
        (0..KEEPERS).try_for_each(|process| self.progresses(state.clone(), process))
    }

    fn progresses(&self, mut state: State, place: usize) -> Result<(), Fault> {
        let (mut rests, mut steps) = (0, 0);
        // A shutdown that has ended the switch goes on.
        state.processes[place].is_stopping |= state.processes[place].has_ended;
        loop {
            let process = &state.processes[place];
            match process.doing {
                Doing::Nothing => return Ok(()),
                _ if process.is_stopping && steps == STEPS_TO_THE_END => return Err(Fault::Endless),
                Doing::Rests if !process.is_stopping && rests == RESTS => return Err(Fault::Stuck),
                _ => {}
            }
            if process.doing == Doing::Rests {
                rests += 1;
                state.now += 1;
                state.high = state.high.max(state.now);
                let process = &mut state.processes[place];
                process.at += u8::from(matches!(process.past.told, Told::Forgotten(_)));
            }
            for event in usual(&state.processes[place], place, state.now) {
                state = self.after(&state, event)?.unwrap_or(state);
            }
            steps += 1;
            let now = state.now;
            let process = &mut state.processes[place];
            let is_stopping = process.is_stopping;
            if process.issuer().is_some_and(|issuer| issuer.last == Some(now)) && !is_stopping {
                return Ok(());
            }
        }
    }
}

/// Returns what happens to a process if nothing goes wrong. Its clock reads the time `now`.
fn usual(process: &Process, place: usize, now: u8) -> [Happening; 2] {
    let is_over = process
        .generator
        .is_some_and(|generator| generator.is_open && process.watch.is_settled && generator.fence <= now);
    let clock = if is_over { Reading::Over } else { Reading::Within };
    let event = match process.doing {
        Doing::Rests if !process.is_stopping => Happening::Wake { process: place, clock },
        Doing::Asks { reply: None, .. } => Happening::Serve { process: place, pick: 0 },
        Doing::Asks { reply: Some(Reply::Lost(_) | Reply::Refused), .. } => {
            Happening::Deliver { process: place, clock }
        }
        Doing::Asks { .. } => Happening::Deliver { process: place, clock: Reading::Within },
        _ => Happening::Act { process: place, is_fine: true },
    };
    [event, Happening::Issue { process: place, tick: now }]
}
