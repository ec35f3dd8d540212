//! `TopologyError`: why a topology can't be made, or why it has no datacenter or worker with a given number.

use core::fmt;

/// Why a [`Topology`](crate::Topology) can't be made, or why it has no datacenter or worker with a given number.
///
/// # Examples
/// ```
/// use casflake::{Topology, TopologyError};
///
/// let system: Topology = Topology::new(3, 5)?;
/// let error = system.generator(3, 0).err();
/// assert_eq!(error, Some(TopologyError::NoDatacenter { datacenter: 3, datacenters: 3 }));
/// # Ok::<(), TopologyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TopologyError {
    /// The number of datacenters is 0, or is more than the layout allows.
    Datacenters {
        /// The number of datacenters asked for.
        count: u64,
        /// The largest number of datacenters that the layout allows.
        max: u64,
    },
    /// The number of workers in a datacenter is 0, or is more than the layout allows.
    Workers {
        /// The number of workers asked for in each datacenter.
        count: u64,
        /// The largest number of workers per datacenter that the layout allows.
        max: u64,
    },
    /// The number of datacenters times the number of workers is more than [`MAX_GENERATORS`](crate::MAX_GENERATORS).
    TooMany {
        /// The number of generators asked for.
        count: u128,
        /// The largest number of generators that a topology can have.
        max: u64,
    },
    /// The topology has no datacenter with the number `datacenter`.
    NoDatacenter {
        /// The datacenter asked for.
        datacenter: u64,
        /// How many datacenters the topology has. They are numbered from 0.
        datacenters: u64,
    },
    /// The datacenters of the topology have no worker with the number `worker`.
    NoWorker {
        /// The worker asked for.
        worker: u64,
        /// How many workers each datacenter has. They are numbered from 0.
        workers: u64,
    },
}

debug_by_text!(TopologyError: Datacenters Workers TooMany NoDatacenter NoWorker);

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Datacenters { count, max } => {
                write!(f, "the number of datacenters, {count}, is out of range: give 1 to {max}")
            }
            Self::Workers { count, max } => {
                write!(f, "the number of workers per datacenter, {count}, is out of range: give 1 to {max}")
            }
            Self::TooMany { count, max } => {
                write!(f, "the number of generators, {count}, is out of range: give 1 to {max}")
            }
            Self::NoDatacenter { datacenter, datacenters } => {
                write!(f, "datacenter {datacenter} is out of range: 0 to {}", datacenters.saturating_sub(1))
            }
            Self::NoWorker { worker, workers } => {
                write!(f, "worker {worker} is out of range: 0 to {}", workers.saturating_sub(1))
            }
        }
    }
}

impl core::error::Error for TopologyError {}
