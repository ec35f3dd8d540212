//! Finds the other ID spaces of a database. If the space of a store does not exist, the error names these other spaces,
//! because the operator may have meant one of them. A process that was told to create a missing space does so only if
//! there are no other spaces.
//!
//! Another schema may belong to another role, and the store's role may have more privileges than that role. Reading a
//! table of the other role must not run code of that role. So the search reads no views and no tables with row
//! security, and reads only columns of plain text.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::link::{Answer, Link};
use super::literals::Param;
use super::rows::column;
use super::schema::Schema;
use crate::causes::Cause;

/// The time limit of the search. The time to connect does not count.
const LISTING_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of times that the search is tried. The search starts again if a table was dropped meanwhile.
const ATTEMPTS: u32 = 5;

/// The maximum number of spaces that are returned.
const MAX_OTHERS: usize = 10;

/// Lists the schemas that have a table of spaces. For each of these tables, tells whether the search can read the
/// table. The store's own schema comes first. Parameters: the name of the store's schema; the maximum number of
/// schemas.
const SCHEMAS: &str = "SELECT coalesce(json_agg(found), '[]')::text FROM (
    SELECT n.nspname AS name, quote_ident(n.nspname) AS quoted, coalesce(
        c.relkind = 'r' AND NOT c.relrowsecurity
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        AND EXISTS (
            SELECT FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'space' AND a.atttypid = 'pg_catalog.text'::regtype
        ), false) AS is_readable
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'casflake_spaces' AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    ORDER BY n.nspname <> $1, n.nspname LIMIT $2
) AS found";

#[derive(Deserialize)]
struct Found {
    name: String,
    /// The name, quoted for a statement.
    quoted: String,
    is_readable: bool,
}

/// Returns the names of at most [`MAX_OTHERS`] spaces, without the space named `space` in `schema`. `(schema NAME)`
/// follows the name of a space if the space is in another schema. If the search can't read the table of another schema,
/// `(schema NAME)` stands for all spaces of that schema.
pub(super) fn find(link: &mut Link, schema: &Schema, space: &str) -> Result<Vec<String>, Cause> {
    let until = Instant::now() + LISTING_TIMEOUT;
    for _ in 0..ATTEMPTS {
        if let Some(names) = try_find(link, schema, space, until)? {
            return Ok(names);
        }
    }
    Err("tables of spaces were dropped each time they were about to be read".into())
}

/// Searches once, as [`find`] does. Returns `None` if a table was dropped meanwhile.
fn try_find(link: &mut Link, schema: &Schema, space: &str, until: Instant) -> Result<Option<Vec<String>>, Cause> {
    let left = || until.saturating_duration_since(Instant::now());
    let most = i64::try_from(MAX_OTHERS).unwrap_or(i64::MAX);
    // The limit is one schema more, because the store's own schema may have no other space.
    let params = &[Param::Text(schema.name()), Param::Bigint(most + 1)];
    let Answer::Row(row) = link.ask(left(), SCHEMAS, params)? else { return Ok(None) };
    let schemas: Vec<Found> = serde_json::from_str(column(&row, 0)?)?;

    let is_own = |found: &Found| found.name == schema.name();
    let readable = schemas.iter().enumerate().filter(|(_, found)| found.is_readable);
    let tables = readable.map(|(at, found)| {
        let others = if is_own(found) { "WHERE space <> $1 " } else { "" };
        let Found { quoted, .. } = found;
        format!("(SELECT {at} AS at, space FROM ONLY {quoted}.casflake_spaces {others}ORDER BY space LIMIT $2)")
    });
    let tables: Vec<_> = tables.collect();
    let spaces: Vec<(usize, String)> = if tables.is_empty() {
        Vec::new()
    } else {
        let tables = tables.join(" UNION ALL ");
        let statement = format!(
            "SELECT coalesce(json_agg(json_build_array(at, space) ORDER BY at, space), '[]')::text FROM ({tables}) AS s"
        );
        let params = &[Param::Text(space), Param::Bigint(most)];
        let Answer::Row(row) = link.ask(left(), &statement, params)? else { return Ok(None) };
        serde_json::from_str(column(&row, 0)?)?
    };

    let names = schemas.iter().enumerate().flat_map(|(at, found)| {
        let place = if is_own(found) { String::new() } else { format!("(schema {})", found.name) };
        let there = spaces.iter().filter(move |(schema, _)| *schema == at);
        let named = there.map({
            let place = place.clone();
            move |(_, space)| if place.is_empty() { space.clone() } else { format!("{space} {place}") }
        });
        named.chain((!found.is_readable && !place.is_empty()).then_some(place)).collect::<Vec<_>>()
    });
    Ok(Some(names.take(MAX_OTHERS).collect()))
}
