//! The events of a model of keepers, and what they lead to.

use casflake_lease::_simulation::Keeper;

use super::answer::{Answer, is_renewal_of};
use super::event::{Happening, Reading};
use super::fault::Fault;
use super::model::Keepers;
use super::state::{Doing, Generator, News, Past, Process, Reply, Request, State, Told, Watch, drawn_by, token_of};
use crate::model::lease_of;
use crate::world::{Data, Held, Name, TICKS};

impl Keepers {
    /// Makes `event` happen in `state`. Returns `None` if the event can't happen.
    pub(crate) fn happens(&self, state: &mut State, event: Happening) -> Result<Option<()>, Fault> {
        match event {
            Happening::Forward => Ok(forward(state, self.limits.store.clock)),
            Happening::Back => Ok(back(state, self.limits.store.earliest(state.high))),
            Happening::Begin { process, pick } => self.begin(state, process, pick),
            Happening::Wake { process, clock } => self.wake(&mut state.processes[process], clock),
            Happening::Serve { process, pick } => self.serve(state, process, pick),
            Happening::ServeWrong { process, worker } => self.serve_wrong(state, process, worker),
            Happening::ServeLost { process, loss } => {
                Ok(is_asked_to_renew(&state.processes[process]).and_then(|_| reply(state, process, Reply::Lost(loss))))
            }
            Happening::Deliver { process, clock } => self.deliver(state, process, clock),
            Happening::Fail { process, clock } => self.fail(state, process, clock, false),
            Happening::FailLate { process, clock } => self.fail(state, process, clock, true),
            Happening::Late { pick } => self.late(state, pick),
            Happening::Act { process, is_fine } => self.act(state, process, is_fine),
            Happening::Issue { process, tick } => issue(state, process, tick),
            Happening::Jump { process } => Ok(jump(&mut state.processes[process])),
            Happening::Age { process } => Ok(age(&mut state.processes[process], self.limits.store.ttl)),
            Happening::End { process } => Ok(end(&mut state.processes[process])),
            Happening::Stop { process } => Ok(self.stop(&mut state.processes[process])),
            Happening::Crash { process } => Ok(crash(&mut state.processes[process])),
            Happening::LoseRecord { worker } => Ok(state.lose(|data| data.rows[usize::from(worker)].take().map(drop))),
            Happening::LoseAll => Ok(state.lose(|data| {
                *data = Data::default();
                Some(())
            })),
            Happening::Failover => {
                state.store.server += 1;
                Ok(state.lose(|_| Some(())))
            }
        }
    }

    /// Begins a process in the place of one that has ended. The process asks for a lease without any disturbance.
    fn begin(&self, state: &mut State, place: usize, pick: u8) -> Result<Option<()>, Fault> {
        let draws = state.processes[place].past.draws;
        if state.processes[place].doing != Doing::Nothing {
            return Ok(None);
        }
        let token = token_of(place, draws);
        let Reply::Granted(lease) = self.acquire(state, token, None, None, pick)? else {
            // The store may be changed nevertheless: the process may have created the space.
            return Ok(Some(()));
        };
        let excused = (1 << draws) - 1;
        state.processes[place] = Process {
            keeper: self.number(Keeper::of(self.ttl(), lease_of(&lease), None)),
            doing: Doing::Looks,
            generator: Some(generator(&lease, lease.from)),
            watch: Watch { is_measured: true, is_settled: true, is_stale: false },
            past: Past {
                draws: draws + 1,
                granted: Some(token),
                is_untold: true,
                owes: Some(News::Acquired),
                excused,
                ..Past::default()
            },
            ..Process::default()
        };
        Ok(Some(()))
    }

    /// Asks the keeper to stop. Before the switch has ended, only the drop of the generator does so.
    fn stop(&self, process: &mut Process) -> Option<()> {
        if process.doing == Doing::Nothing || process.is_stopping || !(process.has_ended || self.limits.dropped) {
            return None;
        }
        process.is_stopping = true;
        Some(())
    }

    fn wake(&self, process: &mut Process, clock: Reading) -> Result<Option<()>, Fault> {
        if process.doing != Doing::Rests || process.is_stopping {
            return Ok(None);
        }
        self.hears(process, Answer::Woken, clock)
    }

    fn deliver(&self, state: &mut State, place: usize, clock: Reading) -> Result<Option<()>, Fault> {
        let process = &mut state.processes[place];
        let Doing::Asks { request, reply: Some(reply), is_fresh } = process.doing else { return Ok(None) };
        match (request, reply) {
            (Request::Renew { held, .. }, Reply::Granted(renewed)) if is_renewal_of(&held, &renewed) => {
                process.watch.is_stale &= !is_fresh;
                process.holds();
                process.past.owes = Some(News::Renewed);
            }
            (Request::Renew { held, .. }, Reply::Lost(loss)) => process.is_told(&held, loss),
            (Request::Renew { .. }, _) => process.past.unanswered += 1,
            (Request::Acquire { token, .. }, Reply::Granted(_)) => {
                process.watch.is_stale &= !is_fresh;
                (process.past.outstanding, process.past.granted) = (None, Some(token));
            }
            (Request::Acquire { .. } | Request::Release { .. }, _) => {}
        }
        let is_known = matches!(reply, Reply::Granted(_) | Reply::Released) && clock != Reading::Within;
        if is_known { Ok(None) } else { self.answer(state, place, request, Some(reply), clock) }
    }

    /// Gives the keeper an error. If `is_late` is true, the request reaches the store later.
    fn fail(&self, state: &mut State, place: usize, clock: Reading, is_late: bool) -> Result<Option<()>, Fault> {
        let process = &mut state.processes[place];
        let Doing::Asks { request, reply, .. } = process.doing else { return Ok(None) };
        if is_late && (reply.is_some() || state.late.replace(request).is_some()) {
            return Ok(None);
        }
        match request {
            Request::Renew { .. } => process.past.unanswered += 1,
            Request::Acquire { token, .. } if is_late => process.excuse(token),
            Request::Acquire { .. } => {}
            Request::Release { held, .. } => process.excuse(held.token),
        }
        self.answer(state, place, request, None, clock)
    }

    fn answer(
        &self,
        state: &mut State,
        place: usize,
        request: Request,
        reply: Option<Reply>,
        clock: Reading,
    ) -> Result<Option<()>, Fault> {
        let answer = match request {
            Request::Renew { held, .. } => Answer::to_renewal(held.worker, reply),
            Request::Acquire { .. } => Answer::to_request(reply),
            Request::Release { .. } => Answer::Released { is_done: reply.is_some() },
        };
        let heard = self.hears(&mut state.processes[place], answer, clock)?;
        if heard.is_some() && state.processes[place].doing == Doing::Nothing {
            ended(state, place)?;
        }
        Ok(heard)
    }

    /// Does what the keeper has decided, without the store.
    fn act(&self, state: &mut State, place: usize, is_fine: bool) -> Result<Option<()>, Fault> {
        let process = &mut state.processes[place];
        let answer = match process.doing {
            Doing::Publishes { .. } if !is_fine && self.limits.unfit => Answer::Unfit,
            Doing::Draws if !is_fine && self.limits.no_tokens => Answer::Drawn(None),
            _ if !is_fine => return Ok(None),
            Doing::Rests if process.is_stopping => Answer::Stopped,
            Doing::Nothing | Doing::Rests | Doing::Asks { .. } => return Ok(None),
            Doing::Looks => Answer::Looked,
            Doing::Closes => Answer::Closed(process.close()),
            Doing::Draws => {
                process.past.draws += 1;
                Answer::Drawn(Some(token_of(place, process.past.draws - 1)))
            }
            Doing::Publishes { .. } if process.has_ended => Answer::TooLate,
            Doing::Publishes { lease, from } => {
                if process.generator.is_some_and(|before| before.is_open) {
                    return Err(Fault::TwoOpen);
                }
                process.generator = Some(generator(&lease, from));
                process.holds();
                (process.past.owes, process.past.is_untold) = (Some(News::Acquired), true);
                Answer::Published
            }
            Doing::Ends => {
                (process.has_ended, process.past.is_untold) = (true, true);
                Answer::Ended(process.close())
            }
        };
        let heard = self.hears(process, answer, Reading::Within)?;
        if state.processes[place].doing == Doing::Nothing {
            ended(state, place)?;
        }
        Ok(heard)
    }
}

impl Process {
    /// Forgets what the process was told about an earlier lease, or before a renewal.
    fn holds(&mut self) {
        self.at = 0;
        (self.past.told, self.past.unanswered, self.past.owes_loss) = (Told::Held, 0, false);
    }
}

/// Checks what a process leaves behind, and takes the process away.
fn ended(state: &mut State, place: usize) -> Result<(), Fault> {
    let State { store, processes, .. } = state;
    let process = &mut processes[place];
    if process.generator.is_some_and(|generator| generator.is_open) {
        return Err(Fault::Unclosed);
    }
    let left = store.data.rows.iter().flatten().filter_map(|row| row.token);
    let kept = left.into_iter().find(|&token| drawn_by(token) == place && !process.is_excused(token));
    if let Some(token) = kept {
        return Err(Fault::Kept { token });
    }
    crash(process);
    Ok(())
}

fn generator(lease: &Held, from: u8) -> Generator {
    let Held { worker, token, until, .. } = *lease;
    Generator { worker, token, from, fence: until, last: None, is_open: true }
}

fn forward(state: &mut State, latest: u8) -> Option<()> {
    state.now += 1;
    state.high = state.high.max(state.now);
    (state.now <= latest).then_some(())
}

fn back(state: &mut State, earliest: u8) -> Option<()> {
    state.now = state.now.checked_sub(1)?;
    (state.now >= earliest).then_some(())
}

/// Returns the lease that a process has asked the store to renew, if the store has not answered yet.
pub(crate) fn is_asked_to_renew(process: &Process) -> Option<Held> {
    match process.doing {
        Doing::Asks { request: Request::Renew { held, .. }, reply: None, .. } => Some(held),
        _ => None,
    }
}

pub(crate) fn reply(state: &mut State, place: usize, answer: Reply) -> Option<()> {
    let Doing::Asks { reply, .. } = &mut state.processes[place].doing else { return None };
    *reply = Some(answer);
    Some(())
}

/// Makes a process issue an ID in `tick`, whatever the store's clock reads.
fn issue(state: &mut State, place: usize, tick: u8) -> Result<Option<()>, Fault> {
    let process = &mut state.processes[place];
    let (last_of_closed, is_stale) = (process.last, process.watch.is_stale);
    let Some(issuer) = process.issuer() else { return Ok(None) };
    if tick < issuer.from || tick >= issuer.fence || issuer.last.is_some_and(|last| tick <= last) {
        return Ok(None);
    }
    issuer.last = Some(tick);
    let (worker, token): (u8, Name) = (issuer.worker, issuer.token);
    if is_stale {
        return Err(Fault::Untrusted { tick });
    }
    if let Some(last) = last_of_closed.filter(|&last| tick <= last) {
        return Err(Fault::Backwards { tick, last });
    }
    let is_known = usize::from(tick) < TICKS;
    if is_known && state.owners[usize::from(worker)][usize::from(tick)] != token {
        return Err(Fault::Foreign { worker, tick });
    }
    Ok(Some(()))
}

fn jump(process: &mut Process) -> Option<()> {
    if process.doing == Doing::Nothing {
        return None;
    }
    process.watch = Watch { is_measured: false, is_settled: false, is_stale: true };
    if let Doing::Asks { is_fresh, .. } = &mut process.doing {
        *is_fresh = false;
    }
    Some(())
}

fn age(process: &mut Process, ttl: u8) -> Option<()> {
    let Told::Forgotten(_) = process.past.told else { return None };
    process.at += 1;
    (process.at <= ttl).then_some(())
}

/// Ends the switch of a process that is shut down.
fn end(process: &mut Process) -> Option<()> {
    if process.doing == Doing::Nothing || process.is_stopping || process.has_ended {
        return None;
    }
    process.has_ended = true;
    process.close();
    Some(())
}

/// Takes a process away. A process that begins in its place draws other tokens.
fn crash(process: &mut Process) -> Option<()> {
    let draws = process.past.draws;
    *process = Process { past: Past { draws, ..Past::default() }, ..Process::default() };
    Some(())
}
