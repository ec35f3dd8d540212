//! The shipped functions, each without one rule.

mod leases;
mod losses;
mod spaces;

use casflake_lease::{Lease, Token};

pub(crate) use self::leases::*;
pub(crate) use self::losses::*;
pub(crate) use self::spaces::*;

/// Returns the lease with another beginning, counter and token.
fn with(held: &Lease, from: u64, counter: u64, token: Token) -> Lease {
    Lease::new(held.worker(), from, held.until(), counter, token)
}
