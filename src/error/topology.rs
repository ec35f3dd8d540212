//! The errors of a topology that does not fit or has no such generator.

use core::fmt;

/// Why a [`Topology`](crate::Topology) can't be made, or has no such generator.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TopologyError {
    /// The number of datacenters is 0 or does not fit the layout.
    Datacenters {
        /// How many were asked for.
        count: u64,
        /// The largest number that fits.
        max: u64,
    },
    /// The number of workers in a datacenter is 0 or does not fit the layout.
    Workers {
        /// How many were asked for in each datacenter.
        count: u64,
        /// The largest number that fits.
        max: u64,
    },
    /// Datacenters × workers is more than [`MAX_GENERATORS`](crate::MAX_GENERATORS).
    TooMany {
        /// How many generators were asked for.
        count: u128,
        /// The largest number of generators.
        max: u64,
    },
    /// No datacenter has this number.
    NoDatacenter {
        /// The datacenter asked for.
        datacenter: u64,
        /// How many there are, numbered from 0.
        datacenters: u64,
    },
    /// No worker has this number.
    NoWorker {
        /// The worker asked for.
        worker: u64,
        /// How many there are in a datacenter, numbered from 0.
        workers: u64,
    },
}

debug_by_text!(TopologyError: Datacenters Workers TooMany NoDatacenter NoWorker);

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Datacenters { count, max } => {
                write!(f, "{count} datacenters do not fit the layout: ask for 1 to {max}")
            }
            Self::Workers { count, max } => {
                write!(f, "{count} workers a datacenter do not fit the layout: ask for 1 to {max}")
            }
            Self::TooMany { count, max } => write!(f, "{count} generators are too many: ask for {max} or fewer"),
            Self::NoDatacenter { datacenter, datacenters } => {
                write!(f, "there is no datacenter {datacenter}: ask for one below {datacenters}")
            }
            Self::NoWorker { worker, workers } => write!(f, "there is no worker {worker}: ask for one below {workers}"),
        }
    }
}

impl core::error::Error for TopologyError {}
