//! `RemoteServer`: the events that only a server in a process of its own goes through, and a look at its data.

use std::collections::BTreeMap;
use std::time::Duration;

use super::StoreServer;

/// The clock of a server. One that can be set makes the server slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Real,
    Settable,
}

/// The data of the space `default` as the server stores them: a text for the space and for each worker's record.
pub(crate) type Data = BTreeMap<String, String>;

/// A change of the data to a text that no store writes.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    /// The place of the change: a key, a field or a table.
    pub(crate) place: &'static str,
    /// The text there, or the change of a row.
    pub(crate) text: String,
    /// Whether a renewal of the lease of worker 0 reads the damaged part.
    pub(crate) is_seen_by_renewals: bool,
    /// Whether a release of that lease reads it.
    pub(crate) is_seen_by_releases: bool,
}

impl Damage {
    /// Damage that every call finds.
    pub(crate) fn new(place: &'static str, text: impl Into<String>) -> Self {
        Self { place, text: text.into(), is_seen_by_renewals: true, is_seen_by_releases: true }
    }
}

/// A kind of servers. A trait of its own, so that `RemoteServer` is object-safe.
pub(crate) trait Launch: RemoteServer + Sized + 'static {
    /// The programs that a server of this kind needs.
    const NEEDS: &str;

    /// Starts a server. Returns `None` if a program that it needs is not installed.
    fn launch(clock: Clock) -> Option<Self>;
}

/// A store on a server in a process of its own.
pub(crate) trait RemoteServer: StoreServer + Send + Sync {
    /// Returns the URL of each way to the server.
    fn urls(&self) -> Vec<String>;

    /// Closes all connections of stores.
    fn disconnect(&self);

    fn kill(&mut self);

    /// Starts it again after [`kill`](Self::kill).
    fn restart(&mut self);

    /// Returns whether a restart makes it another incarnation, although it has kept all data.
    fn is_another_incarnation_after_a_restart(&self) -> bool {
        false
    }

    /// Keeps a copy of the data for [`roll_back`](Self::roll_back).
    fn keep(&mut self);

    /// Restores that copy so that the server shows no trace of it.
    fn roll_back(&mut self);

    /// The step of its clock, if a store that has just connected can not tell times within it.
    fn clock_step(&self) -> Duration {
        Duration::ZERO
    }

    /// Forgets which holders are alive, if it knows this apart from their windows.
    fn forget_holders(&self) {}

    /// Returns how many holders it knows to be alive apart from their windows; `None` if it has no such knowledge.
    fn live_holders(&self) -> Option<usize> {
        None
    }

    /// Returns the data of the space `default`.
    fn data(&self) -> Data;

    /// Replaces the data of the space by these.
    fn put_data(&self, data: &Data);

    /// Returns damages of a space with 8 workers, of which worker 0 alone was granted, and these data.
    fn damages(&self, data: &Data) -> Vec<Damage>;

    fn damage(&self, damage: &Damage);
}
