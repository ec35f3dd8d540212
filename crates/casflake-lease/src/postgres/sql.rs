//! The SQL statements of the store. Each statement is one transaction and one round trip. So no lock outlasts the
//! statement, whatever happens to the client.
//!
//! In this file, each table has the schema `public`. [`Statements`] replaces `public` with the schema of the store. If
//! a statement named no schema, PostgreSQL would look for the table among temporary tables and along the `search_path`.
//! The `search_path` depends on the role.
//!
//! No statement relies on settings of the session, so a pooler may give each transaction another session. Each
//! statement that writes makes a setting for its own transaction: the server acknowledges the commit only after the
//! commit is durable.

use super::schema::Schema;

/// The statements of one store.
pub(super) struct Statements {
    pub(super) create: String,
    pub(super) read: String,
    pub(super) read_no_tables: String,
    pub(super) swap_space: String,
    pub(super) swap_records: String,
    pub(super) renew: String,
    pub(super) release: String,
}

impl Statements {
    /// Returns the statements on the tables of `schema`.
    pub(super) fn on(schema: &Schema) -> Self {
        let tables = format!("{}.casflake_", schema.quoted());
        let on_its_tables = |statement: &str| statement.replace("public.casflake_", &tables);
        Self {
            create: on_its_tables(CREATE),
            read: on_its_tables(READ),
            read_no_tables: on_its_tables(READ_NO_TABLES),
            swap_space: on_its_tables(SWAP_SPACE),
            swap_records: on_its_tables(SWAP_RECORDS),
            renew: on_its_tables(RENEW),
            release: on_its_tables(RELEASE),
        }
    }
}

/// An SQL expression for the time on the server's clock, in microseconds since 1970. The time is never negative, and is
/// limited so that the same time in nanoseconds fits in a `u64`.
macro_rules! micros {
    () => {
        "least(greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0), 18446744073709551)"
    };
}

/// An SQL expression for the incarnation of the store: the ID of the cluster and the timeline of the cluster, such as
/// `7301448260117245781/00000001`. Each promotion and each recovery from a backup begins a new timeline. The expression
/// reads the timeline from the position of the write-ahead log, which shows a new timeline immediately. The control
/// file shows a new timeline only after the next checkpoint. On a standby, the server refuses to evaluate this
/// expression, so a standby grants nothing.
macro_rules! incarnation {
    () => {
        "(SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system())"
    };
}

/// An SQL expression that is always true, and that sets `synchronous_commit = on` for the statement's transaction. So
/// the server acknowledges the transaction only when the commit is on disk, also on those standbys that the server is
/// configured to wait for. The `synchronous_commit` of the server, the database, the role or the session does not
/// matter then.
macro_rules! lasting {
    () => {
        "set_config('synchronous_commit', 'on', true) = 'on'"
    };
}

/// An SQL expression for the schema in which this session would find `casflake_spaces` if a statement named no schema.
/// Temporary tables do not count. The value is `public` if the session would find no such table.
macro_rules! unqualified {
    () => {
        "coalesce((
            SELECT path.name::text FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (name, at)
            WHERE left(path.name, 7) <> 'pg_temp'
                AND to_regclass(quote_ident(path.name) || '.casflake_spaces') IS NOT NULL
            ORDER BY path.at LIMIT 1
        ), 'public')"
    };
}

/// Creates the tables. Two sessions would conflict if they created the same table at the same time, so a lock lets only
/// one session at a time create tables. The number of the lock consists of the eight bytes of the text "casflake".
const CREATE: &str = concat!("SELECT pg_advisory_xact_lock(7161131766237981541);\n", include_str!("tables.sql"));

/// The fields of a JSON answer that do not come from casflake's tables. The answers of [`READ`] and of
/// [`READ_NO_TABLES`] both have these fields.
macro_rules! surroundings {
    () => {
        concat!(
            "
        'unix_micros', ",
            micros!(),
            ",
        'incarnation', ",
            incarnation!(),
            ",
        'database', (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()),
        'unqualified', ",
            unqualified!(),
        )
    };
}

/// Reads a whole space as JSON. All values are from the same moment. Parameters: the name of the space.
const READ: &str = concat!(
    "SELECT json_build_object(",
    surroundings!(),
    ",
        'space', (SELECT to_json(s) FROM public.casflake_spaces s WHERE s.space = $1),
        'records', (
            SELECT coalesce(json_object_agg(l.worker, json_build_object(
                'from', l.from_tick, 'until', l.until_tick, 'counter', l.counter, 'token', l.token, 'owner', l.owner
            )), '{}')
            FROM public.casflake_leases l WHERE l.space = $1
        )
    )::text"
);

/// The counterpart of [`READ`] for a database in which tables are missing. The answer has no space and no records, but
/// tells whether the schema is missing. Parameters: the name of the schema.
const READ_NO_TABLES: &str = concat!(
    "SELECT json_build_object(",
    surroundings!(),
    ",
        'space', NULL,
        'records', json_build_object(),
        'no_schema', NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1)
    )::text"
);

/// The names and the types of the columns of a space. `json_to_record` needs them to read a space from JSON.
macro_rules! space {
    () => {
        "version bigint, layout text, workers bigint, granted bigint, floor bigint, incarnation text"
    };
}

/// Writes a change if the incarnation, the space and the records to replace are still as the client has seen them. The
/// space must be unchanged even if the change replaces only records. Returns a row if the change was written.
/// Parameters: the name of the space; the space that was seen, or null; the incarnation that was seen; the space to
/// write, or null; the records to write. Each record to write also has the values of the record that is replaced
/// (`seen_...`), or nulls if no record is replaced.
///
/// The rows to replace are first locked, and then compared with the values that were seen. So the comparison uses the
/// values that the rows have while they are locked, not the values in the statement's snapshot. If a row to insert
/// already exists, the statement fails and writes nothing. Every client locks the space before the records, so clients
/// can not deadlock.
macro_rules! swap {
    ($lock:literal) => {
        concat!(
            "WITH space AS MATERIALIZED (
                SELECT version, layout, workers, granted, floor, incarnation
                FROM public.casflake_spaces WHERE space = $1 ",
            $lock,
            "
            ), seen AS MATERIALIZED (
                SELECT * FROM json_to_record($2::json) AS s (",
            space!(),
            ")
                WHERE $2 IS NOT NULL
            ), as_seen AS MATERIALIZED (
                SELECT WHERE NOT EXISTS ((TABLE space EXCEPT TABLE seen) UNION ALL (TABLE seen EXCEPT TABLE space))
            ), asked AS MATERIALIZED (
                SELECT * FROM json_to_recordset($5::json) AS r (
                    worker bigint, \"from\" bigint, until bigint, counter bigint, token text, owner text,
                    seen_from bigint, seen_until bigint, seen_counter bigint, seen_token text
                )
            ), locked AS MATERIALIZED (
                SELECT 1 FROM public.casflake_leases l JOIN asked a USING (worker)
                WHERE EXISTS (TABLE as_seen)
                    AND l.space = $1 AND l.from_tick = a.seen_from AND l.until_tick = a.seen_until
                    AND l.counter = a.seen_counter AND l.token IS NOT DISTINCT FROM a.seen_token
                FOR UPDATE OF l
            ), same AS MATERIALIZED (
                SELECT WHERE EXISTS (TABLE as_seen) AND $3 = ",
            incarnation!(),
            "
                    AND (SELECT count(*) FROM locked) = (SELECT count(seen_counter) FROM asked)
                    AND ",
            lasting!(),
            "
            ), news AS MATERIALIZED (
                SELECT n.* FROM same, json_to_record($4::json) AS n (",
            space!(),
            ")
                WHERE $4 IS NOT NULL
            ), space_added AS (
                INSERT INTO public.casflake_spaces (space, version, layout, workers, granted, floor, incarnation)
                SELECT $1, version, layout, workers, granted, floor, incarnation FROM news WHERE $2 IS NULL
            ), space_changed AS (
                UPDATE public.casflake_spaces s
                SET version = n.version, layout = n.layout, workers = n.workers, granted = n.granted, floor = n.floor,
                    incarnation = n.incarnation
                FROM news n WHERE s.space = $1
            ), added AS (
                INSERT INTO public.casflake_leases (space, worker, from_tick, until_tick, counter, token, owner)
                SELECT $1, worker, \"from\", until, counter, token, owner FROM same, asked WHERE seen_counter IS NULL
            ), changed AS (
                UPDATE public.casflake_leases l
                SET from_tick = a.\"from\", until_tick = a.until, counter = a.counter, token = a.token, owner = a.owner
                FROM same, asked a WHERE l.space = $1 AND l.worker = a.worker
            )
            SELECT 1 FROM same"
        )
    };
}

/// Writes the space and records. While one client runs this statement in a space, other clients that run this statement
/// or [`SWAP_RECORDS`] in that space wait. A space that does not exist has no row to lock. If several clients create
/// such a space at the same time, only one of them succeeds.
const SWAP_SPACE: &str = swap!("FOR UPDATE");

/// Writes only records. Any number of clients can run this statement in a space at the same time. While a client runs
/// [`SWAP_SPACE`] in that space, these clients wait.
const SWAP_RECORDS: &str = swap!("FOR SHARE");

/// Renews a lease according to the rule of [`protocol::renew`](crate::protocol::renew), condition by condition.
/// Parameters: the renewal, as [`RenewalJson`](crate::renewal_json::RenewalJson); whether the caller has named the
/// schema. If the caller has not named the schema, a lease is renewed only while earlier versions of casflake would
/// find the same tables. If such versions found other tables, they could lease the same worker there.
///
/// If another transaction has locked the record, this statement waits for that transaction, and then compares the
/// record again. But the statement has read the clock and the space before the wait. So the renewed window is shorter
/// by the length of the wait, and a floor that is raised during the wait does not prevent the renewal.
const RENEW: &str = concat!(
    "WITH renewal AS MATERIALIZED (
        SELECT * FROM json_to_record($1::json) AS r (
            space text, worker bigint, token text, counter bigint, \"from\" bigint, until bigint, ttl bigint,
            layout text, epoch_unix_ms bigint, tick_ms bigint, \"end\" bigint, reach bigint
        )
    ), clock AS MATERIALIZED (
        SELECT micros, (micros / 1000 - r.epoch_unix_ms) / r.tick_ms AS tick FROM renewal r, (SELECT ",
    micros!(),
    " AS micros) AS now
        WHERE micros / 1000 >= r.epoch_unix_ms AND ",
    lasting!(),
    "
    )
    UPDATE public.casflake_leases l
    SET until_tick = greatest(l.until_tick, least(c.tick + r.ttl, r.\"end\")), counter = l.counter + 1
    FROM public.casflake_spaces s, clock c, renewal r
    WHERE l.space = r.space AND l.worker = r.worker AND s.space = r.space AND c.tick < r.\"end\"
        AND s.layout = r.layout AND s.version > 0 AND s.incarnation = ",
    incarnation!(),
    "
        AND l.token = r.token AND l.counter = r.counter AND l.from_tick = r.\"from\"
        AND l.from_tick >= s.floor AND l.until_tick >= r.until AND l.until_tick <= c.tick + r.reach
        AND s.floor >= 0 AND l.until_tick >= l.from_tick
        AND ($2 OR 'public' = ",
    unqualified!(),
    ")
    RETURNING l.from_tick, l.until_tick, l.counter, c.micros, s.workers"
);

/// Releases a lease according to the rule of [`protocol::release`](crate::protocol::release). Parameters: the name of
/// the space; the worker, token and counter of the lease; the tick after the last tick in which an ID was issued. A
/// release does not depend on the state of the space.
const RELEASE: &str = concat!(
    "UPDATE public.casflake_leases
    SET until_tick = least(greatest($5, from_tick), until_tick), token = NULL
    WHERE space = $1 AND worker = $2 AND token = $3 AND counter = $4
        AND from_tick >= 0 AND until_tick >= from_tick AND ",
    lasting!(),
    "
    RETURNING 1"
);

#[cfg(test)]
mod tests {
    use super::{Schema, Statements};

    #[test]
    fn each_statement_names_the_schema_of_each_table() {
        let Statements { create, read, read_no_tables, swap_space, swap_records, renew, release } =
            Statements::on(&Schema::named("Orders").expect("a name"));
        for statement in [create, read, read_no_tables, swap_space, swap_records, renew, release] {
            // `unqualified!` looks up this name in other schemas, so it names no schema there.
            let named = statement.replace("'.casflake_spaces'", "").replace("\"Orders\".casflake_", "");
            assert!(!named.contains("casflake_") && !named.contains("public."), "{statement}");
        }
    }
}
