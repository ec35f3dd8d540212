//! Defends round trips, order and I5 over all widths, field orders, epochs and ticks, and I1, I3 and I6 over arbitrary
//! clocks and counts.

#![cfg(feature = "alloc")]

use proptest::prelude::*;

/// Calls a generic property for every preset.
macro_rules! in_every_scheme {
    ($property:ident($($argument:expr),*)) => {
        $property::<Standard>($($argument),*)?;
        $property::<Twitter>($($argument),*)?;
        $property::<Discord>($($argument),*)?;
        $property::<Instagram>($($argument),*)?;
        $property::<Sonyflake>($($argument),*)?;
        $property::<Sonyflake2>($($argument),*)?;
        $property::<JsSafe>($($argument),*)?;
        $property::<Mastodon>($($argument),*)?;
    };
}

mod generators;
mod handles;
mod ids;
mod layouts;

/// Returns any `u64`, as often small as large.
fn any_size() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift)
}
