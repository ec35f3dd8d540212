//! The watch over the clocks, while a clock jumps and the keeper renews the lease.

use std::sync::Arc;

use casflake::{Clock, ManualClock};
use casflake_lease::_simulation::{Host, Imagined, Signal, Watch, Watched};
use casflake_loom_tests::{AtomicU64, bounded, exhaustive, together};
use loom::sync::atomic::Ordering;

/// The reading of every watched clock in these models.
const NOW_MS: u64 = 1_800_000_000_000;

/// The jump of the wall clock, in nanoseconds. Before it, the wall clock reads 0.
const JUMP: u64 = 3_600_000_000_000;

/// A host whose wall clock may jump, and whose monotonic clock stands still.
struct Jumping(AtomicU64);

impl Imagined for Jumping {
    fn wall_ns(&self) -> u64 {
        // ORDERING: Relaxed, as the weakest that a clock can be: a thread may read the time before a jump for a while.
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn process(&self) -> u32 {
        1
    }
}

struct Leased {
    host: Arc<Jumping>,
    watch: Arc<Watch>,
    clock: Watched<ManualClock>,
    /// 1 if the keeper has seen the jump before it sent its request.
    has_seen: AtomicU64,
}

impl Leased {
    fn new() -> Arc<Self> {
        let host = Arc::new(Jumping(AtomicU64::new(0)));
        let watch = Arc::new(Watch::new(Host::imagined(Arc::clone(&host) as _), Arc::new(Signal::default())));
        let clock = Watched::new(ManualClock::new(NOW_MS), Arc::clone(&watch));
        Arc::new(Self { host, watch, clock, has_seen: AtomicU64::new(0) })
    }

    /// Renews the lease, as the keeper does: measures before the request, and trusts after the answer.
    fn renew(&self) -> bool {
        let apart = self.watch.apart_now();
        // ORDERING: Relaxed. It is loaded after both threads were joined.
        self.has_seen.store(u64::from(apart == JUMP), Ordering::Relaxed);
        self.watch.settle(apart);
        false
    }

    /// Lets the wall clock jump. Returns whether a reading after the jump is trusted.
    fn jump(&self) -> bool {
        // ORDERING: Relaxed, as in `wall_ns`. This thread sees its own store.
        self.host.0.store(JUMP, Ordering::Relaxed);
        self.reads()
    }

    fn reads(&self) -> bool {
        self.clock.unix_ms() == NOW_MS
    }

    /// Returns whether a reading in a later millisecond, which no earlier check covers, is trusted.
    fn reads_later(&self) -> bool {
        self.clock.clock.set(NOW_MS + 1);
        self.clock.unix_ms() == NOW_MS + 1
    }

    /// Asserts that a reading after the jump was trusted only if the keeper has seen the jump before its request.
    fn assert_trusted_after_a_renewal(&self, is_trusted: bool) {
        // ORDERING: Relaxed. The thread that has stored it was joined.
        assert!(!is_trusted || self.has_seen.load(Ordering::Relaxed) == 1, "the jump was forgotten");
    }
}

/// Would catch: a renewal that hides a jump which came after its request; a check that compares with the wrong moment.
#[test]
fn l12_a_reading_after_a_jump_is_trusted_only_after_a_renewal_that_began_later() {
    exhaustive(|| {
        let leased = Leased::new();
        let trusted = together(&leased, [Leased::renew, Leased::jump]);
        leased.assert_trusted_after_a_renewal(trusted[1]);
        // The next renewal sees the jump.
        leased.renew();
        assert!(leased.reads(), "trusted again");
    });
}

/// Would catch: a jump that a call finds once more, because it began before a renewal that has seen the jump. All calls
/// would then be refused until yet another renewal.
#[test]
fn l12_a_renewal_that_has_seen_the_jump_is_enough() {
    exhaustive(|| {
        let leased = Leased::new();
        together(&leased, [Leased::renew, Leased::jump]);
        // ORDERING: Relaxed. The thread that has stored it was joined.
        if leased.has_seen.load(Ordering::Relaxed) == 1 {
            assert!(leased.reads_later(), "refused after the renewal");
        }
    });
}

/// Would catch: a jump that a call has found, and that the end of an earlier renewal hides for good.
#[test]
fn l12_a_later_millisecond_is_trusted_only_after_a_renewal_that_began_after_the_jump() {
    bounded(3, || {
        let leased = Leased::new();
        // The third thread may check the millisecond before the jump. Then the reading after the jump is trusted, because
        // it is of the same millisecond.
        let parts: [fn(&Leased) -> bool; 3] = [Leased::renew, Leased::jump, Leased::reads];
        together(&leased, parts);
        leased.assert_trusted_after_a_renewal(leased.reads_later());
    });
}
