//! The calls, during which the faults happen.

use super::ledger::Ledger;
use super::medium::Medium;
use super::site::{Again, FORGOTTEN_MS, NOW, Site, Step};

/// Calls, and the state in which they begin.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) steps: &'static [Step],
    medium: Medium,
    ledger: Ledger,
}

impl Scenario {
    pub(super) fn site(&self) -> Site {
        Site::of(self.medium.clone(), self.ledger.clone(), NOW)
    }

    /// Returns how many calls to the disk the steps make if nothing goes wrong.
    pub(super) fn calls(&self) -> u64 {
        let site = self.site();
        site.run(self.steps, Again::SameStore, || {});
        site.host.calls()
    }
}

/// A directory that is still empty.
const FIRST_START: &[Step] = &[Step::InitImmediately, Step::Acquire(1), Step::Init, Step::Release(1), Step::Survey];

const LIVES_OF_LEASES: &[Step] = &[
    Step::Acquire(1),
    Step::Acquire(2),
    Step::Advance(1000),
    Step::Renew(1),
    Step::Release(2),
    Step::Acquire(3),
    Step::Advance(9500),
    Step::Renew(3),
    Step::Release(1),
];

/// A backup that is put back. Leases that were granted since may be in use, even after another lease was released.
const RESTORED: &[Step] = &[
    Step::Acquire(1),
    Step::BackUp,
    Step::Acquire(2),
    Step::Restore,
    Step::Release(1),
    Step::Wait(3),
    Step::Wait(4),
    Step::Advance(FORGOTTEN_MS),
    Step::Acquire(5),
    Step::Renew(5),
];

/// Returns a scenario that begins after the steps `before`.
pub(super) fn after(before: &[Step], name: &'static str, steps: &'static [Step]) -> Scenario {
    let site = Site::of(Medium::default(), Ledger::default(), NOW);
    site.run(before, Again::SameStore, || {});
    let (medium, ledger) = (site.host.state().medium.clone(), site.ledger().clone());
    Scenario { name, steps, medium, ledger }
}

pub(super) fn all() -> [Scenario; 3] {
    [
        after(&[], "first start", FIRST_START),
        after(&[Step::InitImmediately], "lives of leases", LIVES_OF_LEASES),
        after(&[Step::InitImmediately], "restored", RESTORED),
    ]
}
