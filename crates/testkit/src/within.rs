//! Bounds the time of work that could block for ever. Without a bound, a fault hangs the tests instead of failing one.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, Builder};
use std::time::Duration;

/// The longest time that work may take. The work of a test usually takes seconds, but longer on a busy machine. It may
/// contain several calls of [`eventually`](crate::eventually).
const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs `work` on a thread of its own, and returns its result. Panics if `work` has not ended within two minutes; the
/// thread is then left alone, because a thread can't be ended. If `work` panics, panics with the same message.
///
/// Use this function for work that a fault of the code under test could block for ever, such as a shutdown, a wait or a
/// drop. The work may be the whole test: then the drops at its end, too, are within the bound.
///
/// Do not use scoped threads around this function. If this function panics, the end of the scope still waits for the
/// threads in it. Inside of `work`, scoped threads are fine.
#[track_caller]
pub fn within<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    within_time(TIMEOUT, what, work)
}

#[track_caller]
fn within_time<T: Send + 'static>(timeout: Duration, what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, done) = mpsc::channel();
    // Named like the test, because the name is part of the message of a panic.
    let name = thread::current().name().unwrap_or(what).into();
    let send = move || {
        // Fails only after the timeout, when the result no longer matters.
        let _ = sender.send(work());
    };
    let working = Builder::new().name(name).spawn(send).expect("a thread");
    match done.recv_timeout(timeout) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => panic!("{what} has not ended within {timeout:?}"),
        Err(RecvTimeoutError::Disconnected) => match working.join() {
            Ok(()) => unreachable!("the thread sends its result, or panics"),
            Err(panicked) => panic::resume_unwind(panicked),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{within, within_time};

    /// Returns the message with which `act` panics.
    fn message(act: impl FnOnce() + panic::UnwindSafe) -> String {
        let panicked = panic::catch_unwind(act).expect_err("it panics");
        let text = panicked.downcast_ref::<String>().cloned();
        text.or_else(|| panicked.downcast_ref::<&str>().map(|&text| text.into())).expect("a message")
    }

    #[test]
    fn work_that_ends_returns_its_result() {
        assert_eq!(within("a sum", || 1 + 1), 2);
    }

    #[test]
    fn work_that_never_ends_fails_the_test_and_is_named() {
        let (sender, never) = mpsc::channel::<()>();
        let text = message(|| within_time(Duration::from_millis(20), "a wait", move || assert!(never.recv().is_err())));
        assert_eq!(text, "a wait has not ended within 20ms");
        drop(sender);
    }

    /// Would catch: a drop that blocks for ever while a failed assertion unwinds.
    #[test]
    fn work_whose_drops_never_end_fails_the_test() {
        struct Blocks(mpsc::Receiver<()>);
        impl Drop for Blocks {
            fn drop(&mut self) {
                let _ = self.0.recv();
            }
        }
        let (sender, never) = mpsc::channel();
        let work = move || {
            let _blocks = Blocks(never);
            panic!("an assertion");
        };
        let text = message(|| within_time(Duration::from_millis(20), "a drop", work));
        assert_eq!(text, "a drop has not ended within 20ms");
        drop(sender);
    }

    #[test]
    fn work_that_panics_fails_the_test_with_its_own_message() {
        assert_eq!(message(|| within("an assertion", || panic!("left != right"))), "left != right");
    }
}
