//! snowflaked: 12 bits of sequence, fixed.

use snowflaked::sync::Generator;

use crate::source::{Shared, calls};

/// `sync::Generator`.
pub fn standard() -> impl Shared<Id = u64> {
    let ids = Generator::new(1);
    calls(move || ids.generate::<u64>(), |id| id >> 22)
}
