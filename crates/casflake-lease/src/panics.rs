//! `catching_panics`: calls what the program has brought, its own store, clock or callback, which may panic.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`. Returns `None` if `work` panicked. The payload of a panic is never dropped, because its drop may panic, too.
pub(crate) fn catching_panics<R>(work: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).map_err(mem::forget).ok()
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::catching_panics;

    /// A payload that panics when it is dropped.
    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            resume_unwind(Box::new("a bug of the program"));
        }
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_is_not_dropped() {
        assert_eq!(catching_panics(|| 7), Some(7));
        assert_eq!(catching_panics::<()>(|| resume_unwind(Box::new(Explosive))), None);
    }
}
