//! Workers that are written as text: an index, `datacenter/worker`, or the ordinal of a host.

use alloc::borrow::ToOwned;
use core::str::FromStr;

use super::{Scheme, WorkerId};
use crate::error::WorkerTextError;

/// Reads a worker from an index (`37`) or from `datacenter/worker` (`1/5`). Refuses numbers with leading zeros.
///
/// # Errors
/// * [`WorkerTextError::NotAWorker`] if the text is neither an index nor `datacenter/worker`.
/// * [`WorkerTextError::LeadingZeros`] if a number has leading zeros.
/// * [`WorkerTextError::TooLong`] if a number is larger than `u64::MAX`.
/// * [`WorkerTextError::DoesNotFit`] if a number is too large for the layout.
///
/// # Examples
/// ```
/// use casflake::{WorkerId, WorkerTextError};
///
/// assert_eq!("1/5".parse::<WorkerId>(), "37".parse());
/// let refused = "01/5".parse::<WorkerId>();
/// assert_eq!(refused, Err(WorkerTextError::LeadingZeros { digits: "01".into() }));
/// ```
impl<S: Scheme> FromStr for WorkerId<S> {
    type Err = WorkerTextError;

    fn from_str(text: &str) -> Result<Self, WorkerTextError> {
        let number = |digits: &str, max| {
            if is_decimal(digits) {
                if has_leading_zeros(digits) {
                    return Err(WorkerTextError::LeadingZeros { digits: digits.to_owned() });
                }
                digits.parse().map_err(|_| WorkerTextError::TooLong { digits: digits.to_owned(), max })
            } else {
                Err(WorkerTextError::NotAWorker { text: text.to_owned() })
            }
        };
        Ok(match text.split_once('/') {
            Some((datacenter, worker)) => {
                Self::new_in(number(datacenter, S::LAYOUT.max_datacenter())?, number(worker, S::LAYOUT.max_worker())?)?
            }
            None => Self::from_index(number(text, Self::MAX_INDEX)?)?,
        })
    }
}

impl<S: Scheme> WorkerId<S> {
    /// Returns the worker whose index is the ordinal of a host. The ordinal is the number at the end of the host name's
    /// first label: 3 for `web-3` and for `web-3.web.default.svc.cluster.local`. Kubernetes gives such names to the
    /// pods of a StatefulSet.
    ///
    /// The pods of *one* StatefulSet get different workers. If two StatefulSets share an ID space, two pods may get the
    /// same worker. If hosts are named after their addresses, hosts of two subnets may get the same worker.
    ///
    /// **Any number after the label's last hyphen counts as an ordinal**, whatever the number means: `ip-10-0-3-17`
    /// is worker 17, and every `ubuntu-22` is worker 22. Two hosts with the same number can issue the same IDs. Use
    /// `from_ordinal` only if the names come from one StatefulSet, or from another source that numbers hosts 0, 1,
    /// 2, …
    ///
    /// # Errors
    /// * [`WorkerTextError::NoOrdinal`] if the first label does not have the form NAME-NUMBER. NAME has at least
    ///   one character. NUMBER consists of decimal digits and has no leading zeros.
    /// * [`WorkerTextError::Hostname`] if the number does not fit the layout.
    ///
    /// # Examples
    /// ```
    /// use casflake::{WorkerId, WorkerTextError};
    ///
    /// let worker: WorkerId = WorkerId::from_ordinal("web-3.web.default.svc.cluster.local")?;
    /// assert_eq!(worker.index(), 3);
    /// assert!(matches!(<WorkerId>::from_ordinal("web"), Err(WorkerTextError::NoOrdinal { .. })));
    /// # Ok::<(), WorkerTextError>(())
    /// ```
    pub fn from_ordinal(hostname: &str) -> Result<Self, WorkerTextError> {
        let label = hostname.split('.').next().unwrap_or_default();
        let ordinal = label
            .rsplit_once('-')
            .filter(|(name, digits)| !name.is_empty() && is_decimal(digits) && !has_leading_zeros(digits));
        let Some((_, digits)) = ordinal else {
            return Err(WorkerTextError::NoOrdinal { hostname: hostname.to_owned() });
        };
        let refused =
            |cause: WorkerTextError| WorkerTextError::Hostname { hostname: hostname.to_owned(), cause: cause.into() };
        digits.parse().map_err(refused)
    }
}

/// Returns whether `digits` has leading zeros. The number `0` alone has none.
fn has_leading_zeros(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

/// Returns whether `text` is one or more digits and nothing else. (`u64::from_str` accepts a plus sign, too.)
fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
