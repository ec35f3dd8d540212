//! A worker that does not fit.

use core::fmt;

/// Why there is no such [`WorkerId`](crate::WorkerId).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerIdError {
    /// The datacenter does not fit the layout.
    Datacenter {
        /// The datacenter asked for.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
    /// The worker does not fit the layout.
    Worker {
        /// The worker asked for.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
    /// The index does not fit the layout's datacenters and workers taken together.
    Index {
        /// The index asked for.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
    /// The text is neither `index` nor `datacenter/worker`.
    #[cfg(feature = "alloc")]
    NotAWorker {
        /// The text.
        text: alloc::string::String,
    },
    /// The host name does not end in a hyphen and an ordinal.
    #[cfg(feature = "alloc")]
    NoOrdinal {
        /// The host name.
        hostname: alloc::string::String,
    },
    /// The environment variable is not set, or not to a text.
    #[cfg(feature = "std")]
    NotSet {
        /// The variable's name.
        variable: alloc::string::String,
    },
    /// The environment variable's value was refused.
    #[cfg(feature = "std")]
    Variable {
        /// The variable's name.
        variable: alloc::string::String,
        /// Why its value was refused.
        cause: alloc::boxed::Box<WorkerIdError>,
    },
}

impl fmt::Display for WorkerIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datacenter { value, max } => {
                write!(f, "datacenter {value} does not fit the layout: give one from 0 to {max}")
            }
            Self::Worker { value, max } => {
                write!(f, "worker {value} does not fit the layout: give one from 0 to {max}")
            }
            Self::Index { value, max } => {
                write!(f, "worker index {value} does not fit the layout: give one from 0 to {max}")
            }
            #[cfg(feature = "alloc")]
            Self::NotAWorker { text } => {
                write!(f, "{text:?} is not a worker: give an index such as 37, or datacenter/worker such as 1/5")
            }
            #[cfg(feature = "alloc")]
            Self::NoOrdinal { hostname } => write!(
                f,
                "the host name {hostname:?} has no ordinal: it must end in a hyphen and a number without leading zeros, \
                 as in web-3 (a Kubernetes StatefulSet names its pods so); otherwise give the worker explicitly"
            ),
            #[cfg(feature = "std")]
            Self::NotSet { variable } => write!(
                f,
                "the environment variable {variable} is not set to a text: set it to an index such as 37, or to \
                 datacenter/worker such as 1/5"
            ),
            #[cfg(feature = "std")]
            Self::Variable { variable, .. } => write!(f, "the environment variable {variable} was refused"),
        }
    }
}

impl core::error::Error for WorkerIdError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Self::Variable { cause, .. } => Some(cause.as_ref()),
            _ => None,
        }
    }
}
