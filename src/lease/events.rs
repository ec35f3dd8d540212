//! What becomes of a lease, told to `tracing` where the feature of that name is on.

use super::error::StoreError;
use super::lease::Lease;

macro_rules! event {
    ($level:ident, $($field:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "casflake::lease", $($field)*);
    }};
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn acquired(lease: &Lease) {
    event!(info, worker = lease.worker, from = lease.from, until = lease.until, "lease acquired");
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn renewed(lease: &Lease) {
    event!(debug, worker = lease.worker, until = lease.until, counter = lease.counter, "lease renewed");
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn failed(error: &StoreError) {
    event!(warn, error = error as &dyn core::error::Error, "the store of leases failed");
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn lost(error: &StoreError) {
    event!(error, error = error as &dyn core::error::Error, "lease lost");
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn released(lease: &Lease) {
    event!(info, worker = lease.worker, "lease released");
}
