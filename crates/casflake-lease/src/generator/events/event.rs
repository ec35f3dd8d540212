//! `LeaseEvent`: one event of a lease, and its form for `tracing`.

use std::fmt;
use std::time::Duration;

use crate::causes::Causes;
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;

/// An event of the lease of a [`LeasedGenerator`](crate::LeasedGenerator).
///
/// A callback that was set with [`LeasedGeneratorBuilder::on_event`](crate::LeasedGeneratorBuilder::on_event) gets each
/// event. With the feature `tracing`, each event is also a `tracing` event of the target `casflake::lease`:
///
/// | event | level | message | fields | when |
/// |---|---|---|---|---|
/// | `Waiting` | `WARN` | `waiting for a worker` | `error` | `build` was granted no worker and retries; reported again every 10 s |
/// | `Acquired` | `INFO` | `lease acquired` | `worker`, `from`, `until` | a worker was granted |
/// | `Renewed` | `DEBUG` | `lease renewed` | `worker`, `until`, `counter` | the lease was renewed; the keeper renews the lease after each third of the TTL |
/// | `StoreFailed` | `WARN` | `store failed` | `worker`, `remaining_ms`, `error` | the store failed for the first time since it last answered |
/// | `StillFailing` | `WARN` | `store still failing` | `worker`, `remaining_ms`, `failures`, `error` | the store still fails; reported every 10 s |
/// | `Ended` | `ERROR` | `lease ended` | `worker` | the window has ended: calls fail until the lease is renewed or replaced |
/// | `Lost` | `ERROR` | `lease lost` | `worker`, `reason` | the store answers that this generator no longer holds the lease |
/// | `Recovered` | `INFO` | `store recovered` | `worker`, `failures`, `after_ms` | the lease was renewed or replaced after the store had failed or the lease had ended |
/// | `Released` | `INFO` | `lease released` | `worker` | the worker was released |
/// | `NotReleased` | `WARN` | `lease not released` | `worker`, `error` | the worker could not be released and stays taken until the window of its lease ends |
///
/// [`from_url`](crate::from_url()) also logs the [notes](crate::LeaseAdmin::notes) about a URL. Each note is the
/// message of one warning with the same target. Such a warning is not an event of a lease.
///
/// After the window has ended, the event `Ended` is reported at the keeper's next call to the store. If a call to the
/// store hangs, the event is some seconds late. Calls to the generator fail as soon as the window has ended.
///
/// The `Display` form of an event is a sentence for a log. It includes the causes of an error.
///
/// # Examples
/// ```
/// # use casflake::{Scheme, Standard};
/// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
/// # let directory = testkit::Scratch::new();
/// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
/// use std::sync::mpsc;
///
/// use casflake_lease::LeaseEvent;
///
/// let (sender, events) = mpsc::channel();
/// let ids: LeasedGenerator = LeasedGenerator::builder(FileStore::new(directory.path()))
///     .on_event(move |event| {
///         if let LeaseEvent::Acquired { lease, .. } = event {
///             let _ = sender.send(lease.worker());
///         }
///     })
///     .build()?;
/// ids.shutdown()?;
/// assert!(events.try_iter().count() <= 1);
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LeaseEvent<'e> {
    /// No worker was granted, and `build` retries.
    #[non_exhaustive]
    Waiting {
        /// Why no worker was granted.
        error: &'e StoreError,
    },
    /// A worker was granted.
    #[non_exhaustive]
    Acquired {
        /// The lease that was granted.
        lease: Lease,
    },
    /// The lease was renewed.
    #[non_exhaustive]
    Renewed {
        /// The lease after the renewal.
        lease: Lease,
    },
    /// The store failed for the first time since it last answered.
    #[non_exhaustive]
    StoreFailed {
        /// The index of the worker that issues IDs now or, if the lease has ended, of the worker that issued IDs last.
        worker: u64,
        /// How long the lease of this worker still lasts. Zero if the lease has ended.
        remaining: Duration,
        /// Why the store failed.
        error: &'e StoreError,
    },
    /// The store still fails.
    #[non_exhaustive]
    StillFailing {
        /// The index of the worker that issues IDs now or, if the lease has ended, of the worker that issued IDs last.
        worker: u64,
        /// How long the lease of this worker still lasts. Zero if the lease has ended.
        remaining: Duration,
        /// How often the store has failed since it last answered.
        failures: u64,
        /// Why the store failed.
        error: &'e StoreError,
    },
    /// The window of the lease has ended: calls fail until the lease is renewed or replaced.
    #[non_exhaustive]
    Ended {
        /// The index of the worker.
        worker: u64,
    },
    /// This generator no longer holds the lease. The generator tries to acquire another lease.
    #[non_exhaustive]
    Lost {
        /// The index of the worker.
        worker: u64,
        /// Why the lease was lost.
        reason: LostReason,
    },
    /// The store had failed, or the lease had ended. Now the store has renewed or replaced the lease.
    #[non_exhaustive]
    Recovered {
        /// The index of the worker that issues IDs now.
        worker: u64,
        /// How often the store failed before this recovery. 0 if the lease ended although the store did not fail.
        failures: u64,
        /// The time from the first of these failures to this recovery. Zero if the store did not fail.
        after: Duration,
    },
    /// The worker was released.
    #[non_exhaustive]
    Released {
        /// The index of the worker.
        worker: u64,
    },
    /// The worker could not be released. The worker stays taken until the window of its lease ends.
    #[non_exhaustive]
    NotReleased {
        /// The index of the worker.
        worker: u64,
        /// Why the worker could not be released.
        error: &'e StoreError,
    },
}

impl fmt::Display for LeaseEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Waiting { error } => write!(f, "waiting for a worker: {}", Causes(error)),
            Self::Acquired { lease } => write!(f, "worker {} is leased", lease.worker),
            Self::Renewed { lease } => write!(f, "the lease of worker {} is renewed", lease.worker),
            Self::StoreFailed { worker, remaining, error } => {
                write!(f, "the store failed; {}: {}", Left(worker, remaining), Causes(error))
            }
            Self::StillFailing { worker, remaining, failures, error } => {
                write!(f, "the store has failed {failures} times; {}: {}", Left(worker, remaining), Causes(error))
            }
            Self::Ended { worker } => {
                write!(f, "the lease of worker {worker} has ended: calls fail until the lease is renewed or replaced")
            }
            Self::Lost { worker, reason } => write!(f, "the lease of worker {worker} is lost: {reason}"),
            Self::Recovered { worker, failures: 0, .. } => write!(f, "worker {worker} issues IDs again"),
            Self::Recovered { worker, failures, after } => {
                let plural = if failures == 1 { "" } else { "s" };
                let after = Seconds(after);
                write!(f, "the store is back after {after} and {failures} failure{plural}: worker {worker} issues IDs")
            }
            Self::Released { worker } => write!(f, "worker {worker} is released"),
            Self::NotReleased { worker, error } => write!(
                f,
                "worker {worker} could not be released and stays taken until its lease ends: {}",
                Causes(error)
            ),
        }
    }
}

/// The index of a worker, and how long its lease still lasts. Displayed as a part of a sentence.
struct Left(u64, Duration);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(worker, remaining) = *self;
        if remaining.is_zero() {
            write!(f, "the lease of worker {worker} has ended, and calls fail")
        } else {
            write!(f, "the lease of worker {worker} ends in {}", Seconds(remaining))
        }
    }
}

/// Displays a time in seconds, with one decimal place.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

#[cfg(feature = "tracing")]
impl LeaseEvent<'_> {
    /// Passes the event to `tracing`.
    pub(super) fn trace(&self) {
        use std::error::Error;

        use tracing::{debug, error as fault, info, warn};

        const TARGET: &str = "casflake::lease";
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match *self {
            Self::Waiting { error } => {
                warn!(target: TARGET, error = error as &dyn Error, "waiting for a worker");
            }
            Self::Acquired { lease: Lease { worker, from, until, .. } } => {
                info!(target: TARGET, worker, from, until, "lease acquired");
            }
            Self::Renewed { lease: Lease { worker, until, counter, .. } } => {
                debug!(target: TARGET, worker, until, counter, "lease renewed");
            }
            Self::StoreFailed { worker, remaining, error } => {
                let remaining_ms = millis(remaining);
                warn!(target: TARGET, worker, remaining_ms, error = error as &dyn Error, "store failed");
            }
            Self::StillFailing { worker, remaining, failures, error } => {
                let remaining_ms = millis(remaining);
                warn!(target: TARGET, worker, remaining_ms, failures, error = error as &dyn Error, "store still failing");
            }
            Self::Ended { worker } => fault!(target: TARGET, worker, "lease ended"),
            Self::Lost { worker, reason } => fault!(target: TARGET, worker, %reason, "lease lost"),
            Self::Recovered { worker, failures, after } => {
                info!(target: TARGET, worker, failures, after_ms = millis(after), "store recovered");
            }
            Self::Released { worker } => info!(target: TARGET, worker, "lease released"),
            Self::NotReleased { worker, error } => {
                warn!(target: TARGET, worker, error = error as &dyn Error, "lease not released");
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
impl LeaseEvent<'_> {
    #[expect(clippy::unused_self, reason = "without `tracing` there is nothing to do")]
    pub(super) const fn trace(&self) {}
}
