//! The calls of the store. Each call is one step. The other family of models explores the steps within a call.

use casflake_lease::_protocol::Denied;

use super::answer::is_renewal_of;
use super::fault::Fault;
use super::model::Keepers;
use super::state::{Doing, Loss, Reply, Request, State};
use super::steps::reply;
use crate::model::{Broken, FIRST, Read};
use crate::world::{Asking, Held, Name};

/// The number of rounds within which a call must end if nothing disturbs it.
const ROUNDS: usize = 6;

impl Keepers {
    /// Makes the store serve the request of a process.
    pub(crate) fn serve(&self, state: &mut State, place: usize, pick: u8) -> Result<Option<()>, Fault> {
        let Doing::Asks { request, reply: None, .. } = state.processes[place].doing else { return Ok(None) };
        let answer = match request {
            Request::Acquire { token, after } => self.acquire(state, token, after, Some(FIRST), pick)?,
            _ if pick > 0 => return Ok(None),
            Request::Renew { held, unanswered } => self.renew(state, held, unanswered)?,
            Request::Release { held, last, issued } => self.release(state, held, last, issued),
        };
        Ok(reply(state, place, answer))
    }

    /// Makes the store serve a renewal, and answer with the lease of `worker`, unless that is the lease to renew.
    pub(crate) fn serve_wrong(&self, state: &mut State, place: usize, worker: u8) -> Result<Option<()>, Fault> {
        let Doing::Asks { request: Request::Renew { held, unanswered }, reply: None, .. } =
            state.processes[place].doing
        else {
            return Ok(None);
        };
        self.renew(state, held, unanswered)?;
        let Some(row) = state.store.data.rows[usize::from(worker)] else { return Ok(None) };
        let (from, until, counter) = (row.from, row.until, row.counter);
        let Some(token) = row.token else { return Ok(None) };
        let wrong = Held { at: FIRST, worker, from, until, counter, token };
        Ok(if is_renewal_of(&held, &wrong) { None } else { reply(state, place, Reply::Granted(wrong)) })
    }

    /// Makes the store serve a late request. A late renewal is a single message.
    pub(crate) fn late(&self, state: &mut State, pick: u8) -> Result<Option<()>, Fault> {
        match state.late.take() {
            None => return Ok(None),
            Some(Request::Acquire { token, after }) => drop(self.acquire(state, token, after, Some(FIRST), pick)?),
            Some(_) if pick > 0 => return Ok(None),
            Some(Request::Renew { held, .. }) => {
                let mut world = state.world();
                let _ = self.store.renew_once(&mut world, FIRST, &held)?;
                state.take_over(&world);
            }
            Some(Request::Release { held, last, issued }) => drop(self.release(state, held, last, issued)),
        }
        Ok(Some(()))
    }

    /// Acquires a lease. `home` is the store that granted the last lease of the process.
    pub(crate) fn acquire(
        &self,
        state: &mut State,
        token: Name,
        after: Option<u8>,
        home: Option<u8>,
        pick: u8,
    ) -> Result<Reply, Fault> {
        let mut world = state.world();
        let after = after.filter(|_| !self.limits.deaf);
        let asking = Asking { token, after, home, swap: None };
        for _ in 0..ROUNDS {
            match self.store.read(&world, FIRST, &asking, pick) {
                Read::Denied => {
                    state.take_over(&world);
                    return Ok(Reply::Refused);
                }
                Read::Granted(lease) => {
                    self.store.set_owner(&mut world, lease.worker, lease.from..lease.until, token)?;
                    state.take_over(&world);
                    return Ok(Reply::Granted(lease));
                }
                Read::Decided(swap) => {
                    let is_done = self.store.land(&mut world, &swap)?;
                    if let Some(lease) = swap.lease.filter(|_| is_done) {
                        state.take_over(&world);
                        return Ok(Reply::Granted(lease));
                    }
                }
            }
        }
        Err(Broken::Endless.into())
    }

    fn renew(&self, state: &mut State, held: Held, unanswered: u8) -> Result<Reply, Fault> {
        let mut world = state.world();
        let answer = self.store.renew(&mut world, FIRST, held, unanswered.into())?;
        state.take_over(&world);
        match answer {
            Ok(lease) => Ok(Reply::Granted(lease)),
            Err(Denied::Lost(reason)) => {
                let loss = Loss::from(reason);
                let is_early = held.until > state.high && self.limits.store.losses == 0;
                if is_early { Err(Fault::LostEarly(loss)) } else { Ok(Reply::Lost(loss)) }
            }
            Err(_) => Ok(Reply::Refused),
        }
    }

    /// Releases a lease. The ticks in which IDs were issued stay owned, even if the release names an earlier tick.
    fn release(&self, state: &mut State, held: Held, last: Option<u8>, issued: Option<u8>) -> Reply {
        let mut world = state.world();
        self.store.release(&mut world, FIRST, held, last);
        state.take_over(&world);
        state.own_issued_ticks(&held, issued);
        Reply::Released
    }
}
