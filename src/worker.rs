//! `WorkerId<S>`: the number of a datacenter and the number of a worker. Both numbers fit the layout of `S`.

#[cfg(feature = "alloc")]
mod text;

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::error::WorkerIdError;
use crate::layout::Parts;
use crate::scheme::{Scheme, Standard};

/// The numbers of a datacenter and of a worker within this datacenter. They identify one generator among all generators
/// that share an ID space.
///
/// Two generators with the same `WorkerId` may issue the same IDs if they run at the same time. The same can happen if
/// they run one after the other, and the second starts before the clock has passed the tick of the first generator's
/// last ID. Give each generator a `WorkerId` of its own, or let each process lease its worker.
///
/// A `WorkerId` is written as `datacenter/worker`, such as `1/5`, or as an index. The index counts the workers of
/// datacenter 0 first, then the workers of datacenter 1, and so on. If a datacenter has 32 workers, `1/5` is index 37.
///
/// The scheme is part of the type: `WorkerId<S>` is a worker of the scheme `S`, and `WorkerId` alone is a worker of
/// [`Standard`]. [`new`](Self::new) and [`fixed`](Self::fixed) exist only for `Standard`. All other constructors, such
/// as [`new_in`](Self::new_in) and [`fixed_in`](Self::fixed_in), exist for every scheme.
///
/// # Examples
/// ```
/// use casflake::{Sonyflake, WorkerId, WorkerIdError};
///
/// let worker = WorkerId::new(1, 5)?;
/// assert_eq!(worker.to_string(), "1/5");
/// assert_eq!((worker.index(), WorkerId::from_index(37)?), (37, worker));
/// assert_eq!(WorkerId::new(1, 32), Err(WorkerIdError::Worker { value: 32, max: 31 }));
///
/// let sixth: WorkerId = WorkerId::from_index(5)?;
/// let of_sonyflake: WorkerId<Sonyflake> = WorkerId::from_index(40_000)?;
/// # Ok::<(), casflake::WorkerIdError>(())
/// ```
pub struct WorkerId<S = Standard> {
    datacenter: u64,
    worker: u64,
    scheme: PhantomData<fn() -> S>,
}

impl WorkerId<Standard> {
    /// Returns a worker of the [`Standard`] scheme. For other schemes use [`new_in`](Self::new_in).
    ///
    /// # Errors
    /// * [`WorkerIdError::Datacenter`] if `datacenter` is over 31.
    /// * [`WorkerIdError::Worker`] if `worker` is over 31.
    ///
    /// # Examples
    /// ```
    /// use casflake::{WorkerId, WorkerIdError};
    ///
    /// assert_eq!(WorkerId::new(1, 7)?.index(), 39);
    /// assert_eq!(WorkerId::new(32, 7), Err(WorkerIdError::Datacenter { value: 32, max: 31 }));
    /// # Ok::<(), WorkerIdError>(())
    /// ```
    pub const fn new(datacenter: u64, worker: u64) -> Result<Self, WorkerIdError> {
        Self::new_in(datacenter, worker)
    }

    /// Returns the worker `DATACENTER/WORKER` of the [`Standard`] scheme. If one of the two constants is over 31, the
    /// program does not compile. For other schemes use [`fixed_in`](Self::fixed_in).
    ///
    /// # Examples
    /// ```
    /// use casflake::WorkerId;
    ///
    /// const WORKER: WorkerId = WorkerId::fixed::<1, 7>();
    /// assert_eq!((WORKER.datacenter(), WORKER.worker()), (1, 7));
    /// ```
    #[must_use]
    pub const fn fixed<const DATACENTER: u64, const WORKER: u64>() -> Self {
        Self::fixed_in::<DATACENTER, WORKER>()
    }
}

impl<S: Scheme> WorkerId<S> {
    /// The largest [`index`](Self::index) that a worker of the scheme `S` can have.
    const MAX_INDEX: u64 = (S::LAYOUT.max_datacenter() << S::LAYOUT.worker_bits()) | S::LAYOUT.max_worker();

    /// Returns a worker of the scheme `S`.
    ///
    /// # Errors
    /// * [`WorkerIdError::Datacenter`] if `datacenter` is over
    ///   [`Layout::max_datacenter`](crate::Layout::max_datacenter).
    /// * [`WorkerIdError::Worker`] if `worker` is over [`Layout::max_worker`](crate::Layout::max_worker).
    ///
    /// # Examples
    /// ```
    /// use casflake::{JsSafe, WorkerId, WorkerIdError};
    ///
    /// assert_eq!(WorkerId::<JsSafe>::new_in(0, 31)?.worker(), 31);
    /// let refused = WorkerId::<JsSafe>::new_in(1, 0); // the layout has no datacenters
    /// assert_eq!(refused, Err(WorkerIdError::Datacenter { value: 1, max: 0 }));
    /// # Ok::<(), WorkerIdError>(())
    /// ```
    pub const fn new_in(datacenter: u64, worker: u64) -> Result<Self, WorkerIdError> {
        if datacenter > S::LAYOUT.max_datacenter() {
            return Err(WorkerIdError::Datacenter { value: datacenter, max: S::LAYOUT.max_datacenter() });
        }
        if worker > S::LAYOUT.max_worker() {
            return Err(WorkerIdError::Worker { value: worker, max: S::LAYOUT.max_worker() });
        }
        Ok(Self::from_valid(datacenter, worker))
    }

    /// Returns the worker `DATACENTER/WORKER` of the scheme `S`. If one of the two constants does not fit the layout,
    /// the program does not compile.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, Twitter, WorkerId};
    ///
    /// static IDS: Generator<Twitter> = Generator::new(WorkerId::fixed_in::<1, 7>());
    /// assert_eq!(IDS.generate()?.worker(), 7);
    /// # Ok::<(), casflake::GenerateError>(())
    /// ```
    #[must_use]
    pub const fn fixed_in<const DATACENTER: u64, const WORKER: u64>() -> Self {
        const {
            assert!(DATACENTER <= S::LAYOUT.max_datacenter(), "the datacenter is out of the layout's range");
            assert!(WORKER <= S::LAYOUT.max_worker(), "the worker is out of the layout's range");
        }
        Self::from_valid(DATACENTER, WORKER)
    }

    /// Returns the worker of the scheme `S` with the index `index`. The datacenter is `index / workers`, and the worker
    /// is `index % workers`. Here `workers` is the number of workers that the layout allows in a datacenter.
    ///
    /// # Errors
    /// [`WorkerIdError::Index`] if `index` does not fit the layout's datacenter and worker fields together.
    ///
    /// # Examples
    /// ```
    /// use casflake::{WorkerId, WorkerIdError};
    ///
    /// let worker: WorkerId = WorkerId::from_index(37)?; // 32 workers per datacenter
    /// assert_eq!((worker.datacenter(), worker.worker()), (1, 5));
    /// assert_eq!(<WorkerId>::from_index(1024), Err(WorkerIdError::Index { value: 1024, max: 1023 }));
    /// # Ok::<(), WorkerIdError>(())
    /// ```
    pub const fn from_index(index: u64) -> Result<Self, WorkerIdError> {
        if index > Self::MAX_INDEX {
            return Err(WorkerIdError::Index { value: index, max: Self::MAX_INDEX });
        }
        // The worker field has fewer than 64 bits, because the timestamp has at least one bit. So the shift does not
        // overflow.
        Ok(Self::from_valid(index >> S::LAYOUT.worker_bits(), index & S::LAYOUT.max_worker()))
    }

    const fn from_valid(datacenter: u64, worker: u64) -> Self {
        Self { datacenter, worker, scheme: PhantomData }
    }

    /// Returns the index: `datacenter * workers + worker`. Here `workers` is the number of workers that the layout
    /// allows in a datacenter.
    #[must_use]
    pub const fn index(self) -> u64 {
        (self.datacenter << S::LAYOUT.worker_bits()) | self.worker
    }

    /// Returns the ID of this worker whose timestamp and sequence are 0.
    pub(crate) const fn bits(self) -> u64 {
        S::LAYOUT.join(Parts { tick: 0, datacenter: self.datacenter, worker: self.worker, sequence: 0 })
    }
}

impl<S> WorkerId<S> {
    /// Returns the number of the datacenter, or 0 if the layout has no datacenter field.
    #[must_use]
    pub const fn datacenter(self) -> u64 {
        self.datacenter
    }

    /// Returns the number of the worker within its datacenter, or 0 if the layout has no worker field.
    #[must_use]
    pub const fn worker(self) -> u64 {
        self.worker
    }
}

#[cfg(feature = "std")]
mod env {
    use super::{Scheme, WorkerId};
    use crate::error::WorkerTextError;

    impl<S: Scheme> WorkerId<S> {
        /// Returns the worker that is written in the environment variable with the name `variable`, as an index (`37`)
        /// or as `datacenter/worker` (`1/5`). Ignores white space around the value, such as a line break at the end.
        ///
        /// # Errors
        /// * [`WorkerTextError::NotSet`] if the variable is not set, or if the variable's value is not Unicode.
        /// * [`WorkerTextError::Variable`] if the variable's value is not a worker of the layout.
        ///
        /// # Examples
        /// ```no_run
        /// use casflake::{Generator, WorkerId};
        ///
        /// // MY_SERVICE_WORKER is "37" or "1/5", for example.
        /// let ids: Generator = Generator::new(WorkerId::from_env("MY_SERVICE_WORKER")?);
        /// # Ok::<(), casflake::WorkerTextError>(())
        /// ```
        ///
        /// If the variable is not set, the error contains the variable's name:
        ///
        /// ```
        /// use casflake::{WorkerId, WorkerTextError};
        ///
        /// let worker: Result<WorkerId, _> = WorkerId::from_env("NOT_SET_ANYWHERE");
        /// assert_eq!(worker, Err(WorkerTextError::NotSet { variable: "NOT_SET_ANYWHERE".into() }));
        /// ```
        pub fn from_env(variable: &str) -> Result<Self, WorkerTextError> {
            let Ok(text) = std::env::var(variable) else {
                return Err(WorkerTextError::NotSet { variable: variable.into() });
            };
            let refused =
                |cause: WorkerTextError| WorkerTextError::Variable { variable: variable.into(), cause: cause.into() };
            text.trim().parse().map_err(refused)
        }
    }
}

#[cfg(feature = "hostname")]
mod hostname {
    use super::{Scheme, WorkerId};
    use crate::error::WorkerTextError;

    impl<S: Scheme> WorkerId<S> {
        /// Returns the worker whose index is the ordinal at the end of this machine's host name. The documentation of
        /// [`from_ordinal`](Self::from_ordinal) says which host names are safe.
        ///
        /// # Errors
        /// The errors of [`from_ordinal`](Self::from_ordinal).
        ///
        /// # Examples
        /// ```
        /// use casflake::{WorkerId, WorkerTextError};
        ///
        /// match <WorkerId>::from_hostname() {
        ///     Ok(worker) => println!("worker {worker}"),
        ///     Err(WorkerTextError::NoOrdinal { hostname }) => println!("{hostname} is not numbered"),
        ///     Err(error) => println!("{error}"),
        /// }
        /// ```
        pub fn from_hostname() -> Result<Self, WorkerTextError> {
            Self::from_ordinal(&gethostname::gethostname().to_string_lossy())
        }
    }
}

impl<S> fmt::Display for WorkerId<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.datacenter, self.worker)
    }
}

impl<S> fmt::Debug for WorkerId<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerId({self})")
    }
}

// These traits are not derived, because a derive would require that `S` implements them, too. `S` is only a name.

impl<S> Clone for WorkerId<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for WorkerId<S> {}

impl<S> PartialEq for WorkerId<S> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<S> Eq for WorkerId<S> {}

impl<S> PartialOrd for WorkerId<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for WorkerId<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.datacenter, self.worker).cmp(&(other.datacenter, other.worker))
    }
}

impl<S> Hash for WorkerId<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.datacenter, self.worker).hash(state);
    }
}
