//! The source of a command's IDs: a generator with a worker from the options, or with a leased worker.

use std::time::Duration;

use casflake::{
    Clock, Discord, FillError, GenerateError, Generator, GeneratorBuilder, IdGenerator, Instagram, JsSafe, Layout,
    Scheme, Snowflake, Sonyflake, Sonyflake2, Standard, Stats, Twitter, Wait, WorkerId,
};
use casflake_lease::{LeaseEvent, LeasedGenerator, StoreError, from_url};

use crate::own::{Draw, Own, generator};
use crate::stop::{Outcome, Stop, causes, report};
use crate::times::rfc_3339;
use crate::workers::Place;

#[derive(clap::Args)]
pub(crate) struct LeaseArgs {
    /// Lease a worker from the store at this URL, so that no other process has the same worker: file:/DIR,
    /// postgres://…, redis://… or etcd://… (with TLS: rediss://…, etcds://…). #NAME at the end chooses one of several
    /// ID spaces of a server. Can't be used with --bits
    #[arg(long, value_name = "URL", conflicts_with = "bits")]
    pub(crate) lease: Option<String>,
    /// The TTL of the lease in seconds. The lease expires if it is not renewed for this long
    #[arg(long, value_name = "SECONDS", requires = "lease", default_value = "30", value_parser = seconds)]
    lease_ttl: Duration,
    /// The longest time in seconds to wait for a free worker. With 0 the command asks the store for a worker only once.
    /// If the lease ends during the run, the command waits until the store renews the lease or grants another one. It
    /// waits for this time at most, or for 0.1 s if this time is shorter
    #[arg(long, value_name = "SECONDS", requires = "lease", default_value = "10", value_parser = seconds_or_none)]
    lease_wait: Duration,
    /// Create the ID space if it does not exist and the store has no other ID space. The new ID space grants no lease
    /// for 150 s
    ///
    /// If the URL is misspelt and leads to a store without ID spaces, this option creates a second ID space there. The
    /// processes of the second ID space issue the same IDs as the processes of the first ID space. It is safer to run
    /// "casflake leases URL init" once.
    #[arg(long, requires = "lease")]
    lease_create: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e6).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number from 0.001 to 1000000".into()),
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { seconds(text).map_err(|why| format!("{why}, or 0 for no wait")) }
}

/// The longest time for which a call waits for the next tick, or for the store to renew or replace an ended lease. If
/// `--lease-wait` is longer, it is the longest time instead.
const TICK_WAIT: Duration = Duration::from_millis(100);

#[expect(clippy::large_enum_variant, reason = "a process has one, and each call would pay for a box")]
pub(crate) enum Ids<S: Scheme, C> {
    Given(Generator<S, C>),
    Leased(LeasedGenerator<S>),
    /// A generator whose layout is known only at run time: the layout of `--bits`.
    Own(Box<dyn Draw<S>>),
}

/// A scheme whose IDs a command can generate.
pub(crate) trait Generates: Scheme + Sized + 'static {
    /// Returns a source of IDs for the worker at `place`. If the scheme is [`Own`], the IDs have the layout `layout`.
    /// All other schemes ignore `layout`, because each of them has a fixed layout.
    fn ids<C: Clock + Sync + 'static>(
        layout: &Layout,
        place: Place,
        clock: C,
        wait: Wait,
    ) -> Result<Ids<Self, C>, Stop>;
}

macro_rules! generates {
    ($($scheme:ty)*) => {$(
        impl Generates for $scheme {
            fn ids<C: Clock + Sync + 'static>(
                _: &Layout,
                place: Place,
                clock: C,
                wait: Wait,
            ) -> Result<Ids<Self, C>, Stop> {
                let worker = WorkerId::<Self>::new_in(place.datacenter, place.worker).map_err(Stop::usage)?;
                builder(worker, clock, wait).build().map(Ids::Given).map_err(Stop::failed)
            }
        }
    )*};
}
generates! { Standard Twitter Discord Instagram Sonyflake Sonyflake2 JsSafe }

impl Generates for Own {
    fn ids<C: Clock + Sync + 'static>(
        layout: &Layout,
        place: Place,
        clock: C,
        wait: Wait,
    ) -> Result<Ids<Self, C>, Stop> {
        if !layout.can_generate() {
            return Err(Stop::usage(
                "these --bits can't generate IDs: choose timestamp and sequence with at most 62 bits together",
            ));
        }
        generator(layout, place, clock, wait).map(Ids::Own).map_err(Stop::failed)
    }
}

/// Reports the events that an operator should know: a wait for a worker, an outage of the store, and the end of a
/// lease.
fn report_trouble(event: &LeaseEvent<'_>) {
    match event {
        // The first three are normal. `Ids::end` reports a lease that was not released.
        LeaseEvent::Acquired { .. }
        | LeaseEvent::Renewed { .. }
        | LeaseEvent::Released { .. }
        | LeaseEvent::NotReleased { .. } => {}
        event => report(event),
    }
}

fn builder<S: Scheme, C: Clock>(worker: WorkerId<S>, clock: C, wait: Wait) -> GeneratorBuilder<S, C> {
    GeneratorBuilder::new(worker, clock).wait(wait)
}

impl<S: Scheme + 'static, C: Clock> Ids<S, C> {
    /// Leases a worker if `--lease` is given. Returns `None` without it.
    pub(crate) fn leased(args: &LeaseArgs, wait: Wait) -> Option<Result<Self, Stop>> {
        let url = args.lease.as_deref()?;
        let store = match from_url(url) {
            Ok(store) => store,
            Err(error) => return Some(Err(Stop::usage(error))),
        };
        store.notes().iter().for_each(report);
        let mut builder = LeasedGenerator::builder(store).ttl(args.lease_ttl).wait(wait).on_event(report_trouble);
        if args.lease_create {
            builder = builder.create_if_missing();
        }
        let leased = builder.wait_for_worker(args.lease_wait).max_wait(args.lease_wait.max(TICK_WAIT)).build();
        Some(leased.map(Self::Leased).map_err(|error| Stop::because(&error)))
    }

    /// Returns the worker that all IDs of this source carry. Returns `None` if the worker is leased, because the source
    /// may lease another worker later.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Given(generator) => {
                let worker = generator.worker();
                Some(Place { datacenter: worker.datacenter(), worker: worker.worker() })
            }
            Self::Leased(_) => None,
            Self::Own(own) => Some(own.place()),
        }
    }

    /// Returns the statistics of this source. With a lease, they cover all workers that the process has leased.
    pub(crate) fn stats(&self) -> Stats {
        match self {
            Self::Given(generator) => generator.stats(),
            Self::Own(own) => own.stats(),
            Self::Leased(leased) => leased.stats().generator,
        }
    }

    /// Reports the leased worker. Does nothing without a lease.
    pub(crate) fn report_lease(&self) {
        if let Self::Leased(leased) = self {
            let stats = leased.stats();
            let (worker, index, until) = (stats.worker, stats.lease.worker(), stats.lease.until());
            let until = S::LAYOUT.unix_ms_of(until).and_then(rfc_3339).unwrap_or_else(|| format!("tick {until}"));
            report(format_args!("leased worker {worker} (index {index}) until {until}, to be renewed before that"));
        }
    }

    /// Releases the lease, if there is one. If the lease can't be released, reports why and returns `Ok`, because the
    /// issued IDs are still valid and the lease expires later.
    pub(crate) fn end(self) -> Outcome {
        if let Self::Leased(leased) = self
            && let Err(error) = leased.shutdown()
        {
            report(format_args!("the lease was not released and will expire: {}", why(&error)));
        }
        Ok(())
    }
}

impl<S: Scheme, C: Clock> IdGenerator<S> for Ids<S, C> {
    #[inline]
    fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        match self {
            Self::Given(generator) => generator.generate(),
            Self::Leased(leased) => leased.generate(),
            Self::Own(own) => own.generate(),
        }
    }

    #[inline]
    fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        match self {
            Self::Given(generator) => generator.try_generate(),
            Self::Leased(leased) => leased.try_generate(),
            Self::Own(own) => own.try_generate(),
        }
    }

    fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        match self {
            Self::Given(generator) => generator.fill(buffer),
            Self::Leased(leased) => leased.fill(buffer),
            Self::Own(own) => own.fill(buffer),
        }
    }
}

/// Returns the reason why the lease was not released. If `error` is `Unavailable`, its text says "try again". The
/// returned reason leaves this remedy out, because the command ends without another attempt.
fn why(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { what, cause } => format!("{what} failed: {}", causes(&**cause)),
        error => causes(error),
    }
}

#[cfg(test)]
mod tests {
    use casflake::{Standard, SystemClock, Wait, WorkerId};
    use casflake_lease::StoreError;

    use super::{builder, why};

    #[test]
    fn an_unreleased_lease_does_not_suggest_to_try_again() {
        let error = StoreError::Unavailable { what: "asking Redis".into(), cause: "connection refused".into() };
        assert_eq!(why(&error), "asking Redis failed: connection refused");
    }

    /// Checks the debug text of the builder, because neither a generator nor the statistics show how the generator
    /// waits.
    #[test]
    fn the_generator_waits_as_the_option_says() {
        for (wait, name) in [(Wait::Spin, "Spin"), (Wait::Yield, "Yield"), (Wait::Sleep, "Sleep")] {
            let builder = format!("{:?}", builder(WorkerId::<Standard>::fixed::<0, 0>(), SystemClock, wait));
            assert!(builder.contains(&format!("wait: {name}")), "{builder}");
        }
    }
}
