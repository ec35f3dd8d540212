//! What a store answers when it grants nothing.

use std::fmt;
use std::time::Duration;

use casflake::{Scheme, Standard};

use crate::alphabet::is_in_alphabet;
use crate::causes::debug_by_text;
use crate::terms::{CLOCK_SLACK, MAX_TTL, RESTORED_WITHIN, fingerprint};

/// Why a store of leases granted, renewed or released nothing.
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be asked, or did not answer, and may be there again later. Whether it has done what it was
    /// asked to is not known.
    Unavailable {
        /// What was tried.
        what: String,
        /// Why it failed.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store, or something on the way to it, has refused the caller: the password is wrong, a permission or a
    /// directory is missing, the server has no TLS. Asking again does not help until somebody has mended that.
    Refused {
        /// What was tried.
        what: String,
        /// What to do about it.
        remedy: String,
        /// Why it was refused.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Others were faster each time.
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// Every worker is leased.
    NoFreeWorker {
        /// How many there are.
        workers: u64,
        /// When the first of them is free, unless it is renewed.
        retry_after: Duration,
    },
    /// The ID space is new, or has lost something. A holder whose lease the store does not know is safe from others
    /// until the store grants again.
    NotYet {
        /// The name of the space; empty for a store that has only one.
        space: String,
        /// When that is.
        retry_after: Duration,
    },
    /// The store has no ID space of this name, and the caller was never granted a lease of it: the name, or what the URL
    /// leads to, may be wrong. Nothing was created.
    NoSpace {
        /// The name of the space; empty for a store that has only one, as a directory has.
        space: String,
        /// Where the store is.
        place: String,
        /// The names of other ID spaces in this store: ten at most, and none if they could not be listed.
        others: Vec<String>,
        /// The caller's layout; empty if it gave none.
        layout: String,
    },
    /// The store's clock is behind the leases that it has granted, behind the time at which the space was created, or
    /// behind what the caller has issued: it was set back. Or it is right, and was ahead at that time. Then IDs of times to
    /// come may have been issued, and the store grants when they are over.
    StoreClockBehind {
        /// By how much: to the latest end of a lease that the store knows of, or to the time at which it grants. So it is more
        /// than the clock was set back, by the time to live or by 150 s at most.
        by: Duration,
    },
    /// The store's clock reads a time that the layout can't hold.
    StoreClockOutside {
        /// The clock's reading, in Unix milliseconds.
        unix_ms: u64,
        /// The layout's epoch, in Unix milliseconds.
        epoch_unix_ms: u64,
    },
    /// The leases are another layout's, whose ticks are not these.
    OtherLayout {
        /// The layout that the store is for.
        stored: String,
        /// The caller's.
        asked: String,
    },
    /// The lease is its holder's no more, for good.
    Lost {
        /// The index of the worker that was leased.
        worker: u64,
        /// What has become of it.
        reason: LostReason,
    },
    /// The ID space is a copy of one that was made elsewhere: in another directory, on another file system or volume, or
    /// in another container of the same image. Two copies would issue the same IDs. It was left as it is.
    Copied {
        /// Where the copy is.
        place: String,
    },
    /// What the store holds is not what a store of leases writes. It was left as it is.
    Corrupt {
        /// Where.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The time to live is none that leases have.
    Ttl {
        /// The time asked for.
        value: Duration,
        /// The longest there is, [`MAX_TTL`](crate::MAX_TTL).
        max: Duration,
    },
    /// The number of workers is none that a space can have.
    Workers {
        /// The number asked for.
        value: u64,
        /// The most there are.
        max: u64,
    },
    /// The URL names no store that this program knows, the name of the space is not in its alphabet, or the path of a
    /// directory can not be made absolute.
    Url {
        /// What is wrong with it. The URL itself may hold a password.
        why: String,
    },
    /// The generator may not lead its clock by so many ticks.
    Lead {
        /// The number asked for.
        value: u64,
        /// The most there are: the ticks of [`MAX_LEAD`](crate::MAX_LEAD).
        max: u64,
    },
    /// The worker was never leased.
    NoSuchWorker {
        /// Its index.
        worker: u64,
    },
}

debug_by_text!(StoreError: Unavailable Refused Contended NoFreeWorker NotYet NoSpace StoreClockBehind StoreClockOutside OtherLayout Lost Copied Corrupt Ttl Workers Url Lead NoSuchWorker);

/// How a lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostReason {
    /// It had ended, and the worker was leased to another; or an operator has taken it.
    Taken,
    /// Another process renews it by the same token: a copy of this one, as a cloned virtual machine has.
    Cloned,
    /// The store has lost something since it was granted, or another server has taken over.
    StoreChanged,
    /// An operator has vouched that no lease was in use while this one was. Another process may hold the same worker:
    /// the holder stops immediately.
    Initialised,
}

impl StoreError {
    pub(crate) fn unavailable(
        what: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { what: what.into(), cause: cause.into() }
    }

    pub(crate) fn refused(
        what: impl Into<String>,
        remedy: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Refused { what: what.into(), remedy: remedy.into(), cause: cause.into() }
    }

    pub(crate) fn corrupt(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Corrupt { place: place.into(), why: why.into() }
    }

    /// Whether asking again may succeed with nothing but time gone by.
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

    /// Whether the store's clock will come to a time that the layout can hold.
    const fn is_before_the_epoch(&self) -> bool {
        matches!(*self, Self::StoreClockOutside { unix_ms, epoch_unix_ms } if unix_ms < epoch_unix_ms)
    }

    /// How long to wait before asking again makes sense, where that is known.
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
            Self::Unavailable { what, .. } => write!(f, "{what} failed: try again when the store is there"),
            Self::Refused { what, remedy, .. } => write!(f, "{what} failed, and waiting does not help: {remedy}"),
            Self::Contended { attempts } => {
                write!(f, "others changed the store each of {attempts} times: try again")
            }
            Self::NoFreeWorker { workers, retry_after } => write!(
                f,
                "none of {workers} worker{} is free: try again in {retry_after:?}, release one, or give the space more \
                 (init --immediately --workers N)",
                if *workers == 1 { "" } else { "s" }
            ),
            Self::NotYet { space, retry_after } => write!(
                f,
                "the space{} is new or has lost something: it grants in {} s. Wait. (init --immediately only if every \
                 process that had a lease has ended; else IDs are issued twice)",
                named(space),
                seconds(*retry_after)
            ),
            Self::NoSpace { space, place, others, layout } => {
                write!(f, "there is no ID space{} in {place}", named(space))?;
                if !others.is_empty() {
                    write!(f, "; it has {}. If one of these is meant, mend the URL", listed(others))?;
                }
                if others.iter().any(|name| is_former(name)) {
                    f.write_str(
                        " (one has a name that only earlier versions allow: stop its processes, then rename it, as the \
                         CHANGELOG says)",
                    )?;
                }
                let (restored, granting) = (seconds(RESTORED_WITHIN), seconds(MAX_TTL + CLOCK_SLACK));
                write!(
                    f,
                    ". If processes had leases of it, one that still runs restores it within {restored} s. If it is \
                     new: casflake leases URL init (grants after {granting} s)"
                )?;
                let is_plain = layout.is_empty() || *layout == fingerprint(&Standard::LAYOUT);
                if is_plain { Ok(()) } else { write!(f, ", with the options for the layout {layout}") }
            }
            Self::StoreClockBehind { by } => write!(
                f,
                "the store's clock is {} s behind what it has granted, or what was issued: set it. (If it is right, it was \
                 ahead before: wait until it has caught up)",
                seconds(*by)
            ),
            Self::StoreClockOutside { unix_ms, epoch_unix_ms } => write!(
                f,
                "the store's clock reads {unix_ms} ms, which a layout whose epoch is {epoch_unix_ms} ms can't hold: \
                 set the clock, or choose another layout"
            ),
            Self::OtherLayout { stored, asked } => write!(
                f,
                "the store's leases are for the layout {stored}, not for {asked}: use that layout, or another store"
            ),
            Self::Lost { worker, reason } => {
                write!(f, "the lease of worker {worker} is lost, {reason}: acquire another")
            }
            Self::Copied { place } => write!(
                f,
                "the leases in {place} were copied from elsewhere: both copies would issue the same IDs. Use the \
                 original. If it was moved for good, and every process that had a lease has ended: casflake leases \
                 --lease URL init --immediately"
            ),
            Self::Corrupt { place, why } => {
                write!(f, "{place} is not what a store of leases writes: {why}. Restore it, or use another store")
            }
            Self::Ttl { value, max } => write!(f, "a lease of {value:?}: give a time from 1 ms to {max:?}"),
            Self::Workers { value, max } => write!(f, "{value} workers: give 1 to {max}"),
            Self::Url { why } => write!(f, "the store's URL or path is invalid: {why}"),
            Self::Lead { value, max } => {
                write!(f, "max_lead {value} is too long for a leased generator: give 0 to {max} ticks")
            }
            Self::NoSuchWorker { worker } => write!(f, "worker {worker} was never leased: see the list of leases"),
        }
    }
}

/// The name of a space, to be put behind the word.
fn named(space: &str) -> String {
    if space.is_empty() { String::new() } else { format!(" {space:?}") }
}

/// Names that others have chosen, of which none can break a line or move a terminal's cursor.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// Whether a space's name, which may have its schema behind it, is one that no URL of this version has.
fn is_former(name: &str) -> bool {
    let name = name.split_once(" (schema ").map_or(name, |(name, _)| name);
    !name.starts_with("(schema ") && (name.is_empty() || !name.chars().all(is_in_alphabet))
}

/// The time in whole seconds, the last of them begun.
const fn seconds(time: Duration) -> u64 {
    time.as_secs() + (time.subsec_nanos() > 0) as u64
}

impl fmt::Display for LostReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "another holds that worker, or an operator has taken it",
            Self::Cloned => "a copy of this process has renewed it",
            Self::StoreChanged => "the store has lost something, or another server has taken over",
            Self::Initialised => "an operator has initialised the store while the lease was in use",
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
