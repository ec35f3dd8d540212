//! `Ledger`: the leases that a store has acknowledged, and the ticks in which their holders may have issued IDs.

use std::collections::BTreeMap;

use crate::Lease;

#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// The windows that holders may have used, each with the number of the holder and the worker.
    used: Vec<Window>,
    /// The lease of each holder, until the holder releases it.
    pub(super) held: BTreeMap<u128, Held>,
    /// The leases that an operator has lost. Their holders may still release them.
    forgotten: BTreeMap<u128, Held>,
    /// The lease of each holder that has released it or tries to, and the tick of the holder's last ID.
    ended: BTreeMap<u128, (Lease, u64)>,
    /// The holders whose release was acknowledged.
    pub(super) released: Vec<u128>,
    /// Whether an operator has vouched for the space: it must not be lost any more.
    pub(super) has_space: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    /// The number of renewals that were not acknowledged since the last one that was.
    pub(super) unanswered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    holder: u128,
    worker: u64,
    from: u64,
    until: u64,
}

impl Ledger {
    /// Notes a grant or a renewal. Panics if the window overlaps with another holder's window of the same worker.
    pub(super) fn acknowledge(&mut self, holder: u128, lease: Lease) {
        let window = Window { holder, worker: lease.worker(), from: lease.from(), until: lease.until() };
        assert!(window.from < window.until, "{window:?} is empty");
        for other in self.used.iter().filter(|other| other.worker == window.worker) {
            let is_renewed = other.holder == holder && other.from == window.from;
            let is_apart = other.until <= window.from || window.until <= other.from;
            assert!(is_renewed || is_apart, "L1: {window:?} overlaps with {other:?}");
            assert!(!is_renewed || other.until <= window.until, "L2: {window:?} ends before {other:?}");
        }
        self.used.retain(|other| (other.holder, other.worker, other.from) != (holder, window.worker, window.from));
        self.used.push(window);
        self.held.insert(holder, Held { lease, unanswered: 0 });
    }

    /// Notes that a holder has issued its last ID, one tick after the start of its window, and is about to release its
    /// lease. Returns the lease, and the tick of the last ID.
    pub(super) fn end(&mut self, holder: u128) -> (Lease, u64) {
        let held = self.held.remove(&holder).or_else(|| self.forgotten.remove(&holder));
        if let Some(Held { lease, .. }) = held {
            let last = lease.from() + 1;
            let mut used = self.used.iter_mut().filter(|window| window.holder == holder);
            let window = used.find(|window| window.from == lease.from()).expect("a window for each lease");
            window.until = last + 1;
            self.ended.insert(holder, (lease, last));
        }
        self.ended[&holder]
    }

    /// Notes that an operator has lost leases, so that no holder can renew its lease any more.
    pub(super) fn forget(&mut self) {
        self.forgotten.append(&mut self.held);
        self.released.clear();
    }
}
