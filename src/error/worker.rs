//! `WorkerIdError` and `WorkerTextError`: why a `WorkerId` can't be made from numbers or from a text.

use core::fmt;

/// Why a [`WorkerId`](crate::WorkerId) can't be made from a datacenter number and a worker number, or from an index.
///
/// # Examples
/// ```
/// use casflake::{WorkerId, WorkerIdError};
///
/// let error = WorkerId::new(1, 32).expect_err("31 is the largest");
/// assert_eq!(error, WorkerIdError::Worker { value: 32, max: 31 });
/// assert_eq!(error.to_string(), "worker 32 is out of range: 0 to 31");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerIdError {
    /// The datacenter number is too large for the layout's datacenter field.
    Datacenter {
        /// The datacenter number asked for.
        value: u64,
        /// The largest datacenter number that fits.
        max: u64,
    },
    /// The worker number is too large for the layout's worker field.
    Worker {
        /// The worker number asked for.
        value: u64,
        /// The largest worker number that fits.
        max: u64,
    },
    /// The index is too large for the layout's datacenter and worker fields together.
    Index {
        /// The index asked for.
        value: u64,
        /// The largest index that fits.
        max: u64,
    },
}

debug_by_text!(WorkerIdError: Datacenter Worker Index);

impl fmt::Display for WorkerIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, value, max) = match self {
            Self::Datacenter { value, max } => ("datacenter", value, max),
            Self::Worker { value, max } => ("worker", value, max),
            Self::Index { value, max } => ("worker index", value, max),
        };
        write!(f, "{field} {value} is out of range: 0 to {max}")
    }
}

impl core::error::Error for WorkerIdError {}

#[cfg(feature = "alloc")]
pub use text::WorkerTextError;

#[cfg(feature = "alloc")]
mod text {
    use alloc::string::String;
    use core::fmt;

    use super::WorkerIdError;

    /// Why a text can't be turned into a [`WorkerId`](crate::WorkerId).
    ///
    /// # Examples
    /// ```
    /// use casflake::{WorkerId, WorkerIdError, WorkerTextError};
    ///
    /// match "1/32".parse::<WorkerId>() {
    ///     Err(WorkerTextError::DoesNotFit(WorkerIdError::Worker { max, .. })) => assert_eq!(max, 31),
    ///     other => panic!("{other:?}"),
    /// }
    /// ```
    #[derive(Clone, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum WorkerTextError {
        /// The text is neither an index, such as `37`, nor `datacenter/worker`, such as `1/5`.
        NotAWorker {
            /// The text that was refused.
            text: String,
        },
        /// The first label of the host name has no ordinal. A label with an ordinal is a name, a hyphen, and a number
        /// without leading zeros: for example, `web-3`.
        NoOrdinal {
            /// The host name.
            hostname: String,
        },
        /// The number at the end of the host name's first label was refused.
        Hostname {
            /// The host name.
            hostname: String,
            /// Why the number was refused.
            cause: alloc::boxed::Box<WorkerTextError>,
        },
        /// A number in the text is too large for the layout.
        DoesNotFit(WorkerIdError),
        /// A number in the text is larger than `u64::MAX`.
        TooLong {
            /// The number, as it is in the text.
            digits: String,
            /// The largest number that fits the layout.
            max: u64,
        },
        /// A number in the text has leading zeros, such as `007`.
        LeadingZeros {
            /// The number, as it is in the text.
            digits: String,
        },
        /// The environment variable is not set, or the variable's value is not Unicode.
        NotSet {
            /// The variable's name.
            variable: String,
        },
        /// The environment variable's value was refused.
        Variable {
            /// The variable's name.
            variable: String,
            /// Why the value was refused.
            cause: alloc::boxed::Box<WorkerTextError>,
        },
    }

    debug_by_text!(WorkerTextError: NotAWorker LeadingZeros NoOrdinal Hostname DoesNotFit TooLong NotSet Variable);

    impl From<WorkerIdError> for WorkerTextError {
        fn from(error: WorkerIdError) -> Self {
            Self::DoesNotFit(error)
        }
    }

    impl fmt::Display for WorkerTextError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::NotAWorker { text } => {
                    write!(f, "{text:?} is not a worker: give an index such as 37, or datacenter/worker such as 1/5")
                }
                Self::NoOrdinal { hostname } => write!(
                    f,
                    "host name {hostname:?} has no ordinal: end the name in a hyphen and a number without leading zeros, \
                     as in web-3, or give the worker explicitly"
                ),
                Self::DoesNotFit(error) => error.fmt(f),
                Self::TooLong { digits, max } => write!(f, "number {digits} is out of range: 0 to {max}"),
                Self::LeadingZeros { digits } => write!(f, "number {digits} has leading zeros: remove them"),
                Self::NotSet { variable } => write!(
                    f,
                    "environment variable {variable} is not set, or is not Unicode: set the variable to an index such \
                     as 37, or to datacenter/worker such as 1/5"
                ),
                Self::Hostname { hostname, cause } => write!(f, "host name {hostname:?}: {cause}"),
                Self::Variable { variable, cause } => write!(f, "environment variable {variable}: {cause}"),
            }
        }
    }

    impl core::error::Error for WorkerTextError {}
}
