//! `StoreError`: the reasons why a call of a store of leases fails.

use std::fmt;
use std::time::Duration;

use casflake::{Scheme, Standard};

use crate::alphabet::is_in_alphabet;
use crate::causes::{Cause, debug_by_text};
use crate::terms::{CLOCK_SLACK, MAX_TTL, RESTORED_WITHIN, fingerprint};

/// Why a store of leases did not grant, renew or release a lease.
///
/// # Examples
/// ```
/// use casflake_lease::{FileStore, LeasedGenerator, StoreError};
///
/// # let directory = testkit::Scratch::new();
/// let error = LeasedGenerator::<casflake::Standard>::new(FileStore::new(directory.path())).unwrap_err();
/// match &error {
///     StoreError::NoSpace { place, .. } => assert!(place.starts_with("the directory ")),
///     // The text says what to do; `retry_after` says when.
///     error if error.is_retryable() => eprintln!("{error}, in {:?}", error.retry_after()),
///     error => eprintln!("{error}"),
/// }
/// ```
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be reached, or did not answer. It may be available again later. Although the call has
    /// failed, the store may have made the change that the call asked for.
    Unavailable {
        /// The operation that failed.
        what: String,
        /// Why the operation failed.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store, or a server on the way to it, refused the caller. The reason is, for example, a wrong password, a
    /// missing permission or directory, or a server without TLS. A retry does not help until an operator has corrected
    /// the cause.
    Refused {
        /// The operation that was refused.
        what: String,
        /// The remedy.
        remedy: String,
        /// Why the operation was refused.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Each attempt to write failed, because another process changed the store during the attempt.
    Contended {
        /// How many attempts were made.
        attempts: u32,
    },
    /// Every worker is leased.
    NoFreeWorker {
        /// How many workers the space has.
        workers: u64,
        /// The time until the earliest end of a lease. If that lease is not renewed, its worker is then free.
        retry_after: Duration,
    },
    /// The ID space is new, or has lost data. The store grants no lease until every lease that it may have forgotten
    /// has ended.
    NotYet {
        /// The name of the space; empty if the store can hold only one space.
        space: String,
        /// The time until the store grants leases.
        retry_after: Duration,
    },
    /// The store has no ID space of this name. The name may be wrong, or the URL may lead to the wrong store. The call
    /// has created nothing: the caller was never granted a lease of this space, or was granted its lease in another
    /// place.
    NoSpace {
        /// The name of the space; empty if the store can hold only one space, such as a directory.
        space: String,
        /// The location of the store.
        place: String,
        /// The names of other ID spaces in this store, ten at most. Empty if the store could not list them.
        others: Vec<String>,
        /// The caller's layout; empty if the caller gave none.
        layout: String,
    },
    /// The store's clock is earlier than the store's data or the caller's IDs allow. One of these is true:
    ///
    /// * A granted lease ends far later than any lease that is granted now could end.
    /// * The clock reads a time far before the creation of the space, or far before the last time that the space was
    ///   found to have lost data.
    /// * A lease that is granted now would have no tick after the tick of the caller's last ID.
    ///
    /// Either the clock has moved back, or the clock was ahead before and is correct now. In the second case IDs of
    /// future ticks may have been issued, and the store grants leases when those ticks are over.
    StoreClockBehind {
        /// The time from the reading of the store's clock to the tick at which the clock has caught up. For `acquire`,
        /// this tick is the latest end of a lease, the tick from which the store grants leases, or the tick after the
        /// caller's last tick. For `renew`, this tick is the end of the lease.
        ///
        /// If the clock has moved back, `by` can differ from the time by which the clock has moved. `by` can be longer
        /// by up to about 150 s: a lease can end 120 s after its grant, and a space that is new or has lost data grants
        /// nothing for 150 s. `by` can be shorter if the store granted and renewed nothing for some time before the
        /// clock moved.
        by: Duration,
    },
    /// The store's clock reads a time before the layout's epoch or after the layout's last tick.
    StoreClockOutside {
        /// The clock's reading, in Unix milliseconds.
        unix_ms: u64,
        /// The layout's epoch, in Unix milliseconds.
        epoch_unix_ms: u64,
    },
    /// The layout of the space differs from the caller's layout, so ticks of one layout can't be compared with ticks of
    /// the other.
    OtherLayout {
        /// The layout of the space.
        stored: String,
        /// The caller's layout.
        asked: String,
    },
    /// The caller no longer holds the lease, and can't get it back.
    Lost {
        /// The index of the worker that was leased.
        worker: u64,
        /// How the lease was lost.
        reason: LostReason,
    },
    /// The ID space is a copy of a space that was made elsewhere: in another directory, on another file system or
    /// volume, or in another container of the same image. The processes of the copy and of the original would issue the
    /// same IDs. The call has not changed the copy.
    Copied {
        /// The location of the copy.
        place: String,
    },
    /// The store holds data that a store of leases never writes. The data was left as it was.
    Corrupt {
        /// The location of the data.
        place: String,
        /// The reason why the data is not valid.
        why: String,
    },
    /// The TTL is not between 1 ms and [`MAX_TTL`](crate::MAX_TTL).
    Ttl {
        /// The TTL that was asked for.
        value: Duration,
        /// The largest TTL, [`MAX_TTL`](crate::MAX_TTL).
        max: Duration,
    },
    /// The number of workers is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS) allows.
    Workers {
        /// The number of workers that was asked for.
        value: u64,
        /// The largest number of workers that is allowed.
        max: u64,
    },
    /// The URL is malformed; or it does not name a store that this program knows; or the name of the space is empty,
    /// too long, or contains a character that is not allowed; or the path of a directory can not be made absolute.
    Url {
        /// Why the URL or the path is refused. The text does not show the URL, because the URL may contain a password.
        why: String,
    },
    /// The lead that was set for the generator is too long. The lead is how far the ticks of IDs may be ahead of the
    /// clock.
    Lead {
        /// The lead that was asked for, in ticks.
        value: u64,
        /// The longest lead, in ticks: [`MAX_LEAD`](crate::MAX_LEAD).
        max: u64,
    },
    /// The store has no record of the worker: the worker was never leased, or the store has lost the record.
    NoSuchWorker {
        /// The index of the worker.
        worker: u64,
    },
}

debug_by_text!(StoreError: Unavailable Refused Contended NoFreeWorker NotYet NoSpace StoreClockBehind StoreClockOutside OtherLayout Lost Copied Corrupt Ttl Workers Url Lead NoSuchWorker);

/// How a lease was lost.
///
/// # Examples
/// ```
/// use casflake_lease::{LostReason, StoreError};
///
/// let error = StoreError::Lost { worker: 7, reason: LostReason::Cloned };
/// let text = "the lease of worker 7 is lost because a copy of this process renewed the lease: acquire another lease";
/// assert_eq!(error.to_string(), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostReason {
    /// The lease expired and another process was granted the worker; or the lease was released; or an operator
    /// reclaimed the worker.
    Taken,
    /// Another process renews the lease with the same token. One of the two processes is a copy of the other, for
    /// example in a cloned virtual machine.
    Cloned,
    /// The store has lost data since the grant, or another server has taken over the store.
    StoreChanged,
    /// An operator vouched that no lease was in use, but this lease was in use. Another process may hold the same
    /// worker, so the holder of this lease must stop immediately.
    Initialised,
}

impl StoreError {
    pub(crate) fn unavailable(what: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::Unavailable { what: what.into(), cause: cause.into() }
    }

    pub(crate) fn refused(what: impl Into<String>, remedy: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Self::Refused { what: what.into(), remedy: remedy.into(), cause: cause.into() }
    }

    pub(crate) fn corrupt(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Corrupt { place: place.into(), why: why.into() }
    }

    /// Returns whether the same call may succeed later, even if no operator corrects anything.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use casflake_lease::StoreError;
    ///
    /// let full = StoreError::NoFreeWorker { workers: 4, retry_after: Duration::from_secs(20) };
    /// assert!(full.is_retryable());
    /// let refused = StoreError::Workers { value: 0, max: 1024 };
    /// assert!(!refused.is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            *self,
            Self::Unavailable { .. }
                | Self::Contended { .. }
                | Self::NoFreeWorker { .. }
                | Self::NotYet { .. }
                | Self::StoreClockBehind { .. }
        ) || self.is_before_the_epoch()
    }

    /// Returns whether the store's clock is still before the epoch. If so, waiting helps: the clock will reach the
    /// layout's first tick.
    const fn is_before_the_epoch(&self) -> bool {
        matches!(*self, Self::StoreClockOutside { unix_ms, epoch_unix_ms } if unix_ms < epoch_unix_ms)
    }

    /// Returns how long to wait before a retry can succeed, or `None` if this is not known.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use casflake_lease::StoreError;
    ///
    /// let full = StoreError::NoFreeWorker { workers: 4, retry_after: Duration::from_secs(20) };
    /// assert_eq!(full.retry_after(), Some(Duration::from_secs(20)));
    /// assert_eq!(StoreError::Contended { attempts: 300 }.retry_after(), None);
    /// ```
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match *self {
            Self::NoFreeWorker { retry_after, .. } | Self::NotYet { retry_after, .. } => Some(retry_after),
            Self::StoreClockBehind { by } => Some(by),
            Self::StoreClockOutside { unix_ms, epoch_unix_ms } if unix_ms < epoch_unix_ms => {
                Some(Duration::from_millis(epoch_unix_ms - unix_ms))
            }
            _ => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { what, .. } => write!(f, "{what} failed: try again when the store is available"),
            Self::Refused { what, remedy, .. } => write!(f, "{what} failed, and waiting does not help: {remedy}"),
            Self::Contended { attempts } => {
                write!(f, "{attempts} attempts failed because other processes changed the store first: try again")
            }
            Self::NoFreeWorker { workers, retry_after } => write!(
                f,
                "none of {workers} worker{} is free: try again in {retry_after:?}, release a worker, or give the space \
                 more workers (init --immediately --workers N)",
                if *workers == 1 { "" } else { "s" }
            ),
            Self::NotYet { space, retry_after } => write!(
                f,
                "the space{} is new or has lost data: it grants leases in {} s. Wait. Run init --immediately only if \
                 every process that had a lease has ended; otherwise IDs are issued twice",
                named(space),
                seconds(*retry_after)
            ),
            Self::NoSpace { space, place, others, layout } => {
                write!(f, "there is no ID space{} in {place}", named(space))?;
                if !others.is_empty() {
                    write!(
                        f,
                        "; other ID spaces there: {}. If you mean one of these, correct the URL",
                        listed(others)
                    )?;
                }
                if others.iter().any(|name| is_former(name)) {
                    f.write_str(
                        " (at least one of these names is no longer allowed: stop the processes of each space with \
                         such a name, then rename the space as the CHANGELOG says)",
                    )?;
                }
                let (restored, granting) = (seconds(RESTORED_WITHIN), seconds(MAX_TTL + CLOCK_SLACK));
                write!(
                    f,
                    ". If a process that had a lease of this space still runs, that process restores the space within \
                     {restored} s. If the space is new, run casflake leases URL init (the new space grants no lease \
                     in its first {granting} s)"
                )?;
                let is_plain = layout.is_empty() || *layout == fingerprint(&Standard::LAYOUT);
                if is_plain { Ok(()) } else { write!(f, ", with the options for the layout {layout}") }
            }
            Self::StoreClockBehind { by } => write!(
                f,
                "the store's clock is {} s behind a lease or an ID of the space: if the clock has moved back, set the \
                 clock; if the clock was ahead before and is correct now, wait",
                seconds(*by)
            ),
            Self::StoreClockOutside { unix_ms, epoch_unix_ms } => write!(
                f,
                "the store's clock reads {unix_ms} ms, but the layout has no tick for that time (the layout's epoch is \
                 {epoch_unix_ms} ms): set the clock, or choose another layout"
            ),
            Self::OtherLayout { stored, asked } => write!(
                f,
                "the store's leases are for the layout {stored}, not for {asked}: use the store's layout, or another \
                 store"
            ),
            Self::Lost { worker, reason } => {
                write!(f, "the lease of worker {worker} is lost because {reason}: acquire another lease")
            }
            Self::Copied { place } => write!(
                f,
                "the leases in {place} were copied from elsewhere: processes of the copy and of the original would \
                 issue the same IDs. Use the original. If the original was moved here for good, and every process that \
                 had a lease has ended, run casflake leases URL init --immediately"
            ),
            Self::Corrupt { place, why } => {
                write!(f, "invalid data in {place}: {why}. Restore the data of the store, or use another store")
            }
            Self::Ttl { value, max } => write!(f, "the TTL {value:?} is out of range: give 1 ms to {max:?}"),
            Self::Workers { value, max } => {
                write!(f, "the number of workers, {value}, is out of range: give 1 to {max}")
            }
            Self::Url { why } => write!(f, "the store's URL or path is invalid: {why}"),
            Self::Lead { value, max } => {
                write!(f, "max_lead {value} is too long for a leased generator: give 0 to {max} ticks")
            }
            Self::NoSuchWorker { worker } => {
                write!(f, "the store has no record of worker {worker}: give a worker from the list of leases")
            }
        }
    }
}

/// Returns a blank and the quoted name of the space. Returns an empty text if the space has no name.
fn named(space: &str) -> String {
    if space.is_empty() { String::new() } else { format!(" {space:?}") }
}

/// Returns the names as one text, quoted, escaped and separated by commas. Other users chose these names, so an
/// unescaped name could break a line or move the cursor.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// Returns whether the name of a space is allowed only by earlier versions. No URL of this version can contain such a
/// name. `name` is the name of a space alone, such as `orders`, or the name with its schema, such as
/// `orders (schema billing)`. Returns `false` for a schema without a name, such as `(schema billing)`.
fn is_former(name: &str) -> bool {
    let name = name.split_once(" (schema ").map_or(name, |(name, _)| name);
    !name.starts_with("(schema ") && (name.is_empty() || !name.chars().all(is_in_alphabet))
}

/// Returns the time in seconds, rounded up.
const fn seconds(time: Duration) -> u64 {
    time.as_secs() + (time.subsec_nanos() > 0) as u64
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "another process holds the worker, or an operator reclaimed the worker",
            Self::Cloned => "a copy of this process renewed the lease",
            Self::StoreChanged => "the store has lost data, or another server has taken over the store",
            Self::Initialised => "an operator initialised the store while the lease was in use",
        })
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable { cause, .. } | Self::Refused { cause, .. } => Some(&**cause),
            _ => None,
        }
    }
}
