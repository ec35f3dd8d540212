//! `TopologyError`: why a topology can't be made, or why it has no generator with the given numbers.

use core::fmt;

/// Why a [`Topology`](crate::Topology) can't be made, or why it has no generator with the given numbers.
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
        /// The largest number that the layout allows.
        max: u64,
    },
    /// The number of workers in a datacenter is 0, or is more than the layout allows.
    Workers {
        /// The number of workers asked for in each datacenter.
        count: u64,
        /// The largest number that the layout allows.
        max: u64,
    },
    /// The number of datacenters times the number of workers is more than [`MAX_GENERATORS`](crate::MAX_GENERATORS).
    TooMany {
        /// The number of generators asked for.
        count: u128,
        /// The largest number of generators that a topology can have.
        max: u64,
    },
    /// No datacenter has this number.
    NoDatacenter {
        /// The datacenter asked for.
        datacenter: u64,
        /// The number of datacenters. They are numbered from 0.
        datacenters: u64,
    },
    /// No worker of the datacenter has this number.
    NoWorker {
        /// The worker asked for.
        worker: u64,
        /// The number of workers in a datacenter. They are numbered from 0.
        workers: u64,
    },
}

debug_by_text!(TopologyError: Datacenters Workers TooMany NoDatacenter NoWorker);

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Datacenters { count, max } => write!(f, "{count} datacenters are out of range: 1 to {max}"),
            Self::Workers { count, max } => write!(f, "{count} workers per datacenter are out of range: 1 to {max}"),
            Self::TooMany { count, max } => write!(f, "{count} generators are out of range: 1 to {max}"),
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
