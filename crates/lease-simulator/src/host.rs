//! The hosts as the shipped code sees them: two clocks, a process ID, and a clock of the program's own.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use casflake::{Clock, Layout, Scheme};
use casflake_lease::_simulation::Imagined;
use casflake_lease::StoreClock;

use crate::clocks::Drifting;
use crate::world::{Planted, world};

/// The first moment of each run, in Unix milliseconds, is a day after the epoch of this layout.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
pub(crate) const START_MS: u64 = EPOCH_MS + 86_400_000;

/// The scheme of all IDs: 16 IDs a millisecond, so that calls use up a tick, and a layout that ends after twelve days,
/// so that a clock can pass its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {}

impl Scheme for Ids {
    const LAYOUT: Layout = Layout::new(30, 0, 3, 4).with_epoch_unix_ms(EPOCH_MS);
}

/// The clocks of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostClocks {
    pub(crate) wall: Drifting,
    pub(crate) monotonic: Drifting,
    pub(crate) suspended_until: u64,
}

impl HostClocks {
    pub(crate) fn apart(&self, now: u64) -> i64 {
        self.wall.at(now).cast_signed().wrapping_sub(self.monotonic.at(now).cast_signed())
    }
}

/// The host of one process. Each reading takes a moment, in which other actors may run.
pub(crate) struct VirtualHost {
    pub(crate) process: usize,
    pub(crate) host: usize,
}

impl Imagined for VirtualHost {
    fn wall_ns(&self) -> u64 {
        let world = world();
        world.pass_a_moment(self.process);
        world.hosts.borrow()[self.host].wall.at(world.now.get())
    }

    fn monotonic_ns(&self) -> u64 {
        let world = world();
        world.pass_a_moment(self.process);
        world.hosts.borrow()[self.host].monotonic.at(world.now.get())
    }

    fn process(&self) -> u32 {
        world().process(self.process).pid.get()
    }
}

/// The clock of a generator: the shipped `StoreClock` of the process with this number, or the wall clock of the host. The
/// wall clock can panic.
pub(crate) enum SimClock {
    Store(StoreClock, usize),
    Wall(Arc<VirtualHost>),
}

impl SimClock {
    /// Notes a reading, so that the verdict knows each of them.
    fn noted(&self, unix_ms: u64) {
        let world = world();
        world.seen_ms.set(world.seen_ms.get().max(unix_ms));
        let process = match self {
            Self::Store(_, process) => *process,
            Self::Wall(host) => host.process,
        };
        world.process(process).note_reading(&world, unix_ms);
    }

    fn may_panic(&self) {
        if let Self::Wall(host) = self {
            let world = world();
            if world.now.get() < world.process(host.process).clock_panics_until.get() {
                resume_unwind(Box::new(Planted));
            }
        }
    }
}

impl Clone for SimClock {
    fn clone(&self) -> Self {
        self.may_panic();
        match self {
            Self::Store(clock, process) => Self::Store(clock.clone(), *process),
            Self::Wall(host) => Self::Wall(Arc::clone(host)),
        }
    }
}

impl Clock for SimClock {
    fn unix_ms(&self) -> u64 {
        self.may_panic();
        let unix_ms = match self {
            Self::Store(clock, _) => clock.unix_ms(),
            Self::Wall(host) => host.wall_ns() / 1_000_000,
        };
        self.noted(unix_ms);
        unix_ms
    }

    fn precise_unix_ns(&self) -> u128 {
        self.may_panic();
        let unix_ns = match self {
            Self::Store(clock, _) => clock.precise_unix_ns(),
            Self::Wall(host) => u128::from(host.wall_ns()),
        };
        self.noted(u64::try_from(unix_ns / 1_000_000).unwrap_or(u64::MAX));
        unix_ns
    }

    fn monotonic(&self) -> Option<Duration> {
        match self {
            Self::Store(clock, _) => clock.monotonic(),
            Self::Wall(host) => Some(Duration::from_nanos(host.monotonic_ns())),
        }
    }
}
