//! uuid: 128 bits, of which version 7 has 42 for a counter and 32 at random.

use uuid::Uuid;

use crate::source::{Shared, calls};

/// `now_v7`, which orders the process's UUIDs.
pub fn v7() -> impl Shared<Id = u128> {
    calls(|| Uuid::now_v7().as_u128(), |id| u64::try_from(id >> 80).expect("48 bits"))
}
