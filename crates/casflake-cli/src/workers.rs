//! The options that give a worker: `--worker`, `--datacenter`, `--worker-env` and `--worker-hostname`.

use std::env;

use casflake::{Layout, Scheme, WorkerId, WorkerIdError, WorkerTextError};

use crate::numbers::whole;
use crate::stop::Stop;

#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    /// The datacenter. With this option, --worker is the number of the worker within the datacenter
    #[arg(long, conflicts_with = "lease", value_parser = whole::<u64>(0..=u64::MAX))]
    datacenter: Option<u64>,
    /// The worker: datacenter/worker, such as 1/5, or an index over all datacenters, such as 37. With --datacenter, the
    /// number of the worker within that datacenter
    #[arg(long, conflicts_with = "lease")]
    worker: Option<String>,
    /// Take the worker from this environment variable: an index such as 37, or datacenter/worker, such as 1/5
    #[arg(long, value_name = "NAME", conflicts_with_all = ["lease", "datacenter", "worker"])]
    worker_env: Option<String>,
    /// Take the worker from the number at the end of the host name: web-3 is index 3
    ///
    /// This option is meant for the pods of one Kubernetes StatefulSet. On other hosts, too, the number after the last
    /// hyphen is taken as the worker: ip-10-0-3-17 is worker 17. Every host named ubuntu-22 is worker 22, so two such
    /// hosts issue the same IDs.
    #[arg(long, conflicts_with_all = ["lease", "datacenter", "worker", "worker_env"])]
    worker_hostname: bool,
}

/// A worker, given by the number of its datacenter and by its own number within the datacenter. This type is used
/// instead of [`WorkerId`], because the layout is known only at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) datacenter: u64,
    pub(crate) worker: u64,
}

/// A scheme with 2^63 workers. With this scheme, any number below 2^63 at the end of a host name can be read. Then
/// [`Place::of_index`] checks whether the number is a worker of the real layout.
enum Ordinal {}

impl Scheme for Ordinal {
    const LAYOUT: Layout = Layout::new(1, 0, 63, 0);
}

impl WorkerArgs {
    /// Returns the worker that the options give, or `None` if no option gives a worker.
    pub(crate) fn asked(&self, layout: &Layout) -> Result<Option<Place>, Stop> {
        if self.worker_hostname {
            let host = WorkerId::<Ordinal>::from_hostname().map_err(Stop::usage)?;
            return Place::of_index(layout, host.index())
                .map(Some)
                .map_err(|error| Stop::usage(format_args!("--worker-hostname: {error}")));
        }
        if let Some(variable) = &self.worker_env {
            return from_env(layout, variable).map(Some);
        }
        match (self.datacenter, self.worker.as_deref()) {
            (None, None) => Ok(None),
            (None, Some(text)) => Place::parse(layout, text).map(Some).map_err(|error| {
                let hint = remedy(layout, &error);
                Stop::usage(format_args!("{}{hint}", named(error)))
            }),
            (Some(datacenter), text) => Place::within(layout, datacenter, text.unwrap_or("0")).map(Some),
        }
    }
}

fn named(error: impl std::fmt::Display) -> String {
    format!("--worker: {error}")
}

/// Returns a remedy to append to the error, if a datacenter other than 0 was given for a layout without datacenters.
/// Otherwise returns an empty text.
fn remedy(layout: &Layout, error: &WorkerTextError) -> &'static str {
    match error {
        WorkerTextError::DoesNotFit(WorkerIdError::Datacenter { .. }) if layout.max_datacenter() == 0 => {
            "; the layout has no datacenter: give only the worker"
        }
        _ => "",
    }
}

fn from_env(layout: &Layout, variable: &str) -> Result<Place, Stop> {
    let Ok(text) = env::var(variable) else {
        let hint = if variable.starts_with('$') { "; leave out the $ before its name" } else { "" };
        let error = WorkerTextError::NotSet { variable: variable.into() };
        return Err(Stop::usage(format_args!("{error}{hint}")));
    };
    Place::parse(layout, text.trim()).map_err(|cause| {
        let hint = remedy(layout, &cause);
        let error = WorkerTextError::Variable { variable: variable.into(), cause: cause.into() };
        Stop::usage(format_args!("{error}{hint}"))
    })
}

impl Place {
    pub(crate) const FIRST: Self = Self { datacenter: 0, worker: 0 };

    fn new(layout: &Layout, datacenter: u64, worker: u64) -> Result<Self, WorkerIdError> {
        if datacenter > layout.max_datacenter() {
            return Err(WorkerIdError::Datacenter { value: datacenter, max: layout.max_datacenter() });
        }
        if worker > layout.max_worker() {
            return Err(WorkerIdError::Worker { value: worker, max: layout.max_worker() });
        }
        Ok(Self { datacenter, worker })
    }

    /// Returns the worker with this index. The indexes count the workers of datacenter 0 first, then those of
    /// datacenter 1, and so on.
    pub(crate) fn of_index(layout: &Layout, index: u64) -> Result<Self, WorkerIdError> {
        let max = max_index(layout);
        if index > max {
            return Err(WorkerIdError::Index { value: index, max });
        }
        // The shift can't overflow: the worker has fewer than 64 bits, because the timestamp has at least one.
        Ok(Self { datacenter: index >> layout.worker_bits(), worker: index & layout.max_worker() })
    }

    /// Returns the worker's index over all datacenters.
    pub(crate) const fn index(self, layout: &Layout) -> u64 {
        (self.datacenter << layout.worker_bits()) | self.worker
    }

    /// Parses a worker in the same way as [`WorkerId`], but for a layout that is known only at run time.
    pub(crate) fn parse(layout: &Layout, text: &str) -> Result<Self, WorkerTextError> {
        let number = |digits: &str, max| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(WorkerTextError::NotAWorker { text: text.to_owned() });
            }
            if digits.len() > 1 && digits.starts_with('0') {
                return Err(WorkerTextError::LeadingZeros { digits: digits.to_owned() });
            }
            digits.parse().map_err(|_| WorkerTextError::TooLong { digits: digits.to_owned(), max })
        };
        Ok(match text.split_once('/') {
            Some((datacenter, worker)) => {
                Self::new(layout, number(datacenter, layout.max_datacenter())?, number(worker, layout.max_worker())?)?
            }
            None => Self::of_index(layout, number(text, max_index(layout))?)?,
        })
    }

    /// Parses `text` as the number of a worker within `datacenter`.
    fn within(layout: &Layout, datacenter: u64, text: &str) -> Result<Self, Stop> {
        if text.contains('/') {
            return Err(Stop::usage(format_args!(
                "--worker {text} names a datacenter: leave out --datacenter {datacenter}"
            )));
        }
        if let Err(error) = Self::new(layout, datacenter, 0) {
            let hint = if layout.max_datacenter() == 0 { "; the layout has no datacenter: omit it" } else { "" };
            return Err(Stop::usage(format_args!("--datacenter: {error}{hint}")));
        }
        Self::parse(layout, &format!("{datacenter}/{text}")).map_err(|error| Stop::usage(named(error)))
    }
}

fn max_index(layout: &Layout) -> u64 {
    (layout.max_datacenter() << layout.worker_bits()) | layout.max_worker()
}

#[cfg(test)]
mod tests {
    use casflake::{Instagram, JsSafe, Scheme, Sonyflake, Standard, WorkerId, WorkerTextError};
    use proptest::prelude::*;

    use super::Place;

    fn agrees<S: Scheme>(text: &str) -> Result<(), TestCaseError> {
        let expected: Result<WorkerId<S>, WorkerTextError> = text.parse();
        let place = Place::parse(&S::LAYOUT, text);
        if let (Ok(place), Ok(worker)) = (&place, &expected) {
            prop_assert_eq!(place.index(&S::LAYOUT), worker.index());
        }
        let expected = expected.map(|worker| Place { datacenter: worker.datacenter(), worker: worker.worker() });
        prop_assert_eq!(place, expected);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_worker_is_parsed_as_in_the_library(text in prop_oneof![
            "[0-9]{1,6}", "[0-9]{1,3}/[0-9]{1,6}", "[0-9]{18,22}(/[0-9]{18,22})?", "[-+0-9/ ]{0,6}", any::<String>(),
        ]) {
            agrees::<Standard>(&text)?;
            agrees::<Sonyflake>(&text)?;
            agrees::<Instagram>(&text)?;
            agrees::<JsSafe>(&text)?;
        }
    }
}
