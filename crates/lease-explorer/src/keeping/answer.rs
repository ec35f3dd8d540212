//! The answers that a keeper gets, in small numbers.

use casflake_lease::_simulation::{Event, Unpublished};
use casflake_lease::{Grant, LostReason, StoreError};

use super::state::{Loss, Reply};
use crate::model::{lease_of, token_of_name};
use crate::world::{Held, Name};

/// An [`Event`] of the shipped keeper. The errors that have the same effect are one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Woken,
    Stopped,
    Renewed(Held),
    NotRenewed { worker: u8, loss: Option<Loss> },
    Looked,
    Closed(Option<u8>),
    Drawn(Option<Name>),
    Granted(Option<Held>),
    Published,
    Unfit,
    TooLate,
    Released { is_done: bool },
    Ended(Option<u8>),
}

impl Answer {
    /// Returns the answer to a renewal of a lease of `worker`.
    pub(crate) fn to_renewal(worker: u8, reply: Option<Reply>) -> Self {
        match reply {
            Some(Reply::Granted(held)) => Self::Renewed(held),
            Some(Reply::Lost(loss)) => Self::NotRenewed { worker, loss: Some(loss) },
            Some(Reply::Released | Reply::Refused) | None => Self::NotRenewed { worker, loss: None },
        }
    }

    /// Returns the answer to a request for a lease.
    pub(crate) fn to_request(reply: Option<Reply>) -> Self {
        match reply {
            Some(Reply::Granted(held)) => Self::Granted(Some(held)),
            _ => Self::Granted(None),
        }
    }

    /// Returns the event that the shipped keeper gets.
    pub(crate) fn event(self) -> Event {
        let failed = || StoreError::Contended { attempts: 1 };
        let granted = |held: Held| Grant::new(lease_of(&held), 0);
        match self {
            Self::Woken => Event::Woken,
            Self::Stopped => Event::Stopped,
            Self::Renewed(held) => Event::Renewed(Ok(granted(held))),
            Self::NotRenewed { worker, loss: Some(loss) } => {
                Event::Renewed(Err(StoreError::Lost { worker: worker.into(), reason: loss.into() }))
            }
            Self::NotRenewed { loss: None, .. } => Event::Renewed(Err(failed())),
            Self::Looked => Event::Looked,
            Self::Closed(last) => Event::Closed(last.map(u64::from)),
            Self::Drawn(token) => Event::Drawn(token.map(token_of_name).ok_or_else(failed)),
            Self::Granted(held) => Event::Granted(held.map(granted).ok_or_else(failed)),
            Self::Published => Event::Published(Ok(())),
            Self::Unfit => Event::Published(Err(Unpublished::Unfit(failed()))),
            Self::TooLate => Event::Published(Err(Unpublished::Ended)),
            Self::Released { is_done } => Event::Released(is_done.then_some(()).ok_or_else(failed)),
            Self::Ended(last) => Event::Ended(last.map(u64::from)),
        }
    }

    /// Returns whether this answer is a failure. `held` is the lease that was to be renewed.
    pub(crate) fn is_failure(self, held: Option<&Held>) -> bool {
        match self {
            Self::Renewed(renewed) => !held.is_some_and(|held| is_renewal_of(held, &renewed)),
            Self::NotRenewed { loss, .. } => loss.is_none(),
            Self::Drawn(token) => token.is_none(),
            Self::Granted(held) => held.is_none(),
            Self::Unfit => true,
            _ => false,
        }
    }
}

/// Returns whether `renewed` is the lease `held`, renewed.
pub(crate) fn is_renewal_of(held: &Held, renewed: &Held) -> bool {
    (held.worker, held.from, held.token) == (renewed.worker, renewed.from, renewed.token)
}

impl From<Loss> for LostReason {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Taken => Self::Taken,
            Loss::Cloned => Self::Cloned,
            Loss::StoreChanged => Self::StoreChanged,
            Loss::Initialised => Self::Initialised,
        }
    }
}

impl From<LostReason> for Loss {
    fn from(reason: LostReason) -> Self {
        match reason {
            LostReason::Cloned => Self::Cloned,
            LostReason::StoreChanged => Self::StoreChanged,
            LostReason::Initialised => Self::Initialised,
            _ => Self::Taken,
        }
    }
}
