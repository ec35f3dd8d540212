//! Which worker: an index or a datacenter's worker, given as an option, in the environment or by the host's name.

use std::env;

use casflake::{Layout, Scheme, WorkerId, WorkerIdError, WorkerTextError};

use crate::numbers::whole;
use crate::stop::Stop;

#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    /// The datacenter; --worker is then the worker within it
    #[arg(long, conflicts_with = "lease", value_parser = whole::<u64>(0..=u64::MAX))]
    datacenter: Option<u64>,
    /// The worker: its index over all datacenters, such as 37; or datacenter/worker, such as 1/5; or, with
    /// --datacenter, its number within that
    #[arg(long, conflicts_with = "lease")]
    worker: Option<String>,
    /// Take the worker from this environment variable: an index such as 37, or datacenter/worker such as 1/5
    #[arg(long, value_name = "NAME", conflicts_with_all = ["lease", "datacenter", "worker"])]
    worker_env: Option<String>,
    /// Take the worker from the number at the end of the host's name: web-3 is index 3
    ///
    /// Right for the pods of one Kubernetes StatefulSet. Any other number after the last hyphen is taken for a worker,
    /// too: ip-10-0-3-17 is worker 17, and every host named ubuntu-22 is worker 22, so that two of them print the same
    /// IDs.
    #[arg(long, conflicts_with_all = ["lease", "datacenter", "worker", "worker_env"])]
    worker_hostname: bool,
}

/// A worker of a layout that is known at run time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) datacenter: u64,
    pub(crate) worker: u64,
}

/// A layout's numbers as wide as they get, for a host name's ordinal.
enum Ordinal {}

impl Scheme for Ordinal {
    const LAYOUT: Layout = Layout::new(1, 0, 63, 0);
}

impl WorkerArgs {
    /// Returns the worker that was asked for, or `None` if none was.
    pub(crate) fn asked(&self, layout: &Layout) -> Result<Option<Place>, Stop> {
        if self.worker_hostname {
            let host = WorkerId::<Ordinal>::from_hostname().map_err(Stop::usage)?;
            return Place::of_index(layout, host.index())
                .map(Some)
                .map_err(|error| Stop::usage(format_args!("the ordinal of the host name: {error}")));
        }
        if let Some(variable) = &self.worker_env {
            return from_env(layout, variable).map(Some);
        }
        match (self.datacenter, self.worker.as_deref()) {
            (None, None) => Ok(None),
            (None, Some(text)) => Place::parse(layout, text).map(Some).map_err(|error| {
                let hint = alone(layout, &error);
                Stop::usage(format_args!("{}{hint}", named(error)))
            }),
            (Some(datacenter), text) => Place::within(layout, datacenter, text.unwrap_or("0")).map(Some),
        }
    }
}

fn named(error: impl std::fmt::Display) -> String {
    format!("--worker: {error}")
}

/// Returns what remains to be said where a datacenter was given and the layout has none.
fn alone(layout: &Layout, error: &WorkerTextError) -> &'static str {
    match error {
        WorkerTextError::DoesNotFit(WorkerIdError::Datacenter { .. }) if layout.max_datacenter() == 0 => {
            "; the layout has no datacenter: give the worker alone"
        }
        _ => "",
    }
}

fn from_env(layout: &Layout, variable: &str) -> Result<Place, Stop> {
    let Ok(text) = env::var(variable) else {
        let hint = if variable.starts_with('$') { "; leave out the $ of its name" } else { "" };
        let error = WorkerTextError::NotSet { variable: variable.into() };
        return Err(Stop::usage(format_args!("{error}{hint}")));
    };
    Place::parse(layout, text.trim()).map_err(|cause| {
        let hint = alone(layout, &cause);
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

    /// Returns the worker with this index, which counts those of datacenter 0 first.
    pub(crate) fn of_index(layout: &Layout, index: u64) -> Result<Self, WorkerIdError> {
        let max = max_index(layout);
        if index > max {
            return Err(WorkerIdError::Index { value: index, max });
        }
        // A layout's worker is narrower than 64 bits: its timestamp has one at least.
        Ok(Self { datacenter: index >> layout.worker_bits(), worker: index & layout.max_worker() })
    }

    /// Returns the index.
    pub(crate) const fn index(self, layout: &Layout) -> u64 {
        (self.datacenter << layout.worker_bits()) | self.worker
    }

    /// Reads what a [`WorkerId`] is read from, by a layout that no type names.
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

    /// Reads a worker's number within this datacenter.
    fn within(layout: &Layout, datacenter: u64, text: &str) -> Result<Self, Stop> {
        if text.contains('/') {
            return Err(Stop::usage(format_args!(
                "--worker {text} names its datacenter: leave out --datacenter {datacenter}"
            )));
        }
        if let Err(error) = Self::new(layout, datacenter, 0) {
            let hint = if layout.max_datacenter() == 0 { "; the layout has no datacenter: leave it out" } else { "" };
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
        fn a_worker_reads_as_the_library_reads_it(text in prop_oneof![
            "[0-9]{1,6}", "[0-9]{1,3}/[0-9]{1,6}", "[0-9]{18,22}(/[0-9]{18,22})?", "[-+0-9/ ]{0,6}", any::<String>(),
        ]) {
            agrees::<Standard>(&text)?;
            agrees::<Sonyflake>(&text)?;
            agrees::<Instagram>(&text)?;
            agrees::<JsSafe>(&text)?;
        }
    }
}
