//! What an answer of the store means for the lease that was asked for, and for the `StoreClock`.

use std::time::Duration;

use super::Effect;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::request::Grant;
use crate::token::Token;

/// Returns the time by which the store's clock is behind the `StoreClock`, which read `asked_ns` before the request was
/// sent. Returns `None` if this time is shorter than a TTL, or if there is no `StoreClock`. If the `StoreClock` was ahead
/// by a TTL or more, it was past the end of each window that the store could grant.
pub(in crate::generator) fn behind(asked_ns: Option<u64>, grant: &Grant, ttl: Duration) -> Option<Duration> {
    let ahead = asked_ns?.checked_sub(grant.unix_ns)?;
    Some(Duration::from_nanos(ahead)).filter(|ahead| *ahead >= ttl)
}

/// Returns the effect of an answer on the `StoreClock`.
pub(in crate::generator) fn set_clock(grant: &Grant, behind: Option<Duration>) -> Effect {
    Effect::SetClock { unix_ns: grant.unix_ns, may_move_back: behind.is_some() }
}

/// Checks that the granted lease has the token of the request. Otherwise it is the lease of another process.
///
/// # Errors
/// `Corrupt` if the lease has another token.
pub(in crate::generator) fn require_token(grant: &Grant, token: Option<Token>) -> Result<(), StoreError> {
    if Some(grant.lease.token) == token {
        return Ok(());
    }
    let why = format!("the store was asked for a lease with {token:?}, but granted {:?}", grant.lease);
    Err(StoreError::corrupt("the lease that was granted", why))
}

/// Returns whether `renewed` is a renewal of `lease`.
pub(super) fn is_renewal_of(lease: &Lease, renewed: &Lease) -> bool {
    (lease.worker, lease.from, lease.token) == (renewed.worker, renewed.from, renewed.token)
}
