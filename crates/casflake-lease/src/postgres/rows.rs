//! Converts rows of the tables to [`Contents`], and a [`Change`] to parameters of a statement. Rows are read as JSON,
//! by the names of columns, and are checked before they are used.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::SimpleQueryRow;

use super::schema::Schema;
use crate::backend::Contents;
use crate::error::StoreError;
use crate::protocol::{Change, Record};
use crate::token::Token;

/// The answer to `read` or `read_no_tables` of [`Statements`](super::sql::Statements).
#[derive(Deserialize)]
struct Stored {
    unix_micros: u64,
    incarnation: String,
    /// The OID of the database. The OID changes if the database is dropped and created again.
    database: String,
    /// The schema in which the tables would be found if a statement named no schema.
    unqualified: String,
    /// Whether the store's schema is missing. Only the answer to `read_no_tables` has this field. For other answers,
    /// the value is false.
    #[serde(default)]
    no_schema: bool,
    space: Option<Box<RawValue>>,
    records: BTreeMap<i64, Box<RawValue>>,
}

/// A record to write. The fields `seen_...` are the values of the record that is replaced, or `None` if no record is
/// replaced. A list of `Asked` is a parameter of `swap_space` and `swap_records` of
/// [`Statements`](super::sql::Statements).
#[derive(Serialize)]
struct Asked<'a> {
    worker: u64,
    #[serde(flatten)]
    record: &'a Record,
    seen_from: Option<u64>,
    seen_until: Option<u64>,
    seen_counter: Option<u64>,
    seen_token: Option<Token>,
}

/// Returns the contents of the database. Fails if the schema does not exist. Also fails if the caller has named no
/// schema, and earlier versions of casflake would use tables in another schema.
///
/// `place` describes the database in errors.
pub(super) fn contents(row: &SimpleQueryRow, schema: &Schema, place: &str) -> Result<Contents, StoreError> {
    parsed(column(row, 0)?, schema, place)
}

fn parsed(answer: &str, schema: &Schema, place: &str) -> Result<Contents, StoreError> {
    let Stored { unix_micros, incarnation, database, unqualified, no_schema, space, records } =
        decoded("the answer", answer)?;
    schema.refuse_another(&unqualified)?;
    if no_schema {
        let cause = format!("there is no schema {}", schema.name());
        return Err(StoreError::refused(format!("reading leases in {place}"), schema.missing(), cause));
    }
    let space = space.map(|space| decoded("its row in casflake_spaces", space.get())).transpose()?;
    let records = records.into_iter().map(|(worker, record)| {
        let place = format!("the row of worker {worker} in casflake_leases");
        let index = u64::try_from(worker).map_err(|_| StoreError::corrupt(&*place, "there is no such worker"))?;
        let record: Record = decoded(&place, record.get())?;
        if record.from > record.until {
            return Err(StoreError::corrupt(place, "its window ends before it begins"));
        }
        Ok((index, record))
    });
    let records = records.collect::<Result<_, _>>()?;
    let cluster = incarnation.split('/').next().unwrap_or_default();
    let place = format!("{cluster}/{database}/{}", schema.name());
    Ok(Contents { space, records, ..Contents::new(nanos(unix_micros), incarnation, place) })
}

fn decoded<T: DeserializeOwned>(place: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::corrupt(place, format!("{error}, in {json}")))
}

pub(super) fn nanos(unix_micros: u64) -> u64 {
    unix_micros.saturating_mul(1000)
}

/// Returns the number in column `at` of `row`. Fails if the number is negative, because the store writes no negative
/// numbers.
pub(super) fn number(row: &SimpleQueryRow, at: usize) -> Result<u64, StoreError> {
    let number = column(row, at)?;
    number
        .parse()
        .map_err(|_| StoreError::corrupt("a row in casflake_leases", format!("{number} is not a number of at least 0")))
}

/// Returns the text in column `at` of `row`. Fails if the column is null.
pub(super) fn column(row: &SimpleQueryRow, at: usize) -> Result<&str, StoreError> {
    match row.try_get(at) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(StoreError::corrupt("the answer", format!("column {at} is null"))),
        Err(error) => Err(StoreError::corrupt("the answer", error.to_string())),
    }
}

/// Returns the records of `change` as a JSON list of [`Asked`]. The fields `seen_...` are from the record of the same
/// worker in `seen`, if there is one.
pub(super) fn asked(change: &Change, seen: &Contents) -> Result<String, StoreError> {
    let asked = change.records.iter().map(|(worker, record)| {
        let before = seen.records.get(worker);
        Asked {
            worker: *worker,
            record,
            seen_from: before.map(|record| record.from),
            seen_until: before.map(|record| record.until),
            seen_counter: before.map(|record| record.counter),
            seen_token: before.and_then(|record| record.token),
        }
    });
    json(&asked.collect::<std::vec::Vec<_>>())
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unavailable("writing JSON", error))
}

/// Returns the number as a `bigint`. The tables store all numbers as values of this SQL type. Fails if the number is
/// too large for the type.
pub(super) fn bigint(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::corrupt("a lease or a layout", format!("{number} does not fit in a bigint")))
}

#[cfg(test)]
mod tests {

    use super::{Schema, parsed};
    use crate::error::StoreError;

    const EMPTY: &str = r#"{"unix_micros": 1, "incarnation": "7/1", "database": "5", "unqualified": "public",
        "space": null, "records": {}}"#;

    #[test]
    fn contents_name_the_place_of_the_space() {
        let contents = parsed(EMPTY, &Schema::default(), "").expect("contents");
        assert_eq!((&*contents.place, contents.space, contents.unix_ns), ("7/5/public", None, 1000));
    }

    #[test]
    fn contents_are_refused_if_earlier_versions_have_theirs_elsewhere() {
        let elsewhere = EMPTY.replace(r#""unqualified": "public""#, r#""unqualified": "orders""#);
        let refused = parsed(&elsewhere, &Schema::default(), "");
        assert!(matches!(refused, Err(StoreError::Url { .. })), "{refused:?}");
        assert!(parsed(&elsewhere, &Schema::named("public").expect("a name"), "").is_ok());
    }

    #[test]
    fn contents_of_a_missing_schema_are_refused() {
        let missing = EMPTY.replace('}', "") + "}, \"no_schema\": true}";
        let refused = parsed(&missing, &Schema::default(), "PostgreSQL at h:1");
        let Err(StoreError::Refused { what, remedy, cause }) = refused else { panic!("read") };
        assert!(what.contains("h:1") && remedy.contains("CREATE SCHEMA \"public\""), "{what}: {remedy}");
        assert_eq!(cause.to_string(), "there is no schema public");
    }
}
