//! A connection, on which nothing takes for ever.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use std::{panic, thread};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage, SimpleQueryRow, Socket};

use super::hosts::{self, Said};
use super::literals::{Param, filled};
use super::refusal::Cause;
use super::tls::{Connector, Tls};
use crate::error::StoreError;

/// How long a connection may take to be there, and a statement to be answered.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A little sooner than the client the server gives up waiting for a lock, and says so. Nor does it go on for long with
/// a statement that nobody waits for any more. For the transaction alone, and in the same message as its statement: a
/// pooler takes no settings at the start of a connection, and gives each transaction another session.
const LIMITS: &str = "SET LOCAL lock_timeout = 1500; SET LOCAL statement_timeout = 10000;\n";

/// What a statement came to.
pub(super) enum Answer {
    Row(SimpleQueryRow),
    /// Nothing was as it asks for, or not any more.
    Nothing,
    NoTables,
}

pub(super) struct Link {
    client: Client,
    inner: Inner,
}

impl Link {
    /// Returns a connection to the first of the hosts that gives one. `failure` says what another's failure means.
    pub(super) fn connect<T>(
        config: &Config,
        tls: &Tls<T>,
        failure: impl Fn(Cause) -> StoreError,
    ) -> Result<Self, StoreError>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send,
    {
        let started = Instant::now();
        let (mut said, mut hosts) = (Said::default(), hosts::each(config).into_iter());
        while let Some(host) = hosts.next() {
            // One that does not answer at all leaves time for those that come after it.
            let left = PATIENCE.saturating_sub(started.elapsed());
            let patience = left / u32::try_from(hosts.len() + 1).unwrap_or(u32::MAX);
            let connector = tls.connector(&host)?;
            match Self::connect_one(furnished(host, patience), connector, patience) {
                Ok(link) => return Ok(link),
                Err(cause) => said = said.add(cause, &failure),
            }
        }
        Err(said.error().unwrap_or_else(|| failure("there is no host".into())))
    }

    fn connect_one<T>(config: Config, connector: Connector<T>, patience: Duration) -> Result<Self, Cause>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static> + Send,
    {
        let inner = Inner(Some(Builder::new_current_thread().enable_all().build()?));
        let client = inner.run(patience, || connector.connect(config))?;
        Ok(Self { client, inner })
    }

    /// Runs a statement that gives a row or none. When this returns, its transaction has ended.
    pub(super) fn ask(&mut self, patience: Duration, statement: &str, params: &[Param<'_>]) -> Result<Answer, Cause> {
        let sql = format!("{LIMITS}{}", filled(statement, params));
        match self.inner.run(patience, || self.client.simple_query(&sql)) {
            Ok(said) => {
                let row = said.into_iter().find_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                Ok(row.map_or(Answer::Nothing, Answer::Row))
            }
            Err(cause) => match cause.downcast_ref::<Error>().and_then(Error::code) {
                Some(&SqlState::UNDEFINED_TABLE) => Ok(Answer::NoTables),
                // Others were faster.
                Some(
                    &SqlState::UNIQUE_VIOLATION
                    | &SqlState::T_R_SERIALIZATION_FAILURE
                    | &SqlState::T_R_DEADLOCK_DETECTED,
                ) => Ok(Answer::Nothing),
                _ => Err(cause),
            },
        }
    }

    /// Creates the tables by `create` where they are missing.
    pub(super) fn create_tables(&mut self, create: &str) -> Result<(), Cause> {
        let sql = format!("{LIMITS}{create}");
        self.inner.run(PATIENCE, || self.client.batch_execute(&sql))
    }
}

/// With what each connection has.
fn furnished(mut config: Config, patience: Duration) -> Config {
    if config.get_application_name().is_none() {
        config.application_name("casflake");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(patience);
    }
    config
}

/// A runtime of one connection's own, which moves only while something is waited for.
struct Inner(Option<Runtime>);

impl Inner {
    /// What `work` comes to, if it does so in time.
    fn run<R: Send, F: Future<Output = Result<R, Error>>>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> F + Send,
    ) -> Result<R, Cause> {
        let Some(runtime) = &self.0 else { return Err("its runtime has ended".into()) };
        let outcome = aside(|| runtime.block_on(async { timeout(patience, work()).await }));
        let late = |_| io::Error::new(ErrorKind::TimedOut, format!("no answer for {patience:.0?}"));
        Ok(outcome.map_err(late)??)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Waits for nothing, as for a look-up of a name that still runs. (A thread that is within another runtime must
        // not wait.)
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Does `work` where a runtime can be blocked on: on a thread of its own if this one is within a runtime.
fn aside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if Handle::try_current().is_err() {
        return work();
    }
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}
