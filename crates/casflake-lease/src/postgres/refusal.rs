//! Recognises the failures of PostgreSQL for which waiting does not help, and returns a remedy for each such failure.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use super::schema::Schema;
use super::ssl_mode::Mode;
use crate::causes::Cause;
use crate::error::StoreError;
use crate::tls::explain;

/// The step at which an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Connecting,
    Statement,
}

/// The settings of a store. A remedy can name these settings.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) schema: &'a Schema,
    pub(super) mode: Mode,
}

/// Returns the error for the operation `what`, which failed because of `cause`.
///
/// The error is retryable if the failure may pass by itself. These failures may pass by themselves: a failure of the
/// network or a name server; a server that starts, shuts down or has too many connections; a standby, because another
/// server may be promoted; a lock; and every other failure that the server does not report as permanent.
pub(super) fn failure(what: String, at: At, cause: Cause, asked: Asked<'_>) -> StoreError {
    match cause.downcast_ref().and_then(|error| remedy(error, at, asked)) {
        Some(remedy) => StoreError::refused(what, remedy, cause),
        None => StoreError::unavailable(what, cause),
    }
}

/// Returns whether a connection failed because of TLS.
pub(super) fn is_of_tls(error: &Error) -> bool {
    // The crate `tokio_postgres` does not expose the kinds of its errors.
    error.to_string() == "error performing TLS handshake" || explain(error).is_some()
}

/// Returns whether the server answered that it has no TLS.
pub(super) fn has_no_tls(error: &Error) -> bool {
    error.source().is_some_and(|cause| cause.to_string() == NO_TLS)
}

const NO_TLS: &str = "server does not support TLS";

fn remedy(error: &Error, at: At, asked: Asked<'_>) -> Option<String> {
    if let Some(error) = error.as_db_error() {
        return of_server(error, at, asked.schema);
    }
    if let Some(remedy) = explain(error) {
        return Some(remedy.into());
    }
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let remedy = match &*error.to_string() {
        "error performing TLS handshake" if cause == NO_TLS => {
            return Some(format!(
                "the server has no TLS, which sslmode={} asks for: turn TLS on there (ssl = on)",
                asked.mode.name()
            ));
        }
        "error performing TLS handshake" if cause == "no TLS implementation configured" => {
            "this store has no TLS connector: pass one to PostgresStore::with_tls, or use PostgresStore::from_url"
        }
        "invalid configuration" if cause == "password missing" => {
            "the server requires a password: give one in the URL; PGPASSWORD and .pgpass are not read"
        }
        "invalid configuration" => "correct the configuration of the connection",
        "authentication error" if cause.contains("channel binding") => {
            "the URL has channel_binding=require, which needs TLS and a SCRAM password: add \
             sslmode=require, or leave channel_binding out"
        }
        "authentication error" => {
            "the server requires a way to authenticate that this client does not support: see the cause"
        }
        _ => return None,
    };
    Some(remedy.into())
}

const NO_DATABASE: &str = "create the database, or give another";
const WRONG_PASSWORD: &str = "correct the user or the password";

fn of_server(error: &DbError, at: At, schema: &Schema) -> Option<String> {
    Some(match error.code().code() {
        "28P01" => WRONG_PASSWORD.into(),
        // The name of the routine does not depend on the language of the server's messages.
        "28000" if error.routine() == Some("InitializeSessionUserId") => {
            "create the role, or allow it to log in, or give another user".into()
        }
        code if code.starts_with("28") => {
            "the server does not admit this user from this host: add the user to the server's pg_hba.conf, or connect \
             in the way that the server's message asks for, such as with TLS or with a client certificate"
                .into()
        }
        "3D000" => NO_DATABASE.into(),
        // PgBouncer uses one code for nearly all errors, and its messages are always in English.
        "08P01" => of_pooler(error.message())?.into(),
        "42501" if at == At::Connecting => "grant this role CONNECT on the database, or give another user".into(),
        "42501" => of_privilege(error.message(), schema),
        "3F000" => schema.missing(),
        // These codes mean a syntax error, an undefined column, object or function, a wrong type of a value, or a wrong
        // kind of an object.
        "42601" | "42703" | "42704" | "42804" | "42809" | "42883" => {
            "this needs PostgreSQL 12 or later, and the tables that the documentation of PostgresStore shows".into()
        }
        _ => return None,
    })
}

fn of_pooler(message: &str) -> Option<&'static str> {
    let remedies = [
        ("no such database", NO_DATABASE),
        ("no such user", WRONG_PASSWORD),
        ("SASL authentication failed", WRONG_PASSWORD),
        ("password authentication failed", WRONG_PASSWORD),
        ("SSL required", "give sslmode=require, or more"),
    ];
    remedies.into_iter().find(|(start, _)| message.starts_with(start)).map(|(_, remedy)| remedy)
}

/// Returns the statements that give the store's role the missing privilege. If the message is not in English, it is not
/// known which privilege is missing, so all statements are returned.
fn of_privilege(message: &str, schema: &Schema) -> String {
    let schema = schema.quoted();
    let tables = format!("{schema}.casflake_spaces, {schema}.casflake_leases");
    let grant = format!("GRANT SELECT, INSERT, UPDATE ON {tables} TO ROLE");
    if message.starts_with("permission denied for table") {
        return format!("{grant}, where ROLE is the user of this store");
    }
    format!(
        "create the tables {tables}, as the documentation of PostgresStore shows, with a role that may create tables; \
         then run {grant}; GRANT USAGE ON SCHEMA {schema} TO ROLE, where ROLE is the user of this store"
    )
}
