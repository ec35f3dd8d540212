//! The size of a model of keepers, and the events that can happen in it.

use crate::bounds::Bounds;

/// The size of a model of keepers, and the events that can happen in it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bounds of the store, its clock and its losses, and of what is common to both families of models.
    pub store: Bounds,
    /// The largest number of tokens that the processes with one index can draw.
    pub draws: u8,
    /// Whether requests and replies can be lost.
    pub lossy: bool,
    /// Whether a request can reach the store after its process has given it up.
    pub late: bool,
    /// Whether the clocks of a process can jump.
    pub jumps: bool,
    /// Whether the clock of a generator can panic.
    pub panics: bool,
    /// Whether it can happen that no generator can be made of a lease.
    pub unfit: bool,
    /// Whether the source of random tokens can fail.
    pub no_tokens: bool,
    /// Whether a renewal can be answered with the lease of another process.
    pub wrong: bool,
    /// Whether the store can say that a lease is lost because a process was cloned, or because an operator has
    /// initialised the store.
    pub told: bool,
    /// Whether the store ignores the tick after which a window must begin.
    pub deaf: bool,
    /// Whether a process can be shut down. A shutdown ends the switch, and then stops the keeper.
    pub shutdown: bool,
    /// Whether the keeper can be stopped alone, as by the drop of a generator.
    pub dropped: bool,
}

impl Limits {
    /// A store that keeps everything, and answers each request on time.
    pub const CALM: Self = Self {
        store: Bounds {
            clock: 3,
            ttl: 1,
            max_ttl: 1,
            counter: 3,
            unanswered: 1,
            crashes: false,
            backwards: false,
            ..Bounds::CALM
        },
        draws: 2,
        lossy: false,
        late: false,
        jumps: false,
        panics: false,
        unfit: false,
        no_tokens: false,
        wrong: false,
        told: false,
        deaf: false,
        shutdown: false,
        dropped: false,
    };
}
