//! `Link`: a connection to the database. Each operation has a time limit.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use std::{panic, thread};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage, SimpleQueryRow, Socket};

use super::hosts::{self, Failures};
use super::literals::{Param, filled};
use super::tls::{Connector, Tls};
use crate::causes::Cause;
use crate::error::StoreError;

/// The time limit for connecting. The answer to a statement has a time limit of the same length.
pub(super) const IO_TIMEOUT: Duration = Duration::from_secs(2);

/// Time limits for the server. The server waits at most 1.5 s for a lock. That is less than the client waits for the
/// answer, so the server can report the lock. In the search for other spaces, the client waits only 1 s. The server
/// ends a statement after 10 s, even if the client no longer waits. The limits apply to one transaction, and are sent
/// in the same message as the statement. So they also work with a pooler, which accepts no settings at the start of a
/// connection and gives each transaction another session.
const LIMITS: &str = "SET LOCAL lock_timeout = 1500; SET LOCAL statement_timeout = 10000;\n";

/// The outcome of a statement.
pub(super) enum Answer {
    Row(SimpleQueryRow),
    /// No row met the conditions of the statement, or other clients have changed the rows meanwhile.
    Nothing,
    NoTables,
}

pub(super) struct Link {
    client: Client,
    inner: Inner,
}

impl Link {
    /// Returns a connection to the first host that accepts a connection. `failure` converts the cause of a host's
    /// failure to an error.
    pub(super) fn connect<T>(
        config: &Config,
        tls: &Tls<T>,
        failure: impl Fn(Cause) -> StoreError,
    ) -> Result<Self, StoreError>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send,
    {
        let started = Instant::now();
        let (mut failures, mut hosts) = (Failures::default(), hosts::each(config).into_iter());
        while let Some(host) = hosts.next() {
            // Even if this host does not answer at all, there must be time left for the hosts after it.
            let left = IO_TIMEOUT.saturating_sub(started.elapsed());
            let timeout = left / u32::try_from(hosts.len() + 1).unwrap_or(u32::MAX);
            let connector = tls.connector(&host)?;
            match Self::connect_one(with_defaults(host, timeout), connector, timeout) {
                Ok(link) => return Ok(link),
                Err(cause) => failures = failures.add(cause, &failure),
            }
        }
        Err(failures.error().unwrap_or_else(|| failure("there is no host".into())))
    }

    fn connect_one<T>(config: Config, connector: Connector<T>, timeout: Duration) -> Result<Self, Cause>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static> + Send,
    {
        let inner = Inner(Some(Builder::new_current_thread().enable_all().build()?));
        let client = inner.run(timeout, || connector.connect(config))?;
        Ok(Self { client, inner })
    }

    /// Runs a statement that returns at most one row. When this function returns `Ok`, the statement's transaction has
    /// ended.
    pub(super) fn ask(&mut self, timeout: Duration, statement: &str, params: &[Param<'_>]) -> Result<Answer, Cause> {
        let sql = format!("{LIMITS}{}", filled(statement, params));
        match self.inner.run(timeout, || self.client.simple_query(&sql)) {
            Ok(messages) => {
                let row = messages.into_iter().find_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                Ok(row.map_or(Answer::Nothing, Answer::Row))
            }
            Err(cause) => match cause.downcast_ref::<Error>().and_then(Error::code) {
                Some(&SqlState::UNDEFINED_TABLE) => Ok(Answer::NoTables),
                // Other clients have changed the rows first.
                Some(
                    &SqlState::UNIQUE_VIOLATION
                    | &SqlState::T_R_SERIALIZATION_FAILURE
                    | &SqlState::T_R_DEADLOCK_DETECTED,
                ) => Ok(Answer::Nothing),
                _ => Err(cause),
            },
        }
    }

    /// Creates the missing tables with the statement `create`.
    pub(super) fn create_tables(&mut self, create: &str) -> Result<(), Cause> {
        let sql = format!("{LIMITS}{create}");
        self.inner.run(IO_TIMEOUT, || self.client.batch_execute(&sql))
    }
}

/// Returns `config` with defaults for two settings that `config` may lack. The default application name is `casflake`,
/// and the default time limit for connecting is `timeout`.
fn with_defaults(mut config: Config, timeout: Duration) -> Config {
    if config.get_application_name().is_none() {
        config.application_name("casflake");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(timeout);
    }
    config
}

/// The runtime of one connection. The runtime makes progress only while a call waits.
struct Inner(Option<Runtime>);

impl Inner {
    /// Runs `work`. Fails if `work` takes longer than `timeout`.
    fn run<R: Send, F: Future<Output = Result<R, Error>>>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> F + Send,
    ) -> Result<R, Cause> {
        let Some(runtime) = &self.0 else { return Err("its runtime has ended".into()) };
        let outcome = aside(|| runtime.block_on(async { time::timeout(timeout, work()).await }));
        let late = |_| io::Error::new(ErrorKind::TimedOut, format!("no answer for {timeout:.0?}"));
        Ok(outcome.map_err(late)??)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Does not wait for running work, such as a name look-up, because a thread that is within another runtime must
        // not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `work`, which calls `Runtime::block_on`. In a thread that is already within a runtime, `block_on` would panic.
/// In such a thread, this function runs `work` on a new thread instead, and waits for the new thread.
fn aside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if Handle::try_current().is_err() {
        return work();
    }
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}
