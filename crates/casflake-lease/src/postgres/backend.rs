//! Sends the requests of `PostgresBackend` to the database, and reads the answers.

use std::time::Duration;

use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{SimpleQueryRow, Socket};

use super::link::{Answer, IO_TIMEOUT, Link};
use super::literals::Param;
use super::refusal::{Asked, At, failure};
use super::rows::{asked, bigint, contents, json, nanos, number};
use super::sql::Statements;
use super::{PostgresBackend, config, others};
use crate::backend::{Backend, Contents, Renewed};
use crate::causes::Cause;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::Change;
use crate::renewal_json::RenewalJson;
use crate::terms::Terms;

/// The maximum number of attempts of a read. A read is attempted again if it conflicts with another transaction, or if
/// tables are missing.
const READS: u32 = 100;

impl<T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send> PostgresBackend<T> {
    /// Runs `work` on the connection. Connects first if necessary, and drops the connection if `work` fails.
    fn on<R>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Link, &Statements) -> Result<R, Cause>,
    ) -> Result<R, StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.connect()?,
        };
        let outcome = work(&mut link, &self.statements)
            .map_err(|cause| failure(format!("{what} in {}", self.database()), At::Statement, cause, self.asked()))?;
        self.link = Some(link);
        Ok(outcome)
    }

    fn connect(&self) -> Result<Link, StoreError> {
        config::require_database(&self.config)?;
        Link::connect(&self.config, &self.tls, |cause| {
            failure(format!("connecting to {}", self.database()), At::Connecting, cause, self.asked())
        })
    }

    fn asked(&self) -> Asked<'_> {
        Asked { schema: &self.schema, mode: self.tls.mode() }
    }

    fn ask(
        &mut self,
        what: &str,
        statement: impl FnOnce(&Statements) -> &str,
        params: &[Param<'_>],
    ) -> Result<Answer, StoreError> {
        self.on(what, |link, statements| link.ask(IO_TIMEOUT, statement(statements), params))
    }

    /// Reads the space and its records. Returns them as one row. If tables are missing, the row has no space and no
    /// records.
    fn read_row(&mut self) -> Result<SimpleQueryRow, StoreError> {
        let (space, schema) = (self.space.clone(), self.schema.clone());
        let tables: &[Param<'_>] = &[Param::Text(&space)];
        let no_tables: &[Param<'_>] = &[Param::Text(schema.name())];
        let mut are_there = true;
        for _ in 0..READS {
            let answer = if are_there {
                self.ask("reading leases", |statements| &statements.read, tables)?
            } else {
                self.ask("reading leases", |statements| &statements.read_no_tables, no_tables)?
            };
            match answer {
                Answer::Row(row) => return Ok(row),
                Answer::NoTables => are_there = false,
                // If transactions of this database are serializable by default, other transactions can conflict with
                // this one.
                Answer::Nothing => {}
            }
        }
        Err(StoreError::Contended { attempts: READS })
    }
}

impl<T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send> Backend for PostgresBackend<T> {
    fn space_name(&self) -> &str {
        &self.space
    }

    fn place(&self) -> String {
        format!("{}, schema {:?}", self.database(), self.schema.name())
    }

    /// Returns the names of other spaces in the database. A space in another schema is returned with its schema, for
    /// example `orders (schema billing)`. If the search can't read the spaces of another schema, only the schema is
    /// returned, for example `(schema billing)`. Takes at most one second, plus the time to connect.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let (schema, space) = (self.schema.clone(), self.space.clone());
        self.on("looking for other ID spaces", |link, _| others::find(link, &schema, &space))
    }

    fn notes(&self) -> Vec<String> {
        let skipped = (!self.ignored.is_empty()).then(|| {
            let names = self.ignored.join(", ");
            format!("the store skips these parameters of its URL, because they are for other clients: {names}")
        });
        skipped.into_iter().chain(self.tls.note()).collect()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        contents(&self.read_row()?, &self.schema, &self.database())
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let seen_space = seen.space.as_ref().map(json).transpose()?;
        let statement: fn(&Statements) -> &str = match &change.space {
            Some(_) => |statements| &statements.swap_space,
            None => |statements| &statements.swap_records,
        };
        let space = change.space.as_ref().map(json).transpose()?;
        let (name, records) = (self.space.clone(), asked(change, seen)?);
        let params: &[Param<'_>] = &[
            Param::Text(&name),
            Param::MaybeText(seen_space.as_deref()),
            Param::Text(&seen.incarnation),
            Param::MaybeText(space.as_deref()),
            Param::Text(&records),
        ];
        // A large space may have lost tens of thousands of records. One statement replaces all of them, which takes a
        // while.
        let timeout = IO_TIMEOUT + Duration::from_micros(100) * u32::try_from(change.records.len()).unwrap_or(u32::MAX);
        let answer = self.on("writing leases", |link, statements| {
            let statement = statement(statements);
            match link.ask(timeout, statement, params)? {
                Answer::NoTables => {
                    link.create_tables(&statements.create)?;
                    link.ask(timeout, statement, params)
                }
                answer => Ok(answer),
            }
        })?;
        match answer {
            Answer::Row(_) => Ok(true),
            Answer::Nothing => Ok(false),
            Answer::NoTables => {
                let what = format!("writing leases in {}", self.database());
                Err(StoreError::unavailable(what, "the tables that were just created are missing"))
            }
        }
    }

    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        // The database stores numbers as `bigint`, so no number of a renewal may be larger than `i64::MAX`.
        let renewal = RenewalJson::of(&self.space, lease, ttl, terms, i64::MAX.unsigned_abs())?;
        let Some(renewal) = renewal.map(|renewal| renewal.text()).transpose()? else { return Ok(None) };
        let params: &[Param<'_>] = &[Param::Text(&renewal), Param::Bool(self.schema.is_named())];
        let Answer::Row(row) = self.ask("renewing a lease", |statements| &statements.renew, params)? else {
            return Ok(None);
        };
        let (from, until, counter) = (number(&row, 0)?, number(&row, 1)?, number(&row, 2)?);
        let renewed = Lease::new(lease.worker, from, until, counter, lease.token);
        Ok(Some(Renewed::new(renewed, nanos(number(&row, 3)?), number(&row, 4)?)))
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let (name, token) = (self.space.clone(), lease.token.to_string());
        // No window of this store ends after `i64::MAX`.
        let after = last_tick.map_or(0, |last| i64::try_from(last.saturating_add(1)).unwrap_or(i64::MAX));
        let params: &[Param<'_>] = &[
            Param::Text(&name),
            Param::Bigint(bigint(lease.worker)?),
            Param::Text(&token),
            Param::Bigint(bigint(lease.counter)?),
            Param::Bigint(after),
        ];
        Ok(matches!(self.ask("releasing a lease", |statements| &statements.release, params)?, Answer::Row(_)))
    }
}
