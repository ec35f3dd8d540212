//! `Topology`: several datacenters with several workers each, and one generator for each worker.

use alloc::vec::Vec;
use core::fmt;

use crate::clock::{Clock, SystemClock};
use crate::error::TopologyError;
use crate::generator::Generator;
use crate::scheme::{Scheme, Standard};
use crate::worker::WorkerId;

/// The largest number of generators in one [`Topology`]: 65,536. On a 64-bit x86, a generator has 512 bytes if its
/// clock has at most 32 bytes, so the largest topology takes 32 MiB.
pub const MAX_GENERATORS: u64 = 1 << 16;

/// One generator for each worker of several datacenters. With a topology one process can issue the IDs of all workers
/// of a system.
///
/// # Examples
/// ```
/// use casflake::{Topology, TopologyError};
///
/// let system: Topology = Topology::new(3, 5)?; // 3 datacenters of 5 workers
/// let id = system.generator(1, 2)?.generate()?;
/// assert_eq!((id.datacenter(), id.worker()), (1, 2));
/// assert_eq!(
///     system.generator(1, 5).err(),
///     Some(TopologyError::NoWorker { worker: 5, workers: 5 }),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Topology<S = Standard, C = SystemClock> {
    datacenters: Vec<Datacenter<S, C>>,
}

/// One generator for each worker of one datacenter.
///
/// # Examples
/// ```
/// use casflake::Topology;
///
/// let system: Topology = Topology::new(3, 5)?;
/// for ids in system.datacenter(1)? {
///     assert_eq!(ids.generate()?.datacenter(), 1);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Datacenter<S = Standard, C = SystemClock> {
    generators: Vec<Generator<S, C>>,
}

#[cfg(feature = "std")]
impl<S: Scheme> Topology<S> {
    /// Returns a topology of `datacenters` datacenters with `workers` workers each. Datacenters and workers are
    /// numbered from 0. All generators read the system's clock.
    ///
    /// # Errors
    /// * [`TopologyError::Datacenters`] if `datacenters` is 0, or is more than the layout allows.
    /// * [`TopologyError::Workers`] if `workers` is 0, or is more than the layout allows.
    /// * [`TopologyError::TooMany`] if `datacenters * workers` is over [`MAX_GENERATORS`].
    ///
    /// # Examples
    /// ```
    /// use casflake::{Topology, TopologyError};
    ///
    /// let system: Topology = Topology::new(3, 5)?;
    /// assert_eq!(system.iter().count(), 3);
    /// let refused = <Topology>::new(33, 5);
    /// assert_eq!(refused.err(), Some(TopologyError::Datacenters { count: 33, max: 32 }));
    /// # Ok::<(), TopologyError>(())
    /// ```
    pub fn new(datacenters: u64, workers: u64) -> Result<Self, TopologyError> {
        Self::with_clock(datacenters, workers, SystemClock)
    }
}

impl<S: Scheme, C: Clock + Clone> Topology<S, C> {
    /// Returns a topology of `datacenters` datacenters with `workers` workers each. Datacenters and workers are
    /// numbered from 0. Each generator reads a clone of `clock`. If `clock` is a reference to a clock, all generators
    /// share that clock.
    ///
    /// # Errors
    /// * [`TopologyError::Datacenters`] if `datacenters` is 0, or is more than the layout allows.
    /// * [`TopologyError::Workers`] if `workers` is 0, or is more than the layout allows.
    /// * [`TopologyError::TooMany`] if `datacenters * workers` is over [`MAX_GENERATORS`].
    ///
    /// # Examples
    /// ```
    /// use casflake::{ManualClock, Standard, Topology};
    ///
    /// let clock = ManualClock::new(1_735_689_600_000);
    /// let system = Topology::<Standard, _>::with_clock(3, 5, &clock)?;
    /// clock.advance(10); // for all generators
    /// assert_eq!(system.generator(2, 4)?.generate()?.unix_ms(), 1_735_689_600_010);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_clock(datacenters: u64, workers: u64, clock: C) -> Result<Self, TopologyError> {
        let max = S::LAYOUT.max_datacenter() + 1;
        if datacenters == 0 || datacenters > max {
            return Err(TopologyError::Datacenters { count: datacenters, max });
        }
        let max = S::LAYOUT.max_worker() + 1;
        if workers == 0 || workers > max {
            return Err(TopologyError::Workers { count: workers, max });
        }
        let count = u128::from(datacenters) * u128::from(workers);
        if count > u128::from(MAX_GENERATORS) {
            return Err(TopologyError::TooMany { count, max: MAX_GENERATORS });
        }
        let generators = |datacenter| {
            let generator = |worker| {
                let worker = WorkerId::new_in(datacenter, worker);
                // `new_in` does not fail here, because `datacenter` and `worker` are below the counts checked above,
                // and so fit the layout.
                let worker = worker.map_err(|_| TopologyError::Workers { count: workers, max })?;
                Ok(Generator::with_clock(worker, clock.clone()))
            };
            Ok(Datacenter { generators: (0..workers).map(generator).collect::<Result<_, _>>()? })
        };
        Ok(Self { datacenters: (0..datacenters).map(generators).collect::<Result<_, _>>()? })
    }
}

impl<S, C> Topology<S, C> {
    /// Returns the datacenter with the number `datacenter`.
    ///
    /// # Errors
    /// [`TopologyError::NoDatacenter`] if no datacenter has this number.
    pub fn datacenter(&self, datacenter: u64) -> Result<&Datacenter<S, C>, TopologyError> {
        let datacenters = self.datacenters.len() as u64;
        get(&self.datacenters, datacenter).ok_or(TopologyError::NoDatacenter { datacenter, datacenters })
    }

    /// Returns the generator of the worker with the number `worker` in the datacenter with the number `datacenter`.
    ///
    /// # Errors
    /// * [`TopologyError::NoDatacenter`] if no datacenter has this number.
    /// * [`TopologyError::NoWorker`] if no worker of the datacenter has this number.
    pub fn generator(&self, datacenter: u64, worker: u64) -> Result<&Generator<S, C>, TopologyError> {
        self.datacenter(datacenter)?.generator(worker)
    }

    /// Returns an iterator over the datacenters, in the order of their numbers.
    pub fn iter(&self) -> core::slice::Iter<'_, Datacenter<S, C>> {
        self.datacenters.iter()
    }
}

impl<S, C> Datacenter<S, C> {
    /// Returns the generator of the worker with the number `worker`.
    ///
    /// # Errors
    /// [`TopologyError::NoWorker`] if no worker of the datacenter has this number.
    pub fn generator(&self, worker: u64) -> Result<&Generator<S, C>, TopologyError> {
        let workers = self.generators.len() as u64;
        get(&self.generators, worker).ok_or(TopologyError::NoWorker { worker, workers })
    }

    /// Returns an iterator over the generators, in the order of their workers' numbers.
    pub fn iter(&self) -> core::slice::Iter<'_, Generator<S, C>> {
        self.generators.iter()
    }
}

fn get<T>(items: &[T], index: u64) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}

impl<'a, S, C> IntoIterator for &'a Topology<S, C> {
    type Item = &'a Datacenter<S, C>;
    type IntoIter = core::slice::Iter<'a, Datacenter<S, C>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, S, C> IntoIterator for &'a Datacenter<S, C> {
    type Item = &'a Generator<S, C>;
    type IntoIter = core::slice::Iter<'a, Generator<S, C>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<S: Scheme, C: fmt::Debug> fmt::Debug for Topology<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<S: Scheme, C: fmt::Debug> fmt::Debug for Datacenter<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
