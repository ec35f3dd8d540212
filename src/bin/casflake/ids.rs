//! Where a command's IDs come from: a worker that it was given, or one that it leases.

use std::time::Duration;

use casflake::lease::{LeasedGenerator, open};
use casflake::{
    Batch, BatchError, Clock, FillError, GenerateError, Generator, Scheme, Snowflake, Stats, Wait, WorkerId,
};

use crate::stop::{Outcome, Stop, report};

#[derive(clap::Args)]
pub(crate) struct LeaseArgs {
    /// Lease a worker from a store, so that no other process has it: file:/DIR, postgres://…, redis://… or etcd://…;
    /// #NAME at the end chooses one of several ID spaces of a server
    #[arg(long, value_name = "URL")]
    pub(crate) lease: Option<String>,
    /// For how many seconds, if it is not renewed
    #[arg(long, value_name = "SECONDS", requires = "lease", default_value = "30", value_parser = seconds)]
    lease_ttl: Duration,
    /// For how many seconds to wait for a worker, and for a lease that has ended to be renewed
    #[arg(long, value_name = "SECONDS", requires = "lease", default_value = "10", value_parser = seconds)]
    lease_wait: Duration,
    /// Create the ID space if it does not exist and the store has no other one; it grants after 150 s
    ///
    /// A URL that is misspelt then creates a second ID space, which issues the IDs of the first again. "casflake leases
    /// --lease URL init", once, is safer.
    #[arg(long, requires = "lease")]
    lease_create: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number from 0.001 to 1000000".into()),
    }
}

#[expect(clippy::large_enum_variant, reason = "a process has one, and each call would pay for a box")]
pub(crate) enum Ids<S, C> {
    Own(Generator<S, C>),
    Leased(LeasedGenerator<S>),
}

impl<S: Scheme + 'static, C: Clock> Ids<S, C> {
    /// A lease, where one is asked for.
    pub(crate) fn leased(args: &LeaseArgs, wait: Wait) -> Option<Result<Self, Stop>> {
        let url = args.lease.as_deref()?;
        let store = match open(url) {
            Ok(store) => store,
            Err(error) => return Some(Err(Stop::usage(error))),
        };
        let mut builder = LeasedGenerator::builder(store).ttl(args.lease_ttl).wait(wait);
        if args.lease_create {
            builder = builder.create_if_missing();
        }
        let leased = builder.wait_for_worker(args.lease_wait).max_wait(args.lease_wait).build();
        Some(leased.map(Self::Leased).map_err(|error| Stop::because(&error)))
    }

    #[inline]
    pub(crate) fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        match self {
            Self::Own(generator) => generator.generate(),
            Self::Leased(leased) => leased.generate(),
        }
    }

    pub(crate) fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        match self {
            Self::Own(generator) => generator.fill(buffer),
            Self::Leased(leased) => leased.fill(buffer),
        }
    }

    pub(crate) fn generate_batch(&self, count: usize) -> Result<Batch<S>, BatchError<S>> {
        match self {
            Self::Own(generator) => generator.generate_batch(count),
            Self::Leased(leased) => leased.generate_batch(count),
        }
    }

    /// The worker of all IDs; `None` where a lease may change it.
    pub(crate) fn worker(&self) -> Option<WorkerId<S>> {
        match self {
            Self::Own(generator) => Some(generator.worker()),
            Self::Leased(_) => None,
        }
    }

    /// What was done by all workers together.
    pub(crate) fn stats(&self) -> Stats {
        match self {
            Self::Own(generator) => generator.stats(),
            Self::Leased(leased) => leased.stats().generator,
        }
    }

    /// Gives a lease back. If the store can't be told the IDs are good all the same, and the lease ends by itself.
    pub(crate) fn end(self) -> Outcome {
        if let Self::Leased(leased) = self
            && let Err(error) = leased.shutdown()
        {
            report(format_args!("the lease was not given back: {error}"));
        }
        Ok(())
    }
}
